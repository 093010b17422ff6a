"""All rows of the table of input checks, and the page that they make."""

from input_arguments import ARGUMENTS
from input_commands import (
    CALIBRATE,
    COMPARE,
    DATASET,
    ENSEMBLE,
    EVALUATE,
    EXPLAIN,
    FIT,
    INFO,
    PREDICT,
    REPORT,
    Command,
)  # fmt: skip
from input_functions import FUNCTIONS as FIRST
from input_functions import Function
from input_learning import LEARNING
from input_signatures import REASONS, parameters, public_calls
from input_training import ENERGY, MODEL, TRAIN, TRAINING
from input_world import FILES

COMMANDS = [
    *(DATASET + INFO + TRAIN + ENERGY + TRAINING + MODEL + ENSEMBLE + CALIBRATE),
    *(EVALUATE + PREDICT + COMPARE + FIT + EXPLAIN + REPORT),
]
PLACE = {row.where.partition(".")[0]: place for place, row in reversed([*enumerate(FIRST)])}
FUNCTIONS = sorted(
    [*FIRST, *LEARNING, *ARGUMENTS],
    key=lambda row: PLACE.get(row.where.partition(".")[0], len(FIRST)),
)
"""All of a name together, in the order of the first ones."""
NAMES = {
    **FILES, "out": "out", "nodir": "nowhere", "missing": "missing", "runs": "runs",
    "calculations": "calculations", "foil": "cu_metal_rt.xdi", "cold": "cu_metal_10K.xdi",
}  # fmt: skip
"""What the files are called on the page."""
TOP = """# Bad values, and what is said of them

<!-- Written by `python research/input_checks.py`; do not edit. -->

Every row is a test, `pytest tests/reliability/test_inputs.py`: the value is refused with a message
that begins as shown (where a library words it: that holds what is shown), and no file is left
behind. A command prints one line on standard error and exits with 1 after a failure, with 2 after
wrong usage; a function raises.

The files that do not suit: `missing` and the folder `nowhere` are not there, `text.txt` holds
words, `empty.cif` nothing, `cut.npz` the first bytes of an archive, `structures.db` structures
without spectra, `folder` nothing, `zn.cif` no copper.

"""


def cell(text: str) -> str:
    """Text of a cell, as code."""
    shown = text.replace("|", "\\|").replace("\x1b", "\\x1b").strip()
    if "`" in shown:
        return f"`` {shown} ``"
    return f"`{shown}`" if shown else ""


def command_line(row: Command) -> str:
    """A row of the first table."""
    value = "not given" if row.value is None else cell(row.value.format(**NAMES))
    given = [word for word in row.given.split() if not word.startswith("without:")]
    beside = cell(" ".join(given).format(**NAMES)) if given else ""
    message = cell(row.message.format(**NAMES))
    return f"| {row.where} | {cell(row.argument)} | {value} | {beside} | {row.code} | {message} |"


def function_line(row: Function) -> str:
    """A row of the second table."""
    kinds = row.error if isinstance(row.error, tuple) else (row.error,)
    raised = " or ".join(kind.__name__ for kind in kinds)
    message = cell(row.message.format(**NAMES))
    value = row.value.replace("|", "\\|").replace("\x1b", "\\x1b")
    return f"| {cell(row.where)} | {cell(row.argument)} | {value} | {raised} | {message} |"


def page() -> str:
    """The page docs/input-checks.md."""
    commands = [
        f"## Commands\n\n{len(COMMANDS)} rows.\n",
        "| command | argument | value | beside it | exit | message |",
        "|---|---|---|---|---|---|",
        *map(command_line, COMMANDS),
    ]
    functions = [
        f"\n## Functions and classes\n\n{len(FUNCTIONS)} rows.\n",
        "| name | argument | value | raises | message |",
        "|---|---|---|---|---|",
        *map(function_line, FUNCTIONS),
    ]
    n_parameters = len(parameters(public_calls()))
    reasons = [
        "\n## Arguments without a bad value\n",
        f"Of {n_parameters} arguments of public functions, {len(REASONS)} have no row above. An",
        "object of another class than the signature says is left to Python: a list is no model.\n",
        "| name | argument | why |",
        "|---|---|---|",
        *(f"| {cell(where)} | {cell(name)} | {why} |" for (where, name), why in REASONS.items()),
    ]
    return TOP + "\n".join([*commands, *functions, *reasons]) + "\n"
