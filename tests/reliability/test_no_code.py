"""What is read never runs: pickles, YAML tags, bombs, names that are paths, markup or formulas.

A file is the mark that code has run; for each kind of file a plain reader is shown to run it.
"""

import bz2
import csv
import gzip
import lzma
import pickle
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from ase.io import read as ase_read
from cif import cubic_cif
from command import run
from paths import EXPERIMENT, ROOT
from records import record

from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model
from src.dataset.database import write_records
from src.dataset.record import Record, Rejected
from src.errors import RecordError, StructureError, XanesError
from src.predictor import XANESPredictor
from src.readers.extxyz import read_extxyz
from src.readers.materials_project import load_documents
from src.readers.npz import read_npz
from src.readers.options import ReadOptions
from src.readers.table import read_table
from src.structures.files import named_structures, read_structures
from src.xas.columns import read_columns

pytestmark = pytest.mark.reliability
GIVEN = ReadOptions(edge="K", axis="absolute")
COPPER_OXIDE = cubic_cif(("Cu", 0.0, 1.0), ("O", 0.5, 1.0))


class Harm:
    """What makes a file when it is unpickled."""

    def __init__(self, marker):
        """Remember which file."""
        self.marker = marker

    def __reduce__(self):
        """Call ``Path.touch`` instead of making an object."""
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    """The file that code would make."""
    return tmp_path / "code has run"


def refused(capsys, *words, code=1):
    """What a command says that refuses; no fault of ours, in one line."""
    capsys.readouterr()
    assert run(*words) == code
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert "internal error" not in message
    assert code == 2 or message.count("e3gnn-xanes: error: ") == 1
    return message


# pickles


def write_pickle(path, marker, kind):
    """Write harm as torch does, as torch did before 1.6, or as a bare pickle."""
    if kind == "bare":
        path.write_bytes(pickle.dumps(Harm(marker)))
    else:
        torch.save({"a": Harm(marker)}, path, _use_new_zipfile_serialization=kind == "zip")


@pytest.mark.parametrize("kind", ["zip", "legacy", "bare"])
@pytest.mark.parametrize("read", [load_model, read_verified], ids=["model", "state"])
def test_a_pickle_as_model_or_state_does_not_run(read, kind, tmp_path, marker):
    path = tmp_path / "last.ckpt"
    write_pickle(path, marker, kind)
    with pytest.raises(XanesError, match=r"last\.ckpt"):
        read(path)
    assert not marker.exists()
    if kind == "bare":  # negative control
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize("name", ["cu.traj", "cu.pckl", "cu.db", "cu.json"])
def test_pickles_as_structures_do_not_run(name, tmp_path, marker, capsys):
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Harm(marker)))
    assert name in refused(capsys, "predict", "cu-k-feff", path)
    with pytest.raises(StructureError, match=name):
        XANESPredictor("cu-k-feff").trajectory(path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())  # negative control
    assert marker.exists()


# YAML


def test_tags_of_a_configuration_do_not_run(tmp_path, marker, capsys):
    tagged = f"!!python/object/apply:os.system ['touch \"{marker}\"']"
    config = tmp_path / "config.yaml"
    config.write_text(f"val_fraction: {tagged}\n")
    words = ["train", tmp_path / "cu.db", "-o", tmp_path / "run", "--config", config]
    assert "config.yaml: " in refused(capsys, *words, code=2)
    refused(capsys, "train", tmp_path / "cu.db", "-o", tmp_path / "run", f"--val_fraction={tagged}",
            code=2)  # fmt: skip
    assert not marker.exists()
    yaml.unsafe_load(config.read_text())  # negative control
    assert marker.exists()


CARDS = {
    "tag": ("data: !!python/object/apply:os.getcwd []\nlicence: a\naccuracy: b\n", "plain values"),
    "alias": ("data: &a x\nlicence: *a\naccuracy: b\n", r"an alias, \*a"),
    "list as a value": ("data: [a]\nlicence: a\naccuracy: b\n", "`data`"),
}


@pytest.mark.parametrize("kind", list(CARDS))
def test_cards_that_are_none_are_refused(kind, tmp_path, capsys):
    content, message = CARDS[kind]
    card = tmp_path / "card.yaml"
    card.write_text(content)
    words = ["ensemble", "cu-k-feff", "-o", tmp_path / "out.pt", "--card", card]
    assert re.search(rf"card\.yaml: .*{message}", refused(capsys, *words))
    assert not (tmp_path / "out.pt").exists()


# bombs


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("ending", list(PACKED))
def test_compressed_structures_are_read_up_to_a_size(ending, tmp_path, monkeypatch, capsys):
    path = tmp_path / f"cu.cif{ending}"
    path.write_bytes(PACKED[ending](COPPER_OXIDE.encode()))
    assert len(read_structures(path)[0]) == 2
    monkeypatch.setattr("src.runtime.text_files.LARGEST_EXPANDED", 10_000)
    assert len(read_structures(path)[0]) == 2
    path.write_bytes(PACKED[ending](COPPER_OXIDE.encode() + b" " * 10_000))
    assert "more than 10000 bytes when unpacked" in refused(capsys, "predict", "cu-k-feff", path)
    with pytest.raises(StructureError, match="more than 10000 bytes when unpacked"):
        XANESPredictor("cu-k-feff").trajectory(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StructureError, match=r"cu\.cif\.\w+: "):
        read_structures(path)


def test_compressed_text_is_read_up_to_a_size(tmp_path, monkeypatch):
    monkeypatch.setattr("src.runtime.text_files.LARGEST_EXPANDED", 10_000)
    monkeypatch.setattr("src.readers.materials_project.LARGEST_FILE", 10_000)
    rows = "".join(f"{8900 + k} {k}\n" for k in range(3000))
    path = tmp_path / "mu.dat.gz"
    path.write_bytes(gzip.compress(rows.encode()))
    with pytest.raises(RecordError, match=r"mu\.dat\.gz: more than 10000 characters"):
        read_columns(path)
    plain = tmp_path / "mu.dat"
    plain.write_text(rows)
    assert len(read_columns(plain).values) == 3000  # what lies on the disk is no bomb
    path.write_bytes(gzip.compress(b"1\nmu=1\nCu 0 0 0\n" * 1000))
    results = list(read_extxyz(path, GIVEN))
    assert "more than 10000 characters" in results[-1].reason
    path.write_bytes(gzip.compress(b"[" + b" " * 20_000))
    with pytest.raises(RecordError, match="more than 10000 characters of JSON"):
        load_documents(path)


# names that are paths


BAD_NAMES = ("../../x", "/etc/x", "..", "..\\x", "C:\\x", "=1+1", "@x", "-o", "a\x1b[2J")
"""Names out of a folder, of formulas, of options, and with orders for a terminal."""


def reasons_of(results):
    """Why nothing came of each."""
    assert not any(isinstance(one, Record) for one in results)
    return [one.reason for one in results if isinstance(one, Rejected)]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_paths_or_formulas_are_refused(name, tmp_path):
    arrays = {
        "mu": np.array([[0.0, 1.0, 2.0]]), "energy": np.array([8980.0, 8990.0, 9000.0]),
        "n_atoms": np.array([2]), "numbers": np.array([29, 8]), "absorber": np.array([0]),
        "positions": np.array([[0.0, 0, 0], [2.0, 0, 0]]), "element": np.array("Cu"),
        "material": np.array([name]),
    }  # fmt: skip
    np.savez(tmp_path / "cu.npz", **arrays)
    reasons = reasons_of(list(read_npz(tmp_path / "cu.npz", GIVEN)))
    frame = f'2\nProperties=species:S:1:pos:R:3 material="{name}" absorber=0 mu="0 1 2" energy="8980 8990 9000"\nCu 0 0 0\nO 2 0 0\n'  # noqa: E501
    (tmp_path / "cu.xyz").write_text(frame)
    reasons += reasons_of(list(read_extxyz(tmp_path / "cu.xyz", GIVEN)))
    (tmp_path / "cu.cif").write_text(COPPER_OXIDE)
    rows = f"structure,element,absorber,material,8980,8990,9000\ncu.cif,Cu,0,{name},0,1,2\n"
    (tmp_path / "cu.csv").write_text(rows)
    reasons += reasons_of(list(read_table(tmp_path / "cu.csv", GIVEN)))
    assert len(reasons) == 3
    assert all("`material` is" in reason for reason in reasons)
    with pytest.raises(RecordError, match="`material` is"):
        record(material=name)
    for good in ("mp-1", "mvc-9", "Cu2O_a", "(Cu)2O", "a..b", "<b>"):
        assert record(material=good).id == f"{good}_000"


def test_a_file_is_the_one_that_is_named(tmp_path):
    """ASE takes what follows an @ for an index, a dash for standard input."""
    (tmp_path / "cu.cif").write_text(cubic_cif(("Zn", 0.0, 1.0), ("O", 0.5, 1.0)))
    for name in ("cu.cif@0", "a@b.cif", "postgres.cif"):
        (tmp_path / name).write_text(COPPER_OXIDE)
    for name in ("a@b.cif", "postgres.cif"):
        assert read_structures(tmp_path / name)[0].symbols[0] == "Cu"
    with pytest.raises(StructureError, match=r"cu\.cif@0: not a structure"):  # no such ending
        read_structures(tmp_path / "cu.cif@0")
    assert ase_read(tmp_path / "cu.cif@0").symbols[0] == "Zn"  # negative control


def test_names_of_rows_are_no_names_of_files(tmp_path, capsys):
    """A structure's name goes into the table; one with a line end brings no row of numbers."""
    path = tmp_path / "a\r8999.0 1 1\n8999.1 2 2.cif"
    path.write_text(COPPER_OXIDE)
    ((name, _),) = named_structures(path)
    assert "\r" in name
    out = tmp_path / "spectra.dat"
    assert run("predict", "cu-k-feff", path, "-o", out) == 0
    assert np.loadtxt(out).shape == (141, 5)  # energy, a site with its band, the mean
    assert len(out.read_bytes().splitlines()) == 141 + sum(
        line.startswith(b"#") for line in out.read_bytes().splitlines()
    )


# markup


ACTIVE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "$\\evil{$ & ]]>", "$x$")
"""Names that a browser would run, or that matplotlib would set as a formula."""
FILE = "<script>$\\evil{$<b>& ]]>"
"""The same without the slash, which a file's name can't contain."""


def text_of(page):
    """The words of a page in which no name has become a tag or an attribute."""

    class Reader(HTMLParser):
        """Collects tags, attributes and text."""

        def __init__(self):
            """Begin."""
            super().__init__()
            self.tags, self.names, self.words = set(), set(), []

        def handle_starttag(self, tag, attrs):
            """Note a tag."""
            self.tags.add(tag)
            self.names |= {name for name, _ in attrs}

        def handle_data(self, data):
            """Note text."""
            self.words.append(data)

    reader = Reader()
    reader.feed(page)
    reader.close()
    active = {"script", "img", "b", "iframe", "object", "embed", "link"}
    assert not reader.tags & active, reader.tags
    assert not {name for name in reader.names if name.startswith("on")}
    return "".join(reader.words)


def svg_text(path):
    """Text of a picture, which is well formed."""
    root = ET.parse(path).getroot()
    assert not {e.tag.rpartition("}")[2] for e in root.iter()} & {"script", "img", "b", "image"}
    assert not {n for e in root.iter() for n in e.attrib if n.lower().startswith("on")}
    return "".join(root.itertext())


def test_the_check_sees_markup():
    """Negative control."""
    for bad in ("<script>1</script>", '<p title=""><img src=x onerror=1>', "<p onclick=1>"):
        with pytest.raises(AssertionError):
            text_of(bad)


@pytest.fixture(scope="module")
def active(tmp_path_factory):
    """A database whose materials, code and version are markup, and a training on it."""
    folder = tmp_path_factory.mktemp("active")
    rng = np.random.default_rng(0)
    energy = np.linspace(8980.0, 9020.0, 41)
    names = [re.sub(r"[\s/\\]", "", name) for name in ACTIVE]
    assert len(set(names)) == 4
    for number, name in enumerate(names):
        what = {"code": ACTIVE[number], "version": ACTIVE[0], "energy": energy}
        one = record(material=name, mu=rng.uniform(0, 1, 41), **what)
        write_records(folder / "cu.db", [one])
    (folder / "val.txt").write_text(f"{names[0]}_000\n")
    (folder / "train.txt").write_text("".join(f"{name}_000\n" for name in names[1:]))
    training = folder / FILE
    words = ["train", folder / "cu.db", "-o", training, "--train", folder / "train.txt"]
    words += ["--val", folder / "val.txt", "--training.epochs", 1, "--model.num_layers", 1]
    assert run(*words, "--model.lmax", 0, "--model.channels", 4, "--model.num_heads", 1) == 0
    return folder, training, names


def test_markup_in_an_evaluation_is_text(active, tmp_path, capsys):
    folder, training, names = active
    out = tmp_path / "a.html"
    words = ["report", training, "--database", folder / "cu.db", "-o", out]
    (tmp_path / "ids.txt").write_text("".join(f"{name}_000\n" for name in names))
    assert run(*words, "--ids", tmp_path / "ids.txt") == 0
    text = text_of(out.read_text())
    assert all(text.count(f"{name}_000") > 1 for name in names)  # the table, and the picture
    words = ["evaluate", training, folder / "cu.db", "--ids", tmp_path / "ids.txt"]
    words += ["--plot", tmp_path / "a.svg", "--table", tmp_path / "a.csv"]
    assert run(*words) == 0
    svg_text(tmp_path / "a.svg")
    with (tmp_path / "a.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert all(f"{name}_000" in cells for name in names)
    numbers = [cell for cell in cells if cell[:1] in "=+-@" and cell]
    assert all(np.isfinite(float(cell)) for cell in numbers)  # no formulas


def test_markup_in_a_comparison_is_text(tmp_path):
    candidate, measured = tmp_path / f"{FILE}.vasp", tmp_path / f"{FILE}.xdi"
    shutil.copy(ROOT / "docs" / "examples" / "copper" / "Cu.vasp", candidate)
    shutil.copy(EXPERIMENT / "cu_metal_rt.xdi", measured)
    out = tmp_path / "out.json"
    words = ["compare", measured, candidate, "--model", "cu-k-feff"]
    assert run(*words, "-o", out, "--plot", tmp_path / "a.svg") == 0
    svg_text(tmp_path / "a.svg")
    assert run("report", out, "-o", tmp_path / "a.html") == 0
    assert FILE in text_of((tmp_path / "a.html").read_text())
