"""The command `app`, as far as it goes without a page; see tests/app."""

import pytest
from command import run
from paths import ROOT

pytest.importorskip("nicegui", reason="pip install '.[app]'")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["no.cif"], "no.cif"),
        (["no.cif", ROOT / "README.md"], "no.cif"),
        ([ROOT / "docs/examples/copper/CuO.vasp", "--model", "no-model"], "no-model"),
    ],
)
def test_what_can_not_be_shown_is_refused_before_a_page_is_served(words, named, capsys):
    assert run("app", *words, "--no_browser") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_structures_are_read_once_for_all_tabs(monkeypatch):
    from src.app import page

    served = []
    monkeypatch.setattr(page, "serve", lambda *words: served.append(words))
    assert run("app", ROOT / "docs/examples/copper/CuO.vasp", "--no_browser") == 0
    ((structures, *_),) = served
    assert [(one.name, len(one.atoms)) for one in structures] == [("CuO", 8)]


def test_large_file_is_refused_before_it_is_read(tmp_path, capsys):
    with (tmp_path / "large.cif").open("wb") as file:
        file.truncate(500_000_000)  # sparse
    assert run("app", tmp_path / "large.cif", "--no_browser") == 1
    assert "large.cif: larger than 50 MB, not read" in capsys.readouterr().err
