"""The parser of a command: help that begins with an example, and errors in the user's words."""

import re
import sys
from argparse import SUPPRESS, Action, HelpFormatter
from collections.abc import Iterable
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from .provenance import PROGRAM, hide_passwords

WIDEST = 30
"""Columns of the options' names in the help."""
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
"""What the parser's types are called in messages."""
REWORDED = {
    "-h --help": "Print this and exit.",
    "--print_config": "Print all options as YAML, for --config, and exit.",
}
"""Help of options that the parser adds by itself."""
OF_A_GROUP = "Path to a configuration file."
"""What jsonargparse says of a file with the options of a group."""
REQUIRED = re.compile(r"(?:arguments are required: |Key )(.+?)(?: is required|$)")
WRONG = re.compile(
    r'Parser key "(?P<key>[\w.]+)"(?P<element> element \d+)?:\s*(?P<rest>.*?)'
    r"(?:(?:Got|Given) value: (?P<value>.*))?$",
    flags=re.DOTALL,
)


class HelpText(HelpFormatter):
    """Options with their defaults as a user would type them, without types of Python."""

    def _get_help_string(self, action: Action) -> str:
        text = REWORDED.get(" ".join(action.option_strings), action.help or "").replace("``", "`")
        text = "YAML file of these options." if text == OF_A_GROUP else text
        text = re.sub(r"(; )?\bNone: ", lambda m: "; default: " if m[1] else "Default: ", text)
        default = action.default
        if not action.option_strings or default is None or isinstance(default, bool):
            return text
        values = default if isinstance(default, list | tuple) else [default]
        shown = " ".join(v if isinstance(v, str) else f"{v:g}" for v in values)
        return text if SUPPRESS in shown else f"{text} (default: {shown})"

    def _format_args(self, action: Action, default_metavar: str) -> str:
        return super()._format_args(action, default_metavar).replace("\b", "")  # jsonargparse's

    def _get_default_metavar_for_optional(self, action: Action) -> str:
        return action.dest.rpartition(".")[2].upper()  # EPOCHS for `--training.epochs`

    def _expand_help(self, action: Action) -> str:
        return self._get_help_string(action)  # percent signs are no fields


class Parser(ArgumentParser):
    """Parser of a command."""

    command = ""
    example = ""
    """A command that works, without the program's name."""
    common: tuple[str, ...] = ()
    """The options used most."""

    def format_help(self, _formatter: Any = None) -> str:
        """Example, purpose, usage, arguments, the options used most, and the others."""
        text = HelpText(self.prog, max_help_position=WIDEST)
        text.add_text(self.description)
        arguments = [action for action in self._actions if not action.option_strings]
        shown = [f"{a.metavar} ..." if a.nargs == "+" else str(a.metavar) for a in arguments]
        text.add_text(" ".join(["usage:", PROGRAM, self.command, *shown, "[options]"]))
        for title, actions in self._sections():
            if actions:
                text.start_section(title)
                text.add_arguments(actions)
                text.end_section()
        return f"example: {PROGRAM} {self.example}\n\n{text.format_help()}"

    def _sections(self) -> Iterable[tuple[str, list[Action]]]:
        """Titles of the help, each with its options."""
        visible = [action for action in self._actions if action.help != SUPPRESS]
        by_name = {action.dest: action for action in visible}
        most = [by_name[name] for name in self.common if name in by_name]
        yield "arguments", [action for action in visible if not action.option_strings]
        yield "options used most", most
        rest = [a for a in visible if a.option_strings and a not in most]
        prefixes = {a.dest.partition(".")[0] for a in rest if "." in a.dest}
        yield "advanced", [a for a in rest if a.dest.partition(".")[0] not in prefixes]
        for prefix in sorted(prefixes):
            actions = [a for a in rest if a.dest.partition(".")[0] == prefix]
            title = f"advanced, {prefix} (`--{prefix}.` can be left out of names that are unique)"
            yield title, actions

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say on one line what is wrong, without words of the parser's, and exit."""
        line = " ".join(hide_passwords(self.in_words(message)).split())
        print(f"{PROGRAM}: error: {line}; see `{self.command} --help`", file=sys.stderr)
        self.exit(2)

    def in_words(self, message: str) -> str:
        """A message of jsonargparse or argparse as a user would say it."""
        actions = {action.dest: action for action in self._actions}
        if match := REQUIRED.search(message):
            names = re.findall(r"[\w.]+", match[1])
            missing = [a for n in names if (a := actions.get(n))]
            if missing:
                needed = ", ".join(f"{self.called(a)} ({first_sentence(a)})" for a in missing)
                return f"`{self.command}` needs {needed}"
        if match := WRONG.search(message):
            action = actions.get(match["key"])
            if action is not None and match["value"] is not None:
                expected = expected_by(action, match["rest"])
                return f"{self.called(action)} is {match['value'].strip()!r}, expected {expected}"
        if message.startswith("unrecognized arguments: "):
            words = message.partition(": ")[2]
            return f"`{self.command}` takes no further arguments, found {words}"
        return message

    def called(self, action: Action) -> str:
        """What a user calls an argument or option."""
        if action.option_strings:
            return f"`{action.option_strings[-1]}`"
        return str(action.metavar or action.dest).upper()


def first_sentence(action: Action) -> str:
    """What an option is, in a few words."""
    text = re.split(r"[.:;](?:\s|$)", action.help or "", maxsplit=1)[0]
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def expected_by(action: Action, text: str) -> str:
    """What values an option takes, from its type or the parser's message."""
    if action.choices:
        return "one of " + ", ".join(map(str, action.choices))
    if match := re.search(r"Literal\[(.*?)\]", text):
        return "one of " + match[1].replace("'", "")
    kinds = [kind for kind in re.findall(r"<class '(\w+)'>", text) if kind in KINDS]
    return KINDS[kinds[0]] if kinds else "another kind of value"
