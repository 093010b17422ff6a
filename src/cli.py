"""The command `e3gnn-xanes`: options, messages and exit codes; ``commands`` does the work.

Exit codes are told in ``exits.py``. Of the processes that torchrun starts only the first one says
what is no failure of its own.
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import MISSING, fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from .calculation.job import CalculateJob
from .commands.exit_codes import PROGRAM, failed, guarded, interrupted
from .commands.jobs import (
    CalibrateJob,
    CompareJob,
    EnsembleJob,
    ExplainJob,
    FitJob,
    ModelsJob,
    ReportJob,
)
from .commands.overwriting import check_apart
from .dataset.location import hide_passwords
from .errors import ConfigError, OutputError
from .runtime.command_line import carrying_out
from .runtime.streams import guard_streams
from .runtime.yaml_file import read_mapping
from .training.config import (
    MAX_EDGES,
    DatasetJob,
    EnergyConfig,
    EvaluateJob,
    InfoJob,
    PredictJob,
    TrainingOptions,
    TrainJob,
)

JOBS: dict[str, type] = {
    "calculate": CalculateJob,
    "dataset": DatasetJob,
    "info": InfoJob,
    "train": TrainJob,
    "ensemble": EnsembleJob,
    "calibrate": CalibrateJob,
    "models": ModelsJob,
    "evaluate": EvaluateJob,
    "predict": PredictJob,
    "compare": CompareJob,
    "fit": FitJob,
    "explain": ExplainJob,
    "report": ReportJob,
}
TOGETHER = ("train", "predict")
"""Commands whose work the processes of torchrun share."""
POSITIONAL = (
    "calculations",
    "file",
    "model",
    "models",
    "database",
    "measured",
    "structures",
    "structure",
    "source",
    "components",
)
"""Fields of jobs that are given without the option's name."""
LOCATIONS = (
    (TrainJob, "database"),
    (EvaluateJob, "database"),
    (CalibrateJob, "database"),
    (DatasetJob, "output"),
    (InfoJob, "file"),
    (ReportJob, "database"),
)
"""Fields that may be URLs, which a Path would spoil; the jobs turn the text into what it is."""
SEVERAL: dict[str, tuple[type, int | str]] = {
    "site": (int, "+"),
    "energy": (float, 3),
    "shift": (float, 2),
    "broadening": (float, 2),
    "scale": (float, 2),
    "window": (float, 2),
    "freeze": (str, "+"),
}
"""Fields of jobs that are several words on the command line: their type and how many."""

ALONE = ((ExplainJob, "site"),)
"""Fields named as ones of several words that are one word in these jobs."""
METAVARS: dict[int | str, tuple[str, ...]] = {3: ("START", "STOP", "STEP"), 2: ("LOW", "HIGH")}
"""What to call several words in the help, by their number."""
OPTIONS_HERE = ((CompareJob, "model"), (FitJob, "model"), (ReportJob, "database"))
"""Fields named as positional ones that are options of these jobs."""


CONFIGS = {"train": ("--config", "--energy", "--training", "--model")}
"""Options whose value may be a YAML file, `--config` alone where none are named."""
COMPLETION, EVERY = ("--print_completion", "--print_shtab"), "every command"
"""Options of jsonargparse, by version, that print a script for the shell."""


class Parser(ArgumentParser):
    """Parser whose complaints about words do not show the password in one."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print how to use the command and what is wrong, and exit."""
        super().error(hide_passwords(message), ex)


def add_job(parser: ArgumentParser, job: type) -> None:
    """Add a job's fields to a parser: positional ones, flags, `-o`, and options."""
    parser.add_argument("--config", action="config", help="YAML file of options.")
    docs = attribute_docs(job)
    nested = {"energy", "training", "model"} if job is TrainJob else set()
    by_hand = {"output"} | nested
    how: dict[str, Any]
    for entry in fields(job):
        if (job, entry.name) in OPTIONS_HERE:
            needs = entry.default is MISSING
            word_type: Any = str if (job, entry.name) in LOCATIONS else Path
            word_type = word_type if needs else word_type | None
            how = {"type": word_type, "required": needs, "help": docs[entry.name]}
            parser.add_argument(f"--{entry.name}", **how)
            by_hand.add(entry.name)
        elif entry.name in POSITIONAL and entry.name not in nested:
            several = entry.name in ("calculations", "models", "structures", "components")
            nargs = "+" if several else None
            kind = str if (job, entry.name) in LOCATIONS else Path
            parser.add_argument(entry.name, type=kind, nargs=nargs, help=docs[entry.name])
            by_hand.add(entry.name)
        elif entry.type is bool:
            parser.add_argument(f"--{entry.name}", action="store_true", help=docs[entry.name])
            by_hand.add(entry.name)
        elif entry.name in SEVERAL and (job, entry.name) not in ALONE and entry.name not in nested:
            word, count = SEVERAL[entry.name]
            names = METAVARS.get(count, "I" if word is int else "NAME")
            usual = list(entry.default) if isinstance(entry.default, tuple) else None
            how = {"type": word, "nargs": count, "metavar": names}
            parser.add_argument(f"--{entry.name}", default=usual, help=docs[entry.name], **how)
            by_hand.add(entry.name)
        elif entry.name == "output":
            needed = job not in (PredictJob, CalibrateJob, CompareJob, FitJob, ExplainJob)
            where: Any = str if (job, "output") in LOCATIONS else Path if needed else Path | None
            parser.add_argument("-o", "--output", type=where, required=needed, help=docs["output"])
    parser.add_class_arguments(job, None, skip=by_hand, as_group=False)
    if job is TrainJob:
        add_training_groups(parser)


def add_training_groups(parser: ArgumentParser) -> None:
    """Add energies, optimisation and the network's constructor arguments."""
    from .model.gnn import XANES_E3GNN

    parser.add_class_arguments(EnergyConfig, "energy")
    parser.add_class_arguments(TrainingOptions, "training")
    parser.set_defaults({"training.max_edges": MAX_EDGES})
    parser.add_class_arguments(XANES_E3GNN, "model", skip={"avg_num_neighbors", "emin", "emax"})
    for name, end, usual in (("emin", "lowest", -10.0), ("emax", "highest", 50.0)):
        text = f"{end} energy of the basis, eV relative to the reference energy. None: {usual:g},"
        text += " or that of the records where all share one even grid"
        parser.add_argument(f"--model.{name}", type=float | None, default=None, help=text)


def attribute_docs(job: type) -> dict[str, str]:
    """Docstrings under the fields of a dataclass."""
    from docstring_parser import parse_from_object

    parsed = parse_from_object(job)
    found = {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}
    missing = [entry.name for entry in fields(job) if not found.get(entry.name)]
    if missing:
        raise TypeError(f"{job.__name__} has no docstring for {missing}")
    return found


def command_of(words: list[str]) -> str | None:
    """The command that words use; every one where completion of the shell is asked for."""
    if any(word.startswith(COMPLETION) for word in words):
        return EVERY
    return next((word for word in words if word in JOBS), None)


def check_configs(words: list[str], names: tuple[str, ...]) -> None:
    """Look at files of options before jsonargparse does, which unfolds what they repeat.

    Raises:
        ConfigError: one is no YAML of plain values.
    """
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        path = Path(value if equals else following)
        shortened = len(name) > 2 and "--config".startswith(name)  # argparse takes it, too
        if (name in names or shortened) and path.is_file():
            read_mapping(path)


def make_parser(command: str | None) -> tuple[Parser, dict[str, Parser]]:
    """Make the parser; only the command that is used gets its options, so that help is quick."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = Parser(
        prog=PROGRAM,
        description="X-ray absorption near-edge spectra from atomic structures.",
        version=None,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    commands = parser.add_subcommands(required=False, dest="command")
    parsers = {}
    for name, job in JOBS.items():
        first_line = (job.__doc__ or "").splitlines()[0]
        parsers[name] = Parser(description=first_line)
        if command in (name, EVERY):
            add_job(parsers[name], job)
        commands.add_subcommand(name, parsers[name], help=first_line)
    return parser, parsers


def make_job(name: str, values: Namespace) -> Any:
    """Turn parsed options into the command's job.

    Raises:
        ConfigError: values that contradict each other, are out of range, or would destroy a file.
    """
    options = {key: value for key, value in vars(values).items() if not key.startswith("__")}
    options.pop("config", None)
    if name == "train":
        options["energy"] = EnergyConfig(**vars(options["energy"]))
        options["training"] = TrainingOptions(**vars(options["training"]))
        options["model"] = dict(vars(options["model"]))
    job = JOBS[name](**options)
    check_apart(job)
    return job


def with_underscores(word: str) -> str:
    """An option with the underscores of its field where it was given dashes: `--write-only`."""
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return word
    return f"--{name[2:].replace('-', '_')}{equals}{value}"


def parse(words: list[str]) -> tuple[str, Any, str | None] | int:
    """Turn words into a command, its job and its settings as YAML, or into an exit code."""
    words = [with_underscores(word) for word in words]
    try:
        command = command_of(words)
        check_configs(words, CONFIGS.get(command or "", ("--config",)))
        parser, parsers = make_parser(command)
        values = parser.parse_args(words)
        if values.version:
            print(import_module(".runtime.versions", __package__).describe())
            return 0
        if values.command is None:
            parser.error("give a command: " + ", ".join(JOBS))
        chosen = values[values.command]
        if values.command == "train" and chosen.init_from is not None:
            keep_given(chosen, parser.parse_args(words, defaults=False).train)
        job = make_job(values.command, chosen)
    except ConfigError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return interrupted()
    except OutputError as error:
        return failed(str(error), debug=False)
    except Exception as error:  # jsonargparse's, on files of options that hold what none takes
        message = f"can't read the options, {type(error).__name__}: {error}".splitlines()[0]
        print(f"{PROGRAM}: error: {hide_passwords(message)}", file=sys.stderr)
        return 2
    if values.command != "train":
        return values.command, job, None
    return "train", job, hide_passwords(parsers["train"].dump(chosen))


def keep_given(chosen: Namespace, given: Namespace) -> None:
    """Leave only those of the network's arguments that the user gave; a file has the others."""
    named = vars(given["model"]) if "model" in given else {}
    for name in list(vars(chosen["model"])):
        if name not in named:
            del chosen["model"][name]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: words after the command's name; None: those of the process.

    Returns:
        Exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    with quiet_unless_first():
        parsed = parse([word for word in words if word != "--debug"])
    if isinstance(parsed, int):
        return parsed
    command, job, config = parsed

    def work() -> None:  # the import takes seconds, and may be interrupted or fail too
        if command not in TOGETHER:
            import_module(".runtime.distributed", __package__).check_alone(f"`{command}`")
        run = import_module(f".commands.{command}", __package__).run
        run(job) if config is None else run(job, config)

    with carrying_out(words):
        return guarded(work, debug)


@contextmanager
def quiet_unless_first() -> Iterator[None]:
    """Let only the first of torchrun's processes answer to its options; all read the same ones."""
    if os.environ.get("RANK", "0") == "0":
        yield
        return
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def entry_point() -> None:
    """Entry point of the installed command; what nobody reads any more does not stop the work."""
    guard_streams()
    code = main()
    try:
        sys.stdout.flush()
    except OutputError as error:
        code = failed(str(error), debug=False)
    sys.exit(code)
