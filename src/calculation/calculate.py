"""One site calculated with FEFF: the run, a second attempt where one helps, polarized spectra."""

import errno
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ..dataset.record import structure_digest
from ..errors import StructureError
from .feff_input import feff_input
from .feff_run import LOG, Failure, run_feff
from .plan import Site
from .settings import FeffSettings
from .site_folder import FAILED, RUNNING, checksum, is_done, site_folder, write_structure

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
"""Polarization vectors, Cartesian."""
KEEP_POTENTIALS = ("CONTROL 1 1 1 1 1 1", "CONTROL 0 0 1 1 1 1")
"""All modules, and all but potentials and cross-sections, which do not depend on polarization."""
LEAST_SPACE = 100_000_000
"""Free bytes without which a failed run is blamed on the disk."""


@dataclass(frozen=True)
class Request:
    """How every site is calculated, and where to."""

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

    def describe(self, site: Site) -> str:
        """Settings and structure in a line, by which the table of failures knows a site again."""
        s = self.settings
        words = f"SCF {s.scf} FMS {s.fms} cluster {s.cluster} mixing {s.scf_mixing}"
        words += f" by {s.potentials} {','.join(self.polarizations)}"
        return f"{words.rstrip()}; structure {structure_digest(site.atoms)[:16]}"

    def inputs(self, site: Site, mixing: float | None = None) -> dict[str, str]:
        """Input of each spectrum of a site, by the polarization's axis; "" is the average.

        All begin with the checksum of the first one as requested, which ``mixing``, the SCF mixing
        of a second attempt, does not change.

        Raises:
            StructureError: see ``feff_input``.
        """
        axes = self.polarizations or ("",)
        about, name = (site.atoms, site.site, site.edge), site.material
        texts = [feff_input(*about, self.settings, AXES.get(axis), name) for axis in axes]
        comment = checksum(texts[0])
        if mixing is not None:
            settings = replace(self.settings, scf_mixing=mixing)
            comment = f"* Second try, after failure of the first\n{comment}"
            texts = [feff_input(*about, settings, AXES.get(axis), name) for axis in axes]
        return {axis: f"{comment}\n{text}" for axis, text in zip(axes, texts, strict=True)}

    def is_done(self, site: Site) -> bool:
        """Whether a site has been calculated so; ConfigError if its folder has other spectra."""
        folder = site_folder(self.root, site)
        try:
            return folder.exists() and is_done(folder, self.inputs(site))
        except StructureError:  # said when it is calculated
            return False


@dataclass(frozen=True)
class Outcome:
    """What became of a site."""

    site: Site
    seconds: float = 0.0
    """Time of all its runs."""
    attempts: int = 0
    """Runs; 0: it has no input."""
    failure: Failure | None = None
    """Why there is no spectrum."""


def calculate_site(site: Site, request: Request, stop: threading.Event | None = None) -> Outcome:
    """Calculate one site; its folder, which is replaced, is complete or absent.

    A site whose potentials fail in time is tried again with a tenth of the mixing, as FEFF itself
    advises, which takes longer; a larger SCF radius helped none of the failures tried
    (`docs/howto/calculate.md`).

    Raises:
        ConfigError: see ``write_structure``.
        OSError: FEFF can't be started, or a file can't be written, a full disk among them.
        Stopped: ``stop`` was set.
    """
    start = time.monotonic()
    try:
        inputs = request.inputs(site)
    except StructureError as error:
        return Outcome(site, failure=Failure("structure", str(error)))
    work = request.root / RUNNING / site.name
    try:
        attempts, failure = 1, run_inputs(work, inputs, site, request, stop)
        in_time = time.monotonic() - start < request.time_limit
        if failure is not None and failure.module == "pot" and in_time:
            inputs = request.inputs(site, request.settings.scf_mixing / 10.0)
            attempts, failure = 2, run_inputs(work, inputs, site, request, stop)
        if failure is not None:
            kept = request.root / FAILED / site.name
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            for name in ("feff.inp", LOG):
                shutil.copy2(work / name, kept / name)
        else:
            for axis, text in inputs.items():
                (work / axis / "feff.inp").write_text(text)
            write_structure(request.root, site)
            folder = site_folder(request.root, site)
            shutil.rmtree(folder, ignore_errors=True)  # inputs without a spectrum
            folder.parent.mkdir(parents=True, exist_ok=True)
            work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Outcome(site, time.monotonic() - start, attempts, failure)


def run_inputs(
    work: Path,
    inputs: dict[str, str],
    site: Site,
    request: Request,
    stop: threading.Event | None,
) -> Failure | None:
    """Run the inputs of a site one after the other in a new folder, the potentials once."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for number, (axis, text) in enumerate(inputs.items()):
        text = text if number == 0 else text.replace(*KEEP_POTENTIALS)
        failure = run_feff(
            work, text, site.element, site.edge, request.command, request.time_limit, stop
        )
        if failure is not None:
            if shutil.disk_usage(work).free < LEAST_SPACE:  # which may be why
                raise OSError(errno.ENOSPC, "No space left on device", str(work))
            return failure
        if axis:
            (work / axis).mkdir()
            shutil.copy2(work / LOG, work / axis / LOG)
            (work / "xmu.dat").rename(work / axis / "xmu.dat")
    if not request.keep:
        for path in work.rglob("*"):
            if path.is_file() and path.name != "xmu.dat":
                path.unlink()
    return None
