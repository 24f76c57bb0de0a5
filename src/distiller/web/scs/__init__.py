"""Simple Cone Search: datasets around a position."""
