"""Files that are written again and again: intact after a kill at every system call."""

import os
from pathlib import Path

import pytest

from src.checkpoints.torch_file import read_verified, write_verified
from src.runtime import atomic_files
from src.runtime.atomic_files import older, read_newest, remove_leftovers, versions

pytestmark = pytest.mark.reliability


class Dead(BaseException):
    """Stands for the end of the process."""


def die_after(monkeypatch, n_calls):
    """Let the process die, without cleaning up, after so many of the system's calls that write."""
    left = [n_calls]

    def counted(call):
        def counted_call(*arguments, **options):
            if left[0] == 0:
                raise Dead
            left[0] -= 1
            return call(*arguments, **options)

        return counted_call

    places = (os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "write_bytes")
    for place, name in places:
        monkeypatch.setattr(place, name, counted(getattr(place, name)))


def number(path):
    """Content of a file of these tests."""
    return read_verified(path)["number"]


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_after_a_kill_at_any_step_the_last_state_or_the_one_before_it_is_read(tmp_path, keep):
    path, deaths = tmp_path / "last.ckpt", 0
    for n_calls in range(20):
        for file in tmp_path.iterdir():
            file.unlink()
        for k in range(5):
            write_verified(path, {"number": k}, keep)
        with pytest.MonkeyPatch.context() as patch:
            die_after(patch, n_calls)
            try:
                write_verified(path, {"number": 5}, keep)
            except Dead:
                deaths += 1
        assert read_newest(path, read_verified)[1]["number"] in (4, 5)
        if keep > 1:
            assert 4 in {number(p) for p in versions(path)}
    assert deaths > 3
    assert [number(p) for p in versions(path)] == list(range(5, 5 - keep, -1))


def test_content_is_synced_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch):
    done, sync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(os.fstat(fd).st_mode), sync(fd)))
    monkeypatch.setattr(Path, "replace", lambda *a: (done.append("replace"), replace(*a)))
    write_verified(tmp_path / "last.ckpt", {"number": 0})
    file, folder = (tmp_path / "last.ckpt").stat().st_mode, tmp_path.stat().st_mode
    assert done == [file, "replace", folder]


def test_a_folder_that_can_not_be_synced_is_no_error(tmp_path, monkeypatch):
    def fails(*_arguments):
        raise OSError("folders can't be opened here")

    monkeypatch.setattr(atomic_files.os, "open", fails)
    write_verified(tmp_path / "last.ckpt", {"number": 0})
    assert number(tmp_path / "last.ckpt") == 0


def test_older_versions_are_next_to_the_file_that_a_link_points_to(tmp_path, caplog):
    (tmp_path / "scratch").mkdir()
    link = tmp_path / "last.ckpt"
    link.symlink_to(tmp_path / "scratch" / "state")
    for k in range(3):
        write_verified(link, {"number": k}, keep=3)
    assert link.is_symlink()
    older(tmp_path / "scratch" / "state", 1).unlink()
    link.write_bytes(b"damaged")
    path, state = read_newest(link, read_verified)
    assert (path.name, state["number"]) == ("state.2", 0)
    assert "continuing from" in caplog.text


def test_unfinished_files_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    unfinished = [".last.ckpt.17.part", ".model.pt.4194304.part"]
    kept = [".last.ckpt.17.parts", ".last.ckpt.part", ".other.17.part", "last.ckpt.1", "last.ckpt"]
    for name in unfinished + kept:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["last.ckpt", "model.pt"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
