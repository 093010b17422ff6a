"""The command `calculate`: structures to calculated spectra, or to the inputs for them."""

import logging
import os
import shlex
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError, PartialError, StructureError, check_at_least, check_positive
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    from ..calculation.calculate import Request
    from ..calculation.plan import Site
    from ..calculation.schedule import Submit

logger = logging.getLogger(__name__)

EXAMPLE = "calculate GaN.cif --element Ga -o gan --jobs 2"
COMMON = ("output", "element", "edge", "jobs", "write_only")


@dataclass
class Options:
    """Which structures, sites and settings of FEFF."""

    structures: list[Path] = field(metadata=POSITIONAL)
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
    """Sites calculated at the same time. None: the number of cores."""
    time_limit: float = 15.0
    """Time limit of one FEFF run, minutes."""
    copies: int = 0
    """Displaced or strained copies of each structure, in addition to itself."""
    displace: float = 0.0
    """Standard deviation of the copies' atoms, each coordinate, Angstrom."""
    strain: float = 0.0
    """Standard deviation of the copies' strain, each component."""
    seed: int = 0
    """Seed of the copies."""
    limit: int | None = None
    """Maximum number of sites. None: all."""
    choose_by: Path | None = None
    """Calibrated model; the `limit` sites most novel to it are calculated. None: the first."""
    again: bool = False
    """Retry sites that failed before."""
    keep: bool = False
    """Keep all of FEFF's files, some 8 MB per site."""
    write_only: bool = False
    """Write the inputs only."""
    code: Literal["feff10", "feff9", "fdmnes"] = "feff10"
    """Program that the inputs are for; other than feff10 with `write_only`."""
    feff: str | None = None
    """FEFF's command, run in the folder of each site instead of FEFF 10 of feff10-rs."""
    parsl: Path | None = None
    """Python file with a Parsl `config`, to calculate on the nodes of a queue or elsewhere."""

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range or that contradict each other."""
        check_positive("time_limit", self.time_limit)
        for name in ("jobs", "limit"):
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), 1)
        check_at_least("seed", self.seed, 0)
        if self.code != "feff10" and not self.write_only:
            raise ConfigError(
                f"`code` {self.code} can't be run, only written; add --write_only, or give --feff"
                " the command of another FEFF"
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


def run(job: Options) -> None:
    """Calculate the sites and say what became of them."""
    from ..calculation.plan import Copies, find_structures, make_plan
    from ..calculation.schedule import FAILURES, calculate_all

    if job.output.exists() and not job.output.is_dir():
        raise ConfigError(f"{job.output}: is a file; name a folder")
    request = make_request(job)
    copies = Copies(job.copies, job.displace, job.strain, job.seed)
    plan = make_plan(find_structures(job.structures), job.element, job.edge, job.site, copies)
    if not plan.sites and len(plan.refused) == 1:
        raise StructureError(plan.refused[0])
    for reason in plan.refused:
        logger.warning("skipped: %s", reason)
    if not plan.sites:
        raise StructureError("no structure has a site to calculate")
    sites = plan.sites[: job.limit]
    if job.choose_by is not None and job.limit is not None:
        from ..calculation.choose import choose_novel

        sites = choose_novel(job.choose_by, plan.sites, job.limit)
    n_skipped = len(plan.refused)
    if job.write_only:
        n_skipped += write_inputs(job, sites, request)
    else:
        with workers(job) as submit:
            tally = calculate_all(sites, request, submit, job.again)
        print(f"{job.output}: {tally.describe()}")
        failed = f"sites failed; {job.output / FAILURES} says why"
        if tally.failed == len(sites):
            raise StructureError(f"all {tally.failed} {failed}")
        if tally.failed:
            raise PartialError(f"{tally.failed} of {len(sites)} {failed}")
    if n_skipped:
        raise PartialError(f"{n_skipped} structures were skipped, see above")


def make_request(job: Options) -> "Request":
    """Settings of FEFF, and how it is run.

    Raises:
        ConfigError: a setting is out of range, or FEFF is not installed.
    """
    from ..calculation.calculate import Request
    from ..calculation.settings import FeffSettings

    command: tuple[str, ...] = ()
    if job.feff is not None:
        program, *words = shlex.split(job.feff) or [""]
        path = shutil.which(program)
        if path is None:
            raise ConfigError(f"`--feff` is {job.feff!r}, but there is no such command")
        command = (os.path.abspath(path), *words)
    elif not job.write_only and find_spec("feff10") is None:
        raise ConfigError(
            "FEFF is not installed; pip install 'e3gnn-xanes[feff]', or specify the command of"
            " another FEFF with --feff"
        )
    names = ("preset", "scf_radius", "fms_radius", "cluster_radius", "scf_mixing", "potentials")
    settings = FeffSettings(**{name: getattr(job, name) for name in names})
    axes = tuple(job.polarization.split(",")) if job.polarization else ()
    output = job.output.absolute()
    return Request(output, settings, command, job.time_limit * 60.0, job.keep, axes)


def workers(job: Options) -> AbstractContextManager["Submit"]:
    """Where sites are calculated: Parsl's workers, or the cores that this process may use."""
    if job.parsl is not None:
        from ..calculation.parsl_pool import parsl_workers

        return parsl_workers(job.parsl)
    from ..calculation.schedule import local_threads

    affinity = getattr(os, "sched_getaffinity", None)  # of Linux
    return local_threads(job.jobs or (len(affinity(0)) if affinity else os.cpu_count() or 1))


def write_inputs(job: Options, sites: list["Site"], request: "Request") -> int:
    """Write the inputs of sites, each in its folder; return how many were skipped.

    Raises:
        ConfigError: a folder of a site already exists.
        StructureError: the only site can't be calculated; see ``feff_input``.
    """
    from ..calculation.fdmnes_input import FDMFILE, fdmnes_input
    from ..calculation.site_folder import site_folder, write_structure

    n_skipped = 0
    for site in sites:
        folder = site_folder(job.output, site)
        try:
            if job.code == "fdmnes":
                folder = folder.parents[1] / "FDMNES" / folder.name
                about = site.atoms, site.site, site.edge, request.settings.fms, site.material
                files = {"fdmfile.txt": FDMFILE, "fdmnes_in.txt": fdmnes_input(*about)}
            else:
                files = {f"{axis}/feff.inp": text for axis, text in request.inputs(site).items()}
        except StructureError as error:
            if len(sites) == 1:
                raise
            logger.warning("skipped: %s: %s", site.id, error)
            n_skipped += 1
            continue
        if folder.exists():
            raise ConfigError(f"{folder}: already exists; name another folder")
        for name, text in files.items():
            path = folder / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if job.code != "fdmnes":
            write_structure(job.output, site)
    print(f"{job.output}: inputs of {len(sites) - n_skipped} sites")
    return n_skipped
