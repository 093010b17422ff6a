"""The command `e3gnn-xanes`: parser, messages and exit codes.

A command is a module in ``commands`` and a line in ``COMMANDS``. The module has ``Options``, a
dataclass whose fields are the options (see ``runtime.options``), ``EXAMPLE``, a command that works,
``COMMON``, the options used most, and ``run(options)``. It may also have ``add_arguments(parser)``
for options that are no fields, ``complete(values, given)`` to change what was parsed (``given()``
is what the user gave), and ``TOGETHER = True`` where the processes of torchrun share its work.
Importing it is quick, so that its help is: what it works with is imported by ``run``.

Exit codes: 0 done; 1 failed (one line on standard error); 2 wrong usage; 3 partial success, failed
inputs are listed; 130 Ctrl-C; 141 done, but nobody reads the output; 143 SIGTERM.
"""

import io
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, set_parsing_settings

from .errors import ConfigError, PartialError, PeerError, Terminated, XanesError
from .runtime.command_line import STRUCTURE, first_that_fits, nearest, separate
from .runtime.logs import log_to_stderr
from .runtime.options import add_options, allow_empty, groups, make_options
from .runtime.output import Output
from .runtime.parser import Parser
from .runtime.provenance import PROGRAM, describe_versions, hide_passwords, record_command
from .runtime.signals import orderly_end
from .runtime.torchrun import check_alone, leads

COMMANDS = {
    "calculate": "Calculate spectra of structures with FEFF, for `dataset` and `train`.",
    "dataset": "Collect calculations in a database.",
    "info": "Describe a file: a database, a model or a structure.",
    "train": "Train a model on a database.",
    "ensemble": "Join trained networks in one model file, which predicts their mean.",
    "calibrate": "Add calibrated bands and a measure of novelty to a model file.",
    "align": "Find a model's shift to measured energies from scans of known structures.",
    "models": "List the models that ship with the package.",
    "evaluate": "Compare a model's predictions with the calculations of a database.",
    "predict": "Predict the spectra of structures.",
    "compare": "Rank structures by how well their predicted spectra match a measured one.",
    "fit": "Fit a measured spectrum by a linear combination of measured or predicted ones.",
    "explain": "Show how each neighbor and shell changes a site's predicted spectrum.",
    "app": "Show crystal, sites and spectra on a page in the browser.",
    "report": "Write one HTML page about a data set, a training, an evaluation or a comparison.",
}
COMPLETION = ("--print_completion", "--print_shtab")
"""Options of jsonargparse, by version, that print a script for the shell."""
RESUMES = "Files already written are intact; the same command, or --resume, continues from them"


def make_parser(name: str, module: Any) -> Parser:
    """Parser of a command."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = Parser(prog=f"{PROGRAM} {name}", description=COMMANDS[name])
    parser.command, parser.example, parser.common = name, module.EXAMPLE, module.COMMON
    add_options(parser, module.Options)
    getattr(module, "add_arguments", lambda _: None)(parser)
    return parser


def import_command(name: str) -> Any:
    """Import the module of a command."""
    return import_module(f".commands.{name}", __package__)


def describe_program() -> str:
    """Help of the program: an example and the commands."""
    commands = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    return (
        f"example: {PROGRAM} {import_command('predict').EXAMPLE}\n\n"
        "X-ray absorption near-edge spectra from atomic structures.\n\n"
        f"usage: {PROGRAM} COMMAND ...\n\n"
        f"commands, described by `{PROGRAM} COMMAND --help`:\n{commands}\n\n"
        "options:\n"
        "  -h, --help  print this\n"
        "  --version   print the versions that matter\n"
        "  --debug     show where an error was raised"
    )


def print_completion(words: list[str]) -> None:
    """Print the script with which a shell completes commands and options, and exit."""
    parser = ArgumentParser(prog=PROGRAM)
    subcommands = parser.add_subcommands(required=False, dest="command")
    for name, text in COMMANDS.items():
        subcommands.add_subcommand(name, make_parser(name, import_command(name)), help=text)
    parser.parse_args(words)


def find_command(words: list[str]) -> str | None:
    """Name of the command, the first word that is no option; None: help or versions are printed."""
    for word in words:
        if word in ("-h", "--help", "--version"):
            print(describe_versions() if word == "--version" else describe_program())
            return None
        if word in COMMANDS:
            return word
        known = ["--help", "--version", "--debug"] if word.startswith("-") else COMMANDS
        what = "option" if word.startswith("-") else "command"
        hint = nearest(word, known) or f"; expected {', '.join(known)}"
        raise ConfigError(f"there is no {what} {word}{hint}")
    raise ConfigError("give a command: " + ", ".join(COMMANDS))


def arrange(words: list[str], parser: Parser, module: Any) -> list[str]:
    """The words after a command's name: its arguments in their order, then its options.

    A model and a measured spectrum are found wherever they are among the arguments.
    """
    kinds = {entry.metadata.get("first"): entry.name for entry in fields(module.Options)}
    arguments, options = separate(words, parser, parser.command, "model" in kinds)
    if not arguments:
        return options
    from .checkpoints.pretrained import is_model

    if "model" in kinds:
        arguments = first_that_fits(arguments, is_model)
        if kinds["model"] == "model" and STRUCTURE.fullmatch(arguments[0]):
            raise ConfigError(
                f"{arguments[0]} is a structure, and no model is named; give one with --model, such"
                " as a training folder or cu-k-feff"
            )
    if "scan" in kinds:
        if not any(word.startswith("--model=") for word in options):
            model, *others = first_that_fits(arguments, is_model)
            if is_model(model):
                arguments, options = others, [*options, f"--model={model}"]
        arguments = first_that_fits(arguments, lambda word: not STRUCTURE.fullmatch(word))
    return arguments + options


def check_configs(words: list[str], names: list[str]) -> None:
    """Read the YAML files of the options ``names`` before jsonargparse, which expands aliases."""
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        path = Path(value if equals else following)
        if name in names and path.is_file():
            from .runtime.yaml_file import read_mapping

            read_mapping(path)


def parse(words: list[str]) -> tuple[Any, Any] | int:
    """Parse the command line: a command's module and its options, or an exit code."""
    # `--write-only` is `--write_only`
    words = [re.sub("^--[^=]*", lambda m: f"--{m[0][2:].replace('-', '_')}", w) for w in words]
    try:
        if any(word.startswith(COMPLETION) for word in words):
            print_completion(words)
        name = find_command(words)
        if name is None:
            return 0
        module = import_command(name)
        parser = make_parser(name, module)
        words = arrange(words[words.index(name) + 1 :], parser, module)
        allow_empty(parser, words)
        check_configs(words, ["--config", *(f"--{group}" for group in groups(module.Options))])
        values = parser.parse_args(words)
        if hasattr(module, "complete"):
            module.complete(values, lambda: parser.parse_args(words, defaults=False))
        return module, make_options(module.Options, values)
    except SystemExit as stop:
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return failed("interrupted", code=130)
    except ConfigError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)  # names an example URL; no password
        return 2
    except OSError as error:
        return failed(str(error))
    except Exception as error:  # jsonargparse's, of a file with options that don't exist
        return failed(f"can't read the options, {one_line(error)}", code=2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, words after the program's name or those of the process; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    with ExitStack() as stack:
        if not leads():  # torchrun's other processes parse silently
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(redirect_stderr(io.StringIO()))
        parsed = parse([word for word in words if word != "--debug"])
    if isinstance(parsed, int):
        return parsed
    module, options = parsed

    def work() -> None:
        if not getattr(module, "TOGETHER", False):
            check_alone(f"`{module.__name__.rpartition('.')[2]}`")
        module.run(options)

    with record_command(words):
        return guarded(work, debug)


def guarded(work: Callable[[], None], debug: bool) -> int:
    """Do the work; turn what goes wrong into one line and an exit code."""
    try:
        with log_to_stderr(), orderly_end():
            work()
    except KeyboardInterrupt:
        return failed("interrupted", code=130)
    except Terminated:
        return failed("terminated", code=143)
    except PeerError:  # the process that failed first has said why
        return 1
    except BrokenPipeError:  # nobody reads the output, as in `-o /dev/stdout | head`
        return 141
    except (XanesError, OSError) as error:
        return failed(str(error), debug, code=3 if isinstance(error, PartialError) else 1)
    except Exception as error:  # a fault of ours: still one line, and how to see more
        # torch has no classes for these
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if memory or "can't allocate memory" in str(error):
            what = "out of memory; reduce `--training.max_edges` or the size of the structures"
            return failed(f"{what}. {RESUMES}", debug)
        if "DataLoader worker" in str(error):
            why = str(error).partition(". ")[0].strip(" .")
            what = f"a loader process was killed ({why}); reduce `--training.workers`"
            return failed(f"{what} to use less memory. {RESUMES}", debug)
        return failed(f"internal error, {one_line(error)}; --debug shows where", debug)
    return 0


def failed(message: str, debug: bool = False, code: int = 1) -> int:
    """Report a failure on standard error, on one line; return the exit code."""
    if debug:
        print(hide_passwords(traceback.format_exc()), file=sys.stderr)
    line = hide_passwords(" ".join(message.split()))
    print(f"{PROGRAM}: {'' if code > 100 else 'error: '}{line}", file=sys.stderr)
    return code


def one_line(error: Exception) -> str:
    """Class and first line of an error."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


LAST = 3.0
"""Seconds by which torchrun's other processes fail later than the first, which says why: as soon as
one has failed, torchrun ends all."""


def entry_point() -> None:
    """Entry point of the installed command."""
    output = Output(sys.stdout)
    sys.stdout, sys.stderr = output, Output(sys.stderr)
    code = main()
    output.flush()
    if code != 0 and not leads():
        time.sleep(LAST)
    if code == 0 and output.error is not None:
        lost_reader = isinstance(output.error, BrokenPipeError)
        code = 141 if lost_reader else failed(str(output.error))
    sys.exit(code)
