"""A query of a user: from its parameters to the bytes of its answer; no HTTP."""
