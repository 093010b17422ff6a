"""Slurm: up to four nodes of 64 cores, for a day each; change what is in capitals."""

from parsl import Config
from parsl.addresses import address_by_interface
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm",
            address=address_by_interface("ib0"),  # INTERFACE that the nodes reach
            max_workers_per_node=64,  # one FEFF per core
            cores_per_worker=1,
            provider=SlurmProvider(
                partition="PARTITION",
                account="ACCOUNT",
                nodes_per_block=1,
                init_blocks=0,
                max_blocks=4,
                walltime="24:00:00",
                worker_init="source /PATH/TO/venv/bin/activate",
                launcher=SrunLauncher(),
            ),
        )
    ],
    retries=3,  # a site whose node is lost is started again, this often
)
