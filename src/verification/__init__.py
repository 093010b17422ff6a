"""Checks behind verify_model.py and check_equivariance.py: synthetic spectra, symmetry."""
