"""Extended xyz files with a spectrum a frame.

Values of the comment line: ``mu`` (numbers), ``material``, ``absorber`` (0-based index), and where
the file has them ``energy`` (as many numbers as ``mu``, eV), ``axis`` (absolute or relative),
``site`` (label in the record's id, else the absorber's index), ``edge``, ``code``, ``version``. A
single number in ``energy`` is the total energy that the format knows under this name. What a file
lacks must be given by the user; nothing is assumed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ConfigError, RecordError, StructureError, XanesError
from ..energies import energy_grid
from ..graph import check_atoms
from ..record import AXES, PassedOver, Record, Rejected, if_wanted
from .extxyz_frames import Frame, read_frames

LARGEST_Z = 118


@dataclass(frozen=True)
class Given:
    """What the user says of files; a file's own word that differs is an error."""

    element: str | None = None
    """Absorbing element wanted, its symbol. None: all."""
    edge: str | None = None
    """Edge. None: the frames name theirs."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV, of frames without energies."""
    axis: str | None = None
    """What energies count from, one of ``AXES``. None: the frames say so."""
    target: str = "as_given"
    """Kind of ``mu``, a key of ``UNITS``."""


def read_extxyz(
    path: str | Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every frame of a file.

    Args:
        path: the file, plain or compressed (gzip, xz, bzip2).
        given: what the file does not say.

    Yields:
        A record for each frame of the element and edge wanted, a ``PassedOver`` for each of
        another one, a ``Rejected`` with the reason for each frame that is not usable.

    Raises:
        ConfigError: the first frame lacks something that must be given: edge, energies or axis.
        RecordError: no such file.
    """
    given, understood = given or Given(), False
    for frame in read_frames(Path(path)):
        if isinstance(frame, Rejected):
            yield frame
            continue
        try:
            record = to_record(frame, given)
        except XanesError as error:
            if isinstance(error, ConfigError) and not understood:
                raise
            yield Rejected(frame.where, str(error).removeprefix(f"{frame.where}: "))
            continue
        understood = True
        yield if_wanted(record, given.element, given.edge)


def to_record(frame: Frame, given: Given) -> Record:
    """Turn a frame into a record.

    Raises:
        ConfigError: see ``read_extxyz``.
        RecordError: the frame lacks a value, or values contradict each other.
    """
    material, absorber = frame.text("material"), frame.text("absorber")
    if not re.fullmatch(r"[^\s/#]+", material):
        raise RecordError(f"{frame.where}: `material` is {material!r}, which an id can't hold")
    if not re.fullmatch(r"\d{1,8}", absorber, flags=re.ASCII) or int(absorber) >= len(frame.atoms):
        raise RecordError(
            f"{frame.where}: `absorber` is {absorber!r}, expected an index within 0 .."
            f" {len(frame.atoms) - 1}"
        )
    site = int(absorber)
    label = frame.info.get("site", f"{site:03d}")
    if not re.fullmatch(r"[^\s/_]+", label):
        raise RecordError(f"{frame.where}: `site` is {label!r}, expected a word without `_`")
    try:
        check_atoms(frame.atoms, LARGEST_Z)
    except StructureError as error:
        raise RecordError(f"{frame.where}: {error}") from error
    mu = frame.numbers("mu")
    energy, axis = energies(frame, len(mu), given)
    return Record(
        id=f"{material}_{label}",
        material=material,
        atoms=frame.atoms,
        site=site,
        element=frame.atoms[site].symbol,
        edge=edge_of(frame, given),
        energy=energy,
        mu=mu,
        target=given.target,
        code=frame.info.get("code", "not stated"),
        version=frame.info.get("version", ""),
        source=frame.where,
        axis=axis,
    )


def edge_of(frame: Frame, given: Given) -> str:
    """Edge of a frame: its own, else the user's.

    Raises:
        ConfigError: neither says it.
        RecordError: it is none.
    """
    edge = frame.info.get("edge", given.edge)
    if edge is None:
        raise ConfigError(f"{frame.where} names no edge; give it, such as `--edge K`")
    if not re.fullmatch(r"K|[LMN]\d?", edge):
        raise RecordError(f"{frame.where}: `edge` is {edge!r}, expected K, L3, ..")
    return edge


def energies(frame: Frame, count: int, given: Given) -> tuple[np.ndarray, str]:
    """Energies of a frame and what they count from.

    Args:
        frame: the frame.
        count: values of mu.
        given: what the user says.

    Returns:
        Energies, eV, shape (count,), and one of ``AXES``.

    Raises:
        ConfigError: neither frame nor user gives energies or axis, both do and differ, or the
            user's are not as many as ``mu``.
        RecordError: the frame's energies are not as many as ``mu``.
    """
    own = frame.numbers("energy") if "energy" in frame.info else np.zeros(0)
    if len(own) > 1:
        if given.energy is not None:
            raise ConfigError(f"{frame.where} has energies of its own; leave `--energy` out")
        if len(own) != count:
            raise RecordError(f"{frame.where}: {len(own)} values of `energy`, {count} of `mu`")
        energy = own
    elif given.energy is not None:
        energy = energy_grid(*given.energy)
        if len(energy) != count:
            raise ConfigError(
                f"`--energy` {' '.join(f'{value:g}' for value in given.energy)} is {len(energy)}"
                f" energies, but {frame.where} has {count} values of `mu`"
            )
    else:
        raise ConfigError(
            f"{frame.where} has {count} values of `mu` but no energies; give"
            " `--energy START STOP STEP`"
        )
    axis = frame.info.get("axis", given.axis)
    if axis is None:
        raise ConfigError(
            f"{frame.where} does not say what its energies count from; give `--axis absolute`, or"
            " `--axis relative` for energies relative to an edge that is not stated"
        )
    if axis not in AXES or given.axis not in (None, axis):
        raise ConfigError(f"{frame.where}: `axis` is {axis!r}, wanted {given.axis or list(AXES)}")
    return energy, axis
