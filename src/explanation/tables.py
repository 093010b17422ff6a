"""An explanation as text and as values for JSON."""

from typing import Any

import numpy as np

from .attribution import Explanation

HEAD = f"{'':<22}{'attention':>10}{'|removal|':>11}{'|d mu / dr|':>13}{'most at (eV)':>14}"


def explanation_table(found: Explanation, unit: str) -> str:
    """Shells, then single neighbours: attention, means over the energies, where removal is most.

    Args:
        found: the explanation.
        unit: of the spectrum.

    Returns:
        The table.
    """
    symbols = found.cluster.atoms.get_chemical_symbols()
    lines = [f"shells (number, element, mean distance); unit {unit}", HEAD]
    attention, slope = found.of_shells(found.attention), found.of_shells(found.slope)
    for k, shell in enumerate(found.shells):
        lines.append(_row(shell.label, attention[k], found.shell_removal[k], slope[k], found))
    lines += [f"{'elsewhere or nowhere':<22}{1.0 - found.attention.sum():>10.3f}", "", "neighbours"]
    for k, number in enumerate(found.neighbors):
        label = (
            f"{symbols[number]} {found.cluster.origin[number]}"
            f" at {found.cluster.distance[number]:.3f}"
        )
        lines.append(_row(label, found.attention[k], found.removal[k], found.slope[k], found))
    return "\n".join(lines)


def _row(
    label: str, attention: float, removal: np.ndarray, slope: np.ndarray, found: Explanation
) -> str:
    """One line of the table."""
    most = found.energy[np.argmax(np.abs(removal))]
    return (
        f"{label:<22}{attention:>10.3f}{np.abs(removal).mean():>11.4f}{np.abs(slope).mean():>13.4f}"
        f"{most:>14.2f}"
    )


def explanation_values(found: Explanation) -> dict[str, Any]:
    """All of it, for JSON; lists over neighbours and shells, nearest first."""
    symbols = found.cluster.atoms.get_chemical_symbols()
    neighbors = [
        {
            "index": int(found.cluster.origin[number]),
            "element": symbols[number],
            "position_from_absorber": found.cluster.atoms.positions[number].tolist(),
            "distance": float(found.cluster.distance[number]),
            "attention": float(found.attention[k]),
            "removal": found.removal[k].tolist(),
            "slope": found.slope[k].tolist(),
        }
        for k, number in enumerate(found.neighbors)
    ]
    place = {int(number): k for k, number in enumerate(found.neighbors)}
    attention = found.of_shells(found.attention)
    shells = [
        {
            "element": shell.element,
            "distance": shell.distance,
            "neighbors": [place[number] for number in shell.members],
            "attention": float(attention[k]),
            "removal": found.shell_removal[k].tolist(),
        }
        for k, shell in enumerate(found.shells)
    ]
    return {
        "energy": found.energy.tolist(),
        "mu": found.mu.tolist(),
        "neighbors": neighbors,
        "shells": shells,
    }
