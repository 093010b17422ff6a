"""Pictures hold what they should: curves, labels, legible counts of panels."""

import numpy as np
import pytest
from matplotlib.image import imread

import src.plot as plot
from src.errors import ConfigError
from src.xas.tabular import axis_labels

ENERGY = np.linspace(8983.0, 9018.0, 50)


@pytest.fixture
def figures(monkeypatch):
    """Collect the figures that are saved."""
    found = []
    original = plot.save

    def keep(figure, path):
        found.append(figure)
        original(figure, path)

    monkeypatch.setattr(plot, "save", keep)
    return found


def visible(figure):
    """Axes that are drawn."""
    return [ax for ax in figure.axes if ax.get_visible()]


def test_page_of_predictions_runs_from_best_to_worst(tmp_path, figures):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(40, 50))
    prediction = target + rng.normal(size=(40, 1))
    errors = ((prediction - target) ** 2).mean(axis=1)
    ids = [f"site {k}" for k in range(40)]
    labels = axis_labels("1e-3 a0^2", relative=False)
    plot.plot_predictions(ids, ENERGY, prediction, target, tmp_path / "p.png", labels=labels)
    (figure,) = figures
    shown = [ax.get_title().split("\n")[0] for ax in visible(figure)]
    assert len(shown) == 12
    assert shown[0] == f"site {errors.argmin()}"
    assert shown[-1] == f"site {errors.argmax()}"
    ordered = [errors[ids.index(name)] for name in shown]
    assert ordered == sorted(ordered)
    assert figure.get_supxlabel() == "Energy (eV)"
    assert "a_0^2" in figure.get_supylabel()


def test_energies_that_were_not_calculated_are_not_drawn(tmp_path, figures):
    target = np.ones((1, 50))
    mask = np.ones((1, 50), dtype=bool)
    mask[0, :7] = False
    plot.plot_predictions(["a"], ENERGY, target, target, tmp_path / "p.png", mask=mask)
    drawn = figures[0].axes[0].get_lines()[0].get_ydata()
    assert np.isnan(drawn).tolist() == (~mask[0]).tolist()


class Drawn:
    """A structure with these curves."""

    def __init__(self, *curves):
        """Keep them."""
        self.curves = [plot.Curve(*curve) for curve in curves]

    def draw(self, ax):
        """Draw them."""
        plot.draw_curves(ax, ENERGY, self.curves, "90 % band")


def legend(ax):
    """Words of a legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_mean_of_a_structure_counts_equivalent_sites(tmp_path, figures):
    sites = Drawn(("site 0", np.zeros(50), None, 3), ("site 4", np.ones(50), None, 1))
    plot.plot_structures([sites], tmp_path / "s.png")
    lines = figures[0].axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["site 0", "site 4", "mean of 4 sites"]
    assert lines[-1].get_ydata() == pytest.approx(0.25)


def test_many_sites_get_no_legend_line_each(tmp_path, figures):
    sites = [(f"site {k}", np.full(50, k), None, 1, k < 7) for k in range(100)]
    plot.plot_structures([Drawn(*sites), Drawn(*sites[7:])], tmp_path / "s.svg")
    some, none = visible(figures[0])
    assert len(some.get_lines()) == 101
    assert legend(some) == ["mean of 100 sites", "7 novel sites"]
    assert legend(none) == ["mean of 93 sites"]


def test_bands_and_novel_sites_are_in_the_legend(tmp_path, figures):
    mu, half = np.ones(50), np.full(50, 0.1)
    sites = Drawn(("site 0", mu, half, 1, True), ("site 1", 2 * mu, half, 1, False))
    plot.plot_structures([sites], tmp_path / "s.png")
    ax = figures[0].axes[0]
    assert legend(ax) == ["site 0, novel", "site 1", "mean of 2 sites", "90 % band"]
    assert [line.get_linestyle() for line in ax.get_lines()] == [":", "-", "--"]


def training(folder, val_mse):
    """Metrics of a training with these errors."""
    lines = ["epoch,lr,train_mse,train_gradient,val_mse,val_gradient"]
    lines += [f"{k},1e-3,0.3,0.1,{error},0.2" for k, error in enumerate(val_mse, start=1)]
    (folder / "metrics.csv").write_text("\n".join(lines))
    return folder / "metrics.csv"


@pytest.mark.parametrize("n_epochs", [1, 2, 5, 40])
def test_epochs_are_whole_numbers(tmp_path, figures, n_epochs):
    plot.plot_training(training(tmp_path, [0.25] * n_epochs), tmp_path / "t.png")
    ax = figures[0].axes[0]
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)


@pytest.mark.parametrize("best", [1, 3])
def test_training_curves_mark_the_best_epoch(tmp_path, figures, best):
    errors = [0.25 if k == best else 0.5 for k in (1, 2, 3)]
    plot.plot_training(training(tmp_path, errors), tmp_path / "t.png")
    left = figures[0].axes[0]
    marker = left.get_lines()[2]
    assert (marker.get_xdata()[0], marker.get_ydata()[0]) == (best, 0.25)
    (label,) = left.texts
    assert label.get_text() == "best 0.25000"
    assert label.get_ha() == ("left" if best == 1 else "right")  # not over the axis
    image = imread(tmp_path / "t.png")
    assert image.shape[1] == pytest.approx(7.0 * 200, abs=2)
    assert image.std() > 0.05


@pytest.mark.parametrize("name", ["picture.txt", "picture", "nowhere/picture.png"])
def test_path_that_can_not_be_written_is_named(tmp_path, name):
    figure, _ = plot.new_figure(2, 2)
    with pytest.raises(ConfigError, match=name.rpartition("/")[2]):
        plot.save(figure, tmp_path / name)


def test_bands_are_shaded_where_they_are_known(tmp_path, figures):
    mu, half = np.ones((1, 50)), np.full((1, 50), 0.25)
    half[0, 40:] = np.nan
    plot.plot_predictions(["a"], ENERGY, mu, mu, tmp_path / "p.png", half_width=half)
    for bands in ((half[0], 2 * half[0]), (None, None)):
        sites = Drawn(("site 0", mu[0], bands[0], 1), ("site 1", 2 * mu[0], bands[1], 1))
        plot.plot_structures([sites], tmp_path / "s.png")
    page, structure, plain = (figure.axes[0] for figure in figures)
    (band,) = page.collections
    box = band.get_datalim(page.transData)
    assert (box.y0, box.y1, box.x1) == pytest.approx((0.75, 1.25, ENERGY[39]))
    assert len(structure.collections) == 2
    assert not plain.collections
