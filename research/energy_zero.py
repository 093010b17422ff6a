"""How far to trust an element's neighbors for its energy zero and edge step: `energy_zero.py`.

Of the sites of each element and edge in our own calculations a few are known; printed are the root
mean square errors of the beginnings of the others, eV, and of the logarithms of their edge steps,
for weights of the neighbors (``PRIOR`` of `src/xas/edge_scale.py`), mean of three draws.

    python -m research.energy_zero --known 4
"""

import argparse
from collections import defaultdict

import numpy as np

from research.campaign import FOLDER
from src.dataset.record import Record
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions
from src.xas import edge_scale

CAMPAIGNS = "any_edge", "any_edge_small"
PRIORS = 0.02, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0

Places = dict[tuple[str, str], np.ndarray]
"""Beginning, eV, and logarithm of the edge step of sites, shape (n_sites, 2), by edge, element."""


def read_places() -> Places:
    """Places of all sites of the campaigns."""
    found = defaultdict(list)
    for name in CAMPAIGNS:
        for source in find_sources(FOLDER / f"{name}.extxyz.xz"):
            for one in read_source(source, ReadOptions(target="absolute")):
                if not isinstance(one, Record):
                    continue
                if (place := edge_scale.edge_start(one.energy, one.mu)) is not None:
                    found[one.edge, one.element].append((place[0], np.log(place[1])))
    return {key: np.array(places) for key, places in found.items() if len(places) > 1}


def deviations(places: Places, known: int, seed: int) -> np.ndarray:
    """Deviations of sites from what is expected of some others, shape (n, 2)."""
    draw = np.random.default_rng(seed)
    mixed = {key: draw.permutation(values) for key, values in places.items()}
    parts = {key: min(known, len(values) - 1) for key, values in mixed.items()}
    found = []
    for edge in sorted({edge for edge, _ in places}):
        counts = {element: n for (of, element), n in parts.items() if of == edge}
        means = {e: mixed[edge, e][:n].mean(axis=0) for e, n in counts.items()}
        starts = {e: float(mean[0]) for e, mean in means.items()}
        steps = {e: float(np.exp(mean[1])) for e, mean in means.items()}
        for element, n in counts.items():
            start, step = edge_scale.expected(element, edge, starts, steps, counts)
            found.append(mixed[edge, element][n:] - (start, np.log(step)))
    return np.concatenate(found)


def main() -> None:
    """Print a line per weight."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--known", type=int, default=4, help="known sites of each element")
    known, places = parser.parse_args().known, read_places()
    print(f"{sum(map(len, places.values()))} sites of {len(places)} elements; weight, eV, log step")
    for edge_scale.PRIOR in PRIORS:
        errors = np.concatenate([deviations(places, known, seed) for seed in range(3)])
        start, step = np.sqrt((errors**2).mean(axis=0))
        print(f"{edge_scale.PRIOR:g} {start:.3f} {step:.4f}")


if __name__ == "__main__":
    main()
