"""One point of the scaling, and what is said of a point that fails."""

from subprocess import CompletedProcess

from benchmarks import scaling
from benchmarks.scaling_point import peak_memory


def test_peak_memory_is_in_bytes_and_does_not_fall_when_memory_is_given_back():
    before = peak_memory()
    array = bytearray(b"x") * (200 * 2**20)
    held = peak_memory()
    del array
    assert before > 50 * 2**20  # torch alone is larger
    assert before <= held <= peak_memory() + 4 * 2**20  # the kernel counts in batches of pages
    assert held > 200 * 2**20


def test_failed_point_is_reported_and_excluded_from_the_exponents(tmp_path, monkeypatch):
    done = CompletedProcess([], 1, "", "Traceback\n  ..\nKeyError: 'no such kind'\n")
    monkeypatch.setattr(scaling.subprocess, "run", lambda *_, **__: done)
    failed = scaling.run_point("no such kind", 10, "all", 1)
    assert failed["failed"] == "exit 1: KeyError: 'no such kind'"
    row = scaling.point_row(failed)
    assert row[0] == "no such kind"
    assert row[-1] == failed["failed"]
    good = {"kind": "crystal", "which": "all", "threads": 1, "atoms": 100, "edges": 4100}
    good |= {"neighbor_seconds": 0.1, "seconds": 1.0, "bytes": 2.0**20}
    scaling.picture({"points": [failed, good]}, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 1000
