"""The tutorial's cells run in order, from a fresh folder, on the files in the repository."""

import json
import re

from matplotlib import pyplot
from paths import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(home|root|tmp|usr|opt|work|Users|private|var)/|site-packages"
)


def cells_of():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_cells_run_and_the_foil_is_copper(repository, capsys):
    code = "\n\n".join("".join(c["source"]) for c in cells_of() if c["cell_type"] == "code")
    shorter = code.replace("--training.epochs 15", "--training.epochs 2")
    assert shorter != code
    exec(shorter, {})
    pyplot.close("all")
    assert capsys.readouterr().out.splitlines()[-1].startswith("Cu leads")
    result = json.loads((repository / "tutorial" / "foil.json").read_text())
    assert result["candidates"][0]["name"] == "Cu"
    for name in ("cu.db", "cu_k/model.pt", "CuO.dat", "CuO.png", "foil.png"):
        assert (repository / "tutorial" / name).stat().st_size > 1000


def test_notebook_was_run_in_order():
    """And holds no error: nothing runs after one."""
    counts = [cell["execution_count"] for cell in cells_of() if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_notebook_is_small_and_names_no_path_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < 500_000
    assert '"image/png"' in text
    stored = [line for c in cells_of() for o in c.get("outputs", []) for line in o.get("text", [])]
    assert stored
    assert not [line for line in stored if MACHINE_PATHS.search(line)]
    assert MACHINE_PATHS.search("/home/user/venv/lib/tqdm.py: warning")
