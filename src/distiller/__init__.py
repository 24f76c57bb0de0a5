"""CTA Data Distiller: open very-high-energy gamma-ray data to the Virtual Observatory.

The rooms, from the ground up: ``core``, then ``vo``, ``adql`` and ``model``, then
``archive``, then ``ingest`` and ``analysis``, then ``jobs``, then ``cli`` and ``web``.
Imports point down only.
"""
