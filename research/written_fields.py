"""Names of all that files of today's formats hold, for tests/reliability/test_compat.py."""

import json
from pathlib import Path

import ase.db
from safetensors import safe_open

from src.checkpoints.torch_file import read_verified


def written_fields(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Names of all that the files of a folder hold, by format and part."""
    with safe_open(folder / "ensemble-2.safetensors", framework="pt") as file:
        metadata, tensors = file.metadata(), sorted(file.keys())
    content = json.loads(metadata["content"])
    parts = {name: sorted(content[name]) for name in ("hyperparameters", "info", "calibration")}
    parts |= {"metadata": sorted(metadata), "content": sorted(content), "tensors": tensors}
    parts["differences"] = sorted(content["differences"][0])
    state = read_verified(folder / "state-2.ckpt")
    state_parts = {"state": sorted(state), "fingerprint": sorted(state["fingerprint"])}
    return {
        metadata["format"]: parts,
        "state 2": {**state_parts, "model": sorted(state["model"])},
        "records 2": _rows(folder / "records-2.db"),
        "e3gnn-xanes spectra 1": _rows(folder / "spectra-1.db"),
    }


def _rows(path: Path) -> dict[str, list[str]]:
    """Names in the rows of an ASE database and in its metadata."""
    with ase.db.connect(path) as connection:
        rows = list(connection.select())
        return {
            "keys": sorted({name for row in rows for name in row.key_value_pairs}),
            "data": sorted({name for row in rows for name in row.data}),
            "notes": sorted(connection.metadata),
        }
