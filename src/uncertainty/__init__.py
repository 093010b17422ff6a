"""Uncertainty of predictions: bands, and how novel a site is."""

COVERAGE = 0.9
"""Nominal coverage of bands unless another is chosen, a fraction of the calculated points."""
