"""Draw polarized spectra of sites next to their mean.

    python -m research.polarization MEAN AXES -o FILE

MEAN and AXES are folders that `calculate` and `calculate --polarization x,y,z` made of the same
structures. Prints how far the mean over the axes is from the unpolarized spectrum.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from src.dataset.record import Record
from src.readers.feff import read_feff

STYLE = {"x": ("tab:blue", "-"), "y": ("tab:green", "--"), "z": ("tab:red", "-")}


def records(folder: Path) -> dict[str, Record]:
    """Records of a folder by id."""
    found = [record for record in read_feff(folder) if isinstance(record, Record)]
    return {record.id: record for record in found}


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mean", type=Path)
    parser.add_argument("axes", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    mean, axes = records(arguments.mean), records(arguments.axes)
    figure, panels = plt.subplots(1, len(mean), figsize=(4.5 * len(mean), 3.5), squeeze=False)
    for panel, (name, record) in zip(panels[0], mean.items(), strict=True):
        parts = {axis: axes[f"{name}-{axis}"] for axis in STYLE}
        differs = np.abs(np.mean([part.mu for part in parts.values()], axis=0) - record.mu).max()
        print(f"{name}: mean over x, y, z - unpolarized {differs / record.mu.max():.1e} of maximum")
        edge = record.energy[24]  # k = 0, the Fermi level
        for axis, (color, line) in STYLE.items():
            panel.plot(parts[axis].energy - edge, parts[axis].mu, line, color=color, label=axis)
        panel.plot(record.energy - edge, record.mu, color="0.6", lw=3, zorder=0, label="mean")
        formula = record.atoms.get_chemical_formula(empirical=True)
        panel.set(
            title=f"{formula}, {record.element} {record.edge} edge",
            xlabel="Energy relative to the Fermi level (eV)",
            ylabel="Absorption (10$^{-3}$ $a_0^2$)",
            xlim=(-4, 45),
        )
        panel.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(arguments.output, dpi=150)


if __name__ == "__main__":
    main()
