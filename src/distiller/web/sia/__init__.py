"""Simple Image Access 2.0: images and cubes."""
