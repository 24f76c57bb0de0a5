"""TAP 1.1: queries in ADQL, answered as a stream."""
