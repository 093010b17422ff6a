"""The command, in the process of the tests or in one of its own, and a small training for it."""

import os
import subprocess
import sys

from paths import CU_K, ROOT

from src.cli import main

SPLIT = ["--train", CU_K / "train.txt", "--val", CU_K / "val.txt"]
NETWORK = [
    "--model.num_layers=1", "--model.lmax=1", "--model.channels=8", "--model.num_basis=16",
]  # fmt: skip


def run(*words):
    """Run the command; return its exit code."""
    return main([str(word) for word in words])


def start(*words, fault=None, launcher=(), environment=(), **how):
    """Start the command in a process of its own, with a ``fault`` of faulty.py if one is named."""
    script = ["-m", "src"] if fault is None else [str(ROOT / "tests" / "support" / "faulty.py")]
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "FAULT": fault or ""}
    return subprocess.Popen(
        [sys.executable, *launcher, *script, *map(str, words)],
        cwd=ROOT, text=True, env={**os.environ, **variables, **dict(environment)}, **how,
    )  # fmt: skip


def error_of(capsys):
    """The one error line that the command printed on standard error, without a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert "Logging error" not in text
    (line,) = [line for line in text.splitlines() if "e3gnn-xanes: error: " in line]
    return line
