"""Mu of a scan, from the columns that a beamline writes."""

import logging
import re
from collections import defaultdict

import numpy as np

from ..errors import RecordError
from .columns import Columns, find_column, is_axis
from .noise import LEAST, edge_signal
from .normalization import find_e0
from .scan_energies import choose_energy, in_order
from .spectrum import Spectrum

logger = logging.getLogger(__name__)

I0 = re.compile(r"i[0o]([_-].*)?")
TRANSMITTED = re.compile(r"(it|i1|itr|itrans|trans)([_-].*)?")
FLUORESCENT = re.compile(
    r"(iff?|ifl\w*|fluo\w*|fla(tot|\d+)|roi_?\d*|lytle|pips|vortex\w*)([_-].*)?"
    r"|(.*[_:\s])?[a-z]{1,2}[_\s]?[klm][abg]\d?([_-].*)?"
)
"""Intensities of fluorescence, also by the line: cu_ka, sum_fe_ka, mn_ka_mca1."""
GIVEN = re.compile(r"x?mu|norm(alized)?|flat|absorption|<?xanes>?|-?(ln|log)\b.*")
GIVEN_TRANSMISSION = re.compile(r"x?mu_?t(r|rans\w*)?")
GIVEN_FLUORESCENCE = re.compile(r"x?mu_?f(l|luo\w*)?")
"""Columns that are mu already; in general, of transmission, of fluorescence."""
FORMULA = re.compile(r"(?:(-?)\s*(?:ln|log)\s*\((.+)\)|(.+))", re.IGNORECASE)
EXPECTED = 50.0
"""An edge is looked for within this of its expected energy, eV."""
CLEARLY = 3.0
"""One mu is clearly better than another with so many times its edge step over noise."""
ALIKE = 0.999
"""Correlation of spectra that are the same but for scale, background and noise."""


def mu_of(table: Columns, formula: str) -> np.ndarray:
    """Mu by a formula, shape (n_points,): a column, a / b, ln(a / b) or -ln(a / b).

    A column is named as in ``find_column``; in place of a or b also a sum of columns, (a + b).

    Raises:
        RecordError: no such column, or values whose ratio has no logarithm.
    """
    try:
        return table.values[:, find_column(table, formula)]
    except RecordError as error:
        match = FORMULA.fullmatch(formula.strip())
        if match is None or "/" not in formula:
            raise
        ratio = match[2] or match[3]
        missing = error
    for slash in (k for k, letter in enumerate(ratio) if letter == "/"):
        try:
            above, below = _sum(table, ratio[:slash]), _sum(table, ratio[slash + 1 :])
        except RecordError as error:
            missing = error
            continue
        return _divide(table, formula, above, below, match)
    raise missing


def _sum(table: Columns, term: str) -> np.ndarray:
    try:
        return table.values[:, find_column(table, term)]
    except RecordError:
        if "+" not in term:
            raise
    columns = [find_column(table, word) for word in term.strip(" ()").split("+")]
    return table.values[:, columns].sum(axis=1)


def _divide(
    table: Columns, formula: str, above: np.ndarray, below: np.ndarray, match: re.Match[str]
) -> np.ndarray:
    """The ratio, or its logarithm; intensities may have either sign, but not both."""
    logarithm = match[2] is not None
    signs = np.sign(above) * np.sign(below) if logarithm else np.abs(np.sign(below))
    bad = np.flatnonzero((signs <= 0) | (np.sign(below) != np.sign(below[0])))
    if len(bad):
        k = int(bad[0])
        raise RecordError(
            f"{table.path}: line {table.lines[k]}: {formula} of {above[k]:g} and {below[k]:g}, but"
            " intensities must be positive"
        )
    if not logarithm:
        return above / below
    return (-1.0 if match[1] else 1.0) * np.log(above / below)


def choose_mu(
    table: Columns, energy: np.ndarray, column: str | None = None, near: float | None = None
) -> tuple[np.ndarray, str]:
    """Mu of a table, shape (n_points,), and its formula, best of what the columns' names suggest.

    Of transmission and fluorescence the one with a ``CLEARLY`` larger edge step over noise counts.

    Args:
        table: the numbers.
        energy: energies, eV, shape (n_points,).
        column: see ``mu_of``. None: inferred.
        near: energy of the edge that is expected, eV. None: the steepest rise of each.

    Raises:
        RecordError: no such column, or none or several can be chosen.
    """
    if column is not None:
        return mu_of(table, column), _title(table, column)
    formulas = suggest(table)
    mus, reasons = dict[str, np.ndarray](), list[str]()
    for formula in formulas:
        try:
            mus[formula] = mu_of(table, formula)
        except RecordError as error:
            reasons.append(str(error))
    if not mus:
        n_columns, names = table.values.shape[1], ", ".join(filter(None, table.labels))
        unclear = f"{table.path}: which of {n_columns} columns is mu? Found {names or 'no names'}"
        raise RecordError(reasons[0] if reasons else f"{unclear}; give --column or --mu")
    best = formulas[0] if len(formulas) == 1 else _clearest(table, energy, mus, near, reasons)
    return mus[best], _title(table, best)


def _title(table: Columns, formula: str) -> str:
    """A formula as it is printed: numbers of columns are called so."""
    return formula if formula in table.labels or not formula.isdigit() else f"column {formula}"


def suggest(table: Columns) -> list[str]:
    """Formulas of mu by the names of the columns, transmission first, then fluorescence."""
    names = [name for name in table.labels if name]
    if not names:
        return ["2"] if table.values.shape[1] == 2 else []
    kinds = (GIVEN, GIVEN_TRANSMISSION, GIVEN_FLUORESCENCE)
    given, transmitted, fluorescent = ([n for n in names if k.fullmatch(n)][:1] for k in kinds)
    i0 = next((n for n in names if I0.fullmatch(n)), None)
    if i0 is not None and not given:
        through = [f"ln({i0} / {n})" for n in names if TRANSMITTED.fullmatch(n)]
        transmitted = transmitted or through[:1]
        fluorescent = fluorescent or [f"{term} / {i0}" for term in _detectors(names)]
    formulas = given + transmitted + fluorescent
    if len(table.labels) == 2 and not formulas:
        intensities = (I0, TRANSMITTED, FLUORESCENT)
        other = [n for n in names if not is_axis(n)]
        return [n for n in other if not any(kind.fullmatch(n) for kind in intensities)]
    return formulas


def _detectors(names: list[str]) -> list[str]:
    # channels of one detector, fe_ka_mca1 and so on, are added
    groups = defaultdict[str, list[str]](list)
    for name in names:
        if FLUORESCENT.fullmatch(name):
            groups[re.sub(r"(?<=[a-z_])\d+$", "", name)].append(name)
    return [g[0] if len(g) == 1 else f"({' + '.join(g)})" for g in groups.values()]


def _clearest(
    table: Columns,
    energy: np.ndarray,
    mus: dict[str, np.ndarray],
    near: float | None,
    reasons: list[str],
) -> str:
    """The first formula whose edge step over noise is not clearly below that of another.

    Refused if none has an edge, or several are not alike; ``reasons``: why others have no mu.
    """
    scans = {f: Spectrum(*in_order(table.path, energy, mu, table.lines)) for f, mu in mus.items()}
    signals = {f: _signal(scan, near) for f, scan in scans.items()}
    enough = max(LEAST, max(signals.values()) / CLEARLY)
    good = [f for f, signal in signals.items() if signal > enough]
    listed = ", ".join(f"{f} ({signal:.3g})" for f, signal in signals.items())
    alike = (np.corrcoef(scans[good[0]].mu, scans[f].mu)[0, 1] > ALIKE for f in good[1:])
    if not good or not all(alike):
        others = "".join(f"; {reason.removeprefix(f'{table.path}: ')}" for reason in reasons)
        raise RecordError(
            f"{table.path}: which is mu? Edge step over noise of what it may be: {listed}{others};"
            " choose one with --column or --mu"
        )
    logger.warning("%s: mu is %s; edge step over noise: %s", table.path, good[0], listed)
    return good[0]


def _signal(scan: Spectrum, near: float | None) -> float:
    try:
        part = scan if near is None else scan.within(near - EXPECTED, near + EXPECTED)
        return float(np.nan_to_num(edge_signal(scan, find_e0(part)).over_noise))
    except RecordError:
        return 0.0


def spectrum_of(
    table: Columns,
    column: str | int | None = None,
    energy_column: str | int | None = None,
    near: float | None = None,
) -> Spectrum:
    """Spectrum of a table; see ``choose_mu`` and ``scan_energies.choose_energy``.

    Raises:
        RecordError: energies or mu can't be chosen, or are not those of a scan.
    """
    energy, axis = choose_energy(table, None if energy_column is None else str(energy_column))
    mu, formula = choose_mu(table, energy, None if column is None else str(column), near)
    in_steps = in_order(table.path, energy, mu, table.lines)
    made = f"mu from {formula}, energy from {axis}"
    return Spectrum(*in_steps, source=str(table.path), made_from=made)
