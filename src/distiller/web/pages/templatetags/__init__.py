"""Small filters of the templates."""
