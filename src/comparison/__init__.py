"""Predicted spectra compared with a measured one: fit, ranking, linear combinations."""
