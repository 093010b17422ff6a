"""Errors and times of the presets against published spectra: `feff_presets.py CU_K_FEFF`.

Calculates sites of the unpacked Cu K-edge set (folders in Lightshow's layout) one after the other
and prints for each the mean squared error of the cross-section on the benchmark's grid, in
(1e-3 a0^2)^2, its seconds and its atoms.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from src.calculation.calculate import Request, calculate_site
from src.calculation.plan import Site
from src.calculation.settings import FeffSettings
from src.dataset.record import Record
from src.readers.feff import read_feff
from src.xas.energies import KNOWN_WINDOWS, even_energies, resample

GRID = even_energies(*KNOWN_WINDOWS["Cu", "K"])


def spectrum(record: Record) -> np.ndarray:
    """Cross-section on the benchmark's grid."""
    return resample(record.energy, record.mu, GRID, 6.0)[0]


def main() -> None:
    """Calculate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="cu_k_feff, unpacked")
    parser.add_argument("--sites", type=int, default=6)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ids = (arguments.folder / "val.txt").read_text().split()
    chosen = np.random.default_rng(arguments.seed).permutation(len(ids))[: arguments.sites]
    errors = []
    for name in (ids[k] for k in chosen):
        material, _, _ = name.rpartition("_")
        published = next(
            record
            for record in read_feff(arguments.folder / "calculations" / material)
            if isinstance(record, Record) and record.id == name
        )
        site = Site(material, published.atoms, published.site, published.edge)
        with TemporaryDirectory() as folder:
            start = time.perf_counter()
            request = Request(Path(folder), FeffSettings(arguments.preset), time_limit=7200.0)
            outcome = calculate_site(site, request)
            seconds = time.perf_counter() - start
            if outcome.failure is not None:
                print(f"{name}: {outcome.failure}")
                continue
            (record,) = read_feff(Path(folder))
            assert isinstance(record, Record)
            errors.append(float(np.mean((spectrum(record) - spectrum(published)) ** 2)))
        atoms = len(published.atoms)
        print(f"{name}: {atoms} atoms, mse {errors[-1]:.6f}, {seconds:.0f} s", flush=True)
    print(f"mean mse {np.mean(errors):.6f}, median {np.median(errors):.6f}")


if __name__ == "__main__":
    main()
