"""A command's options: the fields of a dataclass, with the docstrings under them as help.

A field's type says how it is given: a bool is a flag, a list takes one or more words, a tuple as
many numbers as it has. Metadata of a field: ``POSITIONAL``, an argument, given without its name;
``MODEL_FIRST``; ``SCAN_FIRST``; ``IN_PLACE``; "convert", a function of the parsed value; "unless",
an option with which a positional list may be empty, or ``ALWAYS``.
"""

import os
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from docstring_parser import parse_from_object
from jsonargparse import ArgumentParser, Namespace

from ..errors import ConfigError
from .atomic_files import MODEL_FILE
from .command_line import INDEX

POSITIONAL = {"positional": True}
MODEL_FIRST = {"positional": True, "first": "model"}
"""Metadata of a first argument that may be a model; `--model` gives it, too."""
SCAN_FIRST = {"positional": True, "first": "scan", "metavar": "SCAN"}
"""Metadata of a first argument that is a measured spectrum, followed by others."""
ALWAYS = "always"
IN_PLACE = {"in_place": True}
"""Metadata of a file to read that may be overwritten."""
OUTPUTS = ("output", "id_list", "predictions", "table", "plot", "chemiscope")
"""Names of fields that are files to write; all other paths are read."""
OF_TRAINING = (MODEL_FILE, "last.ckpt", "metrics.csv", "log.txt", "training.png")
"""Files that a training writes in the folder that is its output."""
NUMBERS = {3: ("START", "STOP", "STEP"), 2: ("LOW", "HIGH")}
"""What to call several numbers in the help."""


def add_options(parser: ArgumentParser, options: type) -> None:
    """Add the fields of a dataclass to a parser; those that are dataclasses become groups."""
    parser.add_argument("--config", action="config", help="YAML file of options.")
    params = parse_from_object(options).params
    docs = {param.arg_name: " ".join((param.description or "").split()) for param in params}
    for entry in fields(options):
        hint: Any = entry.type
        default = entry.default_factory() if callable(entry.default_factory) else entry.default
        if is_dataclass(hint):
            parser.add_class_arguments(hint, entry.name)
            parser.set_defaults({f"{entry.name}.{key}": v for key, v in vars(default).items()})
            continue
        if get_origin(hint) is dict:  # the command adds these itself
            continue
        how: dict[str, Any] = {"help": docs[entry.name], **_type(hint)}
        if entry.metadata.get("positional"):
            metavar = entry.metadata.get("metavar", entry.name.removesuffix("s").upper())
            action = parser.add_argument(entry.name, **{**how, "metavar": metavar})
            action.unless = entry.metadata.get("unless")
            continue
        if default is MISSING:
            how["required"] = True
        elif hint is not bool:
            how["default"] = list(default) if isinstance(default, tuple) else default
        if entry.name == "model":
            how["metavar"] = "MODEL"
        short = ["-o"] if entry.name == "output" else []
        parser.add_argument(*short, f"--{entry.name}", **how)


def _type(hint: Any) -> dict[str, Any]:
    """Arguments of ``add_argument`` for a type."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    optional = isinstance(hint, UnionType) and NoneType in get_args(hint)
    several = kinds[0] if optional and len(kinds) == 1 else hint
    if hint is bool:
        return {"action": "store_true"}
    if get_origin(several) is list:
        (word,) = get_args(several)
        if word is Path:
            return {"type": Path, "nargs": "+", "metavar": "FILE"}
        return {"type": word, "nargs": "+", "metavar": INDEX if word is int else "NAME"}
    if get_origin(several) is tuple:
        words = get_args(several)
        return {"type": words[0], "nargs": len(words), "metavar": NUMBERS[len(words)]}
    if Path in kinds and len(kinds) > 1:  # or a URL, which a Path would spoil
        return {"type": str | None if optional else str, "metavar": "DATABASE"}
    return {"type": hint, "metavar": "FILE"} if Path in (hint, *kinds) else {"type": hint}


def allow_empty(parser: ArgumentParser, words: list[str]) -> None:
    """Let a positional list be empty next to the option that it names with "unless", or always.

    It can't always be allowed to: argparse would take an empty one before the first option.
    """
    named = {word.partition("=")[0] for word in words} | {f"--{ALWAYS}"}
    for action in parser._actions:
        if f"--{getattr(action, 'unless', None)}" in named:
            action.nargs = "*"


def groups(options: type) -> list[str]:
    """Fields that are groups of options, each of which may also be given as a YAML file."""
    return [e.name for e in fields(options) if is_dataclass(e.type) or get_origin(e.type) is dict]


def make_options(options: Callable[..., Any], values: Namespace) -> Any:
    """Make the dataclass ``options``, which checks what was parsed."""
    chosen = {name: v for name, v in vars(values).items() if not name.startswith("__")}
    chosen.pop("config", None)
    for entry in fields(options):  # type: ignore[arg-type]
        value = chosen[entry.name]
        if isinstance(value, Namespace):
            make: Any = entry.type if is_dataclass(entry.type) else dict
            chosen[entry.name] = make(**vars(value))
        elif value is not None and "convert" in entry.metadata:
            chosen[entry.name] = entry.metadata["convert"](value)
    made = options(**chosen)
    check_apart(made)
    return made


def changed(options: Any) -> dict[str, Any]:
    """Fields of a dataclass, and of those in it, that are not the default."""
    default, values = type(options)(), {k.name: getattr(options, k.name) for k in fields(options)}
    values = {k: v for k, v in values.items() if v != getattr(default, k)}
    return {k: changed(v) if is_dataclass(v) else v for k, v in values.items()}


def with_prefix(options: Any, prefix: str, *names: str) -> Any:
    """Options with a prefix of the names of files, as one of several results has them."""
    files = {name: getattr(options, name) for name in names}
    return replace(
        options, **{name: p.with_name(prefix + p.name) for name, p in files.items() if p}
    )


def check_apart(options: Any) -> None:
    """Refuse outputs that would overwrite an input or another output; the fields are named."""
    outputs: list[tuple[str, Path]] = []
    inputs: list[tuple[str, Path]] = []
    for entry in fields(options):
        value = getattr(options, entry.name)
        values = value if isinstance(value, list) else [value]
        paths = [path for path in values if isinstance(path, Path)]
        if entry.name in OUTPUTS:
            outputs += [(entry.name, path) for path in paths]
        elif "in_place" not in entry.metadata:
            inputs += [(entry.name, place) for path in paths for place in (path, path / MODEL_FILE)]
    taken: list[tuple[str, Path]] = []
    for name, path in outputs:
        _check_other(name, path, taken)
        taken += [(name, path), *((name, path / file) for file in OF_TRAINING)]
    for name, path in inputs:
        _check_other(name, path, taken)


def _check_other(name: str, path: Path, others: list[tuple[str, Path]]) -> None:
    """Raise ConfigError if a path is the file of another field."""
    for other, taken in others:
        same = path.resolve() == taken.resolve()
        if path.exists() and taken.exists():  # through hard links too; not a device or a folder
            same = path.is_file() and os.path.samefile(path, taken)
        if same:
            raise ConfigError(
                f"`{name}` and `{other}` are the same file, {path}, which would be overwritten"
            )
