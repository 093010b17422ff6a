"""The reader of extended xyz on real frames against ASE's, and on frames damaged on purpose."""

import bz2
import gzip
import lzma
from dataclasses import replace

import numpy as np
import pytest
from ase.io import read
from paths import CALCULATIONS, FEFF_RUNS, ZN_K

from src.dataset.record import PassedOver, Record, Rejected
from src.errors import ConfigError, RecordError
from src.readers.extxyz import read_extxyz
from src.readers.extxyz_frames import read_frames
from src.readers.extxyz_text import parse_comment
from src.readers.formats import find_sources, read_source
from src.readers.options import Given

TRAIN = ZN_K / "train.extxyz"
GIVEN = Given("Zn", "K", (-25.0, 94.0, 1.0), "relative")
SMALL = """3
Properties=species:S:1:pos:R:3 Lattice="4 0 0 0 5 0 0 0 6" material=mp-1 absorber=1 edge=K \
mu="0.1 0.5 1.0" energy="9650 9660 9671" axis=absolute code=FDMNES version=2024
O 0 0 0
Zn 1.5 1.2 1.3
O 3.0 0.1 0.2
"""


@pytest.fixture
def small(tmp_path):
    """Write a small file with replacements; return its path."""

    def write(*changes):
        text = SMALL
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "small.xyz"
        path.write_text(text)
        return path

    return write


def test_frames_are_what_ase_reads():
    mine, theirs = list(read_extxyz(TRAIN, GIVEN)), read(TRAIN, ":", format="extxyz")
    assert len(mine) == len(theirs) == 4
    for record, atoms in zip(mine, theirs, strict=True):
        assert np.array_equal(record.mu, atoms.info["mu"])
        assert np.array_equal(record.atoms.positions, atoms.positions)
        assert record.atoms.numbers.tolist() == atoms.numbers.tolist()
        assert not record.atoms.pbc.any()
        assert record.id == f"{atoms.info['material']}_000"
        assert record.energy.tolist() == list(range(-25, 95))
        assert (record.element, record.edge, record.site) == ("Zn", "K", 0)
        assert (record.target, record.axis, record.code) == ("as_given", "relative", "not stated")


@pytest.mark.parametrize("module", [gzip, lzma, bz2])
def test_compressed_files_give_the_same_records_and_cut_ones_are_named(module, tmp_path):
    path = tmp_path / "x"
    content = module.compress(TRAIN.read_bytes())
    path.write_bytes(content)
    assert [r.digest for r in read_extxyz(path, GIVEN)] == [
        r.digest for r in read_extxyz(TRAIN, GIVEN)
    ]
    path.write_bytes(content[: len(content) // 2])
    assert "damaged or cut" in list(read_extxyz(path, GIVEN))[-1].reason


def test_frame_with_everything_needs_nothing_else(small):
    (record,) = read_extxyz(small())
    assert record.energy.tolist() == [9650.0, 9660.0, 9671.0]
    assert (record.id, record.axis) == ("mp-1_001", "absolute")
    assert (record.code, record.version, record.source.rpartition(": ")[2]) == (
        "FDMNES", "2024", "frame 1",
    )  # fmt: skip
    assert record.atoms.pbc.all()
    assert record.atoms.cell.lengths().tolist() == [4.0, 5.0, 6.0]
    for other in (Given(element="Cu"), Given(edge="L3")):
        assert [type(found) for found in read_extxyz(small(), other)] == [PassedOver]


def test_nine_values_are_a_row(small):
    """ASE makes a transposed matrix of them."""
    nine = " ".join(f"0.{k}" for k in range(1, 10))
    axis = " ".join(str(9650 + k) for k in range(9))
    path = small(("0.1 0.5 1.0", nine), ("9650 9660 9671", axis))
    (record,) = read_extxyz(path)
    assert record.mu.tolist() == [k / 10 for k in range(1, 10)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge": None}, "names no edge; give it, such as `--edge K`"),
        ({"energy": None}, "120 values of `mu` but no energies; give `--energy START STOP STEP`"),
        ({"axis": None}, "does not say what its energies count from"),
        ({"energy": (0.0, 100.0, 1.0)}, "is 101 energies, but .* has 120 values"),
    ],
)
def test_what_the_file_lacks_must_be_given(changes, message):
    with pytest.raises(ConfigError, match=rf"train\.extxyz.*frame 1.*{message}|{message}"):
        list(read_extxyz(TRAIN, replace(GIVEN, **changes)))


def test_what_the_file_says_may_not_be_given_otherwise(small):
    with pytest.raises(ConfigError, match="has energies of its own"):
        list(read_extxyz(small(), Given(energy=(0, 2, 1))))
    with pytest.raises(ConfigError, match="`axis` is 'absolute', wanted relative"):
        list(read_extxyz(small(), Given(axis="relative")))


def test_total_energy_is_no_axis(small):
    with pytest.raises(ConfigError, match="no energies"):
        list(read_extxyz(small(("9650 9660 9671", "-3.5"))))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("absorber=1", "absorber=3", "`absorber` is '3', expected an index within 0 .. 2"),
        ("absorber=1", "absorber=1.5", "`absorber` is '1.5'"),
        ("absorber=1 ", "", "has no `absorber`"),
        ("material=mp-1 ", "", "has no `material`"),
        ("material=mp-1", 'material="a b"', "`material` is 'a b'"),
        ("material=mp-1", "material=mp-1 site=0_1", "`site` is '0_1'"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0.5 ***"', "`mu` holds '\\*\\*\\*', no number"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0.5 nan"', "`mu` holds 'nan', no number"),
        ('mu="0.1 0.5 1.0"', 'mu="0,1 0,5 1,0"', "`mu` holds '0,1', no number"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0_5 1.0"', "`mu` holds '0_5', no number"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0.5"', "3 values of `energy`, 2 of `mu`"),
        ("9660", "9680", "energies must increase"),
        ("9650", "-5", "absolute energies must be positive"),
        ("O 0 0 0", "O 0 0 inf", "expected a position"),
        ("edge=K", "edge=Q", "`edge` is 'Q'"),
    ],
)
def test_frame_that_can_not_be_used_is_named_and_the_next_one_read(old, new, message, small):
    path = small((old, new))
    path.write_text(path.read_text() + SMALL.replace("mp-1", "mp-2"))
    rejected, record = read_extxyz(path)
    assert isinstance(rejected, Rejected)
    assert isinstance(record, Record)
    assert rejected.source.endswith("small.xyz: frame 1")
    assert record.id == "mp-2_001"
    with pytest.raises(RecordError, match=message):
        raise RecordError(rejected.reason)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3\nProp", "three\nProp", "line 1: expected a number of atoms, found 'three'"),
        ("3\nProp", "4\nProp", "^cut, 3 of 4 atoms|expected 4 columns of an atom, found 1"),
        ("3\nProp", "2\nProp", "line 5: expected a number of atoms"),
        ("3\nProp", "0\nProp", "line 1: a frame without atoms"),
        ("O 3.0", "\udcff 3.0", "line 5: not UTF-8 text"),
        ("O 0 0 0", "O 0 0", "line 3: expected 4 columns of an atom, found 3"),
        ("O 0 0 0", "O 0 0 1,5", "line 3: expected a position"),
        ("O 0 0 0", "Oxy 0 0 0", "line 3: expected an element, found 'Oxy'"),
        ("0 0 0 6", "0 0 6", "`Lattice` holds 8 words"),
        ("edge=K", 'edge="K', "line 2: expected `key=value`"),
        ("edge=K", "edge=K edge=L3", "`edge` stands twice"),
        ("pos:R:3", "pos:R:x", "`Properties` is"),
        ("O 0 0 0\nZn 1.5", "\nZn 1.5", "line 3: expected 4 columns"),
    ],
)
def test_frame_with_a_wrong_line_is_rejected_alone(old, new, message, small):
    """The frames before and after it are read; if it is the last, that is said."""
    path, other = small(), [SMALL.replace("mp-1", f"mp-{k}") for k in (2, 3)]
    broken = SMALL.replace(old, new).encode(errors="surrogateescape")
    path.write_bytes(other[0].encode() + broken + other[1].encode())
    first, rejected, last = read_extxyz(path)
    assert (first.id, last.id) == ("mp-2_001", "mp-3_001")
    assert rejected.source.endswith("small.xyz: frame 2")
    path.write_bytes(other[0].encode() + broken)
    first, rejected = read_extxyz(path)
    assert first.id == "mp-2_001"
    assert rejected.reason.endswith("; no further frame was found after it")
    path.write_bytes(broken)
    (rejected,) = read_extxyz(path)
    with pytest.raises(RecordError, match=message):
        raise RecordError(rejected.reason)


def test_lost_line_ends_are_noticed(small):
    """Where the file is cut, and where the next frame's number stands behind the last position."""
    path = small()
    path.write_text(SMALL.rstrip("\n"))
    (rejected,) = read_extxyz(path)
    assert "line 5: the last line has no line end" in rejected.reason
    path.write_text(SMALL.rstrip("\n") + SMALL)
    (rejected,) = read_extxyz(path)
    assert "line 6: expected a number of atoms" in rejected.reason


def test_what_is_missing_is_asked_for_once_and_then_a_fault_of_the_frame(small):
    text = SMALL + SMALL.replace("mp-1", "mp-2").replace(" edge=K", "")
    path = small()
    path.write_text(text)
    record, rejected = read_extxyz(path)
    assert (record.id, "names no edge" in rejected.reason) == ("mp-1_001", True)


def test_binary_and_missing_files_are_named(tmp_path):
    (tmp_path / "x.xyz").write_bytes(b"3\n\xff\xfe\n")
    (rejected,) = read_frames(tmp_path / "x.xyz")
    assert rejected.reason.startswith("line 2: not UTF-8")
    with pytest.raises(RecordError, match="no such file"):
        list(read_frames(tmp_path / "y.xyz"))


def test_comment_values_in_every_manner_of_quoting():
    line = "a=1 b=\"x y\" c='z w' d={1 2} e=[1, 2] flag _f-g = 2"
    assert parse_comment(line, "here") == {
        "a": "1", "b": "x y", "c": "z w", "d": "1 2", "e": "[1, 2]", "flag": "T", "_f-g": "2",
    }  # fmt: skip


def test_format_is_found_by_content(tmp_path):
    assert [s.format for s in find_sources(CALCULATIONS)] == ["feff"]
    assert [s.format for s in find_sources(TRAIN)] == ["extxyz"]
    found = find_sources(ZN_K)
    assert [(s.path.name, s.format) for s in found] == [
        ("train.extxyz", "extxyz"), ("val.extxyz", "extxyz"),
    ]  # fmt: skip
    (tmp_path / "note.txt").write_text("3\nno spectra here\n")
    for path in (tmp_path, tmp_path / "note.txt"):
        with pytest.raises(ConfigError, match="known format"):
            find_sources(path)
    (tmp_path / "runs").symlink_to(FEFF_RUNS)
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "xmu.dat").write_text("")
    (tmp_path / "both" / "a.xyz").write_text(SMALL)
    with pytest.raises(ConfigError, match="give --format feff or extxyz"):
        find_sources(tmp_path / "both")
    for name in ("feff", "extxyz"):
        assert [s.format for s in find_sources(tmp_path / "both", name)] == [name]


def test_options_that_feff_does_not_need_are_refused():
    (source,) = find_sources(FEFF_RUNS)
    for given, target in ((GIVEN, None), (Given(), "as_given")):
        with pytest.raises(ConfigError, match="does not go with"):
            next(read_source(source, given, target))
