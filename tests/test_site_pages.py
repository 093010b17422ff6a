"""The site: the tutorial's page is made of the notebook, and mkdocs builds without a warning."""

import importlib.util
import json
import subprocess
import sys

import pytest
from paths import ROOT

DOCS = ROOT / "docs"


def load_hook():
    spec = importlib.util.spec_from_file_location("notebook", DOCS / "hooks" / "notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tutorial_page_has_every_cell_and_picture():
    hook, config = load_hook(), {"docs_dir": str(DOCS)}
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    made = hook.on_page_markdown(page, None, config, None)
    cells = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))["cells"]
    pictures = 0
    for cell in cells:
        first = "".join(cell["source"]).splitlines()[0].lstrip("# ")
        assert first in made
        pictures += sum("image/png" in out.get("data", {}) for out in cell.get("outputs", []))
    assert made.count("data:image/png;base64,") == pictures > 3
    assert hook.PLACE not in made


def test_other_pages_stay_as_they_are():
    assert load_hook().on_page_markdown("# Page\n", None, {}, None) == "# Page\n"


def test_output_is_escaped_and_code_is_indented():
    hook = load_hook()
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["1 < 2 & 3\n"]}]
    cell = {"cell_type": "code", "source": ["a = 1\n", "\n", "b = a"], "outputs": outputs}
    expected = "    a = 1\n\n    b = a\n\n<pre><code>1 &lt; 2 &amp; 3</code></pre>"
    assert hook.cell_text(cell) == expected


def test_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs", reason="pip install -r requirements-docs.txt")
    for name in ("docs", "mkdocs.yml", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    public = tmp_path / "site" / "reference" / "public.html"
    assert 'id="src.model.gnn.XANES_E3GNN"' in public.read_text()
    for page in (tmp_path / "site").rglob("*.html"):
        for word in ('src="http', '<link href="http', '<link rel="stylesheet" href="http'):
            assert word not in page.read_text(encoding="utf-8"), page.name
