"""Raw count maps: events per pixel, nothing subtracted."""
