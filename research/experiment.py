r"""A model of several edges beside measured scans: `experiment.py MEASURED STRUCTURES`.

MEASURED is a table (element, edge, scan, structure), or the folder of an `index.csv`; files are
relative to it. STRUCTURES is an extended xyz of others, of which 30 with the same absorber are
drawn. Printed in Markdown is the rank of each scan's own structure, by R-factor at the fitted shift
and broadening; with `--calculated`, spectra of the own structures as `dataset` reads them, also the
R-factor of FEFF's spectrum, fitted alike, and the root mean squared difference of prediction and
FEFF, not fitted, in % of the edge step. `--plot` draws scan, prediction and FEFF.

    DATA=../shared/data
    python -m research.experiment $DATA/measured $DATA/mp_structures/any_element.extxyz.xz \
        --calculated research/calculated/measured.extxyz.xz
    python -m research.experiment research/copper_scans.csv \
        $DATA/mp_structures/any_element.extxyz.xz --model cu-k-feff \
        --calculated research/calculated/measured.extxyz.xz
"""

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from research.frames import read_records
from research.runner import markdown
from src.checkpoints.trained_model import TrainedModel
from src.comparison.candidates import Candidate, edge_step, predict_candidates
from src.comparison.comparison import Comparison
from src.comparison.expected_shift import measured_at_edge
from src.comparison.fit import Fit
from src.comparison.ranking import Ranking
from src.dataset.record import Record
from src.errors import PredictionError, XanesError
from src.plot import CALCULATED, MEAN, PREDICTED, new_figure, save
from src.readers.extxyz import Frame, split_frames
from src.structures.files import named_structures
from src.structures.names import formula_of

COLUMN = {"SrTiO3_rt_01.xdi": "mutrans"}
"""Column of mu where a scan has two."""
OTHERS = 30
"""Structures that a scan's own one is ranked among."""
HEADER = ("edge, compound", "training spectra", "rank", "R-factor", "of FEFF's spectrum",
          "of the first", "prediction from FEFF (%)", "shift (eV)")  # fmt: skip


def draw(frames: list[Frame], element: str, folder: Path) -> list[Path]:
    """Write the structures of a fixed random choice with an absorber; return their files."""
    known = [f for f in frames if element in f.atoms.get_chemical_symbols()]
    known.sort(key=lambda f: hashlib.sha256(f.text("material").encode()).hexdigest())
    paths = []
    for frame in known[:OTHERS]:
        paths.append(folder / f"{frame.text('material')}.vasp")
        Atoms(frame.atoms).write(paths[-1], sort=True)
    return paths


def compare(
    model: TrainedModel, scan: Path, own: Path, others: list[Path], records: Sequence[Record]
) -> tuple[Ranking, Fit | None, float]:
    """Rank a scan's own structure among those of the others that can be predicted.

    Returns:
        The ranking; the fit of FEFF's spectrum of the own structure, and its root mean squared
        difference from the prediction, units of the edge step, None and NaN where it is not known.
    """
    model, measured = measured_at_edge(model, scan, COLUMN.get(scan.name))
    comparison = Comparison.of(model, measured)
    candidates = predict_candidates(model, [own])
    by_feff = calculated(candidates[0], records, edge_step(model.info))
    for path in others:
        with suppress(PredictionError):  # an absorber without neighbors
            candidates += predict_candidates(model, [path])
    ranking = comparison.rank(candidates)
    if by_feff is None:
        return ranking, None, np.nan
    difference = by_feff.predicted.mu - candidates[0].predicted.mu
    return ranking, comparison.rank([by_feff]).fits[0], float(np.sqrt((difference**2).mean()))


def calculated(one: Candidate, records: Sequence[Record], step: float) -> Candidate | None:
    """FEFF's spectrum of a structure, mean over its sites; None: it is not known of all."""
    energy, mu, atoms = one.predicted.energy, [], []
    for site in one.sites:
        for record in records:
            if record.material == one.name and record.site in site.equivalent:
                mu.append(np.interp(energy, record.energy, record.mu / step))
                atoms.append(len(site.equivalent))
                break
    if len(mu) < len(one.sites):
        return None
    mean = np.average(mu, axis=0, weights=atoms)
    return replace(one, predicted=replace(one.predicted, mu=mean), half_width=None)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("structures", type=Path)
    parser.add_argument("--model", default="any-edge")
    parser.add_argument("--calculated", type=Path)
    parser.add_argument("--plot", type=Path)
    job = parser.parse_args()
    model = TrainedModel.load(job.model)
    frames = [read() for _, read in split_frames(job.structures)]
    drawn = []
    records = [] if job.calculated is None else read_records(job.calculated)
    print(markdown(HEADER, []), end="")
    table = job.measured / "index.csv" if job.measured.is_dir() else job.measured
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        scan, own = table.parent / row["scan"], table.parent / row["structure"]
        try:
            one = model.of(row["element"], row["edge"])
            with tempfile.TemporaryDirectory() as folder:
                others = draw(frames, row["element"], Path(folder))
                of_edge = [
                    r for r in records if (r.element, r.edge) == (row["element"], row["edge"])
                ]
                ranking, by_feff, difference = compare(one, scan, own, others, of_edge)
        except XanesError as error:
            print(f"{row['scan']}: {error}", flush=True)
            continue
        names = [fit.name for fit in ranking.fits]
        fit, first = ranking.fits[names.index(own.stem)], ranking.fits[0]
        (_, atoms), *_ = named_structures(own)
        title = f"{row['element']} {row['edge']}, {formula_of(atoms)}"
        place = names.index(own.stem)
        r_factors = [one_fit.measures["r_factor"] for one_fit in (fit, first)]
        of_feff = f"{by_feff.measures['r_factor']:.4f}" if by_feff else ""
        spectra = one.info.absorber_spectra
        cells = (
            *(title, "" if spectra is None else spectra, f"{1 + place} of {len(names)}"),
            *(f"{r_factors[0]:.4f}", of_feff, f"{r_factors[1]:.4f}"),
            *(f"{100 * difference:.1f}" if by_feff else "", f"{fit.shift:+.1f}"),
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        drawn.append((title, ranking.measured, fit, by_feff))
    if job.plot is not None and drawn:
        figure, axes = new_figure(7.0, 1.4 * -(-len(drawn) // 4), -(-len(drawn) // 4), 4)
        for ax, (title, measured, fit, feff_fit) in zip(axes.flat, drawn, strict=False):
            x = measured.energy - (measured.e0 or 0.0)
            ax.plot(x, measured.mu, color=CALCULATED, linewidth=2.2)
            if feff_fit is not None:
                ax.plot(x, feff_fit.fitted, color=MEAN, linewidth=0.7, linestyle="--")
            ax.plot(x, fit.fitted, color=PREDICTED, linewidth=1.0)
            ax.set_title(title, fontsize=7)
        for ax in list(np.ravel(axes))[len(drawn) :]:
            ax.set_axis_off()
        figure.supxlabel("Measured energy relative to e0 (eV)", fontsize=8)
        figure.supylabel("Normalized absorption", fontsize=8)
        save(figure, job.plot)


if __name__ == "__main__":
    main()
