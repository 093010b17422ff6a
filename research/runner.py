"""Trainings by name, several at a time, which continue after an interruption."""

import argparse
import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from src.dataset.database import Database
from src.dataset.split import read_ids
from src.errors import ConfigError

ROOT = Path(__file__).parents[1]
EPOCHS = "--training.epochs"


@dataclass(frozen=True)
class Run:
    """One training and its evaluation."""

    name: str
    """Name of its folder."""
    train: Path
    """File of training ids."""
    val: Path
    """File of validation ids."""
    options: tuple[str, ...] = ()
    """Further words for `train`; of an option that stands twice the last one counts."""


@dataclass(frozen=True)
class Outcome:
    """What came of a training."""

    name: str
    """Name of the run."""
    options: str
    """Its options."""
    sites: int
    """Training sites."""
    epochs: int
    """Epochs trained."""
    seconds: float
    """Seconds of these epochs."""
    mse: float
    """Mean validation error of the best weights; NaN where the run failed."""
    median: float
    """Median validation error of the best weights."""
    baseline: float
    """Error of the mean training spectrum."""
    failure: str | None = None
    """Why there is no result."""


@dataclass(frozen=True)
class Study:
    """What all runs of a script share."""

    database: str
    """Database, a file or a URL."""
    output: Path
    """Folder of the runs, tables and pictures."""
    workers: int = 1
    """Trainings at a time, one thread each."""

    def run_all(self, runs: Sequence[Run]) -> list[Outcome]:
        """Train and evaluate what is not done yet; outcomes in the order of the runs.

        A run that fails is an outcome with the reason; the others go on.
        """
        names = [run.name for run in runs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"several runs are called {', '.join(twice)}")
        self.output.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                return list(pool.map(self._run, runs))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _run(self, run: Run) -> Outcome:
        """Train and evaluate one run, or read what it has left."""
        folder = self.output / run.name
        folder.mkdir(exist_ok=True)
        self._check_same(folder, run)
        words = " ".join(run.options)
        sites = len(read_ids(run.train))
        try:
            self._train(folder / "model", run)
            stored = self._evaluate(folder, run)
        except RunError as error:
            nan = math.nan
            return Outcome(run.name, words, sites, 0, 0.0, nan, nan, nan, str(error))
        rows = read_metrics(folder / "model")
        print(f"{run.name}: mse {stored['mse']:.6f}", flush=True)
        return Outcome(
            *(run.name, words, sites, len(rows), sum(row["seconds"] for row in rows)),
            *(stored["mse"], stored["median_mse"], stored["baseline_mse"]),
        )

    def _check_same(self, folder: Path, run: Run) -> None:
        """Refuse to go on with a run that was another one before.

        Raises:
            ConfigError: it had other options, ids or another database.
        """
        parts = {"train": read_ids(run.train), "val": read_ids(run.val)}
        now = {"database": self.database, "options": list(run.options)}
        path, content = folder / "run.json", json.dumps({**now, **parts}, indent=0)
        if path.is_file() and path.read_text() != content:
            before = json.loads(path.read_text())
            changed = [key for key, value in {**now, **parts}.items() if before[key] != value]
            raise ConfigError(
                f"{folder}: was run with other {', '.join(changed)} before; remove the folder or"
                " give another output"
            )
        path.write_text(content)

    def _train(self, folder: Path, run: Run) -> None:
        """Train, or go on with a training that was stopped; one that is done ends at once."""
        words = ["train", self.database, "-o", folder]
        words += ["--train", run.train, "--val", run.val, *run.options]
        if (folder / "last.ckpt").is_file():
            words.append("--resume")
        command(words, folder.with_name(f"{folder.name}.log"))

    def _evaluate(self, folder: Path, run: Run) -> dict[str, float]:
        """Figures of the best weights on the validation sites."""
        table = folder / "evaluation.json"
        words = ["evaluate", folder / "model", self.database, "--ids", run.val, "--table", table]
        command(words, folder / "evaluation.log")
        return json.loads(table.read_text())


class RunError(Exception):
    """A command has failed; the message is its own."""


def command(words: Sequence[object], log: Path) -> None:
    """Run `e3gnn-xanes` on one thread with its messages in a file.

    Raises:
        RunError: it failed.
        KeyboardInterrupt: it was interrupted, and so are we.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    with log.open("a") as file:
        done = subprocess.run(
            [sys.executable, "-m", "src", *map(str, words)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    if done.returncode in (130, -signal.SIGINT):
        raise KeyboardInterrupt
    if done.returncode:
        lines = log.read_text().splitlines()
        raise RunError(next((x for x in reversed(lines) if "error:" in x), f"see {log}"))


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Rows of a training's metrics.csv."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def write_ids(path: Path, ids: Sequence[str]) -> Path:
    """Write a file of ids, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in ids))
    return path


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def save_study(
    study: Study, name: str, text: str, outcomes: Sequence[Outcome], **more: object
) -> int:
    """Write `<name>.md` and `<name>.json`, print the table, and return the exit code."""
    content = {**more, "runs": [_without_nan(asdict(outcome)) for outcome in outcomes]}
    (study.output / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    (study.output / f"{name}.md").write_text(text)
    print(text)
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        print(f"{outcome.name}: failed: {outcome.failure}", file=sys.stderr)
    return 1 if failed else 0


def _without_nan(values: Mapping[str, object]) -> dict[str, object]:
    """The same with None, JSON's null, for NaN."""
    return {key: None if value != value else value for key, value in values.items()}  # noqa: PLR0124


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Parser with the options that all studies share; what it does not know is for `train`."""
    parser = argparse.ArgumentParser(
        description=(doc or "").splitlines()[0],
        epilog="All other options go to `e3gnn-xanes train`.",
        allow_abbrev=False,
    )
    parser.add_argument("database", help="database made by `e3gnn-xanes dataset`")
    parser.add_argument("--train", type=Path, required=True, help="file of training ids")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for everything")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    parser.add_argument("--element", help="only records with this absorber")
    parser.add_argument("--code", help="and by this code, such as 'FEFF 9.9.1'")
    return parser


def read_study(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> tuple[argparse.Namespace, Study, tuple[str, ...]]:
    """Parse the words; return the options, the study and the words for `train`.

    Of an element, ``train`` and ``val`` are files of its records.
    """
    options, rest = parser.parse_known_args(argv)
    study = Study(options.database, options.output, options.workers)
    if options.element is not None:
        for part in [name for name in ("train", "val") if name in options]:
            ids = read_ids(getattr(options, part))
            chosen = select(Database(study.database), ids, options.element, options.code)
            print(
                f"{part}: {len(chosen)} of {len(ids)} records are of {options.element}", flush=True
            )
            setattr(options, part, write_ids(study.output / "ids" / f"{part}.txt", chosen))
    elif options.code is not None:
        raise ConfigError(f"`code` is {options.code}, of which element? give `element`")
    return options, study, tuple(rest)


def select(database: Database, ids: Sequence[str], element: str, code: str | None) -> list[str]:
    """Those of some records that have an absorber, and are by a code."""
    entries = {record_id: database.entry(record_id) for record_id in ids}
    return [i for i, e in entries.items() if e.element == element and code in (None, e.code)]
