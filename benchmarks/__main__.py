"""Run all benchmarks and write their tables into benchmarks/README.md.

python -m benchmarks [DATABASE] [--quick]
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from .timing import Options, machine, read_options, run_benchmark

NAMES = ("throughput", "roofline", "scaling", "latency", "loader", "distributed")
"""Benchmarks in the order of the README; one whose file does not exist is left out."""
README = Path(__file__).with_name("README.md")


def question(module_doc: str | None) -> str:
    """First line of a benchmark's docstring."""
    return (module_doc or "").splitlines()[0]


def run_all(options: Options) -> dict[str, tuple[str, str, float]]:
    """Run every benchmark.

    Returns:
        Question, table in Markdown and seconds of each, by name.
    """
    results = {}
    for name in NAMES:
        if find_spec(f"benchmarks.{name}") is None:
            continue
        module, started = import_module(f"benchmarks.{name}"), time.perf_counter()
        print(f"{name}: {question(module.__doc__)}", flush=True)
        text = run_benchmark(name, options, module.measure, module.table, module.picture)
        seconds = time.perf_counter() - started
        print(f"{text}\n\n{seconds:.0f} s\n", flush=True)
        results[name] = (question(module.__doc__), text, seconds)
    return results


def page(
    results: Mapping[str, tuple[str, str, float]],
    described: Mapping[str, str],
    database: Path | None,
) -> str:
    """Text of the README."""
    command = " ".join(["python -m benchmarks", *([database.name] if database else [])])
    facts = ", ".join(f"{name} {value}" for name, value in described.items())
    blocks = [
        "# Benchmarks",
        f"Written by `{command}` (all of them) from the repository's root. Without a database they"
        " run on the crystals in `tests/data`; `--quick` only sees that everything runs. Each file"
        " also runs alone, `python benchmarks/throughput.py --help`. Numbers and figures go to"
        " `benchmarks/results/`.",
        "Alternatives are measured in turn, round after round in one process; a figure is the"
        " median, with the lowest and the highest in brackets.",
        f"Measured on: {facts}.",
    ]
    for name, (asked, text, seconds) in results.items():
        ran = f"`python benchmarks/{name}.py`, {seconds:.0f} s."
        blocks += [f"## {name.capitalize()}", asked, text, ran]
    return "\n\n".join(blocks) + "\n"


def main() -> None:
    """Run, and write the README; with ``--quick`` write nothing into the repository."""
    options, described = read_options(__doc__), machine()
    if options.quick:
        with TemporaryDirectory() as folder:
            run_all(replace(options, output=Path(folder)))
        return
    README.write_text(page(run_all(options), described, options.database))
    print(f"{README}: written")


if __name__ == "__main__":
    main()
