"""The command `train`: a database to a model, or to an ensemble of several networks."""

from collections.abc import Callable

from jsonargparse import ArgumentParser, Namespace

from ..model.hyperparameters import Hyperparameters
from ..training.config import TrainJob as Options

EXAMPLE = "train cu.db -o cu_k --epochs 30"
COMMON = ("output", "train", "val", "training.epochs", "resume")
TOGETHER = True


def add_arguments(parser: ArgumentParser) -> None:
    """Add the network's constructor arguments as a group."""
    measured = {"avg_num_neighbors", "emin", "emax"}
    parser.add_class_arguments(Hyperparameters, "model", skip=measured)
    for name, end, usual in (("emin", "Lowest", -10.0), ("emax", "Highest", 50.0)):
        text = f"{end} energy of the basis, eV relative to the reference energy. None: {usual:g},"
        text += " or that of the records where all share one even grid."
        parser.add_argument(f"--model.{name}", type=float | None, default=None, help=text)


def complete(values: Namespace, given: Callable[[], Namespace]) -> None:
    """With `init_from`, keep only the network's arguments that the user gave; a file has others."""
    if values.init_from is not None:
        named = given().get("model") or Namespace()
        values.model = Namespace(**{k: v for k, v in vars(values.model).items() if k in named})


def run(job: Options) -> None:
    """Train a model; its settings are kept next to it as YAML."""
    from ..runtime.atomic_files import MODEL_FILE
    from ..runtime.torchrun import check_alone, leads
    from ..workflow import train_from_database, train_members

    model = job.output / MODEL_FILE
    if job.members > 1:
        check_alone("a training of several members")
        train_members(job)
        print(f"{model}: written, {job.members} members; each has its folder")
        return
    train_from_database(job)
    if leads():
        print(f"{model}: written; training.png shows how it went")
