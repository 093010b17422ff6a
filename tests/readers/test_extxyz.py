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
from src.readers.extxyz import parse_comment, read_extxyz, split_frames
from src.readers.options import ReadOptions

TRAIN = ZN_K / "train.extxyz"
ZINC = ReadOptions("Zn", "K", (-25.0, 94.0, 1.0), "relative")
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
    ours, theirs = list(read_extxyz(TRAIN, ZINC)), read(TRAIN, ":", format="extxyz")
    assert len(ours) == len(theirs) == 4
    for record, atoms in zip(ours, theirs, strict=True):
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
    assert [r.digest for r in read_extxyz(path, ZINC)] == [
        r.digest for r in read_extxyz(TRAIN, ZINC)
    ]
    path.write_bytes(content[: len(content) // 2])
    rejected = list(read_extxyz(path, ZINC))[-1]
    assert (rejected.source, "damaged" in rejected.reason) == (str(path), True)


def test_frame_with_everything_needs_no_options(small):
    (record,) = read_extxyz(small())
    assert record.energy.tolist() == [9650.0, 9660.0, 9671.0]
    assert (record.id, record.axis) == ("mp-1_001", "absolute")
    assert (record.code, record.version) == ("FDMNES", "2024")
    assert record.source.endswith("small.xyz: frame 1")
    assert record.atoms.pbc.all()
    assert record.atoms.cell.lengths().tolist() == [4.0, 5.0, 6.0]
    for other in (ReadOptions(element="Cu"), ReadOptions(edge="L3")):
        assert [type(result) for result in read_extxyz(small(), other)] == [PassedOver]


def test_lattice_vectors_are_rows_and_columns_are_found_by_name(small):
    path = small(
        ("4 0 0 0 5 0 0 0 6", "4 1 0 0 5 0 0 0 6"),
        ("species:S:1:pos:R:3", "forces:R:3:pos:R:3:species:S:1"),
        ("O 0 0 0", "9 9 9 0 0 0 O"),
        ("Zn 1.5 1.2 1.3", "9 9 9 1.5 1.2 1.3 Zn"),
        ("O 3.0 0.1 0.2", "9 9 9 3.0 0.1 0.2 O"),
    )
    (record,) = read_extxyz(path)
    assert record.atoms.cell.tolist() == [[4, 1, 0], [0, 5, 0], [0, 0, 6]]
    assert record.atoms.positions[1].tolist() == [1.5, 1.2, 1.3]
    assert record.atoms.calc is None


def test_nine_values_are_a_row_and_labels_keep_their_zeros(small):
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
        ({"energy": (0.0, 100.0, 1.0)}, "--energy` gives 101 .* has 120"),
    ],
)
def test_options_must_give_what_the_file_lacks(changes, message):
    with pytest.raises(ConfigError, match=message) as caught:
        list(read_extxyz(TRAIN, replace(ZINC, **changes)))
    assert f"{TRAIN}: frame 1" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ([], {"energy": (0, 2, 1)}, "--energy"),
        ([], {"axis": "relative"}, "`axis` is 'absolute'.* relative"),
        ([("edge=K", "edge=K target=absolute")], {"target": "normalized"}, "`target` is"),
        ([("9650 9660 9671", "-3.5")], {}, "--energy"),  # the total energy is no axis
    ],
)
def test_options_must_not_contradict_the_file(changes, options, message, small):
    with pytest.raises(ConfigError, match=message):
        list(read_extxyz(small(*changes), ReadOptions(**options)))


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
        ("edge=K", 'edge=K polarization="1 0"', "`polarization`: expected 3 numbers, found 2"),
        ("edge=K", 'edge=K polarization="0 0 0"', "`polarization` has no direction"),
        ("edge=K", 'edge=K radii="29 1"', "`radii`: expected 3 numbers, found 2"),
        ("edge=K", 'edge=K kf="1.0 2.0"', "`kf`: expected 1 number, found 2"),
        ("9660", "9680", "energies.* 9671.* 9680"),
        ("Zn 1.5 1.2 1.3", "Zn 0.0 0.0 0.0", "atoms 1 and 0|atoms 0 and 1"),
        ("edge=K", "edge=Q", "`edge` is 'Q'"),
        ("3\nProp", "three\nProp", "line 1: .*'three'"),
        ("3\nProp", "4\nProp", "line 1: 4 atoms, but 3"),
        ("3\nProp", "2\nProp", "line 1: 2 atoms, but 3"),
        ("3\nProp", "0\nProp", "line 1: .*'0'"),
        ("O 3.0", "\udcff 3.0", "line 5: "),
        ("O 0 0 0", "O 0 0", "lines 2 to 5: "),
        ("O 0 0 0", "O 0 0 1,5", "lines 2 to 5: .*'1,5'"),
        ("O 0 0 0", "O 0 0 inf", "atom 0 is not finite"),
        ("O 0 0 0", "Oxy 0 0 0", "lines 2 to 5: .*'Oxy'"),
        ("0 0 0 6", "0 0 6", "Lattice"),
        ("edge=K", "edge=K pbc=T", "line 2: `pbc`"),
        ("edge=K", 'edge="K', "line 2: .*`key=value`"),
        ("edge=K", "edge=K edge=L3", "line 2: `edge`"),
        ("pos:R:3", "pos:R:x", "lines 2 to 5: .*'x'"),
        ("O 0 0 0\nZn 1.5", "\nZn 1.5", "lines 2 to 5: "),
    ],
)
def test_damaged_frame_is_rejected_alone(old, new, message, small):
    """The frames before and after it are read."""
    path, (first, last) = small(), [SMALL.replace("mp-1", f"mp-{k}").encode() for k in (2, 3)]
    assert old in SMALL
    broken = SMALL.replace(old, new).encode(errors="surrogateescape")
    path.write_bytes(broken)
    (rejected,) = read_extxyz(path, ReadOptions(edge="K"))
    assert isinstance(rejected, Rejected)
    assert rejected.source.endswith("small.xyz: frame 1")
    assert re.search(message, rejected.reason)
    path.write_bytes(first + broken + last)
    before, rejected, after = read_extxyz(path)
    assert (before.id, after.id) == ("mp-2_001", "mp-3_001")
    assert rejected.source.endswith("small.xyz: frame 2")


def test_lost_line_ends_are_noticed(small):
    """Where the file is cut, and where the next frame's number follows the last position."""
    path = small()
    for text, line in ((SMALL.rstrip("\n"), 5), (SMALL.rstrip("\n") + SMALL, 1)):
        path.write_text(text)
        results = list(read_extxyz(path))
        assert all(isinstance(result, Rejected) for result in results)
        assert f"line {line}: " in results[0].reason


def test_options_are_asked_for_only_at_the_first_frame(small):
    path = small()
    path.write_text(SMALL + SMALL.replace("mp-1", "mp-2").replace(" edge=K", ""))
    record, rejected = read_extxyz(path)
    assert isinstance(record, Record)
    assert "names no edge" in rejected.reason


def test_binary_empty_and_missing_files_are_named(tmp_path):
    path = tmp_path / "x.xyz"
    for content, reason in ((b"3\n\xff\xfe\n", "line 2: "), (b" \n", "empty"), (b"", "empty")):
        path.write_bytes(content)
        (rejected,) = read_extxyz(path, ZINC)
        assert rejected.reason.startswith(reason)
    with pytest.raises(RecordError, match=r"y\.xyz"):
        list(read_extxyz(tmp_path / "y.xyz"))


def test_plain_xyz_with_a_number_as_comment(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_text("1\n1\nCu 0 0 0\n\n2\n\nCu 0 0 0\nO 1.9 0 0\n")
    first, second = (read() for _, read in split_frames(path))
    assert (str(first.atoms.symbols), str(second.atoms.symbols)) == ("Cu", "CuO")


def test_comment_values_in_every_manner_of_quoting():
    line = "a=1 b=\"x y\" c='z w' d={1 2} e=[1, 2] flag _f-g = 2"
    assert parse_comment(line, "here") == {
        "a": "1", "b": "x y", "c": "z w", "d": "1 2", "e": "[1, 2]", "flag": "T", "_f-g": "2",
    }  # fmt: skip
