"""Pages of observations and their datasets."""
