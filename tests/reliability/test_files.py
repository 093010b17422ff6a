"""Files that are written again and again: whole at every moment, on file systems of every kind."""

import errno
import os
import stat
from pathlib import Path

import pytest

from src.checkpoints.torch_file import read_verified, write_verified
from src.errors import CheckpointError
from src.runtime import atomic_files as durable
from src.runtime.atomic_files import older, read_newest, remove_leftovers, versions

pytestmark = pytest.mark.reliability


class Dead(BaseException):
    """Stands for the end of the process."""


class Disk:
    """Calls of the system that write, of which the process does so many and then dies."""

    def __init__(self, monkeypatch, last):
        """Count the calls from now on; ``last``: how many are done."""
        self.left = last
        for place, name in (
            (os, "link"), (os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "write_bytes")
        ):  # fmt: skip
            monkeypatch.setattr(place, name, self.counted(getattr(place, name)))

    def counted(self, call):
        """The call, until the end; a dead process does not clean up either."""

        def counted_call(*arguments, **options):
            if self.left == 0:
                raise Dead
            self.left -= 1
            return call(*arguments, **options)

        return counted_call


def number(path):
    """What a file of the tests holds."""
    return read_verified(path)["number"]


@pytest.mark.parametrize("keep", [1, 2, 3, 4])
def test_killed_at_every_step_of_a_write_the_last_two_states_are_whole(tmp_path, keep):
    path, ends = tmp_path / "last.ckpt", 0
    for last in range(20):
        for there in tmp_path.iterdir():
            there.unlink()
        for k in range(5):
            write_verified(path, {"number": k}, keep)
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, last)
            try:
                write_verified(path, {"number": 5}, keep)
            except Dead:
                ends += 1
        assert number(path) in (4, 5)
        assert read_newest(path, read_verified)[1]["number"] == number(path)
        if keep > 1:
            there = {number(name) for name in tmp_path.iterdir() if "part" not in name.name}
            assert number(path) - 1 in there
    assert ends > 4
    assert [number(there) for there in versions(path)] == list(range(5, 5 - keep, -1))


def refuse(monkeypatch, name, code):
    """Let a call of the system fail."""

    def fails(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, fails)


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EMLINK])
def test_a_file_system_without_links_keeps_copies(tmp_path, monkeypatch, code):
    path = tmp_path / "last.ckpt"
    refuse(monkeypatch, "link", code)
    synced, sync = [], durable.sync_file
    monkeypatch.setattr(durable, "sync_file", lambda p: (synced.append(p), sync(p)))
    for k in range(4):
        write_verified(path, {"number": k}, keep=3)
    assert [number(there) for there in versions(path)] == [3, 2, 1]
    assert sum(there.suffix == ".older" for there in synced) == 3
    assert sorted(there.name for there in tmp_path.iterdir()) == [
        "last.ckpt", "last.ckpt.1", "last.ckpt.2",
    ]  # fmt: skip


def test_a_disk_that_is_full_of_the_copy_leaves_the_last_state(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    write_verified(path, {"number": 0}, keep=2)
    refuse(monkeypatch, "link", errno.EPERM)

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(CheckpointError, match=r"last\.ckpt: can't be written, No space left"):
        write_verified(path, {"number": 1}, keep=2)
    assert [there.name for there in tmp_path.iterdir()] == ["last.ckpt"]
    assert number(path) == 0


@pytest.mark.parametrize(
    ("code", "written"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)]
)
def test_a_folder_that_can_not_be_synced(tmp_path, monkeypatch, code, written):
    """Not every file system can; but one that fails to is told."""
    sync = os.fsync

    def folders_fail(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, os.strerror(code))
        sync(handle)

    monkeypatch.setattr(os, "fsync", folders_fail)
    if written:
        write_verified(tmp_path / "last.ckpt", {"number": 0})
        assert number(tmp_path / "last.ckpt") == 0
    else:
        with pytest.raises(CheckpointError, match="Input/output error"):
            write_verified(tmp_path / "last.ckpt", {"number": 0})


def test_content_is_synced_before_the_name_and_the_folder_after_it(tmp_path, monkeypatch):
    done = []
    for module, name in ((durable, "sync_file"), (durable, "sync_folder"), (Path, "replace")):
        call = getattr(module, name)
        note = lambda *a, n=name, c=call: (done.append((n, a[0].name)), c(*a))[1]  # noqa: E731
        monkeypatch.setattr(module, name, note)
    write_verified(tmp_path / "last.ckpt", {"number": 0})
    part = f".last.ckpt.{os.getpid()}.part"
    assert done == [("sync_file", part), ("replace", part), ("sync_folder", tmp_path.name)]


def test_older_versions_are_found_beside_what_a_link_stands_for_and_over_a_gap(tmp_path, caplog):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "run").mkdir()
    link = tmp_path / "run" / "last.ckpt"
    link.symlink_to(tmp_path / "scratch" / "state")
    for k in range(3):
        write_verified(link, {"number": k}, keep=3)
    assert link.is_symlink()
    older(tmp_path / "scratch" / "state", 1).unlink()
    link.write_bytes(b"damaged")
    found, state = read_newest(link, read_verified)
    assert (found.name, state["number"]) == ("state.2", 0)
    assert "going on from" in caplog.text


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    left = [".last.ckpt.17.part", ".last.ckpt.17.older", ".model.pt.4194304.part"]
    kept = [".last.ckpt.17.parts", ".last.ckpt.part", ".other.17.part", "last.ckpt.1", "last.ckpt"]
    for name in left + kept:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["last.ckpt", "model.pt"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
