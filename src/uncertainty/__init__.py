"""Uncertainty of predictions: bands, and how novel a site is."""

COVERAGE = 0.9
"""Nominal coverage of bands unless another is chosen, a fraction of the calculated points."""
FEW = 30
"""With fewer training spectra an absorber is hardly known, and each of its sites novel."""
