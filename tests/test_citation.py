"""CITATION.cff says what pyproject.toml says, in the form of its schema."""

import datetime
import tomllib

import yaml
from paths import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def from_pyproject(name):
    """A value of [project]."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][name]


def test_version_and_licence_are_those_of_the_package():
    assert CITATION["version"] == from_pyproject("version")
    assert CITATION["license"] == from_pyproject("license")


def test_author_is_the_one_of_the_package():
    assert [{"name": author["name"]} for author in CITATION["authors"]] == from_pyproject("authors")


def test_required_fields_of_the_schema():
    """What the Citation File Format 1.2.0 requires, and the types of what else stands there."""
    assert {"authors", "cff-version", "message", "title"} <= set(CITATION)
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    texts = ("message", "title", "version", "license", "abstract")
    assert all(isinstance(CITATION[name], str) for name in texts)
    assert isinstance(CITATION["date-released"], datetime.date)
    assert all(isinstance(word, str) for word in CITATION["keywords"])


def test_release_date_is_that_of_the_changelog():
    heading = f"## [{CITATION['version']}] - {CITATION['date-released'].isoformat()}"
    assert heading in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
