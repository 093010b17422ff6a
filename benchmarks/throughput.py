"""Graph edges a second of the default network, in training and inference, on real crystals.

    python benchmarks/throughput.py [DATABASE] [--threads 1]

Without a database the slice in tests/data is taken. Training and inference alternate, and the
median and the spread over repeats are printed.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch_geometric.data import Data

from src import XANES_E3GNN, SpectrumLoss
from src.data.batch import GraphBatchSampler, collate_graphs
from src.data.database import Database, write_records
from src.data.dataset import XANESDataset
from src.data.readers.feff import read_feff
from src.data.spectrum import KNOWN_WINDOWS, energy_grid

SLICE = Path(__file__).parents[1] / "tests" / "data" / "cu_k" / "calculations"
GRID = energy_grid(*KNOWN_WINDOWS[("Cu", "K")])


def load_graphs(database: Path, most: int) -> list[Data]:
    """Graphs of evenly chosen materials of a database."""
    records = Database(database)
    data = XANESDataset(records, records.ids, r_max=5.0, grid=GRID, extend_below=6.0)
    every = max(1, len(data) // most)
    return [data[k] for k in range(0, len(data), every)]


def make_batches(graphs: list[Data], max_edges: int) -> list[Data]:
    """Batches of bounded size in the order of the graphs."""
    sampler = GraphBatchSampler([g.num_edges for g in graphs], max_edges, None, seed=None)
    return [collate_graphs([graphs[k] for k in numbers]) for numbers in sampler]


def train_once(model: XANES_E3GNN, optimizer: torch.optim.Optimizer, batches: list[Data]) -> None:
    """Take one training step a batch."""
    grid, criterion = torch.as_tensor(GRID - GRID[0] - 10.0, dtype=torch.float32), SpectrumLoss()
    model.train()
    for batch in batches:
        prediction = model.predict_spectra(batch, grid)
        loss = criterion(prediction, batch.y, grid, mask=batch.y_mask).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def predict_once(model: XANES_E3GNN, batches: list[Data]) -> None:
    """Predict every batch."""
    grid = torch.as_tensor(GRID - GRID[0] - 10.0, dtype=torch.float32)
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            model.predict_spectra(batch, grid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database", nargs="?", type=Path, help="database of Cu K spectra")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--max-edges", type=int, default=6000, help="graph edges a batch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        database = options.database or Path(folder) / "slice.db"
        if options.database is None:
            write_records(database, read_feff(SLICE))
        batches = make_batches(load_graphs(database, most=60), options.max_edges)
    model = XANES_E3GNN()
    optimizer = torch.optim.AdamW(model.parameters())
    works = {
        "training": lambda: train_once(model, optimizer, batches),
        "inference": lambda: predict_once(model, batches),
    }
    n_edges = sum(batch.num_edges for batch in batches)
    rates: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(options.repeats + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if repeat:  # the first warms up
                rates[name].append(n_edges / (time.perf_counter() - started))
    count = sum(weight.numel() for weight in model.parameters())
    print(f"default network, {count} parameters, {n_edges} edges, {options.threads} thread(s)")
    for name, values in rates.items():
        low, high = min(values), max(values)
        print(f"{name}: {statistics.median(values):.0f} edges/s ({low:.0f} .. {high:.0f})")


if __name__ == "__main__":
    main()
