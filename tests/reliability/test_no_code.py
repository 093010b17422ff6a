"""What is read never runs: pickles, YAML tags, bombs, names that are paths, markup or formulas.

A file is the mark that code has run; for each kind of file a plain reader is shown to run it.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import sqlite3
import struct
import zipfile
from pathlib import Path

import ase.db
import numpy as np
import pytest
import torch
import yaml
from ase import Atoms
from ase.io import read as ase_read
from ase.io.pickletrajectory import PickleTrajectory
from cif import cubic_cif
from command import run
from records import record

from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model
from src.dataset.database import Database, write_records
from src.dataset.record import Record, Rejected
from src.errors import ConfigError, RecordError, StructureError, XanesError
from src.predictor import XANESPredictor
from src.readers.extxyz import read_extxyz
from src.readers.materials_project import load_documents
from src.readers.npz import read_npz
from src.readers.options import Given
from src.readers.table import read_table
from src.structures.files import named_structures, read_structures
from src.xas.columns import read_columns

pytestmark = pytest.mark.reliability
GIVEN = Given(edge="K", axis="absolute")
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


def test_a_resumed_training_does_not_run_its_state(tmp_path, marker, capsys):
    write_records(tmp_path / "cu.db", [record(material=f"mp-{k}") for k in range(4)])
    (tmp_path / "run").mkdir()
    write_pickle(tmp_path / "run" / "last.ckpt", marker, "zip")
    words = ["train", tmp_path / "cu.db", "-o", tmp_path / "run", "--resume"]
    words += ["--val_fraction", 0.5, "--model.num_layers", 1, "--model.channels", 8]
    words += ["--energy.start", 1, "--energy.stop", 4, "--energy.step", 1]
    assert "last.ckpt" in refused(capsys, *words)
    assert not marker.exists()


def arrays(**changes):
    """Arrays of an archive with two spectra of a cell of copper oxide."""
    values = {
        "mu": np.array([[0.0, 1.0, 2.0]] * 2), "energy": np.array([8980.0, 8990.0, 9000.0]),
        "n_atoms": np.array([2, 2]), "numbers": np.array([29, 8, 29, 8]),
        "positions": np.array([[0.0, 0, 0], [2.0, 0, 0]] * 2), "absorber": np.array([0, 0]),
        "element": np.array("Cu"), "material": np.array(["a", "b"]), "edge": np.array("K"),
        "axis": np.array("absolute"),
    }  # fmt: skip
    return {**values, **changes}


@pytest.mark.parametrize("name", ["material", "mu", "extra"])
def test_object_arrays_of_an_archive_do_not_run(name, tmp_path, marker):
    path = tmp_path / "cu.npz"
    np.savez(path, allow_pickle=True, **arrays(**{name: np.array([Harm(marker)], dtype=object)}))
    with pytest.raises(RecordError, match=r"cu\.npz: damaged, or no archive of plain arrays"):
        list(read_npz(path))
    assert not marker.exists()
    with np.load(path, allow_pickle=True) as file:  # negative control
        _ = file[name]
    assert marker.exists()


def old_trajectory(path, marker):
    """A trajectory as ASE wrote it before 3.8, a row of pickles."""
    header = {"pbc": [0, 0, 0], "numbers": [29], "tags": None, "masses": None}
    content = b"PickleTrajectory" + pickle.dumps({**header, "constraints": Harm(marker)})
    path.write_bytes(content)


def pickled(path, marker):
    """A bare pickle."""
    path.write_bytes(pickle.dumps(Harm(marker)))


@pytest.mark.parametrize("name", ["cu.traj", "cu.pckl", "cu.db", "cu.json", "cu.cif", "cu.gpw"])
@pytest.mark.parametrize("write", [old_trajectory, pickled])
def test_pickles_as_structures_do_not_run(write, name, tmp_path, marker, capsys):
    path = tmp_path / name
    write(path, marker)
    assert name in refused(capsys, "predict", "cu-k-feff", path)
    assert name in refused(capsys, "info", path)
    with pytest.raises(StructureError, match=name):
        XANESPredictor("cu-k-feff").trajectory(path)
    assert not marker.exists()


def test_the_pickles_of_an_old_trajectory_run_where_they_are_read(tmp_path, marker):
    """Negative control."""
    old_trajectory(tmp_path / "cu.traj", marker)
    with (tmp_path / "cu.traj").open("rb") as file:
        PickleTrajectory(file, _warn=False)
    assert marker.exists()


@pytest.mark.parametrize("column", ["data", "key_value_pairs", "constraints", "calculator"])
def test_pickles_in_a_database_of_ase_do_not_run(column, tmp_path, marker, capsys):
    path = tmp_path / "structures.db"
    with ase.db.connect(path) as database:
        database.write(Atoms("CuO", [[0, 0, 0], [1.9, 0, 0]]), data={"a": 1})
    with sqlite3.connect(path) as connection:
        harm = pickle.dumps(Harm(marker))
        connection.execute(f"UPDATE systems SET {column} = ?", (harm,))
    connection.close()
    out = tmp_path / "spectra.db"
    capsys.readouterr()
    run("predict", "cu-k-feff", path, "-o", out)  # columns that hold nothing of use may be anything
    error = capsys.readouterr().err
    assert "internal error" not in error
    assert "structures.db: row 1 can't be read" in error or out.exists()
    assert "structures.db" in refused(capsys, "info", path)
    assert not marker.exists()


def test_entities_of_xml_do_not_expand_and_read_no_files(tmp_path, capsys):
    (tmp_path / "secret").write_text("the secret")
    laughs = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    for declared, used in (
        (f'<!ENTITY l0 "ha">{laughs}', "&l9;"),
        (f'<!ENTITY l9 SYSTEM "file://{tmp_path}/secret">', "&l9;"),
    ):
        path = tmp_path / "vasprun.xml"
        text = f'<?xml version="1.0"?><!DOCTYPE x [{declared}]><modeling>{used}</modeling>'
        path.write_text(text)
        assert "the secret" not in refused(capsys, "info", path)


# YAML


@pytest.mark.parametrize("tag", ["apply", "new"])
def test_tags_of_a_configuration_do_not_run(tag, tmp_path, marker, capsys):
    tagged = f"!!python/object/{tag}:os.system ['touch \"{marker}\"']"
    config = tmp_path / "config.yaml"
    config.write_text(f"val_fraction: {tagged}\n")
    words = ["train", tmp_path / "cu.db", "-o", tmp_path / "run", "--config", config]
    assert "config.yaml: not a YAML file of plain values" in refused(capsys, *words, code=2)
    refused(capsys, "train", tmp_path / "cu.db", "-o", tmp_path / "run", f"--val_fraction={tagged}",
            code=2)  # fmt: skip
    assert not marker.exists()
    if tag == "apply":  # negative control
        yaml.unsafe_load(config.read_text())
        assert marker.exists()


@pytest.mark.parametrize("option", ["--config", "--training"])
def test_a_configuration_that_would_grow_is_refused(option, tmp_path, capsys):
    """Ten short lines that stand for a billion words, of which messages would be made."""
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 11)
    )
    words = ["train", tmp_path / "cu.db", "-o", tmp_path / "run"]
    for content in (laughs + "lr: *a10\n", "a: &a {b: *a}\n", "lr: " + "[" * 3000, "[1]", "\x07"):
        (tmp_path / "c.yaml").write_text(content)
        for given in ([option, tmp_path / "c.yaml"], [f"{option}={tmp_path / 'c.yaml'}"]):
            assert "c.yaml: " in refused(capsys, *words, *given, code=2)


def test_a_configuration_can_not_name_a_class(tmp_path, marker, capsys):
    config = tmp_path / "config.yaml"
    what = {"class_path": "pathlib.Path.touch", "init_args": {"self": str(marker)}}
    for name in ("training", "model", "energy", "freeze"):
        config.write_text(yaml.safe_dump({name: what}))
        words = ["train", tmp_path / "cu.db", "-o", tmp_path / "run", "--config", config]
        refused(capsys, *words, code=2)
    assert not marker.exists()


CARDS = {
    "tag": ("data: !!python/object/apply:os.getcwd []\nlicence: a\naccuracy: b\n", "plain values"),
    "alias": ("data: &a x\nlicence: *a\naccuracy: b\n", r"an alias, \*a"),
    "itself": ("data: &a [*a]\nlicence: a\naccuracy: b\n", r"an alias, \*a"),
    "deep": (f"data: {'[' * 5000}\n", "not a YAML file"),
    "list": ("- a\n- b\n", "expected names with values, found list"),
    "number as a name": ("1: a\n", "expected names with values"),
    "list as a value": ("data: [a]\nlicence: a\naccuracy: b\n", "`data` is .*a line of text"),
    "number": ("data: a\nlicence: a\naccuracy: 0.5\n", "`accuracy` is '0.5', expected a line"),
    "escape": ('data: "\\e[2J"\nlicence: a\naccuracy: b\n', "`data` is .*a line of text"),
    "other names": ("data: a\n", "expected the entries data, licence, accuracy, found"),
    "empty": ("", "expected names with values, found NoneType"),
    "no text": (b"\xff\xfe\x00", "not a YAML file"),
}


@pytest.mark.parametrize("kind", list(CARDS))
def test_cards_that_are_none_are_refused(kind, tmp_path, capsys):
    content, message = CARDS[kind]
    card = tmp_path / "card.yaml"
    card.write_bytes(content if isinstance(content, bytes) else content.encode())
    words = ["ensemble", "cu-k-feff", "-o", tmp_path / "out.pt", "--card", card]
    assert re.search(rf"card\.yaml: .*{message}", refused(capsys, *words))
    assert not (tmp_path / "out.pt").exists()


# bombs


def zeros(packed, size):
    """Compressed bytes of so many blanks."""
    return packed(b" " * size)


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("ending", list(PACKED))
def test_compressed_structures_are_read_up_to_a_size(ending, tmp_path, monkeypatch, capsys):
    path = tmp_path / f"cu.cif{ending}"
    path.write_bytes(PACKED[ending](COPPER_OXIDE.encode()))
    assert len(read_structures(path)[0]) == 2
    monkeypatch.setattr("src.runtime.compressed_files.LARGEST_EXPANDED", 10_000)
    assert len(read_structures(path)[0]) == 2
    path.write_bytes(PACKED[ending](COPPER_OXIDE.encode() + b" " * 10_000))
    monkeypatch.setattr("src.structures.files.read", lambda *_, **__: pytest.fail("ASE was asked"))
    monkeypatch.setattr("src.predictor.iread", lambda *_, **__: pytest.fail("ASE was asked"))
    assert "more than 10000 bytes when unpacked" in refused(capsys, "predict", "cu-k-feff", path)
    with pytest.raises(StructureError, match="more than 10000 bytes when unpacked"):
        XANESPredictor("cu-k-feff").trajectory(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StructureError, match=r"cu\.cif\.\w+: "):
        read_structures(path)


def test_a_bomb_is_counted_without_being_kept(tmp_path):
    """A gigabyte and a bit of blanks in a megabyte; the memory for a tenth of it would show."""
    import tracemalloc

    path = tmp_path / "cu.xyz.gz"
    one = gzip.compress(b" " * 100_000_000, 1)
    path.write_bytes(one * 11)  # members of gzip add up
    assert path.stat().st_size < 6_000_000
    tracemalloc.start()
    with pytest.raises(StructureError, match="more than 1000000000 bytes"):
        read_structures(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000


@pytest.mark.parametrize("ending", list(PACKED))
def test_compressed_text_is_read_up_to_a_size(ending, tmp_path, monkeypatch):
    monkeypatch.setattr("src.runtime.compressed_files.LARGEST_EXPANDED", 10_000)
    monkeypatch.setattr("src.readers.materials_project.LARGEST_FILE", 10_000)
    rows = "".join(f"{8900 + k} {k}\n" for k in range(3000))
    path = tmp_path / f"mu.dat{ending}"
    path.write_bytes(PACKED[ending](rows.encode()))
    with pytest.raises(RecordError, match=rf"mu\.dat\{ending}: more than 10000 characters"):
        read_columns(path)
    path.write_bytes(PACKED[ending](rows[:5000].rpartition("\n")[0].encode() + b"\n"))
    assert len(read_columns(path).values) > 400
    plain = tmp_path / "mu.dat"
    plain.write_text(rows)
    assert len(read_columns(plain).values) == 3000  # what lies on the disk is no bomb
    path.write_bytes(PACKED[ending](b"1\nmu=1\nCu 0 0 0\n" * 1000))
    found = list(read_extxyz(path, GIVEN))
    assert "more than 10000 characters" in found[-1].reason
    path.write_bytes(PACKED[ending](b"[" + b" " * 20_000))
    with pytest.raises(RecordError, match="more than 10000 characters of JSON"):
        load_documents(path)


def test_an_archive_of_arrays_is_read_up_to_a_size(tmp_path, monkeypatch):
    monkeypatch.setattr("src.readers.npz.LARGEST", 100_000)
    monkeypatch.setattr("numpy.load", lambda *_, **__: pytest.fail("was read"))
    np.savez_compressed(tmp_path / "cu.npz", **arrays(positions=np.zeros((100_000, 3))))
    assert (tmp_path / "cu.npz").stat().st_size < 10_000
    with pytest.raises(RecordError, match=r"cu\.npz: \d+ bytes unpacked, more than 100000"):
        list(read_npz(tmp_path / "cu.npz"))


def test_an_array_that_says_it_is_huge_is_refused(tmp_path):
    """A header of a trillion numbers before three of them."""
    path, content = tmp_path / "cu.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)}
    )
    np.savez(path, **{name: value for name, value in arrays().items() if name != "mu"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mu.npy", content.getvalue() + bytes(24))
    with pytest.raises(RecordError, match=r"cu\.npz: damaged"):
        list(read_npz(path))


def test_packed_and_overlapping_parts_of_a_state_are_refused(tmp_path, monkeypatch):
    state = tmp_path / "last.ckpt"
    torch.save({"weights": torch.zeros(300_000)}, state)
    with zipfile.ZipFile(state) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(state, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert state.stat().st_size < 10_000
    torch.load(state, weights_only=True)  # negative control: torch unpacks it
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("was unpacked"))
    with pytest.raises(XanesError, match=r"last\.ckpt: not a file of torch's"):
        read_verified(state)
    content = bytearray()  # forty entries, all of the same bytes
    with zipfile.ZipFile(state, "w") as archive:
        archive.writestr("archive/data/0", bytes(100_000))
    whole = state.read_bytes()
    at = whole.index(b"PK\x01\x02")
    entry, end = whole[at : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    content += whole[:at] + entry * 40
    content += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 40, 40, 40 * len(entry), at, 0)
    assert len(end) == 22
    state.write_bytes(content)
    with pytest.raises(XanesError, match=r"last\.ckpt: not a (file of torch's|readable torch)"):
        read_verified(state)


@pytest.mark.parametrize("length", [10**8 + 1, 2**63, 2**64 - 1])
def test_a_model_with_an_oversize_header_is_refused(length, tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    path.write_bytes(struct.pack("<Q", length) + b'{"a":1}')
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
    with pytest.raises(XanesError, match=rf"model\.pt: .*its header has {length} bytes"):
        load_model(path)


# names that are paths


BAD_NAMES = (
    "../../x", "/etc/x", "..", "a/b", "..\\x", "C:\\x", "=1+1", "@x", "-o", "+1", "a\x1b[2J",
    "a\x07",
)  # fmt: skip
"""Names out of a folder, of formulas, of options, and with orders for a terminal."""


def reasons(found):
    """Why nothing came of each."""
    assert not any(isinstance(one, Record) for one in found)
    return [one.reason for one in found if isinstance(one, Rejected)]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_paths_or_formulas_are_refused(name, tmp_path):
    np.savez(tmp_path / "cu.npz", **arrays(material=np.array([name, name])))
    found = reasons(list(read_npz(tmp_path / "cu.npz")))
    frame = f'2\nProperties=species:S:1:pos:R:3 material="{name}" absorber=0 mu="0 1 2" energy="8980 8990 9000"\nCu 0 0 0\nO 2 0 0\n'  # noqa: E501
    (tmp_path / "cu.xyz").write_text(frame)
    found += reasons(list(read_extxyz(tmp_path / "cu.xyz", GIVEN)))
    (tmp_path / "cu.cif").write_text(COPPER_OXIDE)
    rows = f"structure,element,absorber,material,8980,8990,9000\ncu.cif,Cu,0,{name},0,1,2\n"
    (tmp_path / "cu.csv").write_text(rows)
    found += reasons(list(read_table(tmp_path / "cu.csv", GIVEN)))
    assert len(found) == 4
    assert all("`material` is" in reason for reason in found)
    with pytest.raises(RecordError, match="`material` is"):
        record(material=name)
    for good in ("mp-1", "mvc-9", "Cu2O_a", "(Cu)2O", "a..b", "<b>"):
        assert record(material=good).id == f"{good}_000"


@pytest.mark.parametrize("name", [name for name in BAD_NAMES if name not in ("..",)])
def test_an_object_of_the_materials_project_with_a_path_as_its_name_is_refused(name, tmp_path):
    from paths import MATERIALS_PROJECT

    from src.readers.materials_project import read_materials_project

    document = json.loads((MATERIALS_PROJECT / "LiCoO2_k_xanes.json").read_text())
    path = tmp_path / "co.json"
    path.write_text(json.dumps({"material_id": name, "spectrum": document}))
    assert "`material` is" in reasons(list(read_materials_project(path)))[0]


@pytest.mark.parametrize("label", ["../x", "a/b", "..\\x", "a\x1b"])
def test_labels_of_sites_that_are_paths_are_refused(label, tmp_path):
    np.savez(tmp_path / "cu.npz", **arrays(site=np.array([label, label])))
    assert all("`site` is" in r for r in reasons(list(read_npz(tmp_path / "cu.npz"))))
    frame = f'2\nProperties=species:S:1:pos:R:3 material=a site="{label}" absorber=0 mu="0 1 2" energy="8980 8990 9000"\nCu 0 0 0\nO 2 0 0\n'  # noqa: E501
    (tmp_path / "cu.xyz").write_text(frame)
    assert "`site` is" in reasons(list(read_extxyz(tmp_path / "cu.xyz", GIVEN)))[0]


def test_a_record_of_a_program_with_orders_for_a_terminal_is_refused():
    for field in ("code", "version"):
        with pytest.raises(RecordError, match=f"`{field}` is"):
            record(**{field: "FEFF\x1b]0;owned\x07"})


def test_a_database_made_by_another_with_a_path_as_a_name_is_refused(tmp_path, monkeypatch):
    """The reader does not trust the writer."""
    with monkeypatch.context() as unchecked:
        unchecked.setattr(Record, "__post_init__", lambda _: None)
        write_records(tmp_path / "cu.db", [record(material="../../x")])
    database = Database(tmp_path / "cu.db")
    with pytest.raises(XanesError, match=r"\.\./\.\./x"):
        list(database.records(database.ids))


def test_members_of_archives_stay_within_them(tmp_path, capsys):
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    names = ("../../out.npy", "/tmp/out-e3gnn.npy", "..\\out.npy")
    np.savez(folder / "cu.npz", **arrays())
    torch.save({"weights": torch.zeros(3)}, folder / "last.ckpt")
    for path in (folder / "cu.npz", folder / "last.ckpt"):
        with zipfile.ZipFile(path, "a") as archive:
            for name in names:
                archive.writestr(name, b"\x93NUMPY")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RecordError, match=r"cu\.npz: "):
        list(read_npz(folder / "cu.npz"))
    try:  # parts without a meaning are no harm, if they stay where they are
        read_verified(folder / "last.ckpt")
    except XanesError as error:
        assert "last.ckpt" in str(error)  # noqa: PT017
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/out-e3gnn.npy").exists()


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


def test_what_the_readers_say_is_one_line(tmp_path, capsys):
    path = tmp_path / "a\nb.cif"
    path.write_text("nothing")
    assert refused(capsys, "info", path).count("\n") == 1


def test_settings_that_are_no_mapping_are_refused(tmp_path):
    from src.runtime.yaml_file import read_mapping

    (tmp_path / "a.yaml").write_text("a: 1\nb: {c: [1, 2]}\n")
    assert read_mapping(tmp_path / "a.yaml") == {"a": 1, "b": {"c": [1, 2]}}
    with pytest.raises(ConfigError, match="no such file"):
        read_mapping(tmp_path / "none.yaml")


# markup


ACTIVE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\evil{$ & ]]>",
    "$x$",
)
"""Names that a browser would run, or that matplotlib would set as a formula."""
FILES = ("<script>alert(1)<b>", '"><img src=x onerror=alert(1)>', "$\\evil{$ & ]]>", "$x$")
"""The same without the slash, which a file's name can't hold."""


def text_of(page):
    """The words of a page in which no name has become a tag or an attribute."""
    from html.parser import HTMLParser

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

    found = Reader()
    found.feed(page)
    found.close()
    assert not found.tags & {"script", "img", "b", "iframe", "object", "embed", "link"}, found.tags
    assert not {name for name in found.names if name.startswith("on")}
    return "".join(found.words)


def svg_text(path):
    """Text of a picture, which is well formed."""
    import xml.etree.ElementTree as ET

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
    training = folder / FILES[0]
    words = ["train", folder / "cu.db", "-o", training, "--train", folder / "train.txt"]
    words += ["--val", folder / "val.txt", "--training.epochs", 1, "--model.num_layers", 1]
    assert run(*words, "--model.lmax", 0, "--model.channels", 4, "--model.num_heads", 1) == 0
    return folder, training, names


def test_markup_in_a_data_set_is_text(active, tmp_path):
    folder, _, _ = active
    path = tmp_path / f"{FILES[1]}.db"
    path.write_bytes((folder / "cu.db").read_bytes())
    assert run("report", path, "-o", tmp_path / "a.html") == 0
    text = text_of((tmp_path / "a.html").read_text())
    assert all(name in text for name in (*ACTIVE, FILES[1]))


def test_markup_in_a_training_is_text(active, tmp_path):
    _, training, names = active
    config = training / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**settings, ACTIVE[1]: {ACTIVE[0]: [ACTIVE[1]]}}))
    assert run("report", training, "-o", tmp_path / "a.html") == 0
    config.write_text(yaml.safe_dump(settings))
    text = text_of((tmp_path / "a.html").read_text())
    assert f"{ACTIVE[1]}.{ACTIVE[0]}" in text
    assert FILES[0] in text
    assert names[0] in text


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
    import csv

    with (tmp_path / "a.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert all(f"{name}_000" in cells for name in names)
    numbers = [cell for cell in cells if cell[:1] in "=+-@" and cell]
    assert all(np.isfinite(float(cell)) for cell in numbers)  # no formulas


@pytest.mark.parametrize("name", FILES)
def test_markup_in_a_comparison_a_mixture_and_a_prediction_is_text(name, tmp_path, capsys):
    from paths import EXPERIMENT, ROOT

    foil, copper = EXPERIMENT / "cu_metal_rt.xdi", ROOT / "docs" / "examples" / "copper"
    candidate, measured = tmp_path / f"{name}.vasp", tmp_path / f"{name}.xdi"
    candidate.write_bytes((copper / "Cu.vasp").read_bytes())
    measured.write_bytes(foil.read_bytes())
    out = tmp_path / "out.json"
    words = ["compare", measured, candidate, copper / "CuO.vasp", "--model", "cu-k-feff"]
    assert run(*words, "-o", out, "--plot", tmp_path / "a.svg") == 0
    svg_text(tmp_path / "a.svg")
    values = json.loads(out.read_text())
    values["verdict"] += name
    for one in values["candidates"]:
        one["measures"][name] = 0.5
        one["at_bound"] = [name]
        for site in one["sites"].values():
            site["unseen"] = [name]
    values["measure"] = name
    out.write_text(json.dumps(values))
    assert run("report", out, "-o", tmp_path / "a.html") == 0
    assert text_of((tmp_path / "a.html").read_text()).count(name) > 8
    cold = EXPERIMENT / "cu_metal_10K.xdi"
    words = ["fit", measured, cold, measured, "--bootstrap", 0, "-o", out]
    assert run(*words, "--plot", tmp_path / "b.svg") == 0
    svg_text(tmp_path / "b.svg")
    assert run("report", out, "-o", tmp_path / "b.html") == 0
    assert text_of((tmp_path / "b.html").read_text()).count(name) > 2
    assert run("predict", "cu-k-feff", candidate, "--plot", tmp_path / "c.svg") == 0
    svg_text(tmp_path / "c.svg")


def test_settings_that_would_grow_are_no_settings_of_a_page(active, tmp_path, capsys):
    import shutil

    _, training, _ = active
    folder = tmp_path / "run"
    shutil.copytree(training, folder)
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
    )
    for content in (laughs, "a: &a {b: *a}\n", "[1, 2]\n", "a: !!python/name:os.system\n", "{"):
        (folder / "config.yaml").write_text(content)
        words = ["report", folder, "-o", tmp_path / "a.html"]
        assert "config.yaml: " in refused(capsys, *words)
    (folder / "config.yaml").unlink()
    metrics = (folder / "metrics.csv").read_text()
    for content in (metrics.replace("train_gradient", "x"), "\0\xff", metrics.rstrip()[:-30]):
        (folder / "metrics.csv").write_text(content)
        assert "metrics.csv: no epochs" in refused(capsys, *words)
    assert not (tmp_path / "a.html").exists()
