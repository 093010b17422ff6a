"""Atoms of a crystal that its CIF lists, which FEFF and FDMNES count, before symmetry."""

from pathlib import Path

import numpy as np
from ase import Atoms

from ..errors import RecordError
from ..structures.cif_block import column_of, number_of, read_blocks

SAME_PLACE = 0.1
"""An atom of a crystal is that which its CIF lists within this distance, Angstrom."""


def listed_sites(path: Path, crystal: Atoms) -> list[int | None]:
    """Index in ``crystal`` of each atom that its CIF lists; None: no atom is there.

    Raises:
        RecordError: the file lists no fractional coordinates.
    """
    for _, block in read_blocks(path):
        columns = [column_of(block, f"_atom_site_fract_{axis}") for axis in "xyz"]
        if all(columns):
            places = np.array([[number_of(text) for text in column] for column in columns]).T
            break
    else:
        raise RecordError(f"{path}: lists no fractional coordinates of atoms")
    sites: list[int | None] = []
    for place in places:
        apart = crystal.get_scaled_positions() - place
        distance = np.linalg.norm((apart - apart.round()) @ crystal.cell.array, axis=1)
        sites.append(int(distance.argmin()) if distance.min() < SAME_PLACE else None)
    return sites
