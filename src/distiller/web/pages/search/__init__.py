"""Search: form, the ADQL it makes, results, facets."""
