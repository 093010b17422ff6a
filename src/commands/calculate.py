"""The command `calculate`: structures to calculated spectra, or to the inputs for them."""

import logging
import os
import shlex
import shutil
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path

from ..calculation.calculate import Request
from ..calculation.fdmnes_input import FDMFILE, fdmnes_input
from ..calculation.job import CalculateJob
from ..calculation.plan import Copies, Site, make_plan, read_structures
from ..calculation.schedule import FAILURES, Submit, calculate_all, describe, local_processes
from ..calculation.settings import FeffSettings
from ..calculation.site_folder import site_folder, with_request, write_structure
from ..errors import ConfigError, PartialError, StructureError

logger = logging.getLogger(__name__)

AT_ONCE_ON_A_QUEUE = 100_000
"""Sites handed to Parsl together, which has its own queue."""


def run(job: CalculateJob) -> None:
    """Calculate the sites and say what became of them."""
    if job.output.exists() and not job.output.is_dir():
        raise ConfigError(f"{job.output}: is a file; name a folder")
    request = make_request(job)
    copies = Copies(job.copies, job.displace, job.strain, job.seed)
    plan = make_plan(read_structures(job.structures), job.element, job.edge, job.site, copies)
    if not plan.sites and len(plan.refused) == 1:
        raise StructureError(plan.refused[0])
    for reason in plan.refused:
        logger.warning("skipped: %s", reason)
    if not plan.sites:
        raise StructureError("no structure has a site to calculate")
    sites = choose(job, plan.sites)
    if job.write_only:
        write_inputs(job, sites, request)
    else:
        with workers(job) as submit:
            at_once = AT_ONCE_ON_A_QUEUE if job.parsl else job.jobs or cores()
            tally = calculate_all(sites, request, submit, at_once, job.again)
        print(describe(tally, job.output))
        failed = len(tally.failed) + tally.failed_before
        if failed == len(sites):
            raise StructureError(f"all {failed} sites failed; {job.output / FAILURES} says why")
        if failed:
            raise PartialError(
                f"{failed} of {len(sites)} sites failed; {job.output / FAILURES} says why"
            )
    if plan.refused:
        raise PartialError(f"{len(plan.refused)} structures are skipped, see above")


def make_request(job: CalculateJob) -> Request:
    """What is wanted of every site.

    Raises:
        ConfigError: a setting is out of range, or FEFF is not installed.
    """
    command: tuple[str, ...] = ()
    if job.feff is not None:
        command = tuple(shlex.split(job.feff))
        if not command or shutil.which(command[0]) is None:
            raise ConfigError(f"`--feff` is {job.feff!r}, but there is no such command")
        command = (str(Path(shutil.which(command[0]) or "").absolute()), *command[1:])
    elif not job.write_only and find_spec("feff10") is None:
        raise ConfigError(
            "FEFF is not installed; pip install 'e3gnn-xanes[feff]', or name the command of your"
            " own with --feff"
        )
    settings = FeffSettings(
        job.preset,
        job.scf_radius,
        job.fms_radius,
        job.cluster_radius,
        job.scf_mixing,
        job.potentials,
    )
    axes = tuple(job.polarization.split(",")) if job.polarization else ()
    output = job.output.absolute()
    return Request(output, settings, command, job.time_limit * 60.0, job.keep, axes)


def choose(job: CalculateJob, sites: list[Site]) -> list[Site]:
    """The sites to calculate: the most novel ones, or the first."""
    if job.choose_by is None or job.limit is None:
        return sites[: job.limit]
    from ..calculation.choose import choose_novel

    return choose_novel(job.choose_by, sites, job.limit)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers(job: CalculateJob) -> AbstractContextManager[Submit]:
    """Where sites are calculated."""
    if job.parsl is None:
        return local_processes(job.jobs or cores())
    from ..calculation.parsl_pool import parsl_workers

    return parsl_workers(job.parsl)


def write_inputs(job: CalculateJob, sites: list[Site], request: Request) -> None:
    """Write the inputs of sites, each in its folder.

    Raises:
        ConfigError: a folder of a site is there.
        StructureError: see ``feff_input``.
    """
    for site in sites:
        if job.code == "fdmnes":
            folder = job.output / site.material / "FDMNES" / f"{site.site:03d}_{site.element}"
            about = site.atoms, site.site, site.edge, request.settings.fms, site.material
            texts = {"fdmfile.txt": FDMFILE, "fdmnes_in.txt": fdmnes_input(*about)}
        else:
            folder = site_folder(job.output, site)
            inputs = request.inputs(site)
            first = next(iter(inputs.values()))
            texts = {
                f"{axis}/feff.inp".lstrip("/"): with_request(text, first)
                for axis, text in inputs.items()
            }
        if folder.exists():
            raise ConfigError(f"{folder}: is there already; name another folder")
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        if job.code != "fdmnes":
            write_structure(job.output, site)
    print(f"{job.output}: inputs of {len(sites)} sites")
