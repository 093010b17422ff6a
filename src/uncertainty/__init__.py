"""Uncertainty of predictions: bands, and how novel a site is."""

COVERAGE = 0.9
"""Nominal coverage of bands unless another is chosen, a fraction of the calculated points."""
FEW = 20
"""With fewer training spectra an absorber is hardly known, and each of its sites novel."""


def band_group(edge: str, n_spectra: int) -> str:
    """Which sites share bands: those of an element and edge, or of all with ``FEW`` spectra.

    ``edge`` is an element and an edge, such as Cu K, with ``n_spectra`` training spectra.
    """
    return edge if n_spectra >= FEW else "few"
