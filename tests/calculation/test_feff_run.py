"""One run: what FEFF says when it fails, runs that hang, outputs that can't be right."""

import lzma
import os
import shlex
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from ase.build import bulk
from calculating import stub
from paths import ROOT
from stub_feff import NORMAN, RECORDED

from src.calculation.feff_input import feff_input
from src.calculation.feff_run import Stopped, check_plausible, diagnose, run_feff
from src.calculation.settings import FeffSettings
from src.errors import RecordError
from src.readers.feff_xmu import read_xmu

TEXT = feff_input(bulk("Cu"), 0, "K", FeffSettings(), name="copper")
CRASH = """\
Calculating SCF potentials ...
     point #   1  energy = -40.000
Bad counts found repeatedly - pot will exit now.
Done with module: potentials.

Calculating screened core-hole potential ...
forrtl: severe (29): file not found, unit 3, file pot.bin
Image              PC                Routine            Line        Source
_feff10.abi3.so    00007F0043DEC124  Unknown               Unknown  Unknown
FEFF 10: stage 'screen' failed (exit code: 29): worker exited with exit status: 29
"""
"""What FEFF 10.0.0 printed for a chain of Cu, Co and Ge: `screen` misses what `pot` left out."""


@pytest.mark.parametrize(
    ("output", "module", "words"),
    [
        (NORMAN, "pot", "Cannot determine Norman radius"),
        (CRASH, "pot", "Bad counts found repeatedly"),
        ("", "start", "no output"),
        ("FMS calculation of full Green's function ...\nSegmentation fault\n", "fms", "Segm"),
    ],
)
def test_failure_is_reported_in_the_words_of_feff(output, module, words):
    failure = diagnose(output)
    assert failure.module == module
    assert words in failure.message


@pytest.mark.parametrize(
    ("fault", "module", "words"),
    [
        ("norman", "pot", "Cannot determine Norman radius -- quitting."),
        ("runaway", "pot", "Fermi level"),  # and not after the ten minutes that the stub sleeps
        ("cut", "output", "xmu.dat"),
    ],
)
def test_failed_run(tmp_path, fault, module, words):
    assert run_feff(tmp_path, TEXT, "Cu", "K", stub(tmp_path)) is None  # control
    failure = run_feff(tmp_path, TEXT, "Cu", "K", stub(tmp_path, 0, fault), time_limit=60)
    assert failure.module == module
    assert words in failure.message


def marker(mark, seconds):
    """Words of a program that writes a file after some seconds."""
    return [sys.executable, "-c", f"import time; time.sleep({seconds}); open({str(mark)!r}, 'w')"]


def test_time_limit_and_stop_end_all_processes(tmp_path):
    """A grandchild would write its mark seconds later."""
    script = tmp_path / "slow.sh"
    script.write_text(f"#!/bin/sh\n{shlex.join(marker(tmp_path / 'mark', 3))}\n")
    script.chmod(0o755)
    failure = run_feff(tmp_path, TEXT, "Cu", "K", [str(script)], time_limit=0.5)
    assert "not done after 0.5 s" in failure.message
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Stopped):
        run_feff(tmp_path, TEXT, "Cu", "K", [str(script)], stop=stop)
    time.sleep(4)
    assert not (tmp_path / "mark").exists()


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_run_ends_with_the_process_that_started_it(tmp_path):
    starter = (
        "from pathlib import Path; from src.calculation.feff_run import run_feff;"
        f"run_feff(Path({str(tmp_path)!r}), '', 'Cu', 'K', {marker(tmp_path / 'mark', 5)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT)
    while not (tmp_path / "feff.out").exists():
        time.sleep(0.05)
    time.sleep(1.0)
    process.kill()
    process.wait()
    time.sleep(6)
    assert not (tmp_path / "mark").exists()


@pytest.fixture
def xmu(tmp_path):
    """A real spectrum of CuO, of FEFF 10."""
    path = tmp_path / "xmu.dat"
    path.write_bytes(lzma.decompress((RECORDED / "Cu.dat.xz").read_bytes()))
    return read_xmu(tmp_path)


def test_header_is_read(xmu):
    """Values by eye from the file's header."""
    assert (xmu.z, xmu.edge) == (29, "K")
    assert (xmu.fermi_level, xmu.interstitial, xmu.kf) == (-6.873, -15.04, 2.160)
    assert xmu.radii == ((29, 1.221, 1.321), (29, 1.221, 1.321), (8, 1.021, 1.105))
    assert xmu.edge_energy == pytest.approx(8987.372, abs=1e-3)


def test_implausible_spectra_are_refused(xmu):
    check_plausible(xmu, "Cu", "K")
    with pytest.raises(RecordError, match="Fermi level"):
        check_plausible(replace(xmu, edge_energy=xmu.edge_energy + 20), "Cu", "K")
    with pytest.raises(RecordError, match="Fermi level"):
        check_plausible(xmu, "Zn", "K")
    mu, energy = xmu.mu.copy(), xmu.energy.copy()
    mu[0] = -0.001  # far below the edge rounding may do that
    check_plausible(replace(xmu, mu=mu), "Cu", "K")
    mu[100], energy[50] = -0.01, energy[49]
    for change, message in (({"mu": mu}, "positive"), ({"energy": energy}, "increase")):
        with pytest.raises(RecordError, match=message):
            check_plausible(replace(xmu, **change), "Cu", "K")
