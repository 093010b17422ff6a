"""Errors of a model of several edges by element, edge and code: `by_edge.py MODEL DATABASE`.

Without `--ids`, on its validation records. Printed in Markdown: mse and median mse in the unit of
the records squared; eta, the median error of the mean training spectrum over that of the model;
coverage of the bands. Elements with fewer than 20 sites are pooled, their errors in units of the
edge step; of these follow the geometric means of the errors, as predicted and shifted to fit.

    python -m research.by_edge any-edge any/any.db --ids any/test.txt
"""

from collections.abc import Sequence

import numpy as np

from research.groups import Group, read_groups
from research.runner import markdown

ENOUGH = 20
"""Sites of an element, edge and code that have a row of their own."""
HEADER = "absorber", "sites", "mse", "median mse", "eta", "coverage (%)"


def cells(name: str, groups: Sequence[Group], pooled: bool = False) -> tuple[object, ...]:
    """Row of some groups, in units of the edge step if they are pooled."""
    units = [one.edge_step**2 if pooled else 1.0 for one in groups]
    error, of_mean = (
        np.concatenate([v / unit for v, unit in zip(values, units, strict=True)])
        for values in ([g.compared.result.mse for g in groups], [g.baseline for g in groups])
    )
    median, covered = np.median(error), np.concatenate([one.coverage for one in groups]).mean()
    percent = f"{100 * covered:.1f}" if np.isfinite(covered) else ""
    return (
        *(name, len(error), f"{error.mean():.5f}", f"{median:.5f}"),
        *(f"{np.median(of_mean) / median:.1f}", percent),
    )


def geometric_mean(values: Sequence[float]) -> float:
    """Geometric mean of positive numbers."""
    return float(np.exp(np.log(values).mean()))


def main() -> None:
    """Run the command."""
    _, _, groups, _ = read_groups(__doc__, output=False)
    groups.sort(key=lambda one: -len(one.rms))
    own = [one for one in groups if len(one.rms) >= ENOUGH]
    others = [one for one in groups if len(one.rms) < ENOUGH]
    rows = [cells(", ".join([" ".join(one.kind[:2]), one.kind[2]]), [one]) for one in own]
    if others:
        rows.append(cells(f"{len(others)} others, (edge step)^2", others, pooled=True))
    print(markdown(HEADER, rows))
    if others:
        plain = geometric_mean([error**2 for one in others for error in one.rms])
        shifted = [one.shifted(row)[0] ** 2 for one in others for row in range(len(one.rms))]
        print(f"others: geometric mean {plain:.5f}, shifted to fit {geometric_mean(shifted):.5f}")


if __name__ == "__main__":
    main()
