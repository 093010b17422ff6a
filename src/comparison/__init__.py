"""Predicted spectra compared with a measured one: fit, ranking, linear combinations."""

WINDOW = -20.0, 60.0
"""Energies of a mixture unless others are chosen, eV relative to the measurement's e0."""
MAX_SHIFT = 1.0
"""Largest shift of a predicted component of a mixture relative to the common one, eV."""
BOOTSTRAP = 200
"""Resamplings of the residuals for the errors of a mixture's fractions."""
