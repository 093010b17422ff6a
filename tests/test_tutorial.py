"""The tutorial's cells run in order, from a fresh folder, on the files in the repository."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from paths import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
SECONDS = 120
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(home|root|tmp|usr|opt|work|Users|private|var)/|site-packages"
)


def cells_of(path=NOTEBOOK):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source_of(cells):
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def run_code(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.fixture
def repository(tmp_path):
    """A folder that looks like the repository's, to write in."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(ROOT / "tests" / "data")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return tmp_path


def test_cells_run_within_two_minutes_and_the_foil_is_copper(repository):
    start = time.monotonic()
    done = run_code(source_of(cells_of()), repository)
    assert done.returncode == 0, done.stderr[-2000:]
    assert time.monotonic() - start < SECONDS
    assert done.stdout.splitlines()[-1].startswith("Cu leads")
    result = json.loads((repository / "tutorial" / "foil.json").read_text())
    assert result["candidates"][0]["name"] == "Cu"
    for name in ("cu.db", "cu_k/model.pt", "CuO.dat", "CuO.png", "foil.png"):
        assert (repository / "tutorial" / name).stat().st_size > 1000


def test_a_cell_that_fails_is_noticed(repository):
    done = run_code(
        'from src.cli import main\n\nassert main(["info", "absent.db"]) == 0', repository
    )
    assert done.returncode != 0


def test_notebook_is_nbformat_4():
    """The required fields of the published schema, nbformat 4.5."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
    for cell in notebook["cells"]:
        fields = {"cell_type", "id", "metadata", "source"}
        assert isinstance(cell["source"], list | str)
        if cell["cell_type"] == "code":
            fields |= {"execution_count", "outputs"}
            for output in cell["outputs"]:
                needed = {
                    "stream": {"name", "text"},
                    "display_data": {"data", "metadata"},
                    "execute_result": {"data", "metadata", "execution_count"},
                }[output["output_type"]]
                assert set(output) == needed | {"output_type"}
        else:
            assert cell["cell_type"] == "markdown"
        assert set(cell) == fields


def test_notebook_was_run_in_order_and_holds_no_error():
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
