"""Rank of a scan's own structure among random others: `python -m research.rank_foil SCAN OWN -h`.

Also says whether others change its fit, which they must not.
"""

import argparse
from pathlib import Path

import numpy as np

from src.checkpoints.trained_model import TrainedModel
from src.comparison.candidates import predict_candidates
from src.comparison.comparison import Comparison
from src.comparison.expected_shift import measured_at_edge
from src.comparison.library import library_candidates
from src.dataset.split import read_ids
from src.structures.names import material_of


def main() -> None:
    """Print the rank, the R-factors and the lead of each draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path, help="measured spectrum")
    parser.add_argument("own", type=Path, help="structure of the scan")
    parser.add_argument("always", type=Path, nargs="*", help="structures in every draw")
    parser.add_argument("--model", default="cu-k-feff", help="model")
    parser.add_argument("--library", type=Path, required=True, help="folder or database")
    parser.add_argument("--spectra", type=Path, help="database of their predicted spectra")
    parser.add_argument("--only", type=Path, help="file of record ids of the materials to draw")
    parser.add_argument("--number", type=int, default=60, help="structures in a draw")
    parser.add_argument("--draws", type=int, default=10, help="draws")
    job = parser.parse_args()
    model, measured = measured_at_edge(TrainedModel.load(job.model), job.scan)
    comparison = Comparison.of(model, measured)
    pool, _ = library_candidates(model, job.library, job.spectra)
    if job.only is not None:
        materials = {material_of(record_id) for record_id in read_ids(job.only)}
        pool = [c for c in pool if c.name.split()[-1] in materials]
    own, *always = predict_candidates(model, [job.own, *job.always])
    print(f"{job.scan.name}: {job.number} of {len(pool)} and {', '.join(c.name for c in always)}")
    rng, results = np.random.default_rng(0), set()
    for _ in range(job.draws):
        chosen = [pool[k] for k in rng.choice(len(pool), min(job.number, len(pool)), replace=False)]
        ranking = comparison.rank([*chosen, own, *always])
        place = [fit.name for fit in ranking.fits].index(own.name)
        fit, next_fit = ranking.fits[place], ranking.fits[1 if place == 0 else 0]
        results.add((fit.shift, fit.broadening, fit.measures["r_factor"]))
        print(
            f"rank {place + 1} of {len(ranking.fits)}: R {fit.measures['r_factor']:.4f}, shift"
            f" {fit.shift:.2f} eV; next {next_fit.name} {next_fit.measures['r_factor']:.4f} at"
            f" {next_fit.shift:.2f} eV; first in draws {ranking.first_in_draws}"
        )
    print(f"{own.name}: {len(results)} different fits in {job.draws} draws")


if __name__ == "__main__":
    main()
