"""Timing in alternation, and results as JSON, Markdown table and figure."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.runtime.provenance import package_version

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "e3nn", "torch-geometric", "numpy", "vesin")
Result = dict[str, Any]
"""What a benchmark measured: plain values, ready for JSON."""


@dataclass(frozen=True)
class Options:
    """How to measure."""

    database: Path | None = None
    """Database of Cu K spectra. None: the slice in tests/data."""
    model: Path | None = None
    """Model file for the benchmarks of prediction. None: an untrained network."""
    output: Path = RESULTS
    """Folder for the JSON files and pictures."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads to measure with."""
    repeats: int = 5
    """Measurements of each thing compared."""
    quick: bool = False
    """Small sizes, to see that everything runs; the figures mean nothing."""


def alternate(
    works: Mapping[str, Callable[[], object]], repeats: int, warmup: int = 1
) -> dict[str, list[float]]:
    """Time several things in turn, so that a change of the machine's load meets all of them.

    Args:
        works: what to time, by name.
        repeats: measurements of each.
        warmup: rounds before them that do not count.

    Returns:
        Seconds of every measurement, by name; entry k of all names was measured in one round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(warmup + repeats):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if repeat >= warmup:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def fastest(work: Callable[[], object], seconds: float) -> float:
    """Shortest time of one call among those that fit into some seconds, three at least."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def rates(amount: float, seconds: Sequence[float]) -> dict[str, float]:
    """Amount a second: median, lowest and highest."""
    return summary([amount / value for value in seconds])


def pair_ratios(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Ratios of the measurements of one round each: median, lowest and highest."""
    return summary([a / b for a, b in zip(above, below, strict=True)])


def cpu_model() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """Commit of the working tree, with a + where it was changed; "unknown" without git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def machine() -> dict[str, str]:
    """Where and when, as it goes into every result."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {
        "cpu": cpu_model(),
        "cores": str(os.cpu_count()),
        "load before": f"{load:.2f}",
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "python": platform.python_version(),
        **{name: package_version(name) for name in PACKAGES},
    }


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table in Markdown; the first column is text, the others are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Mapping[str, float], form: str = ",.0f") -> str:
    """The text "median (lowest to highest)"."""
    low, high = format(values["low"], form), format(values["high"], form)
    return f"{values['median']:{form}} ({low} to {high})"


def bar_picture(path: Path, panels: Mapping[str, Mapping[str, float]], label: str) -> None:
    """Horizontal bars, one panel a name.

    Args:
        path: file to write.
        panels: title of each panel, and its bars by name.
        label: what the length of a bar means, with its unit.
    """
    from src.plot import new_figure

    rows = max(len(bars) for bars in panels.values())
    figure, axes = new_figure(5.0 * len(panels), 0.8 + 0.32 * rows, columns=len(panels))
    for ax, (title, bars) in zip(axes.flat, panels.items(), strict=True):
        drawn = ax.barh(list(bars), list(bars.values()), color="#a3acb8", height=0.6)
        texts = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in bars.values()]
        ax.bar_label(drawn, texts, padding=3, fontsize=8)
        ax.invert_yaxis()
        ax.margins(x=0.15)
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(label, fontsize=8)
    save_picture(figure, path)


def save_picture(figure: "Figure", path: Path) -> None:
    """Write a figure."""
    from src.plot import save

    save(figure, path)


def quickly(options: Options) -> Options:
    """The same with one measurement on one thread."""
    return replace(options, threads=(1,), repeats=1, quick=True)


def read_options(description: str | None) -> Options:
    """Options from the command line."""
    usual = Options()
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("database", nargs="?", type=Path, help="database of Cu K spectra")
    parser.add_argument("--model", type=Path, help="model file; else an untrained network")
    parser.add_argument("--output", type=Path, default=usual.output, help="folder for results")
    parser.add_argument("--threads", type=int, nargs="+", default=usual.threads)
    parser.add_argument("--repeats", type=int, default=usual.repeats)
    parser.add_argument("--quick", action="store_true", help="small sizes; figures mean nothing")
    values = vars(parser.parse_args())
    values["threads"] = tuple(values["threads"])
    return quickly(Options(**values)) if values["quick"] else Options(**values)


def run_benchmark(
    name: str,
    options: Options,
    measure: Callable[[Options], Result],
    table: Callable[[Result], str],
    picture: Callable[[Result, Path], None],
) -> str:
    """Measure, and write NAME.json and NAME.png.

    Returns:
        The table, Markdown.
    """
    options.output.mkdir(parents=True, exist_ok=True)
    described, started = machine(), time.perf_counter()
    result = measure(options)
    asked = {key: str(value) for key, value in asdict(options).items()}
    seconds = time.perf_counter() - started
    whole = {"machine": described, "options": asked, "seconds": seconds, **result}
    (options.output / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    picture(result, options.output / f"{name}.png")
    return table(result)
