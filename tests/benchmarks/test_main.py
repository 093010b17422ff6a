"""All benchmarks run, one after another, and their page is made."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

from benchmarks.__main__ import NAMES, page


def test_page_has_question_table_and_command_of_every_benchmark():
    results = {"speed": ("How fast?", "| a |", 12.3)}
    text = page(results, {"cpu": "X", "date": "2026-01-01"}, Path("x/cu.db"))
    commands = "`python -m benchmarks cu.db`", "`python benchmarks/speed.py`"
    for part in (*commands, "cpu X, date 2026-01-01", "## Speed", "How fast?", "| a |", "12 s."):
        assert part in text


@pytest.mark.slow
def test_quick_run_of_all_benchmarks_ends_well_and_writes_nothing_here():
    before = {path: path.stat().st_mtime for path in (ROOT / "benchmarks").glob("*.*")}
    words = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ran = re.findall(r"^(\w+): .*\?$", done.stdout, flags=re.MULTILINE)
    assert ran == [name for name in NAMES if (ROOT / "benchmarks" / f"{name}.py").is_file()]
    assert {path: path.stat().st_mtime for path in (ROOT / "benchmarks").glob("*.*")} == before
