"""Shapes of the job table, in their order."""
