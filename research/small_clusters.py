"""Error of a campaign's small clusters against the preset `fast`: `small_clusters.py --sites 11`.

Calculates random sites of `research/calculated/any_edge.extxyz.xz` once more with the settings of
`any_edge_small` and prints for each the mean squared difference, in units of the squared edge step,
between 5 and 65 eV from the beginning of the spectrum, and the seconds of both.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from research.campaign import CAMPAIGNS, FOLDER
from src.calculation.calculate import Request, calculate_site
from src.calculation.plan import Site
from src.dataset.record import Record
from src.readers.extxyz import split_frames
from src.readers.feff import read_feff
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions
from src.xas.edge_scale import edge_start


def main() -> None:
    """Calculate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sites", type=int, default=11)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    path = FOLDER / "any_edge.extxyz.xz"
    seconds = [float(read().text("seconds")) for _, read in split_frames(path)]
    (source,) = find_sources(path)
    records = list(read_source(source, ReadOptions(target="absolute")))
    errors = []
    chosen = np.random.default_rng(arguments.seed).permutation(len(records))[: arguments.sites]
    for number in chosen:
        record = records[number]
        assert isinstance(record, Record)
        site = Site(record.material, record.atoms, record.site, record.edge)
        with TemporaryDirectory() as folder:
            request = Request(Path(folder), CAMPAIGNS["any_edge_small"].settings)
            outcome = calculate_site(site, request)
            if outcome.failure is not None:
                print(f"{record.id}: {outcome.failure}")
                continue
            (small,) = read_feff(Path(folder))
        found = edge_start(record.energy, record.mu)
        assert isinstance(small, Record)
        assert found is not None
        grid = np.arange(record.energy[0] + 5.0, record.energy[0] + 65.0, 0.25)
        mu, other = (np.interp(grid, r.energy, r.mu) for r in (record, small))
        errors.append(float(np.mean((mu - other) ** 2)) / found[1] ** 2)
        times = f"{seconds[number]:.0f} and {outcome.seconds:.0f} s"
        print(f"{record.id} {record.element} {record.edge}: {errors[-1]:.5f}, {times}", flush=True)
    print(f"median {np.median(errors):.5f}, largest {max(errors):.5f}")


if __name__ == "__main__":
    main()
