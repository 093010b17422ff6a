"""Readers of calculated spectra, one module per format."""
