"""Does loading keep up with training, and what does a database of 100,000 records cost?

    python benchmarks/loader.py [DATABASE]

Records are made by displacing the atoms of real ones. A fresh process opens the database, and draws
batches in random order as training does, each graph made anew. What training takes
is measured on batches of the same graphs.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch_geometric.data import Data

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crystals import GRID, SLICE, count_edges
from benchmarks.many_records import make_displaced
from benchmarks.throughput import train_once
from benchmarks.timing import (
    ROOT,
    Options,
    Result,
    alternate,
    bar_picture,
    markdown,
    read_options,
    run_benchmark,
)
from src import XANES_E3GNN
from src.dataset.batch import GraphBatchSampler
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.loader import make_loader
from src.dataset.seeding import SeededGraphs
from src.readers.feff import read_feff
from src.runtime.distributed import Team
from src.structures.graph import atoms_to_graph

COUNTS = (1_000, 10_000, 100_000)
"""Records of the databases that are opened."""
GRAPHS_A_BATCH = 6
"""About 6,000 edges, as in training."""
WORKERS = (0, 1, 2)


def resident_megabytes() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def make_set(path: Path, count: int) -> XANESDataset:
    """Data set of the first records of a database; no graph is kept in memory."""
    database = Database(path)
    ids = database.ids[:count]
    return XANESDataset(database, ids, 5.0, GRID, 6.0, memory_bytes=0)


def draw(data: XANESDataset, workers: int, n_batches: int) -> Result:
    """Draw random batches; the first ones, which start the workers, do not count."""
    sampler = GraphBatchSampler([1] * len(data), None, GRAPHS_A_BATCH, seed=0)
    seeded = SeededGraphs(data, seed=0)
    loader = iter(make_loader(seeded, sampler, Team(), num_layers=4, workers=workers))
    for _ in range(4):
        next(loader)
    records = edges = 0
    started = time.perf_counter()
    for _ in range(n_batches):
        batch = next(loader)
        records += len(batch.y)
        edges += batch.num_edges
    seconds = time.perf_counter() - started
    return {"records": records / seconds, "edges": edges / seconds}


def work(path: Path, count: int, n_batches: int) -> None:
    """Open a database and load from it in this process; print what was measured as JSON."""
    before, started = resident_megabytes(), time.perf_counter()
    data = make_set(path, count)
    opened, memory = time.perf_counter() - started, resident_megabytes() - before
    found: dict[str, Any] = {"records": count, "open": opened, "open memory": memory}
    for workers in WORKERS:
        found[f"{workers} workers"] = draw(data, workers, n_batches)
    found["loading memory"] = resident_megabytes() - before
    print(json.dumps(found))


def training_rate(graphs: list[Data], repeats: int) -> float:
    """Records a second that training takes on one thread."""
    torch.set_num_threads(1)
    sampler = GraphBatchSampler([1] * len(graphs), None, GRAPHS_A_BATCH, seed=None)
    batches = list(make_loader(SeededGraphs(graphs, seed=0), sampler, Team(), num_layers=4))
    model = XANES_E3GNN()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    seconds = alternate({"train": lambda: train_once(model, optimizer, batches)}, repeats)["train"]
    return sum(len(graph.y) for graph in graphs) / min(seconds)


def measure(options: Options) -> Result:
    """Write one database of displaced records, and open parts of it in processes of their own."""
    counts = (96, 192) if options.quick else COUNTS
    with TemporaryDirectory() as name:
        folder = Path(name)
        source_path, path = options.database or folder / "slice.db", folder / "many.db"
        if options.database is None:
            write_records(source_path, read_feff(SLICE))
        source = Database(source_path)
        started = time.perf_counter()
        write_records(path, make_displaced(source, counts[-1], seed=0))
        written = counts[-1] / (time.perf_counter() - started)
        rows = [measure_count(path, count, 3 if options.quick else 60) for count in counts]
        data = make_set(path, counts[0])
        graphs = [data[k] for k in range(0, len(data), max(1, len(data) // 60))]
        build = alternate({"build": lambda: build_graphs(data)}, 3)["build"]
        return {
            "written": written,
            "bytes a record": path.stat().st_size / counts[-1],
            "rows": rows,
            "graph": min(build) / min(len(data), 60),
            "edges a graph": count_edges(graphs) / len(graphs),
            "training": training_rate(graphs, options.repeats),
        }


def build_graphs(data: XANESDataset) -> None:
    """Neighbor lists and graphs of up to 60 structures that are in memory."""
    for ids in data.groups[:60]:
        record = data.database.record(ids[0])
        atoms_to_graph(record.atoms, [record.site], data.r_max)


def measure_count(path: Path, count: int, n_batches: int) -> Result:
    """Measure with some of the records in a fresh process."""
    words = [sys.executable, __file__, "--work", str(path), str(count), str(n_batches)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(result: Result) -> str:
    """Figures, Markdown."""
    ways = [
        f"{workers} workers" for workers in WORKERS if f"{workers} workers" in result["rows"][0]
    ]
    header = ["records", "open, s", "memory, MB", "memory after loading, MB"]
    header += [f"{way}, records a second" for way in ways]
    rows = [
        [f"{row['records']:,}", f"{row['open']:.2f}", f"{row['open memory']:.0f}"]
        + [f"{row['loading memory']:.0f}", *(f"{row[way]['records']:,.0f}" for way in ways)]
        for row in result["rows"]
    ]
    return (
        f"Training takes {result['training']:,.0f} records a second on one thread. Written were"
        f" {result['written']:,.0f} records a second, {result['bytes a record'] / 1e3:.1f} kB each;"
        f" reading a record and making its graph takes {1e3 * result['graph']:.2f} ms"
        f" ({result['edges a graph']:.0f} edges).\n\n{markdown(header, rows)}"
    )


def picture(result: Result, path: Path) -> None:
    """Records a second of every way, against training."""
    row = result["rows"][-1]
    bars = {way: row[way]["records"] for way in row if isinstance(row[way], dict)}
    panels = {f"{row['records']:,} records": {"training takes": result["training"], **bars}}
    bar_picture(path, panels, "records a second")


if __name__ == "__main__":
    if "--work" in sys.argv:
        work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        print(run_benchmark("loader", read_options(__doc__), measure, table, picture))
