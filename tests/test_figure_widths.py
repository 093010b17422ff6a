"""Pictures as wide as a journal's column: nothing overlaps, nothing is cut, in every format."""

from itertools import combinations

import numpy as np
import pytest
from ase import Atoms
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import src.comparison.plot
import src.explanation.plot
import src.plot as plot
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel
from src.comparison.candidates import Candidate
from src.comparison.fit import Bounds, Fit
from src.comparison.linear_combination import Mixture
from src.comparison.ranking import Ranking
from src.explanation.attribution import Explanation
from src.prediction.structure_prediction import Labels, SitePrediction, StructurePrediction
from src.structures.cluster import cut_cluster, find_shells
from src.xas.spectrum import Spectrum

ENERGY = np.linspace(8970.0, 9040.0, 141)
MEASURES = {"r_factor": 0.01234, "mse": 0.1}


def xanes(shift=0.0):
    """An edge with a white line."""
    x = ENERGY - 8990.0 - shift
    return 0.5 + np.arctan(x) / np.pi + 0.5 * np.exp(-0.5 * ((x - 8) / 4) ** 2)


def structures(path):
    half = np.full(len(ENERGY), 0.05)
    labels = Labels.of(TrainedModel(None, ModelInfo("Cu", "K", unit="1e-3 a0^2")))
    sites = [
        SitePrediction("mp-1234567", k, [k, 7, 8, 9], ENERGY, xanes(k), half, novel=k == 1,
                       element="Cu", formula="La2CuO4", labels=labels)
        for k in range(3)
    ]  # fmt: skip
    plot.plot_structures([StructurePrediction(sites)], path)


def novel_site():
    """A site unlike those of the training."""
    return SitePrediction("x", 0, [0], ENERGY, xanes(), novel=True, formula="Cu3N")


def ranking(path):
    measured = Spectrum(ENERGY, xanes(), e0=8990.0)
    names = ("CuFeS2", "Cu", "Cu2O", "Cu3N", "CuO", "CuCl")
    half = np.full(len(ENERGY), 0.05)
    fits = [Fit(n, -6.0, 1.0, 1.0, (), MEASURES, xanes(k / 2), half) for k, n in enumerate(names)]
    found = Ranking("r_factor", measured, fits, Bounds(), 1.0)
    labels = {"Cu3N": Candidate("mp-1933", None, None, [novel_site()]).label}
    src.comparison.plot.plot_ranking(found, path, labels)


def mixture(path):
    parts = np.stack([xanes(0), xanes(2), xanes(4)])
    fractions = np.array([0.5, 0.3, 0.2])
    mixed = fractions @ parts
    found = Mixture(parts, np.zeros(3), fractions, fractions / 50, None, mixed, 1e-4, 3.0)
    names = ["Cu_metal_reference_foil", "CuO", "Cu2O"]
    measured = Spectrum(ENERGY, mixed, e0=8990.0)
    src.comparison.plot.plot_mixture(measured, names, found, path)


def explanation(path):
    atoms = Atoms(
        "CuONOSO", [[0, 0, 0], [1.9, 0, 0], [0, 2, 0], [0, 0, 2.4], [0, 3, 2], [-3, 0, 1]]
    )
    cluster = cut_cluster(atoms, 0, 6.0)
    shells = find_shells(cluster, 6.0)
    n_neighbors = len(atoms) - 1
    values = np.stack([xanes(k) - xanes(k + 1) for k in range(n_neighbors)])
    neighbors = np.arange(1, len(atoms))
    weights = np.full(n_neighbors, 0.1)
    removal = values[: len(shells)]
    found = Explanation(
        *(ENERGY, xanes(), cluster, neighbors, weights, values, values, shells, removal)
    )
    src.explanation.plot.plot_explanation(found, path, "1e-3 a0^2", "Energy of FEFF 9.9.1 (eV)")


@pytest.fixture
def figures(monkeypatch):
    """Collect the figures that are saved."""
    found = []

    def keep(figure, path):
        found.append(figure)
        original(figure, path)

    original = plot.save
    for module in (plot, src.comparison.plot, src.explanation.plot):
        monkeypatch.setattr(module, "save", keep)
    return found


def boxes(figure):
    """Boxes of all words that are seen, in pixels, with what they say."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    unseen = undrawn_ticks(figure)
    shown = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in shown if t not in unseen]


def undrawn_ticks(figure):
    """Labels that matplotlib keeps for ticks outside an axis's limits."""
    found = []
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        found += [t.label1 for t in ticks if not low - 1e-9 <= t.get_loc() <= high + 1e-9]
    return found


def clashes(figure):
    """Pairs of words that overlap by more than a pixel."""
    pairs = combinations(boxes(figure), 2)
    return [
        (one, other)
        for (one, a), (other, b) in pairs
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


@pytest.mark.parametrize("draw", [structures, ranking, mixture, explanation])
def test_words_do_not_overlap_and_are_not_cut(draw, figures, tmp_path):
    draw(tmp_path / "a.png")
    (figure,) = figures
    assert figure.get_size_inches()[0] == pytest.approx(3.3)
    assert clashes(figure) == []
    for text, box in boxes(figure):
        assert box.x0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
    assert any("eV" in text for text, _ in boxes(figure))
    figure.text(0.4, 0.5, "a word")  # negative control
    figure.text(0.42, 0.5, "another one")
    assert clashes(figure)


def test_candidates_are_called_by_formula_and_novel_ones_are_marked(figures, tmp_path):
    ranking(tmp_path / "a.png")
    written = [text.get_text() for text in figures[0].axes[0].texts]
    assert sum(text.startswith("Cu3N (mp-1933), novel  ") for text in written) == 1
    assert sum(text.startswith("CuO  ") for text in written) == 1


def test_offset_curves_have_no_ticks(figures, tmp_path):
    for draw in (ranking, mixture, structures):
        draw(tmp_path / "a.png")
    ranked, mixed, control = (figure.axes[0].get_yticks() for figure in figures)
    assert len(ranked) == 0
    assert len(mixed) > 2
    assert min(mixed) >= 0
    assert min(control) < 0  # matplotlib's own


@pytest.mark.parametrize("draw", [structures, ranking, mixture, explanation])
@pytest.mark.parametrize(
    ("end", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_every_format(draw, end, magic, tmp_path):
    path = tmp_path / f"a.{end}"
    draw(path)
    assert path.read_bytes().startswith(magic)
