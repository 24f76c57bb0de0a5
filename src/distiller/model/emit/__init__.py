"""What is made from the model: SQL, TAP_SCHEMA, documentation."""
