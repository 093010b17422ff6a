"""Would the tests notice a wrong sign? Faults put into a module one by one, tests run on each.

    python -m research.mutants src/loss.py=tests/test_loss.py

A mutant is killed by a test that fails or by the time limit, else it survives. Without words the
modules of ``MODULES`` are examined. Survivors that compute the same as the original are listed in
``mutants.yaml`` with the reason. Each mutant is tried in a fork of one process that has imported
what takes long.
"""

import argparse
import ast
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

MODULES = {
    "src/model/basis.py": "tests/model/test_basis.py",
    "src/loss.py": "tests/test_loss.py",
    "src/structures/graph.py": "tests/structures/test_graph.py",
    "src/xas/spectrum.py": "tests/xas/test_spectrum.py",
}
EQUIVALENT = Path(__file__).with_suffix(".yaml")
SLOW_IMPORTS = "torch,torch_geometric.data,ase.build,ase.io,vesin,scipy.special,pytest"
OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,), ast.MatMult: (ast.Mult,), ast.Mod: (ast.Mult,), ast.FloorDiv: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.And: (ast.Or,), ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.USub: (ast.UAdd,), ast.Invert: (ast.UAdd,),
}  # fmt: skip
"""What stands for what."""
SECONDS = 60.0
"""Time limit of a mutant; also ten times what the tests need without one."""


@dataclass(frozen=True)
class Mutant:
    """A module with one fault."""

    line: int
    """Line of the original on which it stands."""
    before: str
    """What stood there."""
    after: str
    """What stands there now; empty: it is gone."""
    source: str
    """The module."""


def make_mutants(source: str) -> Iterator[Mutant]:
    """Yield a module's mutants, each once.

    Args:
        source: the module.
    """
    tree = ast.parse(source)
    lines = ast.unparse(tree).splitlines()
    skipped, seen = _not_code(tree), {ast.unparse(tree)}
    for node in [node for node in ast.walk(tree) if node not in skipped]:
        for line in _changes(node):
            changed = ast.unparse(tree)
            same_sum = changed.replace("--", "+")
            if same_sum not in seen:
                seen.add(same_sum)
                yield Mutant(line, *_difference(lines, changed.splitlines()), changed)


def _difference(old: list[str], new: list[str]) -> tuple[str, str]:
    """The lines that differ, before and after."""
    head = _common(old, new)
    tail = min(_common(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    before, after = (
        " ".join(line.strip() for line in lines[head : len(lines) - tail]) for lines in (old, new)
    )
    return before, after


def _common(first: list[str], second: list[str]) -> int:
    """How many lines are the same at the beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((k for k, (one, other) in pairs if one != other), min(len(first), len(second)))


def _not_code(tree: ast.AST) -> set[ast.AST]:
    """The nodes in annotations, docstrings and texts of messages."""
    texts: set[ast.AST] = set()
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns", "format_spec")]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts += [node, node.value]
        if isinstance(node, ast.JoinedStr):
            parts += [part for part in node.values if isinstance(part, ast.Constant)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            error = node.func.id.endswith("Error")
            parts += [a for a in node.args if error and isinstance(a, ast.Constant)]
        texts.update(part for root in parts if root is not None for part in ast.walk(root))
    return texts


def _changes(node: ast.AST) -> Iterator[int]:
    """Change a node in place in one way after the other; yields the line, then undoes it."""
    for name, other in _other_values(node):
        before = getattr(node, name)
        setattr(node, name, other)
        yield getattr(node, "lineno", 0)
        setattr(node, name, before)
    for block, k, other in _other_parts(node):
        kept = block[k]
        block[k : k + 1] = other
        yield getattr(kept if isinstance(kept, ast.stmt) else node, "lineno", 0)
        block[k : k + len(other)] = [kept]


def _other_values(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Fields of a node and what they may be instead."""
    for other in OPERATORS.get(type(getattr(node, "op", None)), ()):  # type: ignore[arg-type]
        yield "op", other()
    if isinstance(node, ast.Constant):
        for value in _other_constants(node.value):
            yield "value", value
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "test", ast.UnaryOp(ast.Not(), node.test)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "operand", ast.UnaryOp(ast.Not(), node.operand)
    if isinstance(node, ast.Return) and node.value is not None:
        yield "value", ast.Constant(None)


def _other_constants(value: object) -> list[object]:
    """Other values than a constant's."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, -value, 0] if value else [1, -1]
    return [f"{value}x"] if isinstance(value, str) else []


def _other_parts(node: ast.AST) -> Iterator[tuple[list, int, list]]:
    """Entries of a node's lists and what may stand there instead."""
    for k, op in enumerate(node.ops if isinstance(node, ast.Compare) else []):
        for other in OPERATORS[type(op)]:
            yield node.ops, k, [other()]  # type: ignore[attr-defined]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        for k, entry in enumerate(block if isinstance(block, list) else []):
            text = isinstance(entry, ast.Expr) and isinstance(entry.value, ast.Constant)
            if isinstance(entry, ast.Raise | ast.Expr | ast.AugAssign) and not text:
                yield block, k, [ast.Pass()]  # type: ignore[misc]
    for k in range(len(node.keywords) if isinstance(node, ast.Call) else 0):
        yield node.keywords, k, []  # type: ignore[attr-defined]


class MutantFinder:
    """Gives Python the mutant where the module is asked for."""

    def __init__(self, module: str, source: str) -> None:
        """Args: name of the module with dots; what to run in its place."""
        self.module, self.source = module, source

    def find_spec(self, name: str, *_: object) -> object:
        """Specification of the module; None for all others."""
        if name == self.module:
            return importlib.util.spec_from_loader(name, self)  # type: ignore[arg-type]
        return None

    def create_module(self, _spec: object) -> None:
        """Python's own way."""

    def exec_module(self, module: object) -> None:
        """Run the mutant."""
        exec(compile(self.source, f"<mutant of {self.module}>", "exec"), vars(module))


def run_tests(module: str, source: str, tests: Sequence[str], limit: float) -> int | None:
    """Run tests on a mutant in a fork.

    Args:
        module: name of the module with dots.
        source: the mutant.
        tests: files or folders of tests.
        limit: seconds.

    Returns:
        pytest's exit status; 0: the mutant survives; None: out of time.
    """
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(_status_in_fork(module, source, tests))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def _status_in_fork(module: str, source: str, tests: Sequence[str]) -> int:
    """Exit status of pytest; 1 for whatever else a mutant may do to it."""
    try:
        import pytest

        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # three times as fast
        sys.meta_path.insert(0, MutantFinder(module, source))  # type: ignore[arg-type]
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    except BaseException:
        return 1


def examine(path: str, tests: Sequence[str], equivalent: Sequence[dict[str, str]]) -> bool:
    """Try all mutants of a module and print the survivors and the share that is killed.

    Args:
        path: module, from the current folder.
        tests: files or folders of tests.
        equivalent: ``before``, ``after`` and ``why`` of mutants that compute the same.

    Returns:
        Whether all are killed but those that are listed, and all that are listed survive.

    Raises:
        SystemExit: the tests fail without a fault.
    """
    source, module = Path(path).read_text(), path.removesuffix(".py").replace("/", ".")
    started = time.monotonic()
    if run_tests(module, ast.unparse(ast.parse(source)), tests, 10 * SECONDS):
        raise SystemExit(f"{path}: {' '.join(tests)} fail without a mutant")
    limit = max(SECONDS, 10 * (time.monotonic() - started))
    known = [(entry["before"], entry["after"]) for entry in equivalent]
    mutants, survivors = list(make_mutants(source)), []
    for mutant in mutants:
        if run_tests(module, mutant.source, tests, limit) == 0:
            survivors.append((mutant.before, mutant.after))
            word = "same" if survivors[-1] in known else "survived"
            print(f"{path}:{mutant.line}: {word}: {mutant.before}  ->  {mutant.after}", flush=True)
    for gone in [pair for pair in known if pair not in survivors]:
        print(f"{path}: listed as the same, but no survivor: {gone[0]}  ->  {gone[1]}")
    same = sum(pair in known for pair in survivors)
    killed, left = len(mutants) - len(survivors), len(survivors) - same
    share = 100 * killed / max(len(mutants) - same, 1)
    print(
        f"{path}: {len(mutants)} mutants, {killed} killed, {same} the same, {left} survived:"
        f" {share:.1f} % in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return left == 0 and set(known) <= set(survivors)


def main(argv: Sequence[str] | None = None) -> int:
    """Examine the modules; 1 where a mutant survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", help="MODULE.py=TESTS[,TESTS]")
    parser.add_argument(
        "--equivalent", type=Path, default=EQUIVALENT, help="YAML, see mutants.yaml"
    )
    parser.add_argument("--imports", default=SLOW_IMPORTS, help="what to import before forking")
    options = parser.parse_args(argv)
    sys.path.insert(0, str(Path.cwd()))
    for name in filter(None, options.imports.split(",")):
        importlib.import_module(name)
    chosen = dict(word.split("=") for word in options.modules) or MODULES
    same = yaml.safe_load(options.equivalent.read_text()) or {}
    results = [examine(m, tests.split(","), same.get(m, [])) for m, tests in chosen.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
