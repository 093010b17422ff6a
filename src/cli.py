"""The command `e3gnn-xanes`: parser, messages and exit codes.

A command is a module in ``commands`` and a line in ``COMMANDS``. The module has ``Options``, a
dataclass whose fields are the options (see ``runtime.options``), and ``run(options)``. It may also
have ``add_arguments(parser)`` for options that are no fields, ``complete(values, given)`` to
change what was parsed (``given()`` is what the user gave), and ``TOGETHER = True`` where the
processes of torchrun share its work. Importing it is quick, so that its help is: what it works
with is imported by ``run``.

Exit codes: 0 done; 1 failed (one line on standard error); 2 wrong usage; 3 partial success, failed
inputs are listed; 130 Ctrl-C; 141 nobody reads the output; 143 SIGTERM.
"""

import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, set_parsing_settings

from .errors import ConfigError, PartialError, PeerError, Terminated, XanesError
from .runtime.logs import log_to_stderr
from .runtime.options import add_options, allow_empty, groups, make_options, with_groups
from .runtime.provenance import PROGRAM, describe_versions, hide_passwords, record_command
from .runtime.signals import orderly_end

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
    "report": "Write one HTML page about a data set, a training, an evaluation or a comparison.",
}
COMPLETION = ("--print_completion", "--print_shtab")
"""Options of jsonargparse, by version, that print a script for the shell."""
RESUMES = "Files already written are intact; the same command, or --resume, continues from them"
OUT_OF_MEMORY = (
    f"out of memory; reduce `--training.max_edges` or the size of the structures. {RESUMES}"
)
LOST_READER = (
    f"a loader process was killed ({{}}); reduce `--training.workers` to use less memory. {RESUMES}"
)


class Parser(ArgumentParser):
    """Parser whose messages hide passwords."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print how to use the command and what is wrong, and exit."""
        super().error(hide_passwords(message), ex)


def make_parser(modules: dict[str, Any]) -> tuple[Parser, dict[str, Parser]]:
    """Make the parser; only the commands of ``modules`` get their options."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = Parser(
        prog=PROGRAM,
        description="X-ray absorption near-edge spectra from atomic structures.",
        version=None,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    subcommands = parser.add_subcommands(required=False, dest="command")
    subparsers = {name: Parser(description=description) for name, description in COMMANDS.items()}
    for name, subparser in subparsers.items():
        if module := modules.get(name):
            add_options(subparser, module.Options)
            getattr(module, "add_arguments", lambda _: None)(subparser)
        subcommands.add_subcommand(name, subparser, help=COMMANDS[name])
    return parser, subparsers


def import_commands(words: list[str]) -> dict[str, Any]:
    """Import the command's module, or those of all commands for the shell's completion."""
    names = [word for word in words if word in COMMANDS][:1]
    if any(word.startswith(COMPLETION) for word in words):
        names = list(COMMANDS)
    return {name: import_module(f".commands.{name}", __package__) for name in names}


def check_configs(words: list[str], names: list[str]) -> None:
    """Read YAML files of options before jsonargparse does, which expands aliases.

    Raises:
        ConfigError: one is not YAML of plain values.
    """
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        path = Path(value if equals else following)
        shortened = len(name) > 2 and "--config".startswith(name)  # argparse takes it, too
        if (name in names or shortened) and path.is_file():
            from .runtime.yaml_file import read_mapping

            read_mapping(path)


def parse(words: list[str]) -> tuple[Any, Any] | int:
    """Parse the command line: a command's module and its options, or an exit code."""
    # `--write-only` is `--write_only`
    words = [re.sub("^--[^=]*", lambda m: f"--{m[0][2:].replace('-', '_')}", w) for w in words]
    try:
        modules = import_commands(words)
        for module in modules.values():
            check_configs(words, [f"--{name}" for name in groups(module.Options)])
        parser, subparsers = make_parser(modules)
        for name in modules:
            allow_empty(subparsers[name], words)
            words = with_groups(words, subparsers[name])
        values = parser.parse_args(words)
        if values.version:
            print(describe_versions())
            return 0
        if values.command is None:
            parser.error("give a command: " + ", ".join(COMMANDS))
        command, chosen = values.command, values[values.command]
        module = modules[command]
        if hasattr(module, "complete"):
            module.complete(chosen, lambda: parser.parse_args(words, defaults=False)[command])
        return module, make_options(module.Options, chosen)
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
    """Run the command.

    Args:
        argv: words after the command's name; None: those of the process.

    Returns:
        Exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    leads = os.environ.get("RANK", "0") == "0"  # torchrun's other processes parse silently
    with ExitStack() as stack:
        if not leads:
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(redirect_stderr(io.StringIO()))
        parsed = parse([word for word in words if word != "--debug"])
    if isinstance(parsed, int):
        return parsed
    module, options = parsed

    def work() -> None:
        if not getattr(module, "TOGETHER", False):
            name = module.__name__.rpartition(".")[2]
            import_module(".runtime.distributed", __package__).check_alone(f"`{name}`")
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
    except BrokenPipeError:  # nobody reads the output, as in `| head`
        return 141
    except (XanesError, OSError) as error:
        return failed(str(error), debug, code=3 if isinstance(error, PartialError) else 1)
    except Exception as error:  # a fault of ours: still one line, and how to see more
        # torch has no classes for these
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if memory or "can't allocate memory" in str(error):
            return failed(OUT_OF_MEMORY, debug)
        if "DataLoader worker" in str(error):
            return failed(LOST_READER.format(str(error).partition(". ")[0].strip(" .")), debug)
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


def entry_point() -> None:
    """Entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = main()
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes again
        code = 141 if isinstance(error, BrokenPipeError) else failed(str(error))
    sys.exit(code)
