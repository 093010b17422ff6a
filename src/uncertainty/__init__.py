"""Uncertainty of predictions: bands, and how novel a site is."""
