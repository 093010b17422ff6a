"""Whether a record can be what it says: checks for wrong units, labels and damage."""

from ..dataset.record import Record
from ..errors import ConfigError, RecordError
from ..structures.graph import check_atoms, check_distances
from ..xas.edges import find_edge

BOHR = 0.529177210903
"""Bohr radius a0, Angstrom (CODATA 2018)."""
HYDROGENIC = 0.126
"""Cross-section of two 1s electrons at threshold times Z^2, Angstrom^2: 2 x 6.30e-18 cm^2 / Z^2
(Bethe and Salpeter, Quantum Mechanics of One- and Two-Electron Atoms, section 71). The tables of
Elam, Ravel and Sieber (xraydb) have 1.3 to 2.3 times that 50 eV above the K edge, from C to U."""
FACTOR = (0.3, 8.0)
"""Accepted multiples of it."""
FAR = (50.0, 0.02)
"""A spectrum that begins or ends so far from its tabulated edge is of another one, or in keV: eV,
and fraction of the edge's energy, the larger of the two. K edges of neighboring elements are 3 to
40 % apart."""


def check_record(record: Record) -> None:
    """Refuse a record whose structure or energies are impossible.

    Raises:
        StructureError: see ``check_atoms``, or two atoms are closer than 0.1 Angstrom.
        RecordError: absolute energies are far from the tabulated edge.
    """
    check_atoms(record.atoms)
    check_distances(record.atoms)
    try:
        edge = find_edge(record.element, record.edge).energy
    except ConfigError:  # not tabulated
        return
    low, high = float(record.energy[0]), float(record.energy[-1])
    far = max(FAR[0], FAR[1] * edge)
    if record.axis == "absolute" and not (low - edge < far and edge - high < far):
        raise RecordError(
            f"{record.id}: energies {low:g} to {high:g} eV, but the {record.element} {record.edge}"
            f" edge is at {edge:g} eV; wrong label, or keV?"
        )


def check_cross_section(source: str, z: int, edge: str, value: float) -> None:
    """Refuse a K-edge cross-section of the wrong order of magnitude.

    Args:
        source: file, for the message.
        z: absorber's atomic number.
        edge: only K is checked.
        value: cross-section some 50 eV above the edge, Angstrom^2 per atom.

    Raises:
        RecordError: it is far from that of the element.
    """
    expected = HYDROGENIC / z**2
    low, high = (factor * expected for factor in FACTOR)
    if edge == "K" and not low < value < high:
        raise RecordError(
            f"{source}: a cross-section of {value:.3g} Angstrom^2 above the K edge of Z = {z},"
            f" expected {low:.2g} to {high:.2g}; wrong unit or number"
        )
