"""Every calculation in the source is counted: read, of another element or edge, or left out."""

import re
import shutil

import pytest
from paths import CALCULATIONS, FDMNES, FEFF_RUNS, ZN_K

from src.cli import main
from src.readers.formats import count_runs, find_sources

COUNTS = r"(\d+) found: (\d+) read, (\d+) of another element or edge, (\d+) skipped"
ZINC = ["--edge", "K", "--energy", "-25", "94", "1", "--axis", "relative"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([FEFF_RUNS], (5, 3, 0, 2)),
        ([FEFF_RUNS, "--element", "Zn"], (5, 0, 5, 0)),
        ([CALCULATIONS, "--edge", "L3"], (27, 0, 27, 0)),
        (["mixed", "--element", "Ti"], (3, 1, 1, 1)),
        ([ZN_K / "train.extxyz", *ZINC], (4, 4, 0, 0)),
        ([ZN_K / "train.extxyz", *ZINC, "--element", "Cu"], (4, 0, 4, 0)),
    ],
)
def test_counts_add_up(words, expected, tmp_path, capsys, monkeypatch):
    """In the folder `mixed` one run is usable, one of another element, one is broken."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FDMNES, "mixed")
    for path in (tmp_path / "mixed" / "run_1").iterdir():
        text = re.sub(r"(?m)^22 ", "40 ", path.read_text()).replace("\n22\n", "\n40\n")
        path.write_text(text.replace("4966.000   22", "17998.00   40"))
    (tmp_path / "mixed" / "run_9" / "run_9_conv.txt").unlink()
    main(["dataset", *map(str, words), "-o", "x.db"])
    shown = capsys.readouterr()
    counts = tuple(map(int, re.search(COUNTS, shown.out + shown.err).groups()))
    assert counts == expected
    assert counts[0] == sum(counts[1:])
    (source,) = find_sources(words[0])
    assert count_runs(source) in (None, counts[0])  # counted without reading
