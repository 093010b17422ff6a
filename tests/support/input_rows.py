"""All bad values that are tried, of commands and of functions."""

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
)  # fmt: skip
from input_functions import FUNCTIONS as FIRST
from input_learning import LEARNING
from input_training import ENERGY, MODEL, TRAIN, TRAINING

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
