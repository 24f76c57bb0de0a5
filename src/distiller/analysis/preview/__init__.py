"""The quick look of a dataset: a picture and a few numbers, to see what is in it."""
