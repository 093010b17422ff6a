"""One structure or several, one line of Python, trajectories against every frame on its own."""

import gc
import logging
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from broken import CIF
from matplotlib import pyplot
from paths import CALCULATIONS, ROOT

import src
from src import StructurePrediction, XANESPredictor
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.errors import StructureError
from src.model.gnn import XANES_E3GNN
from src.prediction.trajectory import RunningMoments
from src.predictor import AT_ONCE, name_frames
from src.runtime.provenance import package_version
from src.structures.pymatgen import as_atoms


@pytest.fixture
def predictor(tmp_path):
    """A small network for copper."""
    torch.manual_seed(0)
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16, r_max=3.5)
    grid = [8990.0, 8995.0, 9000.0]
    info = ModelInfo("Cu", "K", reference_energy=8990.0, energy_grid=grid, elements=[29, 8])
    save_model(tmp_path / "m.pt", network.eval(), info)
    return XANESPredictor(tmp_path / "m.pt")


def frames(number, seed=0):
    """Copper cells of two and four atoms, shaken."""
    rng = np.random.default_rng(seed)
    for k in range(number):
        atoms = bulk("Cu", "fcc", a=3.6, cubic=bool(k % 2))
        atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
        yield atoms


def test_mean_and_spread_are_those_of_single_predictions(predictor, tmp_path):
    number = 2 * AT_ONCE + 3
    single = [[site.mu for site in predictor(a) for _ in site.equivalent] for a in frames(number)]
    means = np.array([np.mean(sites, axis=0) for sites in single])
    found = predictor.trajectory(frames(number))
    sites = np.concatenate(single)
    assert (found.n_frames, found.n_sites, found.half_width) == (number, len(sites), None)
    assert np.abs(found.mean - means.mean(axis=0)).max() < 1e-6  # float32
    assert np.abs(found.spread - means.std(axis=0, ddof=1)).max() < 1e-6
    assert np.abs(found.site_spread - sites.std(axis=0, ddof=1)).max() < 1e-6
    assert np.abs(found.site_spread - found.spread).max() > 1e-3  # negative control
    write(tmp_path / "md.extxyz", list(frames(number)))
    from_file = predictor.trajectory(tmp_path / "md.extxyz")
    assert np.abs(from_file.mean - found.mean).max() < 1e-5  # 8 digits in the file
    assert from_file.energy.tolist() == [8990.0, 8995.0, 9000.0]


def test_a_simulation_may_move_the_same_atoms_on(predictor, float64):
    """As ``frames = (atoms for _ in dynamics.irun(100))`` does; float64 copies no positions."""

    def moved():
        atoms, rng = bulk("Cu", "fcc", a=3.6, cubic=True), np.random.default_rng(0)
        for _ in range(3):
            atoms.rattle(0.2, rng=rng)
            yield atoms

    predictor.model.double()
    streamed = predictor.trajectory(moved())
    kept = predictor.trajectory([atoms.copy() for atoms in moved()])
    assert np.abs(streamed.mean - kept.mean).max() < 1e-9
    assert kept.spread.max() > 1e-3


def test_running_moments():
    values = np.random.default_rng(0).normal(size=(50, 3)) + 1e6
    moments = RunningMoments()
    for row in values[:40]:
        moments.add(row)
    moments.add(values[40], times=10)
    stacked = np.concatenate([values[:40], np.repeat(values[40:41], 10, axis=0)])
    assert np.allclose(moments.mean, stacked.mean(axis=0), rtol=1e-12)
    assert np.allclose(moments.deviation, stacked.std(axis=0, ddof=1), rtol=1e-6)


def test_few_frames_are_in_memory_at_once(predictor):
    alive, most = 0, 0

    class Frame(Atoms):
        """Atoms that count how many of them there are."""

        def __del__(self):
            nonlocal alive
            alive -= 1

    def stream():
        nonlocal alive, most
        for atoms in frames(8 * AT_ONCE):
            alive += 1
            most = max(most, alive)
            yield Frame(atoms)

    assert predictor.trajectory(stream()).n_frames == 8 * AT_ONCE
    assert most <= 2 * AT_ONCE + 2
    assert len(list(stream())) > 0  # negative control: all are kept
    assert most == 8 * AT_ONCE


def test_progress_of_a_trajectory_counts_its_frames_and_can_end_it(predictor):
    begun = []
    predictor.trajectory(frames(5), progress=begun.append)
    assert begun == [0, 1, 2, 3, 4]

    def stop(number):
        if number == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        predictor.trajectory(frames(5), progress=stop)


def test_a_file_of_frames_is_read_as_it_is_needed(tmp_path):
    write(tmp_path / "md.xyz", list(frames(200)), format="extxyz")

    def in_memory():
        return sum(type(thing) is Atoms for thing in gc.get_objects())

    before = in_memory()
    kept = list(name_frames(tmp_path / "md.xyz"))  # negative control
    assert in_memory() - before >= 200
    del kept
    for number, _ in enumerate(name_frames(tmp_path / "md.xyz")):
        if number % 50 == 49:
            assert in_memory() - before < 20


def test_what_is_unknown_is_said_once(predictor, caplog):
    strange = [Atoms("CuNa", [[0, 0, 0], [2.5, 0, 0.1 * k]]) for k in range(5)]
    with caplog.at_level(logging.WARNING):
        found = predictor.trajectory(strange)
    assert found.unseen == ("Na",)
    assert [record.getMessage() for record in caplog.records] == [
        "contains Na, absent from the training set"
    ]


def test_a_bad_frame_is_named(predictor, tmp_path):
    with pytest.raises(StructureError, match="frame 3: Na contains no Cu"):
        predictor.trajectory([*frames(3), Atoms("Na")])
    with pytest.raises(StructureError, match="without frames"):
        predictor.trajectory([])
    with pytest.raises(StructureError, match=r"md\.xyz: no such file"):
        predictor.trajectory(tmp_path / "md.xyz")
    write(tmp_path / "md.xyz", list(frames(40)), format="extxyz")
    text = (tmp_path / "md.xyz").read_text()
    (tmp_path / "md.xyz").write_text(text[:-30])
    with pytest.raises(StructureError, match=r"md\.xyz: frame 39"):
        predictor.trajectory(tmp_path / "md.xyz")
    (tmp_path / "md.cif").write_text(CIF.replace("_cell_length_a 4.2\n", ""))
    with pytest.raises(StructureError, match=r"md\.cif: .* but _cell_length_a is missing"):
        predictor.trajectory(tmp_path / "md.cif")  # ASE takes the fractions as Angstrom


def test_structures_of_pymatgen_are_structures(predictor):
    core = pytest.importorskip("pymatgen.core")
    atoms = next(frames(1))
    structure = core.Structure(atoms.cell.array, atoms.symbols, atoms.get_scaled_positions())
    molecule = core.Molecule(["Cu", "O"], [[0, 0, 0], [0, 0, 1.9]])
    assert np.abs(predictor(structure)[0].mu - predictor(atoms)[0].mu).max() < 1e-5
    same = Atoms("CuO", [[0, 0, 0], [0, 0, 1.9]])
    assert np.abs(predictor(molecule)[0].mu - predictor(same)[0].mu).max() < 1e-6
    half = core.Structure(atoms.cell.array, [{"Cu": 0.5, "Ag": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="site 0 is disordered"):
        predictor(half)


def test_one_structure_or_a_list_of_them(predictor, tmp_path):
    one, other = frames(2)
    write(tmp_path / "one.cif", one)
    write(tmp_path / "both.extxyz", [one, other])
    alone = predictor(one)
    assert isinstance(alone, StructurePrediction)
    assert np.abs(predictor(str(tmp_path / "one.cif")).mean - alone.mean).max() < 1e-5
    assert predictor(tmp_path / "one.cif").name == "one"
    several = predictor([one, tmp_path / "both.extxyz", LikePymatgen()])
    assert [spectra.name for spectra in several] == [
        "structure 0", "both-0", "both-1", "structure 2"
    ]  # fmt: skip
    assert np.abs(several[1].mean - alone.mean).max() < 1e-5
    assert np.abs(several[2].mean - alone.mean).max() > 1e-3  # negative control
    assert predictor([]) == []
    for bad, message in (
        (tmp_path / "both.extxyz", "contains 2 structures, expected one"),
        (tmp_path / "none.cif", "none.cif: no such file"),
        ([one, 3], "structure 1: expected ase.Atoms or pymatgen's"),
        ([one, Atoms("Na")], "structure 1: Na contains no Cu"),
        (Atoms("Na"), "Na: Na contains no Cu"),
    ):
        with pytest.raises(StructureError, match=message):
            predictor(bad)


CUO = CALCULATIONS / "mp-1692" / "POSCAR"


def test_predict_in_one_line(tmp_path):
    """With a calibrated model that ships; CuO has two equivalent copper atoms."""
    spectra = src.predict(CUO, model="cu-k-feff")
    (site,) = spectra
    assert len(site.equivalent) == 2 or find_spec("spglib") is None
    assert site.formula == "CuO"
    assert np.abs(spectra.mean - XANESPredictor("cu-k-feff")(read(CUO))[0].mu).max() < 1e-6
    spectra.to_csv(tmp_path / "CuO.csv")
    table = np.genfromtxt(tmp_path / "CuO.csv", delimiter=",", names=True, deletechars="")
    assert table.dtype.names == (
        "energy_eV", "mp-1692_0", "mp-1692_0_lower", "mp-1692_0_upper", "mp-1692_mean"
    )  # fmt: skip
    assert table["mp-1692_0_upper"] == pytest.approx(site.upper, rel=1e-6, nan_ok=True)
    for text in (repr(spectra), repr(site)):
        for word in ("CuO (mp-1692)", "Cu site 0", "K edge", "90 % band", "1e-3 a0^2"):
            assert word in text
        assert max(map(len, text.splitlines())) < 200
    ax = spectra.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()][-1] == "90 % band"
    assert ax.get_title() == "CuO (mp-1692)"
    pyplot.close(ax.figure)
    assert "cu-k-feff: Cu K edge of FEFF" in repr(XANESPredictor("cu-k-feff"))


def test_a_trajectory_has_the_mean_band_of_its_frames(tmp_path):
    """Frames of one and two copper atoms count the same, atoms of a frame too."""
    atoms = read(CUO)
    moved = [atoms.copy() for _ in range(3)]
    for number, frame in enumerate(moved):
        frame.rattle(0.03 * number, seed=number)
    predictor = XANESPredictor("cu-k-feff")
    found = predictor.trajectory(moved)
    by_hand = [
        np.average([s.half_width for s in one], axis=0, weights=[len(s.equivalent) for s in one])
        for one in map(predictor, moved)
    ]
    assert found.half_width == pytest.approx(np.mean(by_hand, axis=0), rel=1e-5, nan_ok=True)
    assert np.nanmin(np.ptp(by_hand, axis=0)) > 0  # negative control: frames differ
    assert found.upper - found.lower == pytest.approx(2 * found.half_width, nan_ok=True)
    found.to_csv(tmp_path / "md.csv")
    header = (tmp_path / "md.csv").read_text().split("\n")[0]
    assert header == "energy_eV,mean,spread,site_spread,lower,upper"
    ax = found.plot()
    assert len(ax.collections) == 1
    pyplot.close(ax.figure)
    assert "3 frames, 6 sites" in repr(found)
    bare = replace(found, half_width=None)  # negative control: a model that is not calibrated
    assert bare.lower is bare.upper is None
    assert "lower" not in bare.columns()
    assert "on average" in repr(found)
    assert "on average" not in repr(bare)
    ax = bare.plot()
    assert not ax.collections
    pyplot.close(ax.figure)


def test_novel_sites_and_absent_elements_are_in_the_repr(predictor):
    (site,) = predictor(bulk("CuZn", "cesiumchloride", a=2.95))
    assert "Zn absent" in repr(site)
    assert "novel" not in repr(site)
    assert "novel" in repr(replace(site, novel=True))
    many = StructurePrediction([site] * 40)
    assert len(repr(many).splitlines()) < 20


def test_import_is_light():
    """Neither torch nor ASE is loaded before a name is used."""
    code = (
        "import sys, src; print(src.__version__, 'torch' in sys.modules, 'ase' in sys.modules);"
        "src.predict; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    first, second = done.stdout.splitlines()
    assert first == f"{package_version('e3gnn-xanes')} False False", done.stderr
    assert second == "True"  # negative control


class LikePymatgen:
    """What of a pymatgen structure is looked at."""

    def as_dict(self):
        """Lattice and sites as pymatgen 2026 gives them."""
        site = {"species": [{"element": "Cu", "occu": 1}], "xyz": [0.1, 0.2, 0.3]}
        matrix = [[3.4, 0.0, 0.0], [0.0, 3.4, 0.0], [0.0, 0.0, 3.4]]
        return {"lattice": {"matrix": matrix, "pbc": [True, True, False]}, "sites": [site]}


def test_conversion_without_pymatgen():
    atoms = as_atoms(LikePymatgen())
    assert atoms.pbc.tolist() == [True, True, False]
    assert atoms.cell.lengths().tolist() == [3.4, 3.4, 3.4]
    assert atoms.positions.tolist() == [[0.1, 0.2, 0.3]]
    with pytest.raises(StructureError, match="expected ase.Atoms or pymatgen's Structure"):
        as_atoms("Cu")
