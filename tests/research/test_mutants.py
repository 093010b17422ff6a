"""The mutation tool on a module whose mutants are counted by hand."""

import os
import subprocess
import sys

import yaml
from paths import ROOT

from research.mutants import EQUIVALENT, MODULES, make_mutants, run_tests

MODULE = '''"""Docstring."""


def larger(a: float, b: float, scale: float = 2.0) -> float:
    """The larger one."""
    if not scale > 0.0:
        raise ValueError(f"scale is {scale}")
    return scale * (a if a > b else b)
'''
TESTS = """
from larger import larger

def test_larger():
    assert larger(1.0, 3.0) == 6.0
    assert larger(4.0, 3.0, 1.0) == 4.0
"""
REFUSED = """
import pytest

@pytest.mark.parametrize("scale", [0.0, -0.5])
def test_refused(scale):
    with pytest.raises(ValueError, match="scale is"):
        larger(1.0, 3.0, scale)
    assert larger(1.0, 3.0, 0.5) == 1.5
"""
SAME = """
larger.py:
  - before: "return scale * (a if a > b else b)"
    after: "return scale * (a if a >= b else b)"
    why: "the same where both are equal"
"""


def examined(folder, tests, same="{}"):
    """What the tool prints of the module and its exit status."""
    for name, text in (("larger.py", MODULE), ("check.py", tests), ("same.yaml", same)):
        (folder / name).write_text(text)
    words = ["-m", "research.mutants", "larger.py=check.py", "--imports=pytest"]
    done = subprocess.run(
        [sys.executable, *words, "--equivalent=same.yaml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines(), done.returncode, done.stderr


def test_mutants_are_those_counted_by_hand():
    mutants = {(mutant.line, mutant.before, mutant.after) for mutant in make_mutants(MODULE)}
    head = "def larger(a: float, b: float, scale: float={}) -> float:"
    heads = {(4, head.format(2.0), head.format(other)) for other in (3.0, -2.0, 0)}
    test = "if not scale {}:"
    others = (">= 0.0", "<= 0.0", "> 1", "> -1")
    tests = {(6, test.format("> 0.0"), test.format(other)) for other in others}
    tests |= {(6, "if not scale > 0.0:", "if not not scale > 0.0:")}
    raised = {(7, "raise ValueError(f'scale is {scale}')", "pass")}
    result = "return {}"
    whole = "scale * (a if a > b else b)"
    changed = (
        "scale / (a if a > b else b)", "scale * (a if a >= b else b)", "None",
        "scale * (a if a <= b else b)", "scale * (a if not a > b else b)",
    )  # fmt: skip
    results = {(8, result.format(whole), result.format(other)) for other in changed}
    assert mutants == heads | tests | raised | results


def test_weak_tests_leave_survivors_and_better_ones_kill_them(tmp_path):
    killed = SAME.replace(">= b else b)", "<= b else b)")
    lines, status, _ = examined(tmp_path, TESTS, killed)
    assert status == 1
    assert any("listed as the same, but no survivor" in line for line in lines)
    assert any(line.startswith("larger.py:7: survived: raise ValueError") for line in lines)
    assert not any("scale /" in line for line in lines[:-1])  # the quotient is killed
    lines, status, _ = examined(tmp_path, TESTS + REFUSED, SAME)
    assert status == 0
    assert [line.split(": ")[:2] for line in lines[:-1]] == [["larger.py:8", "same"]]
    assert "14 mutants, 13 killed, 1 the same, 0 survived: 100.0 %" in lines[-1]


def test_what_is_listed_as_the_same_is_a_mutant_of_today_with_a_reason():
    """A line that has changed is to be looked at again."""
    listed = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8"))
    for path, entries in listed.items():
        source = (ROOT / path).read_text(encoding="utf-8")
        pairs = {(mutant.before, mutant.after) for mutant in make_mutants(source)}
        assert all((entry["before"], entry["after"]) in pairs for entry in entries), path
        assert all(entry["why"] for entry in entries)
    assert set(listed) <= set(MODULES)


def test_tests_that_fail_by_themselves_are_refused(tmp_path):
    _, status, errors = examined(tmp_path, TESTS.replace("== 6.0", "== 7.0"))
    assert status == 1
    assert "larger.py: check.py fail without a mutant" in errors


def test_a_mutant_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "test_forever.py").write_text("def test_import():\n    import forever\n")
    assert run_tests("forever", "while True:\n    pass\n", ["test_forever.py"], 2.0) is None
    assert run_tests("forever", "", ["test_forever.py"], 60.0) == 0  # control
