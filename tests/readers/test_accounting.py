"""Every calculation that is there is counted: read, of another element or edge, or left out."""

import re
import shutil

import pytest
from paths import CALCULATIONS, FDMNES, FEFF_RUNS, ZN_K

from src.cli import main
from src.readers.formats import count_runs, find_sources

COUNTS = r"(\d+) found: (\d+) read, (\d+) of another element or edge, (\d+) skipped"
ZINC = ["--edge", "K", "--energy", "-25", "94", "1", "--axis", "relative"]


def counts(capsys, *words):
    """The numbers of the line that accounts for all."""
    main(["dataset", *map(str, words)])
    shown = capsys.readouterr()
    return tuple(map(int, re.search(COUNTS, shown.out + shown.err).groups()))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([FEFF_RUNS], (5, 3, 0, 2)),
        ([FEFF_RUNS, "--element", "Zn"], (5, 0, 5, 0)),
        ([CALCULATIONS, "--edge", "L3"], (27, 0, 27, 0)),
        ([FDMNES, "--element", "Cu"], (3, 0, 3, 0)),
        ([ZN_K / "train.extxyz", *ZINC], (4, 4, 0, 0)),
        ([ZN_K / "train.extxyz", *ZINC, "--element", "Cu"], (4, 0, 4, 0)),
    ],
)
def test_counts_add_up(words, wanted, tmp_path, capsys):
    found = counts(capsys, *words, "-o", tmp_path / "x.db")
    assert found == wanted
    assert found[0] == sum(found[1:])
    (source,) = find_sources(words[0])
    assert count_runs(source) in (None, found[0])  # counted without reading


def test_mixed_folder_counts_each_kind(tmp_path, capsys):
    """One run read, one of another element, one that is broken."""
    for name in ("run_0", "run_1", "run_9"):
        shutil.copytree(FDMNES / name, tmp_path / "runs" / name)
    for path in (tmp_path / "runs" / "run_1").iterdir():
        path.write_text(re.sub(r"(?m)^22 ", "40 ", path.read_text()).replace("\n22\n", "\n40\n"))
    for path in (tmp_path / "runs" / "run_1").glob("run_1_[12].txt"):
        path.write_text(path.read_text().replace("4966.000   22", "17998.00   40"))
    (tmp_path / "runs" / "run_9" / "run_9_conv.txt").unlink()
    words = [tmp_path / "runs", "--element", "Ti", "-o", tmp_path / "x.db"]
    assert counts(capsys, *words) == (3, 1, 1, 1)
