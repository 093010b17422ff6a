"""What two processes do together, for the tests: each scenario leaves its outcome in a folder."""

import functools
import os
import socket
from contextlib import suppress
from pathlib import Path

import ase.db
import torch
import torch.multiprocessing
from ase import Atoms
from ase.build import bulk as build
from conftest import random_crystal, random_molecule
from hooks import Killed, at, die

from src import XANES_E3GNN, ModelInfo, SpectrumLoss, TrainingConfig, run_training
from src.checkpoints.trained_model import TrainedModel
from src.dataset.batch import GraphBatchSampler, collate_graphs
from src.dataset.loader import share_out
from src.errors import XanesError
from src.prediction import bulk
from src.runtime.distributed import processes
from src.train import prepare, set_gradient

ENERGY = torch.linspace(-10.0, 30.0, 41, dtype=torch.float64)
BATCHES = {"uneven": [0, 1, 2, 3, 4], "one graph": [2]}
"""Batches whose gradients are compared; the second leaves one of two processes without a graph."""


@functools.cache
def structure(seed):
    """A crystal or a molecule."""
    return random_crystal(seed) if seed % 3 == 0 else random_molecule(seed, n_atoms=5)


def graphs(n_graphs, dtype=torch.float32, first_seed=0):
    """Molecules and crystals with one to three absorbers and spectra that are known in part."""
    made = []
    for seed in range(first_seed, first_seed + n_graphs):
        graph = structure(seed).clone()
        graph.absorber_mask[:] = False
        graph.absorber_mask[: 1 + seed % 3] = True
        generator = torch.Generator().manual_seed(seed)
        n_absorbers = int(graph.absorber_mask.sum())
        graph.y = torch.rand(n_absorbers, len(ENERGY), generator=generator, dtype=dtype)
        graph.y_mask = torch.rand(n_absorbers, len(ENERGY), generator=generator) < 0.3 + 0.1 * seed
        graph.y_mask[:, 7] = True
        graph.pos, graph.edge_shift = graph.pos.to(dtype), graph.edge_shift.to(dtype)
        made.append(graph)
    return made


class Counted:
    """A data set that keeps the numbers of the graphs that were read."""

    def __init__(self, items, fails_at=None):
        """Keep the items, and after how many reads the next one fails."""
        self.items, self.read, self.fails_at = items, [], fails_at

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        self.read.append(index)
        if self.fails_at is not None and len(self.read) > self.fails_at:
            raise XanesError("the disk is full of sand")
        return self.items[index]


def network(dtype=torch.float32, **arguments):
    """A small network whose readout does not start at zero."""
    torch.manual_seed(0)
    model = XANES_E3GNN(num_layers=2, lmax=1, channels=8, num_basis=24, num_heads=2, **arguments)
    model.coefficient_mean.fill_(0.1)
    return model.to(dtype)


def settings(folder, name, **changes):
    """A training of two epochs with all its files."""
    values = {"epochs": 2, "lr": 3e-3, "max_edges": 150, "seed": 3, "displacement": 0.02, **changes}
    paths = {
        f"{kind}_path": folder / f"{name}.{ending}"
        for kind, ending in (("save", "pt"), ("checkpoint", "ckpt"), ("metrics", "csv"))
    }
    return TrainingConfig(energy_grid=ENERGY, **paths, **values)


def gradient(model):
    """The gradient as one vector."""
    return torch.cat([weight.grad.flatten() for weight in model.parameters()]).clone()


def single_gradient(dtype, numbers):
    """Gradient of a whole batch, written out."""
    model, data = network(dtype), graphs(5, dtype)
    batch = collate_graphs([data[number] for number in numbers])
    grid = ENERGY.to(dtype)
    loss = SpectrumLoss(0.5)(model.predict_spectra(batch, grid), batch.y, grid, mask=batch.y_mask)
    loss.total.backward()
    return gradient(model), torch.stack(list(loss)).detach().double()


def compare_gradients(team, folder):
    """Gradients of this process's part and of the plain mean of the processes' losses."""
    for dtype in (torch.float32, torch.float64):
        model, data = network(dtype), graphs(5, dtype)
        if team.rank > 0:  # the first process shares its weights
            torch.nn.init.zeros_(model.embedding.weight)
        config = settings(folder, "unused")
        training, _ = prepare(model, (data, data), config, team)
        for name, numbers in BATCHES.items():
            part = share_out(numbers, training.train.sampler.num_edges, team.size)[team.rank]
            batch = collate_graphs([data[number] for number in part]) if part else None
            n_spectra = sum(training.train.statistics.n_spectra[number] for number in numbers)
            terms = set_gradient(training, model, batch, n_spectra)
            outcome = {"part": part, "gradient": gradient(model), "terms": terms}
            n_mine = 0 if batch is None else len(batch.y)
            set_gradient(training, model, batch, team.size * max(n_mine, 1))
            outcome["plain mean"] = gradient(model)
            torch.save(outcome, folder / f"{name} {dtype} {team.rank}")


def data_sets():
    """Training and validation graphs, float64."""
    return graphs(14, torch.float64), graphs(5, torch.float64, first_seed=50)


def train_together(team, folder):
    """Trainings of two epochs: from the start, and on from what one process has left."""
    train, val = data_sets()
    data, model = Counted(train), network(torch.float64)
    rows = run_training(model, data, val, settings(folder, "two"))
    found = {"rows": rows, "weights": model.state_dict(), "read": data.read}
    torch.save(found, folder / f"two {team.rank}")
    resumed = network(torch.float64)
    run_training(resumed, train, val, settings(folder, "from one", epochs=4, resume=True))
    torch.save(resumed.state_dict(), folder / f"from one {team.rank}")


def diverge(team, folder):
    """A loss that is not finite, on all processes at once."""
    config = settings(folder, "failed", lr=1e30, warmup=0.0)
    try:
        run_training(network(), graphs(14), graphs(5, first_seed=50), config)
    except XanesError as error:
        torch.save((type(error).__name__, str(error)), folder / f"diverged {team.rank}")


def fail(rank, folder):
    """A data set that can't be read on, of one process; the end of it ends the other."""
    # it is read once before the training begins
    data = Counted(graphs(14), fails_at=16 if rank == 1 else None)
    try:
        run_training(network(), data, graphs(5, first_seed=50), settings(folder, "failed"))
    except XanesError as error:
        torch.save((type(error).__name__, str(error)), folder / f"failed {rank}")


def bulk_model():
    """A network with its description, as ``load_model`` gives them."""
    info = ModelInfo(
        element="Cu", edge="K", reference_energy=8993.0, energy_grid=[8990.0, 8992.5, 9000.0],
        elements=[8, 29],
    )  # fmt: skip
    return network().eval(), info


def structures(n_structures=14):
    """Copper oxides that differ, and four that can't be predicted."""
    made = []
    for seed in range(n_structures):
        atoms = build("CuO", "rocksalt", a=4.2, cubic=True)
        atoms.rattle(0.1, seed=seed)
        made.append((atoms, {}))
    made[3] = build("Fe"), {}
    made[6] = Atoms("Cu2", [[0, 0, 0], [0, 0, 0.05]]), {}
    made[9] = build("Cu"), {"occupancy": {"0": {"Cu": 0.5, "Zn": 0.5}}}
    made[11] = Atoms(), {}
    return made


def write_input(path, made):
    """Write structures; rows 1 and 5 are taken out again, so that numbers have gaps."""
    with ase.db.connect(path, type="db") as connection:
        for number, (atoms, data) in enumerate([(Atoms("H"), {}), *made]):
            connection.write(atoms, name=f"s{number - 1}", data=data)
            if number == 3:
                extra = connection.write(Atoms("H"))
        connection.delete([1, extra])


def predict_together(team, folder):
    """A bulk prediction."""
    bulk.CHUNK = 3
    paths = folder / "in.db", folder / "spectra two.db"
    bulk.predict_database(TrainedModel(*bulk_model(), sha256="this model"), *paths, team)


def become(rank, folder):
    """Set what torchrun would tell this process."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": (folder / "port").read_text()}
    torch.set_num_threads(1)


def work(rank, folder):
    """Everything that one of two processes does."""
    become(rank, folder)
    with processes("cpu") as team:
        compare_gradients(team, folder)
        train_together(team, folder)
        predict_together(team, folder)
        diverge(team, folder)
    os.environ["MASTER_PORT"] = (folder / "second port").read_text()
    fail(rank, folder)


def free_port():
    """Number of a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def train_alone(folder):
    """What one process does, for comparison, and what the two go on with."""
    train, val = data_sets()
    one = network(torch.float64)
    rows = run_training(one, train, val, settings(folder, "one"))
    torch.save({"rows": rows, "weights": one.state_dict()}, folder / "one")
    whole = network(torch.float64)
    run_training(whole, train, val, settings(folder, "whole", epochs=4))
    torch.save(whole.state_dict(), folder / "whole weights")
    with suppress(Killed):
        config = settings(folder, "from one", epochs=4, on_batch=at(2, 0, die))
        run_training(network(torch.float64), train, val, config)


def run_pair(folder: Path) -> None:
    """Leave the outcome of one process and of two in a folder."""
    train_alone(folder)
    write_input(folder / "in.db", structures())
    for name in ("port", "second port"):
        (folder / name).write_text(str(free_port()))
    torch.multiprocessing.spawn(work, args=(folder,), nprocs=2)


def epoch_batches(data, epoch):
    """Batches of one process in an epoch of ``settings``."""
    sampler = GraphBatchSampler([graph.num_edges for graph in data], 150, None, seed=3)
    sampler.set_epoch(epoch)
    return list(sampler), sampler.num_edges
