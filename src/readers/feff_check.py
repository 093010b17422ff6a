"""What the columns of FEFF's ``xmu.dat`` say of each other; a damaged number contradicts them.

omega - e is the same in every row; mu, mu0 and chi are related by mu = mu0 + chi (XANES) or
mu = mu0 (1 + chi); mu and mu0 are one at the energy where FEFF normalised them. The first holds
within 0.001 eV and the second within 1e-5, the digits printed, in 945 runs of FEFF 9.9.1.
"""

from pathlib import Path

import numpy as np

from ..errors import RecordError

OMEGA_WITHIN = 0.01
"""Largest deviation of omega - e, eV."""
MU_WITHIN = 1e-4
"""Largest deviation of mu - mu0 - chi."""
SCALE = (0.2, 5.0)
"""Values of mu and mu0 at ``NORMALISED_AT``; both are near one."""
NORMALISED_AT = 3.6
"""Wave number some 50 eV above the edge, 1/Angstrom; far above it mu falls."""


def check_columns(path: Path, table: np.ndarray) -> None:
    """Refuse a table whose columns contradict each other.

    A relation counts where most rows keep it, so that another version's table is not refused for
    being written otherwise.

    Args:
        path: its file, for messages.
        table: omega, e, k, mu, mu0 and chi, shape (n_energies, 6).

    Raises:
        RecordError: a row breaks a relation that the others keep, columns have changed places, or
            mu is not normalised.
    """
    omega, e, k, mu, mu0, chi = table.T
    offset = omega - e
    _all_or_few(path, np.abs(offset - np.median(offset)) < OMEGA_WITHIN, "omega - e")
    sign = (mu - mu0) * chi
    if (sign[np.abs(chi) > MU_WITHIN] < 0).mean() > 0.5:
        raise RecordError(f"{path}: mu - mu0 has the sign opposite to chi; columns in wrong order?")
    _all_or_few(path, np.abs(mu - mu0 - chi) < MU_WITHIN, "mu - mu0 - chi")
    at = int(np.argmin(np.abs(k - NORMALISED_AT)))
    for name, value in (("mu", mu[at]), ("mu0", mu0[at])):
        if not SCALE[0] < value < SCALE[1]:
            raise RecordError(
                f"{path}: {name} is {value:g} at k = {k[at]:g}, expected about 1; columns in"
                " wrong order?"
            )


def _all_or_few(path: Path, kept: np.ndarray, what: str) -> None:
    """Raise RecordError where more than half of the rows keep a relation, but not all."""
    if kept.mean() > 0.5 and not kept.all():
        at = int(np.argmin(kept)) + 1
        raise RecordError(
            f"{path}: energy {at} of the table contradicts its other columns or rows ({what});"
            " a number is damaged"
        )
