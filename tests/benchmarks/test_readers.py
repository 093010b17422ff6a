"""Every format has files of its own to be timed on, and all of them are read."""

from benchmarks.readers import MAKERS, measure
from src.readers.formats import NAMES


def test_every_format_is_read_whole():
    assert set(MAKERS) == set(NAMES)
    for name in MAKERS:
        assert measure(name, 8)[1] == 8
