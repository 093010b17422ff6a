"""Which columns are energy and mu: by formula, by name, and by the edge in them."""

import numpy as np
import pytest
from paths import EXPERIMENT

from src.errors import RecordError
from src.xas.edges import edges_near
from src.xas.measured import read_measured
from src.xas.noise import edge_signal, point_noise
from src.xas.normalization import find_e0, normalize
from src.xas.spectrum import Spectrum

ENERGY = np.r_[
    np.arange(8880.0, 8960.0, 5.0), np.arange(8960.0, 9040.0, 0.5), np.arange(9040.0, 9200.0, 4.0)
]


def edge(at=8979.0, step=1.0):
    """An arctangent edge 2 eV wide."""
    return step * (0.5 + np.arctan((ENERGY - at) / 1.0) / np.pi)


def noise(level, seed=0):
    return level * np.random.default_rng(seed).standard_normal(len(ENERGY))


def drift(seed=1):
    """A sample without edge in transmission: noise on a slow drift."""
    return 3.2 - 2e-4 * (ENERGY - 8880.0) + noise(0.0015, seed)


def write(path, **columns):
    rows = np.column_stack([ENERGY, *columns.values()])
    np.savetxt(path, rows, fmt="%.8f", header=" ".join(["energy", *columns]))
    return path


def counts(mu, i0=1e5):
    """I0 and transmitted intensity of a mu, with a wandering beam."""
    beam = i0 * (1.0 + 0.1 * np.sin(ENERGY / 7.0))
    return beam, beam * np.exp(-mu)


@pytest.mark.parametrize(
    ("formula", "mu"),
    [
        ("ln(i0/itrans)", lambda a, b, c: np.log(a / b)),
        ("-ln(3/2)", lambda a, b, c: np.log(a / b)),
        ("LOG( I0 / 3 )", lambda a, b, c: np.log(a / b)),
        ("If/I0", lambda a, b, c: c / a),
        ("(if+3)/i0", lambda a, b, c: (c + b) / a),
        ("if", lambda a, b, c: c),
        ("4", lambda a, b, c: c),
    ],
)
def test_mu_by_a_formula(tmp_path, formula, mu):
    i0, itrans = counts(edge())
    fluorescence = i0 * edge(step=0.1)
    path = write(tmp_path / "a.dat", i0=i0, itrans=itrans, **{"if": fluorescence})
    scan = read_measured(path, formula)
    assert scan.mu == pytest.approx(mu(i0, itrans, fluorescence), abs=1e-6)
    assert formula in scan.made_from or "column 4" in scan.made_from


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("ln(i0/i9)", "no column 'i9'; it has energy, i0, itrans"),
        ("__import__('os').getcwd()", "no column"),
        ("ln(i0)", "no column 'ln.i0.'"),
        ("ln(i0/zero)", "line 2: .* 0, but intensities must be positive"),
        ("i0/zero", "line 2: .* 0, but"),
        ("9", "no column '9'"),
    ],
)
def test_formulas_that_mean_nothing(tmp_path, formula, message):
    i0, itrans = counts(edge())
    path = write(tmp_path / "a.dat", i0=i0, itrans=itrans, zero=0.0 * i0)
    with pytest.raises(RecordError, match=f"a.dat: .*{message}"):
        read_measured(path, formula)


def test_columns_by_number_where_energy_is_not_the_first(tmp_path):
    np.savetxt(tmp_path / "a.dat", np.column_stack([edge(), ENERGY, 2.0 * edge()]))
    scan = read_measured(tmp_path / "a.dat", 3, 2)
    assert scan.energy == pytest.approx(ENERGY)
    assert scan.mu == pytest.approx(2.0 * edge())
    assert scan.made_from == "mu from column 3, energy from column 2"


def test_fluorescence_of_a_dilute_sample_counts(tmp_path, caplog):
    """What was taken before, the noise of transmission, has no edge at 8979 eV."""
    i0, itrans = counts(drift())
    path = write(tmp_path / "a.dat", i0=i0, i1=itrans, cu_ka=i0 * (edge(step=0.1) + noise(1e-4)))
    scan = read_measured(path)
    assert scan.made_from.startswith("mu from cu_ka / i0")
    assert find_e0(scan) == pytest.approx(8979.0, abs=0.5)
    assert "ln(i0 / i1) (" in caplog.text
    both = {"mufluor": edge() + noise(1e-3), "mutrans": drift()}
    assert "from mufluor" in read_measured(write(tmp_path / "b.dat", **both)).made_from
    with pytest.raises(RecordError, match="times the noise of a point"):
        normalize(read_measured(path, "ln(i0/i1)"))


def test_two_that_differ_are_asked_for_and_two_alike_are_not(tmp_path):
    flattened = edge() ** 0.3 + noise(1e-3)
    path = write(tmp_path / "a.dat", mutrans=edge() + noise(1e-3, 2), mufluor=flattened)
    with pytest.raises(RecordError, match="which is mu.*mutrans .*mufluor .*--mu"):
        read_measured(path)
    path = write(
        tmp_path / "b.dat", mutrans=edge() + noise(1e-3, 2), mufluor=9.0 * (edge() + noise(1e-3, 3))
    )
    assert "from mutrans" in read_measured(path, near=8979.0).made_from


def test_the_expected_edge_decides(tmp_path):
    """Each of two elements' lines has its own edge."""
    i0 = counts(edge())[0]
    lines = {"cu_ka": i0 * (edge(8979.0) + noise(1e-3) + 0.1)}
    lines["ni_ka"] = i0 * (edge(9090.0) + noise(1e-3, 1) + 0.1)
    path = write(tmp_path / "a.dat", i0=i0, **lines)
    assert "from cu_ka" in read_measured(path, near=8979.0).made_from
    assert "from ni_ka" in read_measured(path, near=9085.0).made_from
    with pytest.raises(RecordError, match="which is mu"):
        read_measured(path)


def test_channels_of_one_detector_are_added(tmp_path):
    i0 = counts(edge())[0]
    parts = {f"fe_ka_mca{k}": i0 * k * (edge() + 0.1) for k in (1, 2, 3)}
    scan = read_measured(write(tmp_path / "a.dat", i0=i0, **parts))
    assert scan.mu == pytest.approx(6.0 * (edge() + 0.1), rel=1e-6)


@pytest.mark.parametrize("level", [1e-3, 1e-2, 1e-1])
def test_noise_and_step_are_those_that_were_put_in(level):
    scan = Spectrum(ENERGY, edge() + 1e-3 * (ENERGY - 8880.0) + noise(level))
    assert point_noise(scan) == pytest.approx(level, rel=0.25)
    assert edge_signal(scan, 8979.0).step == pytest.approx(1.0, abs=0.1 + level)
    assert point_noise(Spectrum(ENERGY, 1e-3 * ENERGY)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_step_within_the_noise_is_no_edge(seed):
    """Refused with half the noise; read with 20 times, also where e0 is a pre-edge peak."""
    with pytest.raises(RecordError, match="times the noise of a point|must be positive"):
        normalize(Spectrum(ENERGY, edge(step=0.05) + noise(0.1, seed)))
    peak = np.exp(-(((ENERGY - 8966.0) / 1.5) ** 2))
    scan = Spectrum(ENERGY, edge() + peak + noise(0.02, seed), e0=8965.0)
    assert normalize(scan).edge_step == pytest.approx(1.0, abs=0.2)


def test_edges_near_an_energy():
    assert [(e.element, e.name) for e in edges_near(8982.0, 10.0)] == [("Cu", "K")]
    foil = read_measured(EXPERIMENT / "cu_metal_rt.xdi")
    assert ("Cu", "K") in [(e.element, e.name) for e in edges_near(find_e0(foil), 30.0)]
    assert edges_near(1.0, 0.5) == []
