"""Inputs for FDMNES: the crystal with one absorber, the keywords of the published TiO2 runs.

Keywords: Bunau and Joly, J. Phys.: Condens. Matter 21, 345501 (2009), and the FDMNES manual. They
are those of the runs of ChemGraph_xanes (github.com/vitorgrizzi), except that `Absorber` replaces
the element by the atom.
"""

import numpy as np
from ase import Atoms

from ..errors import StructureError
from ..structures.graph import check_atoms, check_distances
from ..structures.names import check_index

FDMFILE = "1\nfdmnes_in.txt\n"
"""Content of `fdmfile.txt`, which names the inputs that FDMNES runs."""
INPUT = """\
! {element} {edge} edge of {name}, site {site} (0-based)
Filout
run

! Energies relative to the Fermi level: first, step, .., last (eV)
Range
-20 1 -10 0.05 10 0.1 50

! Radius of the cluster (Angstrom)
Radius
{radius}

Edge
{edge}

! Number of the absorbing atom in the list below
Absorber
{number}

! Multiple scattering on muffin-tin potentials; quadrupole transitions; self-consistent field
Green
Quadrupole
SCF

{structure}

! Core-hole and inelastic broadening, in <Filout>_conv.txt
Convolution

End
"""


def fdmnes_input(atoms: Atoms, site: int, edge: str, radius: float = 5.0, name: str = "") -> str:
    """Text of the ``fdmnes_in.txt`` of one site.

    Args:
        atoms: crystal, periodic in three directions, or a molecule, periodic in none.
        site: 0-based index of the absorber.
        edge: K, L1, L2 or L3.
        radius: radius of the cluster, Angstrom.
        name: what the structure is called, for a comment.

    Raises:
        StructureError: the structure is not usable, has another periodicity, or no such site.
    """
    check_atoms(atoms)
    check_distances(atoms)
    check_index(site, "site", len(atoms))
    if all(atoms.pbc):
        rows = ["Crystal", " ".join(f"{value:.8f}" for value in atoms.cell.cellpar())]
        places = atoms.get_scaled_positions(wrap=False)
    elif any(atoms.pbc):
        raise StructureError(
            f"periodic in {sum(atoms.pbc)} of 3 directions; FDMNES takes crystals and molecules"
        )
    else:  # in units of a cell of one Angstrom
        rows = ["Molecule", "1.0 1.0 1.0 90.0 90.0 90.0"]
        places = atoms.positions - np.mean(atoms.positions, axis=0)
    for z, place in zip(atoms.numbers, places, strict=True):
        rows.append(f"{z} " + " ".join(f"{value:.8f}" for value in place))
    return INPUT.format(
        element=atoms[site].symbol,
        edge=edge,
        name=name or atoms.get_chemical_formula(),
        site=site,
        radius=radius,
        number=site + 1,
        structure="\n".join(rows),
    )
