"""What is done with a spectrum: edge, normalisation, broadening, alignment."""
