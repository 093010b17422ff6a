"""Graphs that are able to show a fault: several elements, no symmetry, molecules and crystals."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several, a thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from paths import CALCULATIONS, DATA, ROOT
from torch_geometric.data import Data

R_MAX = 5.0


def brute_force_graph(
    numbers: np.ndarray,
    positions: np.ndarray,
    absorbers: list[int],
    cell: np.ndarray | None = None,
    r_max: float = R_MAX,
) -> Data:
    """Graph by trying every pair and every lattice translation within reach, float64."""
    shifts = np.zeros((1, 3))
    if cell is not None:
        heights = np.abs(np.linalg.det(cell)) / np.linalg.norm(
            np.cross(np.roll(cell, -1, 0), np.roll(cell, -2, 0)), axis=1
        )
        spread = np.ptp(positions @ np.linalg.inv(cell), axis=0)
        reach = np.ceil(r_max / heights + spread).astype(int)
        ranges = [np.arange(-n, n + 1) for n in reach]
        shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3) @ cell
    edges, edge_shifts = [], []
    for i, target in enumerate(positions):
        for j, source in enumerate(positions):
            for shift in shifts:
                if 1e-8 < np.linalg.norm(target - source + shift) < r_max:
                    edges.append((j, i))
                    edge_shifts.append(shift)
    mask = np.zeros(len(numbers), dtype=bool)
    mask[absorbers] = True
    return Data(
        z=torch.tensor(numbers, dtype=torch.long),
        pos=torch.tensor(positions, dtype=torch.float64),
        edge_index=torch.tensor(np.array(edges).reshape(-1, 2).T, dtype=torch.long),
        edge_shift=torch.tensor(np.array(edge_shifts).reshape(-1, 3), dtype=torch.float64),
        absorber_mask=torch.tensor(mask),
    )


def random_molecule(seed: int = 0, n_atoms: int = 7) -> Data:
    """A cluster of copper, oxygen and iron with two absorbers."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform(-3, 3, (4 * n_atoms, 3))
    kept: list[np.ndarray] = []
    for position in positions:
        if len(kept) < n_atoms and all(np.linalg.norm(position - k) > 1.5 for k in kept):
            kept.append(position)
    numbers = np.array([29, 29, 8, 26, 8, 16, 8])[:n_atoms]
    return brute_force_graph(numbers, np.array(kept), [0, 1])


def random_crystal(seed: int = 0) -> Data:
    """A triclinic cell with four atoms and two absorbers."""
    rng = np.random.default_rng(seed)
    cell = np.array([[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]])
    fractions = np.array([[0, 0, 0], [0.5, 0.5, 0.1], [0.45, 0.1, 0.55], [0.1, 0.6, 0.5]])
    positions = (fractions + rng.uniform(-0.03, 0.03, (4, 3))) @ cell
    return brute_force_graph(np.array([29, 8, 29, 26]), positions, [0, 2], cell)


@pytest.fixture
def molecule() -> Data:
    """A cluster without symmetry."""
    return random_molecule()


@pytest.fixture
def crystal() -> Data:
    """A crystal without symmetry."""
    return random_crystal()


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """Database of the calculations of copper in ``tests/data``; it is read only."""
    from command import run

    path = tmp_path_factory.mktemp("database") / "cu.db"
    assert run("dataset", CALCULATIONS, "-o", path) == 0
    return path


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A working directory with the repository's data and docs, to write in."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(DATA)
    for name in ("docs", "research"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Folder with what one process and two together have done; starting two takes seconds."""
    from team import run_pair

    folder = tmp_path_factory.mktemp("pair")
    run_pair(folder)
    return folder


@pytest.fixture
def float64():
    """Make float64 the default type for one test."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch.float64
    torch.set_default_dtype(before)
