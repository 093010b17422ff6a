"""Formats of calculated spectra, a module each."""
