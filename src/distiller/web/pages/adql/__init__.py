"""The page for queries in ADQL: editor, completion, faults at their place, results."""
