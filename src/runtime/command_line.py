"""The words of a command line, in the order that argparse takes: arguments first, then options.

argparse divides arguments between options greedily, so that by itself it would refuse
`compare SCAN A --model M B`, and it names no similar option for one that does not exist.
"""

import difflib
import re
from argparse import Action, ArgumentParser
from collections.abc import Callable, Container, Iterable, Sequence

from ..errors import ConfigError

INDEX = "I"
"""Metavar of 0-based indices; what is no number ends their list."""
NUMBER = re.compile(r"-\.?\d")
STRUCTURE = re.compile(r"(.*/)?(POSCAR|CONTCAR)[^/]*|.*\.(cif|vasp|xyz|extxyz)(\.(gz|xz|bz2))?")
"""Names of files that contain structures, whatever else a command expects."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Text that suggests the most similar of the known words; empty if none is similar."""
    bare = {name.lstrip("-"): name for name in known}  # dashes would make all options similar
    near = difflib.get_close_matches(word.lstrip("-"), list(bare), n=1)
    return f"; did you mean {bare[near[0]]}?" if near else ""


def is_option(word: str) -> bool:
    """Whether a word is the name of an option; negative numbers and a lone dash are not."""
    return word.startswith("-") and word != "-" and NUMBER.match(word) is None


def option_names(parser: ArgumentParser) -> dict[str, str]:
    """What a user may write, and the option it stands for.

    `--epochs` stands for `--training.epochs` if no other option ends like that.
    """
    known = {name: name for name in parser._option_string_actions}
    ends: dict[str, list[str]] = {}
    for name in known:
        if name.startswith("--"):
            ends.setdefault(f"--{name.rpartition('.')[2].lstrip('-')}", []).append(name)
    return {end: names[0] for end, names in ends.items() if len(names) == 1} | known


def find_option(word: str, names: dict[str, str], command: str) -> str:
    """The option that a name or its beginning stands for; ConfigError: none, or several."""
    if word in names:
        return names[word]
    begin = {names[name] for name in names if len(word) > 2 and name.startswith(word)}
    if len(begin) > 1:
        raise ConfigError(f"`{word}` can be {', '.join(sorted(begin))}")
    if not begin:
        hint = nearest(word, names) or f"; `{command} --help` lists the options"
        raise ConfigError(f"`{command}` has no option {word}{hint}")
    return begin.pop()


def take_values(action: Action, rest: list[str], names: Container[str]) -> list[str]:
    """Take the values of an option off the words that follow it; return it with them."""
    option, many = action.option_strings[-1], action.nargs == "+"
    if option == "--print_config":  # its value, with an equals sign, is optional
        return [f"{option}="]
    if action.nargs in (0, "?"):
        return [option]
    if action.nargs is None and rest and rest[0].partition("=")[0] not in names:
        return [f"{option}={rest.pop(0)}"]  # also a value that begins with a dash
    count = action.nargs if isinstance(action.nargs, int) else 1
    values: list[str] = []
    while rest and (many or len(values) < count) and not is_option(rest[0]):
        if many and action.metavar == INDEX and values and not rest[0].isdecimal():
            break
        values.append(rest.pop(0))
    if len(values) < count:
        metavars = action.metavar if isinstance(action.metavar, tuple) else ()
        what = f"{count} values, {' '.join(metavars)}" if count > 1 else "a value"
        found = f"; found {' '.join(values)}" if values else ""
        raise ConfigError(f"`{option}` needs {what}{found}")
    return [option, *values]


def separate(
    words: Sequence[str], parser: ArgumentParser, command: str, has_model: bool
) -> tuple[list[str], list[str]]:
    """Arguments, and options with their values.

    Args:
        words: what follows the command's name.
        parser: of the command.
        command: its name.
        has_model: whether the first argument may be a model, for which `--model` is accepted.
    """
    names, actions = option_names(parser), dict(parser._option_string_actions)
    if has_model:
        names["--model"], actions["--model"] = "--model", Action(["--model"], "model")
    arguments: list[str] = []
    options: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":  # names of files that begin with a dash
            arguments += [f"./{name}" if name.startswith("-") else name for name in rest]
            break
        if not is_option(word):
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in names:  # -oFILE
            name, equals, value = word[:2], word[2:3], word[2:].removeprefix("=")
        action = actions[find_option(name, names, command)]
        full = action.option_strings[-1]
        taken = [f"{full}={value}"] if equals else take_values(action, rest, names)
        if has_model and full == "--model":
            arguments.insert(0, taken[0].partition("=")[2])
        else:
            options += taken
    return arguments, options


def first_that_fits(words: list[str], fits: Callable[[str], bool]) -> list[str]:
    """The words; if the first does not fit and one other does, that one comes first."""
    fitting = [word for word in words if fits(word)]
    if len(fitting) != 1 or words[0] == fitting[0]:
        return words
    at = words.index(fitting[0])
    return [fitting[0], *words[:at], *words[at + 1 :]]
