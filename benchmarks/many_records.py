"""A database of many records, made by displacing the atoms of a smaller one, and how it behaves.

    python benchmarks/many_records.py SOURCE TARGET [--count 100000] [--seed 0] [--reads 5000]

SOURCE and TARGET are files or PostgreSQL URLs; a TARGET that holds records is measured as it is.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from src.dataset.database import Database, write_records
from src.dataset.location import as_location
from src.dataset.record import Record
from src.errors import DatabaseError

SIGMA = 0.02
"""Standard deviation of each coordinate's displacement, Angstrom."""
OPENING = """
import resource, sys, time
import src.dataset.database
from src.dataset.database import Database
def memory():
    return float(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
before, started = memory(), time.perf_counter()
database = Database(sys.argv[1])
took = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(database)} records opened in {took:.2f} s; resident memory {before:.0f} MB before,"
      f" {memory():.0f} MB after, {peak:.0f} MB at most")
"""
"""Program that opens a database in a process of its own and measures it."""


def make_displaced(source: Database, count: int, seed: int) -> Iterator[Record]:
    """Make records by moving the atoms of others at random; spectra stay as they are.

    The k-th copy of a material is a material of its own, `<material>-d<k>`, and all its sites
    share one displaced structure if they shared one before. Copies of one material are no
    independent samples: for measuring speed, not accuracy. The records of ``source`` are kept in
    memory, some 10 kB each.

    Args:
        source: records to start from.
        count: records wanted.
        seed: another seed gives other displacements.

    Yields:
        Records with ids `<material>-d<k>_<site>`, k counting the passes over ``source`` from 0.

    Raises:
        DatabaseError: ``source`` holds no record.
    """
    if not len(source):
        raise DatabaseError(f"{source.path}: holds no record to displace")
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in source.records(source.ids):
        entry = source.entry(record.id)
        groups.setdefault((entry.material, entry.structure_digest), []).append(record)
    for number in range(count):
        copy, within = divmod(number, len(source))
        if within == 0:
            displaced = _displaced_copy(list(groups.values()), copy, seed)
        yield next(displaced)


def _displaced_copy(groups: list[list[Record]], copy: int, seed: int) -> Iterator[Record]:
    """Displace every structure once."""
    for number, records in enumerate(groups):
        atoms = records[0].atoms.copy()
        noise = np.random.default_rng([seed, copy, number]).normal(0.0, SIGMA, (len(atoms), 3))
        atoms.positions += noise
        for record in records:
            material, _, site = record.id.rpartition("_")
            name = f"{material}-d{copy}"
            made_of = f"{record.source}, displaced"
            yield replace(record, id=f"{name}_{site}", material=name, atoms=atoms, source=made_of)


def read_rate(database: Database, reads: int, seed: int) -> float:
    """Records a second, read one at a time and in random order."""
    ids = database.ids
    chosen = np.random.default_rng(seed).integers(len(ids), size=reads).tolist()
    started = time.perf_counter()
    for k in chosen:
        database.record(ids[k])
    return reads / (time.perf_counter() - started)


def main() -> None:
    """Write what is missing, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="database of real records")
    parser.add_argument("target", help="database to make, or to measure if it is there")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reads", type=int, default=5000, help="records read at random")
    options = parser.parse_args()
    target = as_location(options.target)
    if not (isinstance(target, Path) and target.exists()):
        source = Database(options.source)
        started = time.perf_counter()
        summary = write_records(target, make_displaced(source, options.count, options.seed))
        took = time.perf_counter() - started
        new, old = summary.added, summary.unchanged
        print(f"{new} records added, {old} unchanged in {took:.1f} s, {(new + old) / took:.0f} /s")
    if isinstance(target, Path):
        print(f"{target}: {target.stat().st_size / 1e6:.0f} MB")
    subprocess.run([sys.executable, "-c", OPENING, options.target], check=True)
    database = Database(target)
    for name in ("first", "second"):
        rate = read_rate(database, options.reads, options.seed)
        print(f"{name} reading of {options.reads} random records, one by one: {rate:.0f} /s")
    started = time.perf_counter()
    for _ in database.records(database.ids[: options.reads]):
        pass
    rate = min(options.reads, len(database)) / (time.perf_counter() - started)
    print(f"reading in order: {rate:.0f} /s")


if __name__ == "__main__":
    main()
