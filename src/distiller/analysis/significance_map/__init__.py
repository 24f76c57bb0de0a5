"""Significance maps: the excess around each pixel, against its background."""
