"""Pages of the tables and columns that a query may name."""
