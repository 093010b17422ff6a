"""Spectra without a network: edges, normalization, broadening, alignment, measured files."""
