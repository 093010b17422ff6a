"""Whether a cross-section has the size that a K edge has: a guard against units and damage."""

from ...errors import RecordError

HYDROGENIC = 0.126
"""Cross-section of two 1s electrons at threshold times Z^2, Angstrom^2: 2 x 6.30e-18 cm^2 / Z^2
(Bethe and Salpeter, Quantum Mechanics of One- and Two-Electron Atoms, section 71). The tables of
Elam, Ravel and Sieber (xraydb) have 1.3 to 2.3 times that 50 eV above the K edge, from C to U."""
FACTOR = (0.3, 8.0)
"""Multiples of it that are believed."""


def check_cross_section(where: str, z: int, edge: str, value: float) -> None:
    """Refuse a K-edge cross-section of the wrong order of magnitude.

    Args:
        where: file, for the message.
        z: absorber's atomic number.
        edge: edge; only K is checked.
        value: cross-section some 50 eV above the edge, Angstrom^2 an atom.

    Raises:
        RecordError: it is far from what the element has.
    """
    if edge != "K":
        return
    expected = HYDROGENIC / z**2
    low, high = (factor * expected for factor in FACTOR)
    if not low < value < high:
        raise RecordError(
            f"{where}: a cross-section of {value:.3g} Angstrom^2 above the K edge of Z = {z}, where"
            f" {low:.2g} .. {high:.2g} are expected; unit or number is wrong"
        )
