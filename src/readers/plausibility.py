"""Whether a spectrum can be that of its edge: a check for wrong units, labels and damage."""

from ..dataset.record import Record, Rejected
from ..errors import ConfigError, RecordError
from ..xas.edges import find_edge

BOHR = 0.529177210903
"""Bohr radius a0, Angstrom (CODATA 2018)."""
HYDROGENIC = 0.126
"""Cross-section of two 1s electrons at threshold times Z^2, Angstrom^2: 2 x 6.30e-18 cm^2 / Z^2
(Bethe and Salpeter, Quantum Mechanics of One- and Two-Electron Atoms, section 71). The tables of
Elam, Ravel and Sieber (xraydb) have 1.3 to 2.3 times that 50 eV above the K edge, from C to U."""
FACTOR = (0.3, 8.0)
"""Multiples of it that are believed."""
FAR = (50.0, 0.02)
"""Spectra that begin or end so far from their tabulated edge are of another one, or in keV: eV, and
part of the edge's energy, the larger of the two. K edges of neighbouring elements are 3 to 40 %
apart."""


def near_edge(record: Record) -> Record | Rejected:
    """The record, unless its energies are nowhere near its edge."""
    if record.axis != "absolute":
        return record
    try:
        edge = find_edge(record.element, record.edge).energy
    except ConfigError:  # not tabulated
        return record
    low, high = float(record.energy[0]), float(record.energy[-1])
    if low - edge < (far := max(FAR[0], FAR[1] * edge)) and edge - high < far:
        return record
    reason = f"{record.id}: energies {low:g} .. {high:g} eV, but the {record.element} {record.edge}"
    return Rejected(record.source, f"{reason} edge is at {edge:g} eV; wrong label, or keV?")


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
