"""One site calculated with FEFF: the run, a second attempt where one helps, polarized spectra."""

import errno
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import StructureError
from .feff_input import feff_input
from .feff_run import LOG, Failure, run_feff
from .plan import Site
from .settings import FeffSettings
from .site_folder import (
    failed_folder,
    install,
    is_done,
    running_folder,
    site_folder,
    with_request,
    write_structure,
)

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
"""Polarization vectors, Cartesian."""
KEEP_POTENTIALS = ("CONTROL 1 1 1 1 1 1", "CONTROL 0 0 1 1 1 1")
"""All modules, and all but potentials and cross-sections, which do not depend on polarization."""
LEAST_SPACE = 100_000_000
"""Free bytes without which a failed run is blamed on the disk."""


@dataclass(frozen=True)
class Request:
    """What is wanted of every site."""

    root: Path
    """Folder of all calculations."""
    settings: FeffSettings
    """Radii and other cards."""
    command: tuple[str, ...] = ()
    """FEFF's command and its words. Empty: FEFF 10 of feff10-rs."""
    time_limit: float = 900.0
    """Longest time of one run, seconds."""
    keep: bool = False
    """Keep all of FEFF's files."""
    polarizations: tuple[str, ...] = ()
    """Keys of ``AXES``. Empty: the spectrum averaged over all directions."""

    @property
    def settings_text(self) -> str:
        """The settings in a line, as the table of failures names them."""
        about = self.settings
        axes = ",".join(self.polarizations)
        return (
            f"SCF {about.scf} FMS {about.fms} cluster {about.cluster} mixing {about.scf_mixing}"
            f" by {about.potentials} {axes}".rstrip()
        )

    def inputs(self, site: Site, settings: FeffSettings | None = None) -> dict[str, str]:
        """Input of each spectrum of a site, by the name of its folder; "" is the site's own.

        Raises:
            StructureError: see ``feff_input``.
        """
        about = site.atoms, site.site, site.edge, settings or self.settings
        if not self.polarizations:
            return {"": feff_input(*about, name=site.material)}
        return {
            axis: feff_input(*about, AXES[axis], name=site.material) for axis in self.polarizations
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a site."""

    site: Site
    seconds: float
    """Time of all its runs."""
    attempts: int = 0
    """Runs; 0: it was there."""
    failure: Failure | None = None
    """Why there is no spectrum; None: there is one."""


def calculate_site(site: Site, request: Request, stop: threading.Event | None = None) -> Outcome:
    """Calculate one site, unless it is done; its folder is there whole or not at all.

    Raises:
        ConfigError: another calculation of that name is there.
        OSError: FEFF can't be started, or a file can't be written, a full disk among them.
        Stopped: ``stop`` was set.
    """
    start = time.monotonic()
    try:
        if is_calculated(site, request):
            return Outcome(site, 0.0)
        inputs = request.inputs(site)
    except StructureError as error:
        return Outcome(site, 0.0, 0, Failure("structure", str(error)))
    work = running_folder(request.root, site)
    first = next(iter(inputs.values()))
    settings, attempts = request.settings, 0
    try:
        while True:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            failure = run_inputs(work, inputs, site, request, stop)
            attempts += 1
            if failure is None:
                break
            if shutil.disk_usage(work).free < LEAST_SPACE:  # which may be why it failed
                raise OSError(errno.ENOSPC, "No space left on device", str(work))
            other = second_try(settings, failure)
            if attempts == 2 or other is None:
                kept = failed_folder(request.root, site)
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir(parents=True)
                for name in ("feff.inp", LOG):
                    shutil.copy2(work / name, kept / name)
                return Outcome(site, time.monotonic() - start, attempts, failure)
            settings, inputs = other, request.inputs(site, other)
        for axis, text in inputs.items():
            retried = "* Second try, after failure of the first\n" * (attempts == 2)
            (work / axis / "feff.inp").write_text(retried + with_request(text, first))
        write_structure(request.root, site)
        install(work, site_folder(request.root, site))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Outcome(site, time.monotonic() - start, attempts)


def is_calculated(site: Site, request: Request) -> bool:
    """Whether the spectra of a site are there.

    Raises:
        ConfigError: there are others, of another input.
        StructureError: see ``feff_input``.
    """
    folder = site_folder(request.root, site)
    return folder.exists() and is_done(folder, next(iter(request.inputs(site).values())))


def run_inputs(
    work: Path,
    inputs: dict[str, str],
    site: Site,
    request: Request,
    stop: threading.Event | None,
) -> Failure | None:
    """Run the inputs of a site one after the other, the potentials once."""
    options = site.element, site.edge, request.command, request.time_limit, stop
    for number, (axis, text) in enumerate(inputs.items()):
        text = text if number == 0 else text.replace(*KEEP_POTENTIALS)
        failure = run_feff(work, text, *options)
        if failure is not None:
            return failure
        if axis:
            (work / axis).mkdir()
            for name in ("xmu.dat", LOG):
                shutil.copy2(work / name, work / axis / name)
            (work / "xmu.dat").unlink()
    if not request.keep:
        for path in work.rglob("*"):
            if path.is_file() and path.name != "xmu.dat":
                path.unlink()
    return None


def second_try(settings: FeffSettings, failure: Failure) -> FeffSettings | None:
    """Settings with which a failed site is tried again; None: no others help.

    Potentials that do not converge do so, mostly, with a tenth of the mixing, as FEFF itself
    advises; a larger SCF radius helped none of the failures tried (`docs/howto/calculate.md`).
    """
    if failure.module == "pot":
        return replace(settings, scf_mixing=settings.scf_mixing / 10.0)
    return None
