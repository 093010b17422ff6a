"""The documentation: its commands, names, notebook and build."""

import ast
import json
import re
import shlex
import subprocess
import sys

import pytest
from paths import ROOT

from src.cli import JOBS, parse

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NOTEBOOK = json.loads((DOCS / "tutorial.ipynb").read_text())
COMMANDS = [
    (page.name, command)
    for page in (DOCS / "how-to.md", DOCS / "theory.md", DOCS / "index.md")
    for command in re.findall(r"^    e3gnn-xanes (.*)$", page.read_text(), flags=re.MULTILINE)
]
PLACE = re.compile(r"`(src/[\w/]+\.py)`((?:,?\s+`[A-Za-z_]\w*`)+)")


def named_places(text):
    """Files of the code that a page names, each with the names said to be in it."""
    return [(file, re.findall(r"`(\w+)`", names)) for file, names in PLACE.findall(text)]


def defined(file):
    """Names of classes and functions of a module."""
    tree = ast.parse((ROOT / file).read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef)}


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_are_understood(page, command):
    found = parse(shlex.split(command))
    assert isinstance(found, tuple), command
    assert found[0] in JOBS


def test_a_command_that_is_wrong_is_not_understood():
    assert parse(shlex.split("predict cu-k-feff --no_such_option 3")) == 2


def test_every_command_has_a_line():
    told = {command.split()[0] for _, command in COMMANDS}
    assert set(JOBS) - told <= {"ensemble", "info", "models"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_places_in_the_code_exist(page):
    for file, names in named_places(page.read_text()):
        assert set(names) <= defined(file), file


def test_the_theory_names_many_places_and_a_wrong_one_would_show():
    places = named_places((DOCS / "theory.md").read_text())
    assert len(places) > 20
    assert "NoSuchThing" not in defined("src/loss.py")
    assert named_places("`src/loss.py` `NoSuchThing`") == [("src/loss.py", ["NoSuchThing"])]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_and_pictures_are_there(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
    for name in re.findall(r"`((?:docs|tests|src|benchmarks|research)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_notebook_is_one():
    assert NOTEBOOK["nbformat"] == 4
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in NOTEBOOK["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
    assert "/tmp/" not in json.dumps(NOTEBOOK)
    assert sum("image/png" in json.dumps(cell) for cell in NOTEBOOK["cells"]) == 4


def test_the_notebook_runs(tmp_path):
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells)
    script = tmp_path / "tutorial.py"
    start = f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(DOCS)!r})\n"
    script.write_text(start + "import matplotlib; matplotlib.use('Agg')\n" + code)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Cu leads" in done.stdout


def test_citation_names_this_version():
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    citation = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert version[1] == citation[1]


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocstrings")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", tmp_path / "site"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    page = (tmp_path / "site" / "reference" / "index.html").read_text()
    assert "E(3)-equivariant graph network for X-ray absorption" in page
