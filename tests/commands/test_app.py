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
