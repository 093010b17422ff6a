"""The reader of extended xyz on real frames against ASE's, and on frames damaged on purpose."""

import bz2
import gzip
import lzma
import re
from dataclasses import replace

import numpy as np
import pytest
from ase.io import read
from paths import ZN_K

from src.dataset.record import PassedOver, Record, Rejected
from src.errors import ConfigError, RecordError
from src.readers.extxyz import parse_comment, read_extxyz, read_frames
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
    rejected = list(read_extxyz(path, GIVEN))[-1]
    assert (rejected.source, "damaged" in rejected.reason) == (str(path), True)


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


def test_nine_values_are_a_row_and_labels_keep_their_zeros(small):
    """ASE makes a transposed matrix of the former and a number of the latter."""
    nine = " ".join(f"0.{k}" for k in range(1, 10))
    axis = " ".join(str(9650 + k) for k in range(9))
    path = small(("0.1 0.5 1.0", nine), ("9650 9660 9671", axis), (" edge", " site=0001 edge"))
    (record,) = read_extxyz(path)
    assert record.mu.tolist() == [k / 10 for k in range(1, 10)]
    assert record.id == "mp-1_0001"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge": None}, "--edge"),
        ({"energy": None}, "120 values of `mu`.*--energy"),
        ({"axis": None}, "--axis"),
        ({"energy": (0.0, 100.0, 1.0)}, "--energy.* 101 .* has 120"),
    ],
)
def test_what_the_file_lacks_must_be_given(changes, message):
    with pytest.raises(ConfigError, match=message) as caught:
        list(read_extxyz(TRAIN, replace(GIVEN, **changes)))
    assert f"{TRAIN}: frame 1" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ([], Given(energy=(0, 2, 1)), "--energy"),
        ([], Given(axis="relative"), "`axis` is 'absolute'.* relative"),
        ([("edge=K", "edge=K target=absolute")], Given(target="normalized"), "`target` is"),
        ([("9650 9660 9671", "-3.5")], Given(), "--energy"),  # the total energy is no axis
    ],
)
def test_what_the_file_says_may_not_be_given_otherwise(changes, given, message, small):
    with pytest.raises(ConfigError, match=message):
        list(read_extxyz(small(*changes), given))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("absorber=1", "absorber=3", "`absorber` is '3'.* 0 to 2"),
        ("absorber=1", "absorber=1.5", "`absorber` is '1.5'"),
        ("absorber=1 ", "", "`absorber`"),
        ("material=mp-1 ", "", "`material`"),
        ("material=mp-1", 'material="a b"', "`material` is 'a b'"),
        ("material=mp-1", "material=mp-1 site=0_1", "`site` is '0_1'"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0.5 ***"', r"`mu`.*'\*\*\*'"),
        ('mu="0.1 0.5 1.0"', 'mu="0,1 0,5 1,0"', "`mu`.*'0,1'"),
        ('mu="0.1 0.5 1.0"', 'mu="0.1 0.5"', "3 values of `energy`, 2 of `mu`"),
        ("edge=K", 'edge=K polarization="1 0"', "`polarization`.* 2 .* 3"),
        ("edge=K", 'edge=K radii="29 1"', "`radii`.* 2 .* 3"),
        ("9660", "9680", "energies.* 9671.* 9680"),
        ("Zn 1.5 1.2 1.3", "Zn 0.0 0.0 0.0", "atoms 1 and 0|atoms 0 and 1"),
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
    assert re.search(message, rejected.reason)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3\nProp", "three\nProp", "line 1: .*'three'"),
        ("3\nProp", "4\nProp", "3 of 4 atoms"),
        ("3\nProp", "2\nProp", "line 5: "),
        ("3\nProp", "0\nProp", "line 1: .*'0'"),
        ("O 3.0", "\udcff 3.0", "line 5: "),
        ("O 0 0 0", "O 0 0", "line 3: expected 4 columns, found 3"),
        ("O 0 0 0", "O 0 0 1,5", "line 3: .*position"),
        ("O 0 0 0", "O 0 0 inf", "line 3: .*position"),
        ("O 0 0 0", "Oxy 0 0 0", "line 3: .*'Oxy'"),
        ("0 0 0 6", "0 0 6", "line 2: `Lattice`"),
        ("edge=K", "edge=K pbc=T", "line 2: `pbc`"),
        ("edge=K", 'edge="K', "line 2: .*`key=value`"),
        ("edge=K", "edge=K edge=L3", "line 2: `edge`"),
        ("pos:R:3", "pos:R:x", "line 2: `Properties`"),
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
    assert re.search(message, rejected.reason)


def test_lost_line_ends_are_noticed(small):
    """Where the file is cut, and where the next frame's number follows the last position."""
    path = small()
    for text, line in ((SMALL.rstrip("\n"), 5), (SMALL.rstrip("\n") + SMALL, 6)):
        path.write_text(text)
        (rejected,) = read_extxyz(path)
        assert f"line {line}: " in rejected.reason


def test_what_is_missing_is_asked_for_once_and_then_a_fault_of_the_frame(small):
    path = small()
    path.write_text(SMALL + SMALL.replace("mp-1", "mp-2").replace(" edge=K", ""))
    record, rejected = read_extxyz(path)
    assert (record.id, "names no edge" in rejected.reason) == ("mp-1_001", True)


def test_binary_empty_and_missing_files_are_named(tmp_path):
    path = tmp_path / "x.xyz"
    for content, reason in ((b"3\n\xff\xfe\n", "line 2: "), (b" \n", "empty")):
        path.write_bytes(content)
        (rejected,) = read_frames(path)
        assert rejected.reason.startswith(reason)
    with pytest.raises(RecordError, match=r"y\.xyz"):
        list(read_frames(tmp_path / "y.xyz"))


def test_comment_values_in_every_manner_of_quoting():
    line = "a=1 b=\"x y\" c='z w' d={1 2} e=[1, 2] flag _f-g = 2"
    assert parse_comment(line, "here") == {
        "a": "1", "b": "x y", "c": "z w", "d": "1 2", "e": "[1, 2]", "flag": "T", "_f-g": "2",
    }  # fmt: skip
