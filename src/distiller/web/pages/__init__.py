"""The pages that people see: one folder each, with its addresses and templates."""
