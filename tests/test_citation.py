"""CITATION.cff agrees with pyproject.toml and the changelog."""

import tomllib

import yaml
from paths import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_citation_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CITATION["version"] == project["version"]
    assert CITATION["license"] == project["license"]
    assert [{"name": author["name"]} for author in CITATION["authors"]] == project["authors"]
    heading = f"## [{CITATION['version']}] - {CITATION['date-released'].isoformat()}"
    assert heading in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_required_fields_of_the_schema():
    """Those of the Citation File Format 1.2.0."""
    assert {"authors", "cff-version", "message", "title"} <= set(CITATION)
    assert CITATION["cff-version"] == "1.2.0"
