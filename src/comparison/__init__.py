"""Predicted spectra beside a measured one: fit, ranking, mixtures."""
