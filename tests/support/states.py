"""What it means that two states of trainings are the same."""

import torch


def without_seconds(state):
    """A state but for the time that it took."""
    return {
        name: [{k: v for k, v in row.items() if k != "seconds"} for row in value]
        if name == "rows"
        else value
        for name, value in state.items()
        if name != "seconds"
    }


def differing(a, b, where=""):
    """Places where two states differ in a single bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return [place for key in a for place in differing(a[key], b[key], f"{where}.{key}")]
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        return [
            p
            for k, (x, y) in enumerate(zip(a, b, strict=True))
            for p in differing(x, y, f"{where}.{k}")
        ]
    same = torch.equal(a, b) if torch.is_tensor(a) else a == b
    return [] if same else [where]
