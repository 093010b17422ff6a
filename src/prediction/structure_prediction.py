"""Predicted spectra of one structure: all sites together, their mean, table and figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from ase import Atoms

from ..checkpoints.energy_scale import energy_label
from ..checkpoints.trained_model import TrainedModel
from ..errors import StructureError
from ..plot import Curve, draw_curves
from ..structures.environments import Environment
from ..structures.names import title_of
from ..xas.tabular import Tabular, axis_labels, describe_axis, label_axes

LISTED = 12
"""Sites that ``repr`` lists at most."""


@dataclass(frozen=True)
class Labels:
    """What to call the quantities of a model's spectra."""

    energy: str = "Energy (eV)"
    """Label of the energy axis."""
    mu: str = "Absorption"
    """Label of the other axis."""
    unit: str | None = None
    """Unit of mu, as text."""
    edge: str | None = None
    """Absorption edge."""
    band: str = "band"
    """The bands, with their nominal coverage."""

    @classmethod
    def of(cls, model: TrainedModel) -> "Labels":
        """Labels of a model's spectra."""
        info, calibration = model.info, model.calibration
        mu = axis_labels(info.unit, relative=False)[1]
        band = "band" if calibration is None else f"{100 * calibration.coverage:g} % band"
        return cls(energy_label(model), mu, info.unit, info.edge, band)

    def mean_width(self, half_width: np.ndarray | None) -> str:
        """Mean half width of a band, shape (n_energies,); nothing where there is none."""
        if half_width is None or not np.isfinite(half_width).any():
            return ""
        width = f"{np.nanmean(half_width):#.2g}".rstrip(".")
        return f", {self.band} +-{width} on average"


class Banded(Tabular):
    """Base of a predicted spectrum that has a band if the model is calibrated."""

    half_width: np.ndarray | None
    CENTER: ClassVar[str] = "mu"
    """Attribute that the band is around."""

    @property
    def lower(self) -> np.ndarray | None:
        """Lower end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else getattr(self, self.CENTER) - self.half_width

    @property
    def upper(self) -> np.ndarray | None:
        """Upper end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else getattr(self, self.CENTER) + self.half_width

    def ends(self) -> dict[str, np.ndarray]:
        """``lower`` and ``upper``; nothing if the model is not calibrated."""
        ends = {"lower": self.lower, "upper": self.upper}
        return {name: values for name, values in ends.items() if values is not None}


@dataclass(frozen=True)
class SitePrediction(Banded):
    """Predicted spectrum of one absorbing atom, or of several that symmetry makes equivalent."""

    structure: str
    """Name of the structure."""
    site: int
    """0-based index of the absorber in the structure."""
    equivalent: list[int]
    """Sites with the same spectrum by symmetry, this one included."""
    energy: np.ndarray
    """Energies, eV, absolute if the model has a reference energy, shape (n_energies,)."""
    mu: np.ndarray
    """Absorption in the model's unit, shape (n_energies,)."""
    half_width: np.ndarray | None = None
    """Half width of the calibrated band, same unit and shape; NaN outside the calibrated energies.
    None: the model is not calibrated."""
    novel: bool = False
    """Whether the site is unlike anything that the model was trained on."""
    reasons: tuple[str, ...] = ()
    """In which ways it is, in words."""
    distance: float | None = None
    """Distance to the nearest training site, see ``Novelty``. None: not calibrated, or not kept."""
    environment: Environment | None = None
    """Neighbors within the network's cutoff. None: not kept."""
    unseen: tuple[str, ...] = ()
    """Elements of the structure that are absent from the training set."""
    element: str | None = None
    """Element of the absorber."""
    formula: str | None = None
    """Chemical formula of the structure."""
    labels: Labels = Labels()
    """Edge, unit and what to call the axes and the band."""

    @property
    def label(self) -> str:
        """Element, number and multiplicity of the site."""
        count = len(self.equivalent)
        name = f"{self.element or ''} site {self.site}".strip()
        return f"{name} (x {count})" if count > 1 else name

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV``, ``mu`` and, of a calibrated model, ``lower`` and ``upper``."""
        return {"energy_eV": self.energy, "mu": self.mu, **self.ends()}

    def curve(self) -> Curve:
        """What is drawn of it."""
        return Curve(self.label, self.mu, self.half_width, len(self.equivalent), self.novel)

    def draw(self, ax: Any) -> None:
        """Draw the spectrum with its band, dotted if the site is novel."""
        StructurePrediction([self]).draw(ax)

    def describe(self) -> str:
        """The site, its largest absorption, the width of its band and what to doubt."""
        edge, unit = self.labels.edge, self.labels.unit
        text = self.label + (f", {edge} edge" if edge else "")
        text += f": mu up to {self.mu.max():.4g}" + (f" ({unit})" if unit else "")
        text += self.labels.mean_width(self.half_width)
        if self.novel:
            text += "; novel, expect larger errors"
            text += f" ({'; '.join(self.reasons)})" if self.reasons else ""
        if self.unseen:
            text += f"; {', '.join(self.unseen)} absent from the training set"
        return text

    def __repr__(self) -> str:
        """One line."""
        name = title_of(self.structure, self.formula)
        return f"<SitePrediction {name}, {self.describe()}; {describe_axis(self.energy)}>"


class StructurePrediction(list[SitePrediction], Tabular):
    """Predictions of a structure's sites, or groups of equivalent sites: a list of them.

    spectra = src.predict("CuO.cif", model="cu-k-feff")
    spectra.plot()
    spectra.to_csv("CuO.csv")
    energy, mu = spectra.energy, spectra.mean
    """

    atoms: Atoms | None = None
    """The structure that was predicted; None where it is not known."""

    @property
    def name(self) -> str:
        """Name of the structure."""
        return self[0].structure

    @property
    def energy(self) -> np.ndarray:
        """Energies, eV, shape (n_energies,)."""
        return self[0].energy

    @property
    def mean(self) -> np.ndarray:
        """Mean over all absorbing atoms, unit of the sites', shape (n_energies,).

        Raises StructureError where there are no sites, or their energies differ.
        """
        return np.average([site.mu for site in self], axis=0, weights=multiplicities(self))

    @property
    def half_width(self) -> np.ndarray | None:
        """Half width of a band around the mean, the mean of the sites' half widths.

        That is its upper bound, reached where the errors of all sites go together; if they did not,
        it would be narrower by up to the root of the number of sites. Unit of the sites', shape
        (n_energies,); None: the model is not calibrated. Raises what ``mean`` does.
        """
        weights = multiplicities(self)
        widths = [site.half_width for site in self if site.half_width is not None]
        return None if len(widths) < len(self) else np.average(widths, axis=0, weights=weights)

    def row_of(self, atom: int) -> int | None:
        """Place in the list of the group that an atom belongs to; None: it is no absorber."""
        return next((row for row, site in enumerate(self) if atom in site.equivalent), None)

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV``, each site's mu as NAME_SITE with the ends of its band, and NAME_mean.

        All of shape (n_energies,); blanks in the name become underscores, and hashes, which begin a
        comment, hyphens.
        """
        name, columns = "_".join(self.name.split()).replace("#", "-"), {"energy_eV": self.energy}
        for site in self:
            columns[f"{name}_{site.site}"] = site.mu
            columns |= {f"{name}_{site.site}_{end}": mu for end, mu in site.ends().items()}
        return {**columns, f"{name}_mean": self.mean}

    def draw(self, ax: Any) -> None:
        """Draw each site's spectrum with its band, and their mean; novel sites are dotted."""
        labels = self[0].labels
        draw_curves(ax, self.energy, [site.curve() for site in self], labels.band)
        label_axes(ax, labels.energy, labels.mu, title_of(self.name, self[0].formula))

    def view(self) -> Any:
        """Structure and spectra as a widget of chemiscope for a notebook, see ``show``."""
        from .chemiscope_view import show

        return show(self)

    def __repr__(self) -> str:
        """One line for the structure and one per site."""
        if not self:
            return "StructurePrediction([])"
        lines = [
            f"StructurePrediction: {title_of(self.name, self[0].formula)},"
            f" {multiplicities(self).sum()} sites, {describe_axis(self.energy)}"
        ]
        lines += [f"  {one.describe()}" for one in self[:LISTED]]
        if len(self) > LISTED:
            lines.append(f"  and {len(self) - LISTED} more")
        return "\n".join(lines)


def multiplicities(sites: Sequence[SitePrediction]) -> np.ndarray:
    """Atoms of each site, shape (n_sites,); StructureError where there is no mean over them."""
    if not sites:
        raise StructureError("a material without absorbers has no spectrum")
    for site in sites:
        if not np.array_equal(site.energy, sites[0].energy):
            raise StructureError(
                f"site {site.site} of {site.structure} has other energies than site"
                f" {sites[0].site} of {sites[0].structure}; a mean needs the same"
            )
    return np.array([len(site.equivalent) for site in sites])
