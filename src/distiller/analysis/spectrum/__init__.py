"""Spectra of sources: counts beside reflected regions, folded models, flux points."""
