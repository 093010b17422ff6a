"""An explanation as text and as values for JSON."""

from typing import Any

import numpy as np

from .attribution import Explanation

HEAD = f"{'':<22}{'attention':>10}{'|removal|':>11}{'|d mu / dr|':>13}{'most at (eV)':>14}"


def explanation_table(explained: Explanation, unit: str) -> str:
    """Shells, then single neighbors: attention, means over the energies, where removal is most."""
    cluster = explained.cluster

    def row(label: str, attention: float, removal: np.ndarray, slope: np.ndarray) -> str:
        size = np.abs(removal)
        return (
            f"{label:<22}{attention:>10.3f}{size.mean():>11.4f}{np.abs(slope).mean():>13.4f}"
            f"{explained.energy[np.argmax(size)]:>14.2f}"
        )

    attention, slope = map(explained.of_shells, (explained.attention, explained.slope))
    labels = [shell.label for shell in explained.shells]
    shells = map(row, labels, attention, explained.shell_removal, slope)
    labels = [
        f"{cluster.atoms[k].symbol} {cluster.origin[k]} at {cluster.distance[k]:.3f}"
        for k in explained.neighbors.tolist()
    ]
    neighbors = map(row, labels, explained.attention, explained.removal, explained.slope)
    rest = f"{'elsewhere or none':<22}{1.0 - explained.attention.sum():>10.3f}"
    title = f"shells (number, element, mean distance); unit {unit}"
    return "\n".join([title, HEAD, *shells, rest, "", "neighbors", *neighbors])


def explanation_values(explained: Explanation) -> dict[str, Any]:
    """All of it, for JSON; lists over neighbors and shells, nearest first."""
    cluster, attention = explained.cluster, explained.of_shells(explained.attention)
    neighbors = [
        {
            "index": cluster.origin[number],
            "element": cluster.atoms[number].symbol,
            "position_from_absorber": cluster.atoms.positions[number],
            "distance": cluster.distance[number],
            "attention": explained.attention[k],
            "removal": explained.removal[k],
            "slope": explained.slope[k],
        }
        for k, number in enumerate(explained.neighbors.tolist())
    ]
    shells = [
        {
            "element": shell.element,
            "distance": shell.distance,
            "neighbors": rows,
            "attention": attention[k],
            "removal": explained.shell_removal[k],
        }
        for k, (shell, rows) in enumerate(zip(explained.shells, explained.members, strict=True))
    ]
    return {"energy": explained.energy, "mu": explained.mu, "neighbors": neighbors,
            "shells": shells}  # fmt: skip
