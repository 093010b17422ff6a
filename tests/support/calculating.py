"""Calculations with a stub for FEFF: structures, its command, and what it has noted."""

import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import command
from ase.build import bulk
from ase.io import write
from paths import ROOT

from src.dataset.record import Record
from src.readers.feff import read_feff

STUB = ROOT / "tests" / "support" / "stub_feff.py"


def stub(folder, *words):
    """The stub's command, which notes in a folder what it starts and ends; see ``stub_feff``."""
    return [sys.executable, str(STUB), str(folder / "log"), *map(str, words)]


def feff(folder, *words):
    """The option that names the stub as FEFF's command."""
    return ["--feff", shlex.join(stub(folder, *words))]


def write_many(path):
    """Eight structures with one copper site each."""
    frames = [bulk("CuZn", "cesiumchloride", a=2.95 + 0.02 * k) for k in range(8)]
    for k, frame in enumerate(frames):
        frame.info["material"] = f"m-{k}"
    write(path, frames, format="extxyz")
    return path


def notes(folder, word):
    """How often each site was started, or ended."""
    path = folder / "log"
    lines = path.read_text().splitlines() if path.is_file() else []
    return Counter(line.split()[1] for line in lines if line.startswith(word))


def wait_for(folder, ended):
    """Wait until so many sites have ended, and another one has begun."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        n_ended = notes(folder, "end").total()
        if n_ended >= ended and notes(folder, "start").total() > n_ended:
            return
        time.sleep(0.05)
    raise TimeoutError


def start(words):
    """The command as a separate process, which heeds Ctrl-C even where the tests ignore it."""
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return command.start(*words, stderr=subprocess.DEVNULL, preexec_fn=heed)


def engines(folder):
    """Process and parent of each run of the stub."""
    listed = subprocess.run(
        ["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True
    )
    lines = [line for line in listed.stdout.splitlines() if str(folder / "log") in line]
    return [tuple(map(int, line.split()[:2])) for line in lines if "feff10_engine" in line]


def records(folder):
    """Records of a folder by id; nothing else may be in it."""
    read = list(read_feff(folder))
    assert all(isinstance(record, Record) for record in read), read
    return {record.id: record for record in read}
