"""Pages: well formed, self-contained, escaped, and with the numbers of their source."""

import gzip
import json
import re
import sys
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from command import error_of, run
from paths import CALCULATIONS, CU_K, EXPERIMENT, ROOT

from src.dataset.database import Database, write_records
from src.plot import new_figure, save
from src.readers.feff import read_feff
from src.reports.dataset import dataset_page
from src.reports.page import facts, figure, page, paragraph, section, table

VOID = ("meta", "br", "wbr", "hr", "img", "link", "input")


class Page(HTMLParser):
    """Checks nesting, and collects text, cells and what could load something."""

    def __init__(self, text):
        """Read a page."""
        super().__init__()
        self.open, self.words, self.rows, self.loads, self.tags = [], [], [], [], set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        for name, value in attrs:
            if name.split(":")[-1] in ("src", "href", "action", "data") and value[:1] != "#":
                self.loads.append(value)
            if name.startswith("on"):
                self.loads.append(name)

    def handle_startendtag(self, tag, attrs):
        """Note a tag without content."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        """Check that it closes the last one."""
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Collect text."""
        self.words.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def read(path):
    """A page that passed the checks which hold for all."""
    text = path.read_text()
    found = Page(text)
    assert not found.open
    assert not found.loads
    assert not found.tags & {"script", "link", "iframe", "object", "embed", "base"}
    assert "url(http" not in text
    assert "@import" not in text
    return found


def test_what_comes_from_outside_is_text():
    bad = "<script>alert(1)</script>\"'&"
    text = page(
        bad, bad, [section(bad, paragraph(bad), table((bad,), [(bad,)]), facts([(bad, bad)]))]
    )
    found = Page(text)
    assert "script" not in found.tags
    assert found.words.count(bad) >= 6
    assert not found.loads
    assert "script" in Page(text.replace("&lt;", "<").replace("&gt;", ">")).tags  # negative control


def test_a_caption_with_quotes_stays_a_caption():
    def draw(path):
        canvas, axes = new_figure(2, 2)
        axes[0, 0].plot([0, 1])
        axes[0, 0].set_title("<b>&")
        save(canvas, path)

    caption = '" onload="alert(1)'
    first, again = figure(draw, caption), figure(draw, caption)
    assert first == again
    assert not Page(first).loads
    assert "<b>" not in first


def test_a_wide_table_names_its_columns_in_every_cell():
    """Stacked on a narrow screen; numbers, but no text, stay on one line."""
    head = ("site", "mse", "formula", "shift (eV)", 'at "bound"')
    text = table(head, [("mp-1", "1.5e-03", "CuO", "-6.75", "shift, scale")])
    labels = re.findall(r'data-label="([^"]*)"', text)
    assert [unescape(label) for label in labels] == list(head)
    assert re.findall(r'class="number"[^>]*>([^<]*)', text) == ["1.5e-03", "-6.75"]
    assert 'class="wide"' in text
    assert 'class="wide"' not in table(head[:3], [("mp-1", "1", "CuO")])


def test_a_dataset(database, tmp_path):
    out = tmp_path / "cu.html"
    assert run("report", database, "-o", out) == 0
    found = read(out)
    records, words = list(read_feff(CALCULATIONS, "Cu", "K")), "".join(found.words)
    assert f"{len(records)}" in found.words
    assert Database(database).digest in words
    with_fluorine = sum(9 in record.atoms.numbers for record in records)
    assert 0 < with_fluorine < len(records)
    assert f", F {with_fluorine}, " in words
    assert "svg" in found.tags


def test_the_content_hash_is_of_the_content(database, tmp_path):
    records = list(read_feff(CALCULATIONS, "Cu", "K"))
    write_records(tmp_path / "turned.db", records[::-1])
    write_records(tmp_path / "fewer.db", records[1:])
    turned, fewer = Database(tmp_path / "turned.db"), Database(tmp_path / "fewer.db")
    assert turned.digest == Database(database).digest
    assert fewer.digest != turned.digest
    assert (tmp_path / "turned.db").read_bytes() != database.read_bytes()


def test_a_material_with_an_active_name(tmp_path):
    (record, *_) = read_feff(CALCULATIONS, "Cu", "K")
    name = "<img-onerror=alert(1)>"
    path = tmp_path / f"{name}.db"
    write_records(path, [type(record)(**{**vars(record), "id": f"{name}_0", "material": name})])
    found = Page(dataset_page(Database(path)))
    assert "img-onerror=alert(1)" not in found.tags
    assert any(name in word for word in found.words)


def test_a_comparison_and_a_mixture(tmp_path):
    foil, cus = EXPERIMENT / "cu_metal_rt.xdi", EXPERIMENT / "CuS_covellite_13K_01.xdi"
    structures = [ROOT / "docs" / "examples" / "copper" / f"{n}.vasp" for n in ("Cu", "CuO")]
    result = tmp_path / "foil.json"
    assert run("compare", foil, *structures, "--model", "cu-k-feff", "-o", result) == 0
    assert run("report", result, "-o", tmp_path / "foil.html") == 0
    found, values = read(tmp_path / "foil.html"), json.loads(result.read_text())
    assert values["verdict"] in found.words
    for one in values["candidates"]:
        row = next(row for row in found.rows if row[0] == one["name"])
        assert row[5] == f"{one['measures']['r_factor']:.5f}"
    cold = EXPERIMENT / "cu_metal_10K.xdi"
    assert run("fit", cold, foil, cus, "--max_shift", "4", "-o", tmp_path / "fit.json") == 0
    assert run("report", tmp_path / "fit.json", "-o", tmp_path / "fit.html") == 0
    found, values = read(tmp_path / "fit.html"), json.loads((tmp_path / "fit.json").read_text())
    for one in values["components"]:
        assert [one["name"], f"{one['fraction']:.4f}"] in [row[:2] for row in found.rows]


def test_an_evaluation(database, tmp_path, capsys):
    out = tmp_path / "eval.html"
    assert run("report", "cu-k-feff", "--database", database, "-o", out) == 0
    found = read(out)
    assert run("evaluate", "cu-k-feff", database, "--table", tmp_path / "eval.json") == 0
    values = json.loads((tmp_path / "eval.json").read_text())
    assert f"{values['mse']:.6f}" in found.words
    worst = max(values["by_site"].items(), key=lambda item: item[1]["mse"])
    assert [worst[0], f"{worst[1]['mse']:.6f}"] in [row[:2] for row in found.rows]
    assert np.isfinite(values["mse"])
    assert any(word.startswith("23 of these sites are of materials") for word in found.words)
    words = ["report", "cu-k-feff", "--database", database, "--ids", CU_K / "val.txt", "-o", out]
    assert run(*words) == 0
    assert "no test of the model" not in out.read_text()  # negative control


def test_a_map_of_the_evaluated_sites(database, tmp_path):
    pytest.importorskip("chemiscope")
    out, chart = tmp_path / "eval.html", tmp_path / "map.json.gz"
    assert run("report", "cu-k-feff", "--database", database, "-o", out, "--chemiscope", chart) == 0
    data = json.loads(gzip.decompress(chart.read_bytes()))
    values = {key: one["values"] for key, one in data["properties"].items()}
    assert run("evaluate", "cu-k-feff", database, "--table", tmp_path / "eval.json") == 0
    errors = json.loads((tmp_path / "eval.json").read_text())["by_site"]
    records = {record.id: record for record in Database(database).records(values["record"])}
    assert sorted(records) == sorted(errors)
    assert len(data["structures"]) == len({one.structure_digest for one in records.values()})
    for k, name in enumerate(values["record"]):
        assert values["mean squared error"][k] == pytest.approx(errors[name]["mse"])
        place, record = data["environments"][k], records[name]
        structure = data["structures"][place["structure"]]
        assert place["center"] == record.site
        np.testing.assert_allclose(structure["z"], record.atoms.positions[:, 2])
        energy = data["parameters"]["energy"]["values"]
        mu = np.interp(energy, record.energy, record.mu)
        np.testing.assert_allclose(values["calculated spectrum"][k], mu, atol=1e-5)


def test_a_map_needs_chemiscope_and_an_evaluation(database, tmp_path, capsys, monkeypatch):
    out, chart = tmp_path / "x.html", tmp_path / "map.json.gz"
    monkeypatch.setitem(sys.modules, "chemiscope", None)
    words = ["report", "cu-k-feff", "--database", database, "-o", out, "--chemiscope"]
    assert run(*words, chart) == 1
    assert "pip install 'e3gnn-xanes[chemiscope]'" in error_of(capsys)
    assert run(*words, tmp_path / "map.html") == 1
    assert ".json.gz" in error_of(capsys)
    monkeypatch.setitem(sys.modules, "chemiscope", object())
    assert run("report", database, "-o", out, "--chemiscope", chart) == 1
    assert "`chemiscope` needs a model" in error_of(capsys)
    assert not list(tmp_path.iterdir())


def test_a_training(database, tmp_path):
    folder = tmp_path / "run"
    small = ["--model.num_layers", 1, "--model.lmax", 1, "--model.channels", 8]
    split = ["--train", CU_K / "train.txt", "--val", CU_K / "val.txt"]
    words = ["train", database, "-o", folder, "--training.epochs", 2, *split, *small]
    assert run(*words) == 0
    assert run("report", folder, "-o", tmp_path / "run.html") == 0
    found = read(tmp_path / "run.html")
    lines = (folder / "metrics.csv").read_text().splitlines()
    last = dict(zip(lines[0].split(","), lines[-1].split(","), strict=True))
    assert ["2", f"{float(last['train_mse']):.6f}"] in [row[:2] for row in found.rows]
    assert "training.epochs" in found.words
    (folder / "metrics.csv").write_text(lines[0] + "\n")
    assert run("report", folder, "-o", tmp_path / "cut.html") == 1
    assert not (tmp_path / "cut.html").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ("[1]", "its `kind` is None"),
        ('{"kind": "explanation"}', "its `kind` is 'explanation'"),
        ('{"kind": "comparison"}', "a comparison with a value missing or wrong"),
        ('{"kind": "mixture", "measured_file": 3, "components": []}', "a mixture with a value"),
    ],
)
def test_results_that_are_none_are_refused(content, message, tmp_path, capsys):
    (tmp_path / "bad.json").write_text(content)
    assert run("report", tmp_path / "bad.json", "-o", tmp_path / "out.html") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.html").exists()
