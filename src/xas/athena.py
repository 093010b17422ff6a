"""Athena projects: Perl data or JSON, compressed by gzip or not.

Written by Athena (Ravel, Newville, J. Synchrotron Rad. 12, 537 (2005)), Demeter and larch.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, RecordError
from ..runtime.text_files import parse_number, raw_lines
from .columns import decode
from .scan_energies import in_order
from .spectrum import Spectrum

STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
LIST = rf"\((?:[^'\")]|{STRING})*+\)"
STATEMENT = re.compile(rf"^(?:[@$%](\w+) = ({LIST}|{STRING});|(\[record\]))", re.M | re.S)
"""An assignment of Perl at the start of a line, or the end of a group."""
TOKEN = re.compile(rf"([\[{{])|([\]}}])|({STRING})|([^\s,()\[\]{{}}'\"]+)", re.S)
"""A list or hash within a list begins or ends, a string, or a word."""
NO_MU = {
    "is_chi": "chi(k)",
    "is_diff": "a difference",
    "is_bkg": "a background",
    "is_rsp": "chi(R)",
    "is_qsp": "chi(q)",
    "is_pixel": "a spectrum by pixels",
    "is_fit": "a fit",
}
"""Flags of groups that are no absorption against energy, and what they are."""


@dataclass(frozen=True)
class Group:
    """A group of a project."""

    key: str
    values: dict[str, Any]
    """Its parameters by Athena's names."""
    x: list[Any]
    """Abscissae, energies in eV before Athena's shift."""
    y: list[Any]

    @property
    def label(self) -> str:
        """Its name as Athena shows it."""
        return str(self.values.get("label") or self.key).strip()

    @property
    def kind(self) -> str:
        """What it is: mu(E), or a value of ``NO_MU``."""
        flags = (name for name in NO_MU if str(self.values.get(name) or "0") not in ("0", ""))
        named = "chi(k)" if self.values.get("datatype") == "chi" else "mu(E)"
        return next((NO_MU[name] for name in flags), named)


def read_project(path: str | Path) -> list[Group]:
    """All groups of a project.

    Raises:
        RecordError: missing, damaged, no Athena project, or without groups.
    """
    path = Path(path)
    text = "".join(decode(line) for _, line in raw_lines(path))
    if "Athena project file" not in text[:500]:
        raise RecordError(f"{path}: does not begin as an Athena project does")
    try:
        groups = _from_json(text) if text.lstrip().startswith("{") else _from_perl(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: damaged Athena project ({error})") from error
    if not groups:
        raise RecordError(f"{path}: an Athena project without groups")
    return groups


def _from_json(text: str) -> list[Group]:
    members = {k: v for k, v in json.loads(text).items() if isinstance(v, dict) and "x" in v}
    return [Group(k, dict(v["args"]), v["x"], v["y"]) for k, v in members.items()]


def _from_perl(text: str) -> list[Group]:
    groups, values = list[Group](), dict[str, list[Any]]()
    for name, value, end in STATEMENT.findall(text):
        if not end:
            values[name] = _items(value)
            continue
        args = dict(zip(values["args"][::2], values["args"][1::2], strict=True))
        groups.append(Group(values["old_group"][0], args, values["x"], values["y"]))
        values = {}
    if values.keys() & {"args", "x", "y"}:
        raise ValueError("the last group is cut")
    return groups


def _items(text: str) -> list[str]:
    # a list or hash within a list, and `undef`, are empty
    depth, items = 0, list[str]()
    for begin, end, string, word in TOKEN.findall(text):
        depth += bool(begin) - bool(end)
        if depth == 0 and not begin:
            plain = re.sub(r"\\(.)", r"\1", string[1:-1]) if string else word
            items.append("" if word == "undef" else plain)
    return items


def read_athena(path: str | Path, group: str | None = None) -> Spectrum:
    """Read one group of an Athena project, at the energies that Athena shows.

    Athena keeps the energies that were measured, and a shift, `bkg_eshift`, which is added here.

    Args:
        path: project file.
        group: label or key of the group. None: the only one.

    Raises:
        RecordError: no such file or group, it can't be read, or the group is no mu(E).
        ConfigError: there are several groups and none is named.
    """
    path, groups = Path(path), read_project(path)
    named = [g for g in groups if group in (None, g.label, g.key)]
    labels = ", ".join(g.label for g in groups)
    if group is None and len(groups) > 1:
        raise ConfigError(f"{path}: contains {len(groups)} groups, {labels}; name one, {path}:NAME")
    if not named:
        raise RecordError(f"{path}: no group {group!r}, it has {labels}")
    if len(named) > 1:
        keys = " or ".join(g.key for g in named)
        raise ConfigError(f"{path}: {len(named)} groups are called {group!r}; name {keys}")
    (chosen,) = named
    where = f"{path}:{chosen.label}"
    if chosen.kind != "mu(E)":
        raise RecordError(f"{where}: is {chosen.kind}, expected mu(E)")
    try:
        shift = parse_number(str(chosen.values.get("bkg_eshift") or 0).strip())
        x, y = ([parse_number(str(v).strip()) for v in a] for a in (chosen.x, chosen.y))
    except ValueError as error:
        raise RecordError(f"{where}: {error}") from error
    if len(x) != len(y) or len(x) < 2:
        raise RecordError(f"{where}: {len(x)} energies and {len(y)} values of mu")
    points = list(range(1, len(x) + 1))
    energy, mu = in_order(Path(where), np.array(x) + shift, np.array(y), points)
    made = f"mu of the group, energies with Athena's shift of {shift:g} eV"
    return Spectrum(energy, mu, source=where, made_from=made)
