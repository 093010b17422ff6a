"""Records of calculated spectra, and graphs made of them for training."""
