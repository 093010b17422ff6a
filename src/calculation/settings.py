"""Settings of FEFF calculations: radii, presets, the usual edge of an element."""

from dataclasses import dataclass

from ase.data import atomic_numbers

from ..errors import ConfigError, check_positive
from ..structures.names import check_element
from ..xas.edges import find_edge

EDGES = ("K", "L1", "L2", "L3")
"""Edges that FEFF is asked for."""
LAST_K = 46
"""The highest atomic number whose customary edge is K, palladium's: 24.4 keV, within the reach of
most XAS beamlines; above it the L3 edge is measured more often."""
POTENTIALS = ("element", "symmetry")
PRESETS = {"fast": (4.0, 5.0), "accurate": (7.0, 9.0)}
"""Radii of each preset, Angstrom: self-consistent potentials (SCF), full multiple scattering (FMS).
`accurate` has the radii of the spectra published with OmniXAS (arXiv:2409.19552)."""
CLUSTER = 9.0
"""Radius of the cluster written to the input, Angstrom, where neither SCF nor FMS reaches farther.
Atoms beyond FMS still overlap with the potentials of those within it."""


@dataclass(frozen=True)
class FeffSettings:
    """Cards of FEFF that may be changed; the others are those of the published set."""

    preset: str = "fast"
    """Name of the radii, a key of ``PRESETS``."""
    scf_radius: float | None = None
    """Radius of the cluster for the self-consistent potentials, Angstrom. None: the preset's."""
    fms_radius: float | None = None
    """Radius of full multiple scattering, Angstrom. None: the preset's."""
    cluster_radius: float | None = None
    """Radius of the list of atoms, Angstrom. None: 9, or that of SCF or FMS if larger."""
    scf_mixing: float = 0.2
    """Fraction of the new density mixed in per SCF iteration."""
    potentials: str = "element"
    """One potential per element, or one per symmetry-distinct site (`symmetry`, needs spglib)."""

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown name or a value out of its range."""
        for name, choices in (("preset", PRESETS), ("potentials", POTENTIALS)):
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(f"`{name}` is {value!r}, expected {' or '.join(choices)}")
        for name in ("scf_radius", "fms_radius", "cluster_radius"):
            if (radius := getattr(self, name)) is not None:
                check_positive(name, radius)
        if not 0.0 < self.scf_mixing <= 1.0:
            raise ConfigError(f"`scf_mixing` is {self.scf_mixing} but must be in (0, 1]")
        if self.cluster < max(self.scf, self.fms):
            raise ConfigError(
                f"`cluster_radius` is {self.cluster} but SCF and FMS reach {self.scf} and"
                f" {self.fms} Angstrom"
            )

    @property
    def scf(self) -> float:
        """Radius of the self-consistent potentials, Angstrom."""
        return self.scf_radius or PRESETS[self.preset][0]

    @property
    def fms(self) -> float:
        """Radius of full multiple scattering, Angstrom."""
        return self.fms_radius or PRESETS[self.preset][1]

    @property
    def cluster(self) -> float:
        """Radius of the list of atoms, Angstrom."""
        return self.cluster_radius or max(CLUSTER, self.scf, self.fms)


def choose_edge(element: str, edge: str | None) -> str:
    """The edge asked for, or the customary one: K up to palladium (Z = 46), L3 above.

    Raises:
        ConfigError: FEFF is not asked for such an edge, or the element has none of that name.
    """
    if edge is None:
        edge = "K" if atomic_numbers[check_element(element)] <= LAST_K else "L3"
    if edge not in EDGES:
        raise ConfigError(f"`edge` is {edge!r}, expected one of {', '.join(EDGES)}")
    find_edge(element, edge)
    return edge
