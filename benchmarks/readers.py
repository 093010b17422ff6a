"""How long does each reader take for 1,000 records?

    python benchmarks/readers.py [--count 1000]

The files of `tests/data` are copied, or written anew in the format, until there are so many
records; reading goes into a database, as with the command `dataset`.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import markdown
from src.dataset.database import write_records
from src.dataset.record import Record
from src.readers.extxyz import read_extxyz
from src.readers.feff import read_feff
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions

DATA = Path(__file__).parents[1] / "tests" / "data"
ZINC = ReadOptions("Zn", "K", (-25.0, 94.0, 1.0), "relative")


def copper() -> list[Record]:
    """Records of the copper materials, one a material, so that sites do not share a crystal."""
    found = read_feff(DATA / "cu_k" / "calculations", "Cu", "K")
    return list({r.material: r for r in found if isinstance(r, Record)}.values())


def feff(folder: Path, count: int) -> None:
    """Copies of real runs, each of one site, with their crystal."""
    runs = sorted((DATA / "cu_k" / "calculations").glob("*/FEFF-XANES/*"))
    for k in range(count):
        run = runs[k % len(runs)]
        material = folder / f"m{k}"
        shutil.copytree(run, material / "FEFF-XANES" / run.name)
        shutil.copy(run.parents[1] / "POSCAR", material / "POSCAR")


def fdmnes(folder: Path, count: int) -> None:
    """Copies of real runs."""
    runs = sorted(path for path in (DATA / "fdmnes_tio2").iterdir() if path.is_dir())
    for k in range(count):
        shutil.copytree(runs[k % len(runs)], folder / f"run{k}")


def extxyz(folder: Path, count: int) -> None:
    """Real frames, written again under other names."""
    text = (DATA / "zn_k" / "train.extxyz").read_text()
    frames = list(read_extxyz(DATA / "zn_k" / "train.extxyz", ZINC))
    names = [frame.material for frame in frames if isinstance(frame, Record)]
    with (folder / "many.extxyz").open("w") as file:
        for k in range(-(-count // len(names))):
            part = text
            for name in set(names):
                part = part.replace(f"material={name}", f"material={name}x{k}")
            file.write(part)


def materials_project(folder: Path, count: int) -> None:
    """Real objects in documents as the API gives them, one file."""
    files = sorted((DATA / "materials_project").glob("*.json"))
    objects = [json.loads(path.read_text()) for path in files]
    documents = [
        {"material_id": f"mp-{k}", "spectrum": objects[k % len(objects)]} for k in range(count)
    ]
    (folder / "api.json").write_text(json.dumps(documents))


def npz(folder: Path, count: int) -> None:
    """Copper records in one archive."""
    records = copper()
    chosen = [records[k % len(records)] for k in range(count)]
    grid = np.linspace(8985.0, 9020.0, 141)
    np.savez(
        folder / "many.npz",
        mu=np.stack([np.interp(grid, r.energy, r.mu) for r in chosen]),
        energy=grid,
        n_atoms=np.array([len(r.atoms) for r in chosen]),
        numbers=np.concatenate([r.atoms.numbers for r in chosen]),
        positions=np.concatenate([r.atoms.positions for r in chosen]),
        cell=np.stack([r.atoms.cell.array for r in chosen]),
        absorber=np.array([r.site for r in chosen]),
        material=np.array([f"{r.material}x{k}" for k, r in enumerate(chosen)]),
        element="Cu",
        edge="K",
        axis="absolute",
    )


def table(folder: Path, count: int) -> None:
    """Copper structures and spectra as files, and a table of them."""
    records = copper()
    for record in records:
        record.atoms.write(folder / f"{record.material}.vasp", format="vasp", direct=True)
        columns = np.stack([record.energy, record.mu], axis=1)
        np.savetxt(folder / f"{record.material}.dat", columns)
    lines = ["structure,element,absorber,spectrum,material,edge,axis"]
    for k in range(count):
        r = records[k % len(records)]
        files = f"{r.material}.vasp,Cu,{r.site},{r.material}.dat"
        lines.append(f"{files},{r.material}x{k},K,absolute")
    (folder / "many.csv").write_text("\n".join([*lines, ""]))


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "feff": feff,
    "fdmnes": fdmnes,
    "extxyz": extxyz,
    "materials_project": materials_project,
    "npz": npz,
    "table": table,
}


def measure(name: str, count: int) -> tuple[str, int, str]:
    """Name, records read, and seconds for 1,000 of them."""
    given = ZINC if name == "extxyz" else ReadOptions()
    with TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        MAKERS[name](source, count)
        started = time.perf_counter()
        found = (record for one in find_sources(source) for record in read_source(one, given))
        summary = write_records(Path(folder) / "all.db", found)
        seconds = time.perf_counter() - started
    if summary.rejected:
        raise RuntimeError(f"{name}: {summary.rejected[0].reason}")
    return name, summary.sites, f"{1000 * seconds / summary.sites:.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every reader; print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args(argv)
    rows = [measure(name, options.count) for name in MAKERS]
    lines = [(name, str(sites), seconds) for name, sites, seconds in rows]
    print(markdown(("format", "records", "seconds for 1,000"), lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
