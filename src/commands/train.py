"""The command `train`: a database to a model, or to an ensemble of several networks."""

from ..runtime.distributed import check_alone, launched_rank
from ..training.config import TrainJob
from ..training.workflow import train_from_database


def run(job: TrainJob, config: str) -> None:
    """Train a model; its settings are kept beside it as YAML."""
    if job.members > 1:
        check_alone("a training of several members")
        from ..training.members import train_members

        train_members(job, config)
        print(f"{job.output / 'model.pt'}: written, {job.members} members; each has its folder")
        return
    train_from_database(job, config)
    if launched_rank() == 0:
        print(f"{job.output / 'model.pt'}: written; training.png shows how it went")
