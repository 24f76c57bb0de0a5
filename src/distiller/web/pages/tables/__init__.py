"""The page of the tables that a user keeps."""
