"""Ground floor: errors, settings, times, sky, identifiers and the shared value types.

Nothing here knows a database, a web framework or a file format.
"""
