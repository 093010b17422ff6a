"""One calculated spectrum of one absorbing atom, with everything that identifies it."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from ..errors import RecordError, is_kind
from ..structures.names import check_edge, check_name, check_printable, formula_of, title_of
from ..xas.tabular import Tabular, describe_axis, draw_spectrum

UNITS = {"absolute": "1e-3 a0^2", "normalized": "dimensionless", "as_given": "not stated"}
"""Unit of each kind of target; "as_given" where the source does not say what it gives."""
OF_CALCULATION = ("polarization", "preset", "cards", "interstitial", "kf", "radii")
"""Fields that not every code or version gives; without a value they are not stored."""
AXES = ("absolute", "relative")
"""Energy axes: of the photon, or relative to an edge energy that the source does not state."""


def structure_digest(atoms: Atoms) -> str:
    """Checksum of elements, positions, cell and periodicity."""
    parts = (
        atoms.numbers.astype("<i8"),
        atoms.positions.astype("<f8"),
        np.asarray(atoms.cell.array).astype("<f8"),
        np.asarray(atoms.pbc).astype("<i8"),
    )
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def is_mean(record_id: str) -> bool:
    """Whether a record of this id is a mean over several atoms."""
    return record_id.rpartition("_")[2] == "mean"


@dataclass(frozen=True, eq=False)
class Record(Tabular):
    """A spectrum, its absorber and its structure."""

    id: str
    """Name that is unique in a dataset, `<material>_<site>`."""
    material: str
    """Material; all records of one are in the same part of a split."""
    atoms: Atoms
    """Crystal, or cluster around the absorber."""
    site: int
    """Absorber's 0-based index in ``atoms``."""
    element: str
    """Absorbing element, its symbol."""
    edge: str
    """Absorption edge, such as K."""
    energy: np.ndarray
    """Photon energies on ``axis``, eV, shape (n_energies,), strictly increasing."""
    mu: np.ndarray
    """Absorption, shape (n_energies,), in the unit of ``target``."""
    target: str
    """Kind of spectrum, a key of ``UNITS``."""
    code: str
    """Program that calculated it."""
    version: str
    """Its version."""
    source: str
    """Path of the calculation."""
    fermi_level: float | None = None
    """Fermi level of the self-consistent potential, eV, where the code gives it."""
    axis: str = "absolute"
    """What ``energy`` counts from, one of ``AXES``."""
    polarization: tuple[float, float, float] | None = None
    """Unit vector of the beam's polarization, Cartesian, in the axes of ``atoms``. None: the mean
    over all directions."""
    preset: str = ""
    """Preset of settings with which `calculate` made the input, where it did."""
    cards: str = ""
    """Settings of the calculation as its input gives them, separated by `; `."""
    interstitial: float | None = None
    """Interstitial potential, eV, where the code gives it."""
    kf: float | None = None
    """Fermi wave number, 1/Angstrom, where the code gives it."""
    radii: tuple[tuple[int, float, float], ...] = ()
    """Atomic number, muffin-tin and Norman radius, Angstrom, of each potential, the absorber's
    first, where the code gives them."""
    mean_over: tuple[int, ...] | None = None
    """Atoms over which the spectrum is a mean, ``site`` the first of them; the record's id then
    ends with `_mean`. None: it is the spectrum of ``site`` alone."""

    def __post_init__(self) -> None:
        """Turn NumPy's numbers and lists into plain ones; raise RecordError for contradictions."""
        self._check_names()
        if not is_kind(self.site, int) or not 0 <= self.site < len(self.atoms):
            raise RecordError(
                f"{self.id}: absorber index {self.site}, but the structure has"
                f" {len(self.atoms)} atoms"
            )
        self._set("site", int(self.site))
        symbol = self.atoms[self.site].symbol
        if symbol != self.element:
            raise RecordError(
                f"{self.id}: the absorber should be {self.element} but atom {self.site} is {symbol}"
            )
        for name in ("fermi_level", "interstitial", "kf"):
            value = getattr(self, name)
            self._set(name, None if value is None else float(value))
            if value is not None and not np.isfinite(value):
                raise RecordError(f"{self.id}: `{name}` is {value} but must be finite")
        self._set("radii", tuple((int(z), float(a), float(b)) for z, a, b in self.radii))
        if self.polarization is not None:
            self._set("polarization", tuple(map(float, self.polarization)))
            if len(self.polarization) != 3 or not abs(math.hypot(*self.polarization) - 1.0) < 1e-6:
                raise RecordError(
                    f"{self.id}: `polarization` is {self.polarization}, expected a unit vector"
                )
        self._check_mean()
        self._check_spectrum()

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV`` and ``mu``."""
        return {"energy_eV": self.energy, "mu": self.mu}

    def draw(self, ax: Any) -> None:
        """Draw the spectrum."""
        unit, title = UNITS[self.target], title_of(self.id, formula_of(self.atoms))
        draw_spectrum(ax, self.energy, self.mu, unit, title, self.axis == "relative")

    def __repr__(self) -> str:
        """One line."""
        name = title_of(self.id, formula_of(self.atoms))
        what = f"{self.element} {self.edge} edge by {self.code} {self.version}".rstrip()
        return f"<Record {name}, {what}, {self.target}, {describe_axis(self.energy)}>"

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_names(self) -> None:
        """Check texts."""
        if not self.id or not self.material:
            raise RecordError(f"{self.source}: record id and material must not be empty")
        for name in ("material", "id"):
            check_name(getattr(self, name), f"`{name}`", self.source)
        for name in ("code", "version", "preset", "cards"):
            check_printable(getattr(self, name), f"`{name}`", self.id)
        if self.id.rpartition("_")[0] != self.material:
            raise RecordError(
                f"{self.source}: record id {self.id!r} is not `<material>_<site>` of the material"
                f" {self.material!r}"
            )
        check_edge(self.edge, f"{self.id}: `edge`")
        for name, known in (("target", tuple(UNITS)), ("axis", AXES)):
            if getattr(self, name) not in known:
                raise RecordError(f"{self.id}: {name} is {getattr(self, name)!r}, not in {known}")

    def _check_mean(self) -> None:
        """Check the atoms over which the spectrum is a mean."""
        if (self.mean_over is not None) != is_mean(self.id):
            raise RecordError(f"{self.id}: ids of means over atoms, and only those, end with _mean")
        if self.mean_over is None:
            return
        atoms = tuple(map(int, self.mean_over))
        self._set("mean_over", atoms)
        if list(atoms) != sorted(set(atoms)) or not atoms or atoms[0] != self.site:
            raise RecordError(
                f"{self.id}: mean over {atoms}, expected increasing indices from {self.site}"
            )
        if atoms[-1] >= len(self.atoms) or set(self.atoms.symbols[list(atoms)]) != {self.element}:
            raise RecordError(f"{self.id}: atoms {atoms} are not all {self.element}")

    def _check_spectrum(self) -> None:
        """Check energies and values, and make arrays of lists."""
        for name in ("energy", "mu"):
            self._set(name, np.asarray(getattr(self, name), dtype=float))
        if self.energy.ndim != 1 or self.energy.shape != self.mu.shape or len(self.energy) < 2:
            raise RecordError(
                f"{self.id}: energy {self.energy.shape} and mu {self.mu.shape} must both be"
                " (n_energies,) with two or more energies"
            )
        for name, values in (("energy", self.energy), ("mu", self.mu)):
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                raise RecordError(
                    f"{self.id}: {name} is not finite at {len(bad)} of {len(values)} points, the"
                    f" first is number {bad[0]} with {values[bad[0]]}"
                )
        if self.axis == "absolute" and self.energy[0] <= 0:
            raise RecordError(
                f"{self.id}: absolute energies must be positive, but the first is"
                f" {self.energy[0]:.3f} eV; are they relative (axis relative)?"
            )
        falls = np.flatnonzero(np.diff(self.energy) <= 0)
        if len(falls):
            before, after = self.energy[falls[0] : falls[0] + 2]
            raise RecordError(
                f"{self.id}: energies must increase, but {after:.3f} eV follows {before:.3f} eV"
            )

    @property
    def structure_digest(self) -> str:
        """Checksum of the structure; equal structures can share one graph."""
        return structure_digest(self.atoms)

    @property
    def details(self) -> dict[str, Any]:
        """Fields of ``OF_CALCULATION`` that have a value."""
        values = {name: getattr(self, name) for name in OF_CALCULATION}
        return {name: value for name, value in values.items() if value not in (None, "", ())}

    @property
    def digest(self) -> str:
        """Checksum of all that was calculated; the path it was read from does not count."""
        text = [self.id, self.material, self.element, self.edge, self.target]
        text += [self.code, self.version, str(self.site), repr(self.fermi_level)]
        text += [] if self.axis == "absolute" else [self.axis]  # as before there were others
        text += [] if self.mean_over is None else [f"mean over {self.mean_over}"]
        text += [f"{name} {value!r}" for name, value in self.details.items()]
        spectrum = self.energy.astype("<f8").tobytes() + self.mu.astype("<f8").tobytes()
        described = "\0".join([*text, self.structure_digest]).encode()
        return hashlib.sha256(described + spectrum).hexdigest()


@dataclass(frozen=True)
class Rejected:
    """A calculation that gave no record."""

    source: str
    """Path of the calculation."""
    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class PassedOver:
    """A calculation of another element or edge than was asked for."""

    source: str
    """Path of the calculation."""
