"""Many structures of which some are broken: good ones are predicted, bad ones are listed."""

import os
import re
import signal
import subprocess
import sys
import time

import broken
import numpy as np
import pytest
from command import start
from paths import ROOT
from team import bulk_model

from src import save_model
from src.cli import main
from src.prediction.spectra_db import read_spectra
from src.predictor import XANESPredictor

pytestmark = pytest.mark.reliability
PEAK = """
import resource, sys
from src.cli import main
code = main(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
sys.exit(code)
"""
ENVIRONMENT = {
    **os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "ignore:`torch.jit.script` is deprecated",  # by e3nn and PyG
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network for copper."""
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model(path, *bulk_model())
    return path


def run(*words):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip


def check_database(model, folder, n_structures):
    """Predict a database; return the memory it took, in megabytes."""
    ways = broken.write_database(folder / "in.db", n_structures)
    done = run("predict", model, folder / "in.db", "-o", folder / "out.db")
    assert done.returncode == 3, done.stderr
    assert "Warning" not in done.stderr
    assert f"{len(ways)} of {n_structures} structures could not be predicted" in done.stderr
    assert len(re.findall(r"failed: .*row \d+", done.stdout)) == len(ways)
    found = list(read_spectra(folder / "out.db"))
    assert [row.source_row for row in found] == list(range(1, n_structures + 1))
    assert {row.source_row for row in found if row.error is not None} == set(ways)
    for row in found:
        assert row.error is None or (len(row.error) > 10 and "\n" not in row.error)
        assert np.isfinite(row.mu).all()
    predictor = XANESPredictor(model)
    for row in found[:: n_structures // 5]:
        alone = predictor(broken.oxide(row.source_row - 1))[0].mu
        assert abs(row.mu - alone).max() < 1e-5 * abs(alone).max()  # float32, other batches
    return int(re.search(r"peak (\d+)", done.stderr)[1])


def test_broken_rows_are_skipped_with_the_reason(model, tmp_path):
    assert len(broken.WAYS) >= 20
    check_database(model, tmp_path, broken.EVERY * len(broken.WAYS))


@pytest.mark.slow
def test_ten_thousand_structures_take_no_more_memory_than_two_thousand(model, tmp_path):
    megabytes = []
    for n_structures in (2000, 10_000):
        folder = tmp_path / str(n_structures)
        folder.mkdir()
        megabytes.append(check_database(model, folder, n_structures))
    assert megabytes[1] < megabytes[0] + 20


@pytest.mark.parametrize("output", ["out.dat", "out.db"])
def test_broken_files_are_skipped_with_the_reason(model, tmp_path, output, capsys):
    paths, bad = broken.write_files(tmp_path, 60)
    assert len(bad) >= 20
    words = ["predict", str(model), *map(str, paths), "-o", str(tmp_path / output)]
    assert main(words) == 3
    told = capsys.readouterr()
    if output == "out.dat":
        text = (tmp_path / output).read_text()
        for path in bad:
            assert f"skipped: {path}:" in text
        assert told.err.count("skipped:") == len(bad)
        table = np.loadtxt(tmp_path / output)
        assert table.shape == (3, 1 + 2 * 60)  # energy; site and mean of each good file
        return
    found = list(read_spectra(tmp_path / output))
    assert [row.source_keys["file"] for row in found] == [str(path) for path in paths]
    failed = {row.source_keys["file"] for row in found if row.error is not None}
    assert failed == {str(path) for path in bad}
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


def test_strict_takes_the_first_broken_file_as_a_failure(model, tmp_path, capsys):
    paths, _ = broken.write_files(tmp_path, 30)
    words = ["predict", str(model), *map(str, paths), "-o", str(tmp_path / "out.dat"), "--strict"]
    assert main(words) == 1
    assert not (tmp_path / "out.dat").exists()
    only = ["predict", str(model), str(tmp_path / "words.cif"), "-o", str(tmp_path / "out.dat")]
    assert main(only) == 1  # nothing is left to write
    assert "words.cif: not a CIF" in capsys.readouterr().err


def interrupt(model, source, output, number):
    """Send a signal to a prediction when it is at work; return exit code and messages."""
    process = start(
        "predict", model, *source, "-o", output, stderr=subprocess.PIPE, environment=ENVIRONMENT,
        # a shell starts what it puts in the background deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not output.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    return process.returncode, told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_interrupted_prediction_continues(model, tmp_path, number, code):
    broken.write_database(tmp_path / "in.db", 3000)
    output = tmp_path / "cut.db"
    found, told = interrupt(model, [tmp_path / "in.db"], output, number)
    assert found == code, told
    assert number == signal.SIGKILL or "the same command continues" in told
    assert output.stat().st_size > 0
    whole = tmp_path / "whole.db"
    for path in (output, whole):
        assert run("predict", model, tmp_path / "in.db", "-o", path).returncode == 3
    for a, b in zip(read_spectra(output), read_spectra(whole), strict=True):
        assert (a.source_row, a.error) == (b.source_row, b.error)
        assert np.array_equal(a.mu, b.mu)
