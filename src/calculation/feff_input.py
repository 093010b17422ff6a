"""Inputs for FEFF: the cluster around an absorber with the cards of the published calculations.

The cards are those of the FEFF 9.9.1 spectra published with OmniXAS (arXiv:2409.19552), whose
inputs pymatgen and Lightshow wrote; the radii are a preset's. They are described in the FEFF user's
guide and in Rehr et al., Phys. Chem. Chem. Phys. 12, 5503 (2010).
"""

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import ConfigError, StructureError
from ..structures.absorbers import equivalent_sites
from ..structures.cluster import Cluster, cut_cluster
from ..structures.graph import check_distances
from .settings import FeffSettings

MOST_POTENTIALS = 31
"""Potentials that FEFF 10 takes beside the absorber's (`nphxhardlimit`); with more it crashes."""
OVERLAP = 0.5
"""Atoms nearer than this are refused, Angstrom; the shortest bond, in H2, has 0.74."""
CARDS = """\
* All six modules run: potentials, cross-sections, FMS, paths, EXAFS parameters, spectrum.
CONTROL 1 1 1 1 1 1
* Edge, and the core hole, screened in the random-phase approximation (RPA).
EDGE {edge}
COREHOLE RPA
* Amplitude factor from the overlap of atomic orbitals; 0 lets FEFF calculate it.
S02 0
* Hedin-Lundqvist self-energy without shift or broadening; ground-state background (2).
EXCHANGE 0 0.0 0.0 2
* Self-consistent potentials: radius (Angstrom), 0 for a solid, iterations, mixing, simple steps.
SCF {scf} 0 100 {mixing} 3
* Full multiple scattering: radius (Angstrom), 0 for a solid.
FMS {fms} 0
* XANES up to k = 4 1/Angstrom; EGRID below replaces this grid.
XANES 4 0.04 0.1
* No path expansion: FMS gives the whole spectrum.
RPATH -1
{polarization}* Energies: k = -1 to 0 below the Fermi level, 0 to 6 above, steps of 0.04 1/Angstrom.
EGRID
k_grid -1 0 0.04
k_grid 0 6 0.04
"""
POLARIZATION = """\
* Polarization of the beam, Cartesian, in the axes of ATOMS.
POLARIZATION {0:.9g} {1:.9g} {2:.9g}
"""


def sorted_cluster(atoms: Atoms, site: int, radius: float) -> Cluster:
    """``cut_cluster``, sorted by distance, atomic number and position despite rounding.

    Raises:
        StructureError: the structure is not usable, ``site`` is outside it, atoms overlap, or there
            is no other atom within the radius.
    """
    cluster = cut_cluster(atoms, site, radius)
    positions, distance = cluster.atoms.positions, cluster.distance
    if len(distance) == 1:
        raise StructureError(f"site {site} has no other atom within {radius:g} Angstrom")
    check_distances(atoms, OVERLAP)
    order = np.lexsort((*positions.round(6).T, cluster.atoms.numbers, distance.round(6)))
    return Cluster(cluster.atoms[order], cluster.origin[order], distance[order])


def unique_potentials(
    atoms: Atoms, cluster: Cluster, kind: str
) -> tuple[list[tuple[int, float]], np.ndarray]:
    """Potentials of a structure's cluster, the absorber's first.

    By ``kind`` one per "element", in the order of the structure, or one per site that is distinct
    by "symmetry".

    Returns:
        Atomic number of each potential and the number of its atoms in the structure, 0.0001 for
        the absorber; and the potential of each atom of the cluster, shape (n_atoms,).

    Raises:
        ConfigError: "symmetry" without spglib.
        StructureError: there are more than ``MOST_POTENTIALS``.
    """
    label = list(atoms.numbers)
    if kind == "symmetry":
        groups = equivalent_sites(atoms, range(len(atoms)))
        if groups is None:
            raise ConfigError(
                "`potentials` by symmetry need spglib: pip install 'e3gnn-xanes[symmetry]'"
            )
        first = {member: group[0] for group in groups for member in group}
        label = [first[site] for site in range(len(atoms))]
    neighbors = [label[i] for i in cluster.origin[1:]]  # FEFF refuses potentials without an atom
    order = [value for value in dict.fromkeys(label) if value in neighbors]
    if len(order) > MOST_POTENTIALS:
        raise StructureError(
            f"{len(order)} potentials by {kind} beside the absorber's, but FEFF takes at most"
            f" {MOST_POTENTIALS}; use potentials by element or a smaller cluster_radius"
        )
    potentials = [(int(cluster.atoms.numbers[0]), 0.0001)]
    potentials += [(int(atoms.numbers[label.index(v)]), label.count(v)) for v in order]
    return potentials, np.array([0, *(1 + order.index(value) for value in neighbors)])


def feff_input(
    atoms: Atoms,
    site: int,
    edge: str,
    settings: FeffSettings,
    polarization: tuple[float, float, float] | None = None,
    name: str = "",
) -> str:
    """Text of the ``feff.inp`` of one site.

    Args:
        atoms: structure, periodic in any directions.
        site: 0-based index of the absorber.
        edge: K, L1, L2 or L3.
        settings: radii and other cards.
        polarization: Cartesian vector of the beam's polarization; None: the average over all.
        name: what the structure is called, for a comment.

    Raises:
        StructureError: see ``sorted_cluster`` and ``unique_potentials``.
        ConfigError: see ``unique_potentials``.
    """
    cluster = sorted_cluster(atoms, site, settings.cluster)
    potentials, ipot = unique_potentials(atoms, cluster, settings.potentials)
    element = cluster.atoms.symbols[0]
    formula = atoms.get_chemical_formula()
    lines = [
        f"* {element} {edge} edge of {name or formula}, site {site} (0-based), for FEFF 9 and 10",
        f"* Preset {settings.preset}, potentials by {settings.potentials}; e3gnn-xanes calculate",
        f"TITLE {formula} site {site} {element} {edge} preset {settings.preset}",
        "",
        CARDS.format(
            edge=edge,
            scf=settings.scf,
            fms=settings.fms,
            mixing=settings.scf_mixing,
            polarization="" if polarization is None else POLARIZATION.format(*polarization),
        ),
        "* Number, atomic number, symbol, l of SCF and FMS (-1: FEFF's choice), atoms in the cell",
        "POTENTIALS",
    ]
    for k, (z, count) in enumerate(potentials):
        lines.append(f"{k:4d} {z:4d}  {chemical_symbols[z]:2s}  -1  -1  {count:g}")
    lines += ["", "* Position (Angstrom), potential, symbol, distance (Angstrom)", "ATOMS"]
    for (x, y, z), k, symbol, distance in zip(
        cluster.atoms.positions, ipot, cluster.atoms.symbols, cluster.distance, strict=True
    ):
        lines.append(f"{x:12.6f} {y:12.6f} {z:12.6f} {k:3d}  {symbol:2s} {distance:10.6f}")
    return "\n".join([*lines, "END", ""])
