"""Errors of a model of several edges by element, edge and code: `by_edge.py MODEL DATABASE`.

Without `--ids`, on its validation records. eta is the median error of the mean training spectrum
over that of the model; `normalized` is the median mean squared error in units of the edge step.
The last line has that of all sites, and their geometric mean, as predicted and shifted to fit.

    python -m research.by_edge any-edge any.db --ids val.txt
"""

import numpy as np

from research.groups import read_groups

HEADER = "element edge code sites mse median baseline eta normalized normalized_baseline coverage"


def main() -> None:
    """Run the command."""
    _, _, groups, _ = read_groups(__doc__, output=False)
    print(HEADER)
    pooled, shifted = [], list[float]()
    for group in sorted(groups, key=lambda one: -len(one.baseline)):
        (element, edge, code), covered = group.kind, group.coverage
        error, unit = group.compared.result.mse, group.edge_step**2
        pooled += list(zip(error / unit, group.baseline / unit, covered, strict=True))
        shifted += [group.shifted(row)[0] ** 2 for row in range(len(error))]
        median, of_mean = np.median(error), np.median(group.baseline)
        print(
            f"{element} {edge} {code.replace(' ', '-')} {len(error)}"
            f" {error.mean():.5f} {median:.5f} {of_mean:.5f} {of_mean / median:.2f}"
            f" {median / unit:.5f} {of_mean / unit:.5f} {covered.mean():.3f}"
        )
    values = np.array(pooled)
    medians, coverage = np.median(values[:, :2], axis=0).round(5), values[:, 2].mean()
    print(f"all: {len(values)} sites, normalized {medians}, coverage {coverage:.3f}")
    means = [np.exp(np.log(each).mean()) for each in (values[:, 0], shifted)]
    print(f"geometric mean {means[0]:.5f}, shifted to fit {means[1]:.5f}")


if __name__ == "__main__":
    main()
