"""The command from calculations to a predicted spectrum, and what it says when it can't."""

import json
import lzma
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import write
from cif import cubic_cif
from command import SPLIT, error_of, run
from paths import CALCULATIONS, CU_K, FEFF_RUNS, ROOT, ZN_K

from src.checkpoints.trained_model import load_model
from src.cli import parse
from src.dataset.database import Database, write_records

QUICK = [
    "--training.epochs=2", "--model.num_layers=1", "--model.lmax=1", "--model.channels=8",
    "--model.num_basis=32", "--training.max_edges=4000",
]  # fmt: skip

MODULES = 63
"""Of ours, packages too, that a prediction of one file may import."""


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A folder with the slice's database and a model trained on it for a moment."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(database, folder)
    assert run("train", folder / "cu.db", *SPLIT, "-o", folder / "cu_k", *QUICK) == 0
    return folder


def test_dataset_says_what_it_found_and_what_it_left_out(tmp_path, capsys):
    shutil.copytree(FEFF_RUNS, tmp_path / "runs")
    assert run("dataset", tmp_path / "runs", "-o", tmp_path / "x.db") == 0
    out = capsys.readouterr().out
    assert "3 added, 0 unchanged, 0 replaced, 2 skipped" in out
    assert out.count("skipped: ") == 2
    assert "mp-1101124/FEFF-XANES/003_Cu: xmu.dat: no xmu.dat" in out
    assert "materials: 3" in out
    assert run("dataset", tmp_path / "runs", "-o", tmp_path / "x.db") == 0
    assert "0 added, 3 unchanged" in capsys.readouterr().out
    assert run("dataset", tmp_path / "runs", "-o", tmp_path / "y.db", "--strict") == 1
    assert "mp-1101124" in error_of(capsys)
    assert not (tmp_path / "y.db").exists()


def test_training_folder_is_complete_and_its_settings_can_be_given_again(made, tmp_path):
    folder, again = made / "cu_k", tmp_path / "again"
    assert {entry.name for entry in folder.iterdir()} == {
        "model.pt", "last.ckpt", "last.ckpt.1", "metrics.csv", "config.yaml", "training.png",
        "log.txt",
    }  # fmt: skip
    assert len((folder / "metrics.csv").read_text().splitlines()) == 3
    assert "epoch 2/2" in (folder / "log.txt").read_text()
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["model"]["channels"], config["training"]["epochs"]) == (8, 2)
    assert run("train", "--config", folder / "config.yaml", made / "cu.db", "-o", again) == 0
    a, b = (load_model(path)[0].state_dict() for path in (folder, again))
    assert all((a[name] == b[name]).all() for name in a)


def test_model_file_says_what_it_was_trained_for(made):
    model, info = load_model(made / "cu_k")
    assert (info.element, info.edge, info.target) == ("Cu", "K", "absolute")
    assert (info.unit, info.code) == ("1e-3 a0^2", "FEFF 9.9.1")
    assert info.energy_grid == pytest.approx(8983.173 + 0.25 * np.arange(141))
    assert info.reference_energy == pytest.approx(8993.173)
    assert info.train_ids == (CU_K / "train.txt").read_text().split()
    assert info.val_ids == (CU_K / "val.txt").read_text().split()
    assert 29 in info.elements
    records = Database(made / "cu.db").records(info.train_ids)
    spectra = [np.interp(info.energy_grid, r.energy, r.mu) for r in records]
    assert info.mean_spectrum == pytest.approx(np.mean(spectra, axis=0), abs=1e-6)
    assert 30 < model.hyperparameters["avg_num_neighbors"] < 70


def test_training_resumes_and_refuses_other_settings(made, tmp_path, capsys):
    folder = shutil.copytree(made / "cu_k", tmp_path / "cu_k")
    words = ["train", made / "cu.db", *SPLIT, "-o", folder, *QUICK]
    assert run(*words, "--resume") == 0
    capsys.readouterr()
    assert run(*words, "--resume", "--training.lr=0.5") == 1
    assert "lr was 0.002, is 0.5" in error_of(capsys)
    assert run("train", made / "cu.db", *SPLIT, "-o", tmp_path / "new", "--resume") == 1
    assert "new: nothing to resume" in error_of(capsys)


def test_split_by_hash_needs_no_files(made, tmp_path):
    words = ["--val_fraction=0.3", "--split_seed=2", "-o", tmp_path / "hash", *QUICK]
    assert run("train", made / "cu.db", *words) == 0
    _, info = load_model(tmp_path / "hash")
    assert set(info.train_ids) | set(info.val_ids) == set(Database(made / "cu.db").ids)
    assert info.val_ids


def test_extended_xyz_from_files_to_an_evaluation(tmp_path, capsys):
    words = ["--edge", "K", "--axis", "relative", "--energy", -25, 94, 1, "-o", tmp_path / "zn.db"]
    for part in ("train", "val"):
        lists = ["--id_list", tmp_path / f"{part}.txt"]
        assert run("dataset", ZN_K / f"{part}.extxyz", "--element", "Zn", *words, *lists) == 0
        assert f"{part}.extxyz: extended xyz" in capsys.readouterr().out
    split = [f"--{part}={tmp_path / part}.txt" for part in ("train", "val")]
    assert run("train", tmp_path / "zn.db", *split, "-o", tmp_path / "zn", *QUICK) == 0
    model, info = load_model(tmp_path / "zn")
    assert (info.reference_energy, info.unit) == (None, "not stated")
    assert info.energy_grid == list(range(-25, 95))
    assert [model.hyperparameters[name] for name in ("emin", "emax")] == [-25.0, 94.0]
    picture = tmp_path / "x.png"
    assert run("evaluate", tmp_path / "zn", tmp_path / "zn.db", "--plot", picture) == 0
    assert "-25.000 to 94.000 eV relative to an unspecified edge energy" in capsys.readouterr().out
    records = {r.id: r.mu for r in Database(tmp_path / "zn.db").records(info.train_ids)}
    assert info.mean_spectrum == pytest.approx(np.mean(list(records.values()), axis=0), abs=1e-6)


def test_frames_of_one_material_need_ids_of_their_own(tmp_path, capsys):
    """Clusters have their absorber first, so its index does not tell two sites apart."""
    text = (ZN_K / "val.extxyz").read_text()
    (tmp_path / "x.xyz").write_text(text.replace("mp-1223161", "mp-29623"))
    words = [tmp_path / "x.xyz", "--edge", "K", "--axis", "relative", "--energy", -25, 94, 1]
    assert run("dataset", *words, "-o", tmp_path / "x.db") == 1
    told = error_of(capsys)
    assert "frame 1 and" in told
    assert "frame 2 are different calculations but both would be mp-29623_000" in told
    text = text.replace("mp-1223161", "mp-29623 site=007")
    (tmp_path / "x.xyz").write_text(text)
    assert run("dataset", *words, "-o", tmp_path / "x.db") == 0
    assert Database(tmp_path / "x.db").ids == ["mp-29623_000", "mp-29623_007"]


def independent_score(npz, ids):
    """Mean squared error on the benchmark's grid, from the calculations' own files."""
    grid = 8983.173 + 0.25 * np.arange(141)
    with np.load(npz, allow_pickle=False) as stored:
        rows = dict(zip(stored["ids"].tolist(), stored["mu"], strict=True))
        energy = stored["energy"]
    errors = []
    for record_id in ids:
        material, _, site = record_id.rpartition("_")
        path = CALCULATIONS / material / "FEFF-XANES" / f"{site}_Cu" / "xmu.dat"
        xsedge = float(next(x for x in path.read_text().splitlines() if "xsedge+" in x).split()[-1])
        table = np.loadtxt(path)
        truth = np.interp(grid, table[:, 0], table[:, 3]) * xsedge / 0.529177210903**2 * 1e3
        errors.append(np.mean((np.interp(grid, energy, rows[record_id]) - truth) ** 2))
    return float(np.mean(errors))


def test_evaluation_agrees_with_an_independent_score(made, tmp_path, capsys):
    npz, picture = tmp_path / "out.npz", tmp_path / "out.png"
    words = ["--ids", CU_K / "val.txt", "--predictions", npz, "--plot", picture]
    words += ["--table", tmp_path / "out.json"]
    assert run("evaluate", made / "cu_k", made / "cu.db", *words) == 0
    out = capsys.readouterr().out
    printed = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    ids = (CU_K / "val.txt").read_text().split()
    assert float(printed["mse"]) == pytest.approx(independent_score(npz, ids), abs=1e-7)
    assert out.count("worst: ") == 4  # all of the validation part
    assert float(printed["mse of the mean training spectrum"]) > 0
    for text in ("R2 per energy: mean", "e0 (eV): mean", "nearby: mse", "mse by coordination"):
        assert text in out
    stored = json.loads((tmp_path / "out.json").read_text())
    assert stored["mse"] == pytest.approx(float(printed["mse"]), abs=1e-8)
    assert sorted(stored["by_site"]) == sorted(ids)
    assert picture.stat().st_size > 10_000


def test_evaluation_uses_the_models_validation_part_and_warns_of_training_sites(made, capsys):
    assert run("evaluate", made / "cu_k", made / "cu.db") == 0
    captured = capsys.readouterr()
    assert "the model's 4 validation sites" in captured.out
    assert "trained on" not in captured.err
    assert run("evaluate", made / "cu_k", made / "cu.db", "--ids", CU_K / "train.txt") == 0
    assert (
        "23 of these sites are of materials that the model was trained" in capsys.readouterr().err
    )


def test_prediction_is_a_table_with_units(made, tmp_path, capsys):
    table, picture = tmp_path / "spectrum.dat", tmp_path / "spectrum.png"
    poscar = CALCULATIONS / "mp-1692" / "POSCAR"
    assert run("predict", made / "cu_k", poscar, "-o", table, "--plot", picture) == 0
    header = [line for line in table.read_text().splitlines() if line.startswith("#")]
    assert any("1e-3 a0^2" in line for line in header)
    assert header[-1].split()[1] == "energy_eV"
    columns = np.loadtxt(table)
    assert columns.shape == (141, len(header[-1].split()) - 1)
    assert columns[:, 0] == pytest.approx(8983.173 + 0.25 * np.arange(141))
    assert picture.stat().st_size > 10_000
    capsys.readouterr()
    assert run("predict", made / "cu_k", poscar, "--energy", 8985, 9000, 1) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len([line for line in printed if not line.startswith("#")]) == 16


def test_prediction_for_several_structures_and_sites(made, tmp_path):
    paths = [CALCULATIONS / name / "POSCAR" for name in ("mp-760891", "mvc-9599")]
    table = tmp_path / "two.dat"
    assert run("predict", made / "cu_k", *paths, "-o", table) == 0
    labels = [x for x in table.read_text().splitlines() if x.startswith("#")][-1].split()[2:]
    assert labels[-1] == "mvc-9599_mean"
    assert labels.count("mp-760891_mean") == 1
    columns = np.loadtxt(table)
    assert np.isfinite(columns).all()
    assert np.ptp(columns[70, 1:]) > 1e-5  # sites differ


def test_sites_are_chosen_by_index(made, capsys):
    poscar = CALCULATIONS / "mp-1225837" / "POSCAR"
    for words, labels in ((["0"], ["0", "mean"]), (["5", "0"], ["0", "5", "mean"])):
        assert run("predict", made / "cu_k", poscar, "--site", *words) == 0
        header = [x for x in capsys.readouterr().out.splitlines() if x.startswith("#")]
        assert header[-1].split()[2:] == [f"mp-1225837_{label}" for label in labels]
    assert run("predict", made / "cu_k", poscar, "--site", 8) == 1
    assert "mp-1225837: site 8 is " in error_of(capsys)


def test_table_says_which_file_each_structure_is_from(made, tmp_path, capsys):
    paths = [tmp_path / name / "x.cif" for name in ("first", "second")]
    for path in paths:
        path.parent.mkdir()
        write(path, Atoms("Cu", cell=[2.5, 2.5, 2.5], pbc=True))
    assert run("predict", made / "cu_k", *paths) == 0
    out = capsys.readouterr().out
    for number, path in enumerate(paths):
        assert f"# structure x-{number}: {path}\n" in out


def test_what_does_not_fit_the_model_is_named(made, tmp_path, capsys):
    (record,) = Database(made / "cu.db").records(["mp-1692_000"])
    write_records(tmp_path / "far.db", [replace(record, energy=record.energy + 1000.0)])
    assert run("evaluate", made / "cu_k", tmp_path / "far.db") == 1
    assert "mp-1692_000 was calculated at none of the energies 8983.173" in error_of(capsys)
    (tmp_path / "disordered.cif").write_text(cubic_cif(("Cu", 0.0, 0.5), ("O", 0.5, 1.0)))
    assert run("predict", made / "cu_k", tmp_path / "disordered.cif") == 1
    assert "disordered: site Cu0 is disordered (occupancy Cu 0.5)" in error_of(capsys)
    write(tmp_path / "x.cif", Atoms("CuU", [[0, 0, 0], [2.5, 0, 0]], cell=[5, 5, 5], pbc=True))
    assert run("predict", made / "cu_k", tmp_path / "x.cif") == 0
    captured = capsys.readouterr()
    assert "x: contains U" in captured.err
    assert "energy_eV" in captured.out


def test_info_knows_databases_models_and_structures(made, capsys):
    assert run("info", made / "cu.db") == 0
    assert "sites: 27" in capsys.readouterr().out
    assert run("info", made / "cu_k") == 0
    out = capsys.readouterr().out
    assert "element: Cu" in out
    assert "model.lmax: 1" in out
    assert "parameters: " in out
    assert run("info", CALCULATIONS / "mp-1692" / "POSCAR") == 0
    assert "Cu2O2, 4 atoms (Cu 2, O 2), periodic along abc, cell" in capsys.readouterr().out
    write(made / "many.extxyz", [Atoms("CuO" + "H" * k, np.eye(3)[:2].repeat(k + 1, 0)[: k + 2])
                                 for k in range(21)])  # fmt: skip
    (made / "many.extxyz.xz").write_bytes(lzma.compress((made / "many.extxyz").read_bytes()))
    assert run("info", made / "many.extxyz.xz") == 0
    out = capsys.readouterr().out
    assert "structures: 21, periodic: 0" in out
    assert "2 to 22 per structure, median 12" in out
    assert "elements: 3, by number of structures: Cu 21 O 21 H 20" in out
    assert run("info", made / "nothing") == 1
    assert "no such file" in error_of(capsys)


def test_dashes_and_groups_of_options_may_be_left_out():
    words = ["train", "x.db", "-o", "y", "--epochs=3", "--extend-below", "2", "--max-edges=9"]
    _, job = parse(words)
    assert (job.training.epochs, job.energy.extend_below, job.training.max_edges) == (3, 2.0, 9)
    assert "lr" in vars(job.training)
    assert parse([*words, "--seed=1", "--split-seed=2"])[1].split_seed == 2


def test_a_failure_is_one_line_and_a_traceback_on_request(monkeypatch, tmp_path, capsys):
    assert run("predict", tmp_path / "no.pt", "x.cif") == 1
    assert "no.pt" in error_of(capsys)
    assert run("--debug", "predict", tmp_path / "no.pt", "x.cif") == 1
    assert "Traceback" in capsys.readouterr().err

    def fault(_job):
        raise AttributeError("two\nlines")

    monkeypatch.setattr("src.commands.info.run", fault)
    assert run("info", "x") == 1
    assert "internal error, AttributeError: two; --debug shows where" in error_of(capsys)


@pytest.mark.parametrize("name", ["cli.import_module", "cli.make_parser", "commands.info.run"])
def test_an_interruption_exits_130(monkeypatch, capsys, name):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"src.{name}", interrupt)
    try:
        code = run("info", "x")
    except KeyboardInterrupt:  # would end the whole test session
        pytest.fail("the interruption was not caught")
    assert code == 130
    assert capsys.readouterr().err == "e3gnn-xanes: interrupted\n"


def test_the_command_runs_in_any_thread(capsys):
    """Only the main one may handle signals."""
    with ThreadPoolExecutor() as pool:
        assert pool.submit(run, "models").result() == 0
    assert "cu-k-feff" in capsys.readouterr().out


def test_printed_settings_are_complete(capsys):
    assert run("train", "x.db", "-o", "y", "--print_config") == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["training"]["lambda_grad"] == 0.5
    assert config["model"]["r_max"] == 5.0
    assert config["energy"]["extend_below"] == 6.0


@pytest.mark.parametrize(
    "code",
    [
        "import sys; from src.cli import main; main(['--help']);"
        "assert 'src.checkpoints' not in sys.modules",
        "from src.cli import main; assert main(['report', 'x', '-o', 'x.txt']) == 1",  # .html
        "import src",
    ],
)
def test_what_does_not_compute_imports_nothing_heavy(code):
    heavy = {"torch", "ase", "matplotlib", "e3nn"}
    check = f"import sys; heavy = {heavy} & set(sys.modules)"
    words = [sys.executable, "-c", f"{code}; {check}; assert not heavy, heavy"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_predicting_a_file_imports_little_of_the_library_and_neither_pyg_nor_matplotlib():
    structure = CU_K / "calculations" / "mp-1692" / "POSCAR"
    program = (
        "import sys; from src.cli import main; assert main(sys.argv[1:]) == 0;"
        "print(*sys.modules, file=sys.stderr)"
    )
    words = [sys.executable, "-c", program, "predict", "cu-k-feff", str(structure)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    modules = done.stderr.split()
    assert len([name for name in modules if name.split(".")[0] == "src"]) <= MODULES
    assert not {"torch_geometric", "e3nn", "matplotlib", "ase.db", "sqlite3"} & set(modules)
