"""Records as frames of extended xyz, which ``src.readers.extxyz`` reads.

    python -m research.frames CALCULATIONS.. -o FILE.extxyz.xz

appends the spectra in folders of `e3gnn-xanes calculate` to a file.
"""

import argparse
import lzma
from pathlib import Path
from typing import Any

import numpy as np

from src.dataset.record import Record
from src.errors import RecordError
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions


def frame_text(record: Record, **more: Any) -> str:
    """One frame: structure, absorber, spectrum and what is known of the calculation.

    Energies are given to 0.001 eV, mu to six digits, positions to 1e-6 Angstrom.

    Args:
        record: a spectrum of one atom.
        more: further values of the comment line.

    Raises:
        RecordError: the spectrum is a mean over atoms, which a frame can't say.
    """
    if record.mean_over is not None:
        raise RecordError(f"{record.id}: a mean over atoms has no absorber that a frame could name")
    atoms, periodic = record.atoms, any(record.atoms.pbc)
    values: dict[str, Any] = {
        "Lattice": _row(atoms.cell.array, ".6f") if periodic else None,
        "Properties": "species:S:1:pos:R:3",
        "pbc": " ".join("FT"[int(axis)] for axis in atoms.pbc),
        "material": record.material,
        "site": record.id.rpartition("_")[2],
        "absorber": record.site,
        "edge": record.edge,
        "axis": record.axis,
        "target": record.target,
        "code": record.code,
        "version": record.version,
        "preset": record.preset,
        "cards": record.cards,
        "polarization": _row(record.polarization or (), ".9g"),
        "fermi_level": record.fermi_level,
        "interstitial": record.interstitial,
        "kf": record.kf,
        "radii": _row(record.radii, "g"),
        **more,
        "energy": _row(record.energy, ".3f"),
        "mu": _row(record.mu, ".6g"),
    }
    comment = " ".join(
        f'{key}="{value}"' if " " in str(value) else f"{key}={value}"
        for key, value in values.items()
        if value not in (None, "")
    )
    lines = [str(len(atoms)), comment]
    lines += [f"{atom.symbol} {_row(atom.position, '.6f')}" for atom in atoms]
    return "\n".join(lines) + "\n"


def append_frame(path: Path, text: str) -> None:
    """Append a frame to an xz-compressed file; each is a stream of its own, which readers join."""
    with path.open("ab") as file:
        file.write(lzma.compress(text.encode(), preset=9))


def _row(values: Any, form: str) -> str:
    """Numbers in a line."""
    return " ".join(format(value, form) for value in np.asarray(values, dtype=float).ravel())


def read_records(path: Path) -> list[Record]:
    """Absolute cross-sections in a file or folder; RecordError: one can't be read."""
    found = []
    for source in find_sources(path):
        for one in read_source(source, ReadOptions(target="absolute")):
            if not isinstance(one, Record):
                raise RecordError(f"{path}: {one}")
            found.append(one)
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Append calculations to an extended xyz file.")
    parser.add_argument("calculations", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    for folder in arguments.calculations:
        for record in read_records(folder):
            append_frame(arguments.output, frame_text(record))


if __name__ == "__main__":
    main()
