"""XAS objects of pymatgen: two real files, and what is wrong with damaged ones."""

import gzip
import json
import re

import numpy as np
import pytest
from paths import MATERIALS_PROJECT as FILES

from src.dataset.record import Record, Rejected
from src.errors import RecordError
from src.readers.materials_project import read_materials_project
from src.readers.options import ReadOptions

MEAN, SITE = FILES / "LiCoO2_k_xanes.json", FILES / "site1_k_xanes.json"


def only(path, options=None):
    """What a file of one object gives."""
    (result,) = read_materials_project(path, options)
    return result


def changed(path, **values):
    """The object of a file as a dict, with other values; None removes one."""
    document = json.loads(path.read_text())
    for name, value in values.items():
        document.pop(name, None)
        if value is not None:
            document[name] = value
    return document


@pytest.fixture
def write(tmp_path):
    """Write a document as JSON; return its path."""

    def _write(document, name="some.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return _write


def test_a_site_of_lithium_cobalt_oxide():
    record = only(SITE)
    assert (record.id, record.site) == ("site1_k_xanes_008", 8)
    assert (record.element, record.edge, record.axis) == ("Co", "K", "absolute")
    assert record.mean_over is None
    assert record.atoms.get_chemical_formula() == "Co6O8"
    assert record.atoms.pbc.all()
    assert abs(record.atoms.cell.volume - 135.42814526880338) < 1e-6  # the file's own
    abc = json.loads(SITE.read_text())["structure"]["sites"][3]["abc"]
    assert np.allclose(record.atoms.get_scaled_positions(wrap=False)[3], abc, atol=1e-7)
    steepest = record.energy[np.argmax(np.gradient(record.mu, record.energy))]
    assert 7709 < steepest < 7735  # the Co K edge is at 7709 eV (Bearden and Burr 1967)
    assert (record.energy[0], record.mu[-1]) == (7712.692, 0.837498)


def test_without_index_the_spectrum_is_a_mean_over_the_element(write):
    record = only(MEAN)
    assert (record.id, record.mean_over) == ("LiCoO2_k_xanes_mean", (1,))
    record = only(write(changed(SITE, absorbing_index=None)))
    assert record.mean_over == (8, 9, 10, 11, 12, 13)


def test_documents_of_the_api(write, tmp_path):
    one, two = changed(SITE), changed(MEAN, spectrum_type="EXAFS")
    documents = [
        {"material_id": "mp-1", "task_id": "mp-7", "spectrum": one},
        {"task_id": "mp-2", "spectrum": two},
        {"material_id": "mp-3", "spectrum": changed(MEAN)},
    ]
    path = write({"data": documents}, "api.json")
    first, second, third = read_materials_project(path)
    assert (first.id, third.id) == ("mp-1_008", "mp-3_mean")
    assert isinstance(second, Rejected)
    assert second.reason == "`spectrum_type` is 'EXAFS', expected XANES"
    assert second.source.endswith("object 2")
    packed = tmp_path / "api.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert [f.id for f in read_materials_project(packed) if isinstance(f, Record)] == [
        "mp-1_008", "mp-3_mean"
    ]  # fmt: skip


def test_energies_far_from_the_edge_need_a_word(write):
    document = changed(SITE, x=list(np.arange(100) - 20.0))
    other = changed(SITE, x=list(np.arange(100) + 20.0))
    below, far, record = read_materials_project(write([document, other, changed(SITE)]))
    assert "first is -20.000 eV; are they relative (axis relative)" in below.reason
    assert re.search(r"the Co K edge is at 7709 eV; .* \(axis relative\)", far.reason)
    assert isinstance(record, Record)
    assert only(write(document), ReadOptions(axis="relative")).axis == "relative"


@pytest.mark.parametrize("name", ["L23", "L2,3"])
def test_both_l_edges_of_a_material_with_a_k_edge(write, name):
    """Co L3 is at 778.1 eV (Bearden and Burr 1967); `L2,3` is the API's name of it."""
    energies = list(np.linspace(770.0, 830.0, 100))
    edges = [changed(SITE), changed(SITE, edge=name, x=energies), changed(SITE, edge="M5")]
    documents = [{"material_id": "mp-1", "spectrum": edge} for edge in edges]
    k, l23, other = read_materials_project(write(documents))
    assert [(r.id, r.edge) for r in (k, l23)] == [("mp-1-K_008", "K"), ("mp-1-L23_008", "L23")]
    assert l23.energy[0] == 770.0
    assert "no tabulated edge Co M5" in other.reason
    wrong = only(write(changed(SITE, edge=name)))
    assert "the Co L23 edge is at 778.1 eV" in wrong.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"absorbing_index": 0}, "absorber should be Co but atom 0 is O"),
        ({"absorbing_index": 14}, "`absorbing_index` is 14, not of 14 atoms"),
        ({"absorbing_index": "8"}, "`absorbing_index` is '8'"),
        ({"absorbing_element": "Xx"}, "expected an element, found 'Xx'"),
        ({"absorbing_element": "Cu", "absorbing_index": None}, "no Cu in Co6O8"),
        ({"x": None}, "no `x`"),
        ({"y": [1.0, 2.0]}, "100 values of `energy`, 2 of `mu`"),
        ({"y": ["a"] * 100}, "`y` contains what is no number"),
        ({"y": [float("nan")] * 100}, "`y` contains a value that is not finite"),
        ({"x": list(range(100, 0, -1))}, "energies must increase"),
        ({"edge": "Q"}, "`edge` is 'Q'"),
        ({"structure": {"sites": []}}, "`xyz` of the sites has the shape (0,)"),
        ({"structure": {"sites": [{"species": [], "xyz": [0, 0, 0]}]}}, "site 0 is disordered"),
        ({"structure": {"sites": [{"species": [{"element": "Co", "occu": 0.5}]}]}}, "disordered"),
        ({"structure": {"sites": [{"species": [{"element": "Co", "occu": 1}]}]}}, "no `xyz`"),
        ({"structure": {"sites": [{"species": [{"element": "Co", "occu": 1}], "xyz": [1]}]}},
         "not (n, 3)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change, reason, write):
    result = only(write(changed(SITE, **change)), ReadOptions(axis="absolute"))
    assert isinstance(result, Rejected)
    assert reason in result.reason


@pytest.mark.parametrize("text", ["", "{", "[]", "null x", "[" * 100_000, "\x00\x01"])
def test_what_is_no_json_of_objects_is_refused(text, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"bad\.json"):
        list(read_materials_project(path))
    path.write_text("[1, 2]")
    assert all(isinstance(result, Rejected) for result in read_materials_project(path))
