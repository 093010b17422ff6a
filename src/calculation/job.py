"""Settings of the command `calculate`; importing this is cheap."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ConfigError, check_positive


@dataclass
class CalculateJob:
    """Calculate spectra of structures with FEFF, for `dataset` and `train`."""

    structures: list[Path]
    """CIF, POSCAR, extended xyz of many frames, ASE databases, or what else ASE reads. Of frames
    the values material, element and sites are honored."""
    output: Path
    """Folder of the calculations, for `dataset`; the same command continues where it stopped."""
    element: str | None = None
    """Absorbing element, such as Cu. None: as the structures say."""
    edge: str | None = None
    """K, L1, L2 or L3. None: K up to palladium (Z = 46), L3 above."""
    site: list[int] | None = None
    """0-based absorbers. None: every distinct site of the element (equivalent ones are joined where
    spglib is installed)."""
    preset: Literal["fast", "accurate"] = "fast"
    """fast: SCF 4, FMS 5 Angstrom, about half a minute per site; accurate: SCF 7, FMS 9 Angstrom,
    about ten minutes."""
    scf_radius: float | None = None
    """Radius of the self-consistent potentials, Angstrom. None: the preset's."""
    fms_radius: float | None = None
    """Radius of full multiple scattering, Angstrom. None: the preset's."""
    cluster_radius: float | None = None
    """Radius of the list of atoms, Angstrom. None: 9, or that of SCF or FMS if larger."""
    scf_mixing: float = 0.2
    """Fraction of the new density mixed in per SCF iteration."""
    potentials: Literal["element", "symmetry"] = "element"
    """One potential per element, or per symmetry-distinct site (needs spglib)."""
    polarization: str | None = None
    """Axes of the beam's polarization, such as x,y,z: one spectrum each. None: their mean."""
    jobs: int | None = None
    """Sites at once. None: as many as there are cores."""
    time_limit: float = 15.0
    """Longest time of one run of FEFF, minutes."""
    copies: int = 0
    """Displaced or strained copies of each structure, beside itself."""
    displace: float = 0.0
    """Standard deviation of the copies' atoms, each coordinate, Angstrom."""
    strain: float = 0.0
    """Standard deviation of the copies' strain, each component."""
    seed: int = 0
    """Seed of the copies."""
    limit: int | None = None
    """Number of sites at most. None: all."""
    choose_by: Path | None = None
    """Calibrated model; the `limit` sites that are most novel to it are calculated. None: the first
    ones."""
    again: bool = False
    """Try sites again that have failed before."""
    keep: bool = False
    """Keep all of FEFF's files, some 8 MB per site."""
    write_only: bool = False
    """Write the inputs, and calculate nothing."""
    code: Literal["feff10", "feff9", "fdmnes"] = "feff10"
    """Program that the inputs are for; other than feff10 with `write_only`."""
    feff: str | None = None
    """FEFF's command, run in the folder of each site instead of FEFF 10 of feff10-rs."""
    parsl: Path | None = None
    """Python file with a Parsl `config`: calculate there, such as on the nodes of a queue."""

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range or that contradict each other."""
        check_positive("time_limit", self.time_limit)
        for name in ("jobs", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` is {value} but must be at least 1")
        if self.seed < 0:
            raise ConfigError(f"`seed` is {self.seed} but must not be negative")
        if self.code != "feff10" and not self.write_only:
            raise ConfigError(
                f"`code` {self.code} can't be run, only written; add --write_only, or give --feff"
                " the command of a FEFF of your own"
            )
        if self.choose_by is not None and self.limit is None:
            raise ConfigError("`choose_by` needs `limit`, the number of sites to choose")
        if self.parsl is not None and self.jobs is not None:
            raise ConfigError("`jobs` does not go with `parsl`, whose file says how many run")
        if self.polarization is not None:
            axes = self.polarization.split(",")
            if not set(axes) <= set("xyz") or len(set(axes)) != len(axes):
                raise ConfigError(
                    f"`polarization` is {self.polarization!r}, expected axes such as x,y,z"
                )
