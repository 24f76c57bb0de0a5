"""What a task computes, in plain Gammapy: the same source runs here and at home.

The modules of this folder import nothing of this program but each other; import-linter
keeps it so. Joined to one file they go with each product as ``recipe.py``, which makes
the product again from its ``configuration.yaml`` and the DL3 files.
docs/decisions/0080-recipes.md.
"""
