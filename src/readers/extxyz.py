"""Extended xyz files with a spectrum a frame.

Values of the comment line: ``mu`` (numbers), ``material``, ``absorber`` (0-based index), and where
the file has them ``energy`` (as many numbers as ``mu``, eV), ``axis`` (absolute or relative),
``site`` (label in the record's id, else the absorber's index), ``edge``, ``code``, ``version``,
``target`` (absolute, normalized or as_given), and of a calculation ``preset``, ``cards``,
``polarization``, ``fermi_level``, ``interstitial``, ``kf`` and ``radii``, see ``Record``. A single
number in ``energy`` is the total energy that the format knows under this name. What a file lacks
must be given by the user; nothing is assumed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset.record import PassedOver, Record, Rejected, if_wanted
from ..errors import ConfigError, RecordError, StructureError, XanesError
from ..structures.graph import check_atoms, check_distances
from .extxyz_frames import Frame, read_frames
from .options import Given, axis_of, check_material, check_site, edge_of, energies_of

LARGEST_Z = 118


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
    check_material(material, frame.where)
    if not re.fullmatch(r"\d{1,8}", absorber, flags=re.ASCII) or int(absorber) >= len(frame.atoms):
        raise RecordError(
            f"{frame.where}: `absorber` is {absorber!r}, expected an index within 0 .."
            f" {len(frame.atoms) - 1}"
        )
    site = int(absorber)
    label = check_site(frame.info.get("site", f"{site:03d}"), frame.where)
    try:
        check_atoms(frame.atoms, LARGEST_Z)
        check_distances(frame.atoms)
    except StructureError as error:
        raise RecordError(f"{frame.where}: {error}") from error
    mu = frame.numbers("mu")
    own = frame.numbers("energy") if "energy" in frame.info else np.zeros(0)
    energy = energies_of(own if len(own) > 1 else None, len(mu), given, frame.where)
    return Record(
        id=f"{material}_{label}",
        material=material,
        atoms=frame.atoms,
        site=site,
        element=frame.atoms[site].symbol,
        edge=edge_of(frame.info.get("edge"), given, frame.where),
        energy=energy,
        mu=mu,
        target=target_of(frame, given),
        code=frame.info.get("code", "not stated"),
        version=frame.info.get("version", ""),
        source=frame.where,
        axis=axis_of(frame.info.get("axis"), given, frame.where),
        **calculation_of(frame),
    )


def target_of(frame: Frame, given: Given) -> str:
    """Kind of ``mu``: the frame's word, else the user's.

    Raises:
        ConfigError: they differ.
    """
    own = frame.info.get("target", given.target)
    if given.target not in ("as_given", own):
        raise ConfigError(f"{frame.where}: `target` is {own!r}, but {given.target} is asked for")
    return own


def calculation_of(frame: Frame) -> dict[str, Any]:
    """What a frame says of the calculation, as fields of ``Record``.

    Raises:
        RecordError: a value is no number, or there are too many or too few.
    """
    found: dict[str, Any] = {
        name: frame.info[name] for name in ("preset", "cards") if name in frame.info
    }
    for name in ("fermi_level", "interstitial", "kf"):
        if name in frame.info:
            (found[name],) = _numbers(frame, name, 1)
    if "polarization" in frame.info:
        vector = np.array(_numbers(frame, "polarization", 3))
        found["polarization"] = tuple((vector / np.linalg.norm(vector)).tolist())
    if "radii" in frame.info:
        rows = np.reshape(_numbers(frame, "radii", 3), (-1, 3)).tolist()
        found["radii"] = tuple((int(z), rmt, rnm) for z, rmt, rnm in rows)
    return found


def _numbers(frame: Frame, name: str, count: int) -> list[float]:
    """Numbers of a value, a multiple of so many.

    Raises:
        RecordError: there are others.
    """
    found = frame.numbers(name)
    if len(found) == 0 or len(found) % count or (name != "radii" and len(found) != count):
        raise RecordError(f"{frame.where}: `{name}` holds {len(found)} numbers, expected {count}")
    return list(map(float, found))
