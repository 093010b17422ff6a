"""Which reader a path is for, and options that do not go with it."""

import pytest
from paths import CALCULATIONS, FEFF_RUNS, ZN_K

from src.errors import ConfigError
from src.readers.formats import find_sources, read_source
from src.readers.options import Given


def test_format_is_found_by_content(tmp_path):
    for path, names in (
        (CALCULATIONS, ["feff"]),
        (ZN_K / "train.extxyz", ["extxyz"]),
        (ZN_K, ["extxyz", "extxyz"]),
    ):
        assert [source.format for source in find_sources(path)] == names
    (tmp_path / "note.txt").write_text("3\nno spectra here\n")
    for path in (tmp_path, tmp_path / "note.txt"):
        with pytest.raises(ConfigError, match="known format"):
            find_sources(path)


def test_two_formats_in_a_folder_ask_for_one(tmp_path):
    (tmp_path / "xmu.dat").write_text("")
    (tmp_path / "a.xyz").write_bytes((ZN_K / "train.extxyz").read_bytes())
    with pytest.raises(ConfigError, match="--format feff or extxyz"):
        find_sources(tmp_path)
    for name in ("feff", "extxyz"):
        assert [source.format for source in find_sources(tmp_path, name)] == [name]


@pytest.mark.parametrize("given", [Given(axis="relative"), Given(target="as_given")])
def test_options_that_feff_does_not_need_are_refused(given):
    (source,) = find_sources(FEFF_RUNS)
    with pytest.raises(ConfigError, match="does not go with"):
        next(read_source(source, given))
