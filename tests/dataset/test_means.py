"""Records that are means over atoms: trained and compared against the mean of predicted spectra."""

import numpy as np
import pytest
import torch
from paths import FDMNES
from records import record

from src import XANES_E3GNN, SpectrumLoss, run_training
from src.cli import main
from src.dataset.batch import collate_graphs, mean_rows
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.prediction.inference import raw_sites
from src.training.step import training_spectra

GRID = np.arange(4960.0, 5010.0, 1.0)
RELATIVE = torch.as_tensor(GRID - 4970.0)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("ti") / "ti.db"
    assert main(["dataset", str(FDMNES), "-o", str(path)]) == 0
    return path


def graphs_of(database):
    """Graphs of the three runs."""
    return XANESDataset(Database(database), Database(database).ids, 4.0, GRID, 0.0)


def network(dtype=torch.float64):
    """A small network whose spectra differ by site."""
    torch.manual_seed(0)
    model = XANES_E3GNN(
        num_layers=2, lmax=1, channels=8, num_basis=24, emin=-15, emax=45, r_max=4.0
    )
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model.to(dtype).eval()


def test_the_spectrum_of_a_mean_is_the_mean_of_its_sites_spectra(database):
    model, data = network(), [graph.clone() for graph in graphs_of(database)]
    for graph in data:
        graph.pos, graph.edge_shift = graph.pos.double(), graph.edge_shift.double()
    means = raw_sites(model, data, RELATIVE.numpy()).mu
    assert means.shape == (len(data), len(GRID))
    for number, (graph, mean) in enumerate(zip(data, means, strict=True)):
        sites = graph.absorber_mask.nonzero().flatten()
        one_by_one = []
        for site in sites:
            alone = graph.clone()
            alone.absorber_mask = torch.zeros_like(graph.absorber_mask)
            alone.absorber_mask[site] = True
            del alone.row_of_site
            with torch.no_grad():
                one_by_one.append(model.predict_spectra(collate_graphs([alone]), RELATIVE)[0])
        wanted = torch.stack(one_by_one).mean(dim=0).numpy()
        assert mean == pytest.approx(wanted, abs=1e-9)
        if number == 1 and len(one_by_one) > 4:  # control: distinct sites do differ
            assert np.abs(one_by_one[0].numpy() - wanted).max() > 1e-6


def test_means_and_sites_in_one_batch_and_a_loss_on_all_of_them(database):
    torch.manual_seed(0)
    first, second = [graph.clone() for graph in graphs_of(database)][:2]
    single = second.clone()  # the same structure, two of its sites on their own
    sites = single.absorber_mask.nonzero().flatten()[:2]
    single.absorber_mask = torch.zeros_like(single.absorber_mask)
    single.absorber_mask[sites] = True
    single.y, single.y_mask = torch.rand(2, len(GRID)), torch.ones(2, len(GRID), dtype=torch.bool)
    del single.row_of_site
    model, grid = network(torch.float32), RELATIVE.float()
    batch = collate_graphs([first, single, second])
    n_first, n_second = int(first.absorber_mask.sum()), int(second.absorber_mask.sum())
    assert batch.row_of_site.tolist() == [0] * n_first + [1, 2] + [3] * n_second
    mu = training_spectra(model, batch, grid)
    assert mu.shape == batch.y.shape == (4, len(GRID))
    alone = torch.cat([training_spectra(model, collate_graphs([g]), grid) for g in (first, single)])
    torch.testing.assert_close(mu[:3], alone, rtol=1e-4, atol=1e-5)
    batch.pos.requires_grad_()
    SpectrumLoss()(
        training_spectra(model, batch, grid), batch.y, grid, mask=batch.y_mask
    ).total.backward()
    moved = batch.pos.grad[batch.absorber_mask].norm(dim=1)
    assert bool((moved > 0).all())  # every site of every mean is felt


def test_mean_rows_is_a_loop():
    values, rows = torch.randn(6, 3), torch.tensor([0, 0, 1, 2, 2, 2])
    wanted = torch.stack([values[rows == k].mean(dim=0) for k in range(3)])
    torch.testing.assert_close(mean_rows(values, rows), wanted)
    assert mean_rows(values, None) is values


def test_means_over_other_atoms_of_one_structure_have_graphs_of_their_own(tmp_path):
    """One graph would give the first mean's spectrum for both of them."""
    one = record(0, id="mp-1_mean", mean_over=(0, 1))
    two = record(1, "mp-1+-1", id="mp-1+-1_mean", mean_over=(1,))
    write_records(tmp_path / "x.db", [one, two])
    database = Database(tmp_path / "x.db")
    assert len({database.entry(name).material for name in database.ids}) == 1
    data = XANESDataset(database, database.ids, 4.0, one.energy, 0.0)
    sites = {g.record_id[0]: g.absorber_mask.nonzero().flatten().tolist() for g in data}
    assert sites == {"mp-1_mean": [0, 1], "mp-1+-1_mean": [1]}


def test_a_training_learns_from_means(database, tmp_path):
    data = list(graphs_of(database))
    torch.manual_seed(0)
    model = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=32, emin=-15, emax=45, r_max=4)
    config = {"lr": 1e-2, "batch_size": 2, "epochs": 15, "energy_grid": RELATIVE.float(),
              "save_path": tmp_path / "m.pt"}  # fmt: skip
    rows = run_training(model, data, data, config)
    assert rows[-1]["val_mse"] < 0.5 * rows[0]["val_mse"]


def test_the_commands_take_them(database, tmp_path, capsys):
    ids = {"train": tmp_path / "train.txt", "val": tmp_path / "val.txt"}
    ids["train"].write_text("run_0_mean\nrun_1_mean\n")
    ids["val"].write_text("run_9_mean\n")
    words = ["train", database, "-o", tmp_path / "ti", "--training.epochs=2", "--model.channels=8",
             "--model.num_layers=1", "--energy.start=4960", "--energy.stop=5000",
             "--train", ids["train"], "--val", ids["val"]]  # fmt: skip
    assert main([str(word) for word in words]) == 0
    assert main(["evaluate", str(tmp_path / "ti"), str(database)]) == 0
    assert "_mean" in capsys.readouterr().out
