"""The command `train`: a database to a model."""

from ..config import TrainJob
from ..parallel import launched_rank
from ..workflow import train_from_database


def run(job: TrainJob, config: str) -> None:
    """Train a model; its settings are kept beside it as YAML."""
    train_from_database(job, config)
    if launched_rank() == 0:
        print(f"{job.output / 'model.pt'}: written; training.png shows how it went")
