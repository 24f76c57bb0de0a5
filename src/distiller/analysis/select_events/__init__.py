"""Event lists: what is wanted of DL3 runs, run by run and as one list."""
