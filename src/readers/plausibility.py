"""Whether a record can be what it says: checks for wrong units, labels and damage."""

from contextlib import suppress

import numpy as np

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
FAR = (50.0, 0.005)
"""Largest distance of a spectrum's rise from the tabulated edge: eV, and fraction of the edge's
energy, the larger of the two. In FEFF's and FDMNES's spectra of 62 elements mu rises 9 eV below the
edge (O K) to 31 eV above it (Tc K), where the lowest unoccupied states are; measured edges are
nearer."""


def tabulated_edge(element: str, edge: str) -> float | None:
    """Tabulated energy of an edge, eV; None: there is none."""
    with suppress(ConfigError):
        return find_edge(element, edge).energy
    return None


def check_record(record: Record) -> None:
    """Refuse a record whose structure or energies are impossible.

    Raises:
        StructureError: see ``check_atoms``, or two atoms are closer than 0.1 Angstrom.
        RecordError: on absolute energies mu first passes half of its way from its first to its
            largest value far from the tabulated edge.
    """
    check_atoms(record.atoms)
    check_distances(record.atoms)
    edge = tabulated_edge(record.element, record.edge)
    if record.axis != "absolute" or edge is None:
        return
    half = 0.5 * (record.mu[0] + record.mu.max())
    rise = float(record.energy[int(np.argmax(record.mu >= half))])
    if abs(rise - edge) > max(FAR[0], FAR[1] * edge):
        raise RecordError(
            f"{record.id}: mu rises at {rise:g} eV, but the {record.element} {record.edge} edge is"
            f" at {edge:g} eV; wrong label, keV, or relative energies (axis relative)?"
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
