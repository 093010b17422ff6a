"""Calibrated bands against closed forms and against what they promise on sites never seen."""

from dataclasses import replace

import numpy as np
import pytest
from ase.data import chemical_symbols as symbols

from src.errors import ConfigError
from src.evaluation.conformal import (
    SiteErrors,
    calibrate,
    choose_floor,
    conformal_quantile,
    fit_law,
)
from src.uncertainty.calibration import Calibration
from src.uncertainty.novelty import Novelty

ENERGY = np.arange(0.0, 10.0, 0.5)
NOVELTY = Novelty(np.zeros(2), np.eye(2), np.zeros((1, 2)))


def make_sites(n_sites, seed, single=False):
    """Errors whose scale a site's spread and distance tell, with sites that are all noise."""
    rng = np.random.default_rng(seed)
    distance = np.exp(rng.normal(0.0, 0.5, n_sites))
    size = 0.02 * np.exp(rng.normal(0.0, 0.7, n_sites))
    shape = 1.0 + 0.5 * np.sin(ENERGY) * rng.uniform(0.5, 1.0, (n_sites, 1))
    spread = size[:, None] * shape
    scale = distance[:, None] ** 0.7 * (np.ones_like(shape) * 0.03 if single else spread)
    error = np.abs(rng.laplace(size=scale.shape)) * scale * np.exp(rng.normal(0, 0.2, (n_sites, 1)))
    ids = [f"mp-{seed}{k:05d}_000" for k in range(n_sites)]
    return SiteErrors(ids, ENERGY, error, None if single else spread, distance)


def coverage_of(calibration, sites):
    """Part of the points within the bands: of all, and of each fifth of expected error."""
    half = calibration.half_width(sites.spread, sites.distance)
    inside = sites.error <= half
    order = np.argsort(calibration.expected_error(sites.spread, sites.distance))
    return inside.mean(), [inside[rows].mean() for rows in np.array_split(order, 5)]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("wanted", [0.5, 0.9])
def test_bands_hold_what_they_promise_also_in_each_fifth(single, wanted):
    """2,000 fresh sites, 300 to calibrate: two points of three standard deviations."""
    found = calibrate(make_sites(600, 1, single), NOVELTY, wanted)
    overall, fifths = coverage_of(found, make_sites(2000, 2, single))
    assert overall == pytest.approx(wanted, abs=0.03)
    assert fifths == pytest.approx([wanted] * 5, abs=0.05)


def test_bands_that_do_not_follow_the_site_fail_in_the_fifths():
    """Negative control: the same width for all sites covers on average alone."""
    found = calibrate(make_sites(600, 1), NOVELTY)
    sites = make_sites(2000, 2)
    order = np.argsort(found.expected_error(sites.spread, sites.distance))
    width = np.quantile(sites.error, 0.9)
    fifths = [(sites.error[rows] <= width).mean() for rows in np.array_split(order, 5)]
    assert min(fifths) < 0.8
    assert max(fifths) > 0.97


def test_quantile_covers_a_new_site_as_often_as_it_must():
    """Exchangeable scores: coverage within [c, c + 1 / (n + 1)]; the plain quantile falls short."""
    rng = np.random.default_rng(0)
    n_sites, trials, wanted = 12, 4000, 0.85
    hits, plain = 0, 0
    for scores in rng.exponential(size=(trials, n_sites + 1)):
        known = scores[:-1, None]
        hits += scores[-1] <= conformal_quantile(known, np.zeros(1), wanted)[0]
        plain += scores[-1] <= np.quantile(known, wanted, method="inverted_cdf")
    noise = 3 * np.sqrt(wanted * (1 - wanted) / trials)
    assert wanted - noise < hits / trials < wanted + 1 / (n_sites + 1) + noise
    assert plain / trials < hits / trials


def test_quantile_is_the_closed_form():
    scores = np.arange(1.0, 20.0)[:, None]  # 19 sites: rank ceil(20 x 0.9) = 18
    assert conformal_quantile(scores, np.zeros(1), 0.9).tolist() == [18.0]
    assert conformal_quantile(scores, np.zeros(1), 0.5).tolist() == [10.0]
    with pytest.raises(ConfigError, match=r"`coverage` 0.96 needs at least 24 .* 19 at 0.000 eV"):
        conformal_quantile(scores, np.zeros(1), 0.96)
    assert conformal_quantile(scores, np.zeros(1), 0.95).tolist() == [19.0]


def test_scores_are_pooled_near_an_energy_and_only_of_sites_calculated_there():
    scores = np.array([[1.0, np.nan, 5.0]] * 9)
    assert conformal_quantile(scores, np.array([0.0, 0.5, 10.0]), 0.9).tolist() == [1.0, 1.0, 5.0]
    energy, scores = np.array([0.0, 10.0]), np.tile(np.arange(1.0, 20.0)[:, None], 2)
    scores[:9, 1] = np.nan  # 10 sites are left, 10 to 19: rank ceil(11 x 0.9) = 10
    assert conformal_quantile(scores, energy, 0.9).tolist() == [18.0, 19.0]
    scores[:11, 1] = np.nan
    with pytest.raises(ConfigError, match=r"at least 9 .* 8 at 10.000 eV"):
        conformal_quantile(scores, energy, 0.9)


def test_law_finds_exponents_and_never_falls():
    sites = make_sites(50, 3)
    smallest = np.array([1e-9, 1e-9])
    mean = sites.spread.mean(axis=1)
    exact = 0.3 * mean**0.6 * sites.distance**1.2
    wanted = replace(sites, error=np.broadcast_to(exact[:, None], sites.error.shape))
    assert fit_law(wanted, smallest) == pytest.approx([np.log(0.3), 0.6, 1.2], abs=1e-6)
    falling = 0.3 / mean
    turned = replace(sites, error=np.broadcast_to(falling[:, None], sites.error.shape))
    assert fit_law(turned, smallest)[1] == pytest.approx(0.0, abs=1e-9)


def test_floor_is_high_where_the_spread_says_nothing():
    sites = make_sites(300, 4)
    noise = np.random.default_rng(0).uniform(size=sites.error.shape)
    deaf = replace(sites, spread=0.02 * noise)
    assert choose_floor(deaf).mean() > 2 * choose_floor(sites).mean()
    assert (choose_floor(sites) > 0).all()


def test_flags_one_site_in_twenty_and_refuses_too_few():
    sites = make_sites(400, 5)
    found = calibrate(sites, NOVELTY)
    assert (sites.distance > found.novelty.threshold).mean() == pytest.approx(0.05, abs=0.003)
    for fraction, expected in ((0.03, 0.05), (0.2, 0.2)):  # flagged by their environment anyway
        departs = np.random.default_rng(0).permutation(400) < fraction * 400
        novelty = calibrate(replace(sites, departs=departs), NOVELTY).novelty
        flagged = departs | (sites.distance > novelty.threshold)
        assert flagged.mean() == pytest.approx(expected, abs=0.003)
    part = replace(sites, departs=departs).part(sites.ids[::2])
    assert np.array_equal(part.departs, departs[::2])
    with pytest.raises(ConfigError, match="half of the calibration materials"):
        calibrate(sites.part(sites.ids[:12]), NOVELTY)
    with pytest.raises(ConfigError, match="too few"):
        calibrate(sites.part(sites.ids[:1]), NOVELTY)
    with pytest.raises(ConfigError, match="`coverage` is 1.5"):
        calibrate(sites, NOVELTY, 1.5)


def test_sites_of_a_material_stay_in_one_half():
    """A material in both halves would make bands too narrow for new materials."""
    sites = make_sites(40, 6)
    one = replace(sites, ids=[f"mp-1_{k:03d}" for k in range(40)])
    with pytest.raises(ConfigError):  # one half is empty
        calibrate(one, NOVELTY, 0.5)
    calibrate(sites, NOVELTY, 0.5)  # negative control: the same numbers from 40 materials do


def test_width_at_other_energies_is_interpolated_and_unknown_outside():
    ones = np.ones(len(ENERGY))
    calibration = Calibration(
        0.9, [], ENERGY, ones, 2.0 + ENERGY, np.zeros(3), np.full(2, 1e-9), NOVELTY
    )
    half = calibration.half_width(None, np.ones(2), np.array([-1.0, 0.25, 9.5, 9.6]))
    assert half.shape == (2, 4)
    assert half[0, 1:3] == pytest.approx([2.25, 11.5])
    assert np.isnan(half[:, [0, 3]]).all()


@pytest.mark.parametrize("elements", [["Ti"], symbols[30:70]], ids=["one", "forty"])
def test_elements_have_bands_of_their_own_or_share_those_of_few_sites(elements):
    """Errors of rare absorbers are larger; those of copper hide them."""

    def sites(seed, n_rare):
        data, rare = make_sites(600, seed, single=True), np.arange(600) < n_rare
        error = data.error * np.where(rare, 4.0, 1.0)[:, None]
        kinds = [f"{elements[k % len(elements)]} K" if rare[k] else "Cu K" for k in range(600)]
        return replace(data, kinds=kinds, error=error)

    fresh = sites(2, 600)
    found = calibrate(sites(1, 120), NOVELTY)
    for kind in {*fresh.kinds, "U L3"}:
        if kind != "U L3" or len(elements) > 1:  # calibrated nowhere: those of few sites
            assert coverage_of(found.of(kind, 1.0), fresh)[0] == pytest.approx(0.9, abs=0.06)
    too_few = calibrate(sites(1, 6), NOVELTY).of("Ti K", 1.0)  # control
    assert coverage_of(too_few, fresh)[0] < 0.7


def test_a_small_group_is_covered_neither_too_seldom_nor_too_often():
    """Of 24 sites, 12 in the half that a quantile is learned on: that of the worst is too wide."""

    def sites(seed, n_sites):
        data = make_sites(n_sites, seed, single=True)
        return replace(data, kinds=["Ni K"] * 24 + ["Cu K"] * (n_sites - 24))

    fresh, own, worst = make_sites(2000, 99, single=True), [], []
    for seed in range(15):
        found = calibrate(sites(seed, 600), NOVELTY)
        own.append(coverage_of(found.of("Ni K", 1.0), fresh)[0])
        some = make_sites(12, 200 + seed, single=True)
        scores = some.error / found.half_width(None, some.distance)
        control = replace(found, quantile=found.quantile * conformal_quantile(scores, ENERGY, 0.9))
        worst.append(coverage_of(control, fresh)[0])
    assert np.mean(own) == pytest.approx(0.9, abs=0.02)
    assert np.mean(worst) > 0.95
