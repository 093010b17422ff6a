"""What the two scripts check: synthetic spectra and symmetry."""
