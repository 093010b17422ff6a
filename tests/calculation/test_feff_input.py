"""Inputs for FEFF against those of published calculations, which pymatgen wrote."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from paths import FEFF_RUNS
from scipy.spatial import cKDTree

from src.calculation.feff_input import feff_input, sorted_cluster, unique_potentials
from src.calculation.settings import FeffSettings, choose_edge
from src.errors import ConfigError, StructureError
from src.readers.feff_input import cards, read_feff_input
from src.runtime.text_files import numbered_lines

PUBLISHED = sorted(Path(os.environ.get("XANES_FEFF_RUNS", FEFF_RUNS)).glob("*/FEFF-XANES/*"))
"""Runs to compare with; the variable names a folder with more of them."""


def settings_of(path):
    """Cards of an input before its potentials, in sorted order, numbers as numbers."""
    settings = []
    for _, words in cards(numbered_lines(path)):
        if words[0] == "POTENTIALS":
            break
        if words[0] != "TITLE":
            number = re.compile(r"-?[\d.]+")
            settings.append([float(w) if number.fullmatch(w) else w for w in words])
    return sorted(settings, key=str)


def potentials_of(path):
    """Rows of the list of potentials, without the column of the spin."""
    text = path.read_text().partition("POTENTIALS")[2].partition("ATOMS")[0]
    rows = [line.split()[:6] for line in text.splitlines() if re.match(r"\s*\d", line)]
    return [(int(n), int(z), s, int(a), int(b), float(c)) for n, z, s, a, b, c in rows]


def same_cluster(one, other):
    """Whether two inputs list the same atoms, and the same potential for each."""
    if len(one.cluster) != len(other.cluster):
        return False
    distance, match = cKDTree(one.cluster.positions).query(other.cluster.positions)
    elements = np.array_equal(one.cluster.numbers[match], other.cluster.numbers)
    return distance.max() < 2e-5 and elements and match[other.absorber] == one.absorber


@pytest.mark.parametrize("run", PUBLISHED, ids=lambda run: f"{run.parents[1].name}-{run.name}")
def test_input_is_the_published_one(run, tmp_path):
    """Cards, potentials and atoms; the published coordinates have six digits."""
    atoms, site = read(run.parents[1] / "POSCAR", format="vasp"), int(run.name[:3])
    path = tmp_path / "feff.inp"
    path.write_text(feff_input(atoms, site, "K", FeffSettings("accurate")))
    theirs = run / "feff.inp"
    assert settings_of(path) == settings_of(theirs)
    assert potentials_of(path) == potentials_of(theirs)
    assert same_cluster(read_feff_input(theirs), read_feff_input(path))
    other = feff_input(atoms, site + 1, "K", FeffSettings("fast", cluster_radius=8.5))
    path.write_text(other.replace("K\n", "L3\n"))
    assert settings_of(path) != settings_of(theirs)
    assert not same_cluster(read_feff_input(theirs), read_feff_input(path))


def test_every_card_has_a_comment_above_it():
    text = feff_input(bulk("Cu"), 0, "K", FeffSettings(), (0, 0, 1))
    lines = text.split("\n\n")[1].splitlines()
    cards = [k for k, line in enumerate(lines) if line[:1] not in ("*", "k")]  # k_grid: of EGRID
    assert len(cards) == 11
    for k in cards:  # EDGE and COREHOLE share one
        assert any(line.startswith("*") for line in lines[max(k - 2, 0) : k])


def test_presets_and_single_cards():
    def radii(settings):
        text = feff_input(bulk("Cu"), 0, "K", settings)
        scf_fms = [re.search(rf"^{card} (\S+)", text, flags=re.M)[1] for card in ("SCF", "FMS")]
        farthest = max(float(line.split()[5]) for line in text.splitlines() if " Cu " in line[40:])
        return [*map(float, scf_fms), farthest]

    assert radii(FeffSettings("fast"))[:2] == [4.0, 5.0]
    assert radii(FeffSettings("accurate"))[:2] == [7.0, 9.0]
    assert radii(FeffSettings("fast", scf_radius=4.5, fms_radius=6.0))[:2] == [4.5, 6.0]
    assert 8.5 < radii(FeffSettings())[2] < 9.0
    assert 9.5 < radii(FeffSettings(fms_radius=10.0))[2] < 10.0
    with pytest.raises(ConfigError, match="cluster_radius"):
        FeffSettings(cluster_radius=4.5)


def test_absorber_that_is_alone_of_its_element_has_one_potential():
    """A molecule: FEFF refuses a potential that no atom uses."""
    cuo2 = Atoms("CuO2", positions=[[0, 0, 0], [1.8, 0, 0], [0, 1.9, 0.1]])
    potentials, ipot = unique_potentials(cuo2, sorted_cluster(cuo2, 0, 9.0), "element")
    assert potentials == [(29, 0.0001), (8, 2)]
    assert ipot.tolist() == [0, 1, 1]
    for symbol, z in (("Cu", 29), ("Og", 118)):  # which no network knows
        crystal = bulk(symbol, "fcc", a=3.6)
        potentials, _ = unique_potentials(crystal, sorted_cluster(crystal, 0, 4.0), "element")
        assert [number for number, _ in potentials] == [z, z]


def test_potentials_by_symmetry():
    """Magnetite's structure type: two iron sites of different symmetry, one of oxygen."""
    pytest.importorskip("spglib")
    spinel = read(Path(__file__).parent / "Fe3O4.vasp")
    cluster = sorted_cluster(spinel, 0, 5.0)
    by_element, _ = unique_potentials(spinel, cluster, "element")
    by_symmetry, ipot = unique_potentials(spinel, cluster, "symmetry")
    assert [z for z, _ in by_element] == [26, 26, 8]
    assert sorted(z for z, _ in by_symmetry[1:]) == [8, 26, 26]
    assert sorted(count for _, count in by_symmetry[1:]) == [2, 4, 8]
    assert set(ipot.tolist()) == {0, 1, 2, 3}


def test_more_potentials_than_feff_takes_are_refused():
    """FEFF 10 reads 31 beside the absorber's, and crashes at 32."""
    for n_others in (31, 32):
        numbers = [29, *range(40, 40 + n_others)]
        row = Atoms(numbers, [[2.0 * k, 0, 0] for k in range(len(numbers))])
        if n_others == 31:
            assert len(unique_potentials(row, sorted_cluster(row, 0, 90.0), "element")[0]) == 32
            continue
        with pytest.raises(StructureError, match="32 potentials by element .* at most 31"):
            feff_input(row, 0, "K", FeffSettings(cluster_radius=90.0))


def test_customary_edges():
    for element, edge in {"S": "K", "Cu": "K", "Pd": "K", "Ag": "L3", "U": "L3"}.items():
        assert choose_edge(element, None) == edge
    for element, edge in (("Cu", "M5"), ("Cu", "k"), ("H", "L3"), ("Xx", "K")):
        with pytest.raises(ConfigError, match=f"{element}|{edge}"):
            choose_edge(element, edge)


def test_structures_that_feff_can_not_take_are_refused():
    close = Atoms("Cu2", positions=[[0, 0, 0], [0.3, 0, 0]])
    with pytest.raises(StructureError, match=r"0\.300 Angstrom"):
        sorted_cluster(close, 0, 9.0)
    with pytest.raises(StructureError, match="no other atom"):
        sorted_cluster(Atoms("Cu"), 0, 9.0)
    with pytest.raises(StructureError, match="site 4"):
        sorted_cluster(close, 4, 9.0)
    disordered = bulk("Cu")
    disordered.info["occupancy"] = {"0": {"Cu": 0.5, "Zn": 0.5}}
    with pytest.raises(StructureError, match="disordered"):
        sorted_cluster(disordered, 0, 9.0)


def test_polarization_is_read_back(tmp_path):
    path = tmp_path / "feff.inp"
    path.write_text(feff_input(bulk("Cu"), 0, "K", FeffSettings(), (0.0, 3.0, 4.0)))
    assert read_feff_input(path).polarization == pytest.approx((0.0, 0.6, 0.8))
    path.write_text(feff_input(bulk("Cu"), 0, "K", FeffSettings()))
    assert read_feff_input(path).polarization is None
