"""Sites calculated by Parsl, on a queue's nodes or other machines that share the folder."""

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .calculate import calculate_site
from .schedule import Submit


def load_config(path: Path) -> Any:
    """The ``config`` of a Parsl configuration file, which is Python code and is run.

    Raises:
        ConfigError: Parsl is not installed, or the file has no ``config`` of the right kind.
    """
    try:
        from parsl import Config
    except ImportError as error:
        raise ConfigError(
            "Parsl is not installed; pip install 'e3gnn-xanes[hpc]', or omit `--parsl`"
        ) from error
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        config = runpy.run_path(str(path)).get("config")
    except Exception as error:  # whatever the user's Python raises
        raise ConfigError(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, Config):
        raise ConfigError(f"{path}: `config` is {config!r}, expected a parsl.Config")
    return config


@contextmanager
def parsl_workers(path: Path) -> Iterator[Submit]:
    """Run sites where a Parsl configuration says; see ``load_config``.

    A site whose worker is lost is started again, as often as the configuration's ``retries`` say.
    """
    config = load_config(path)
    import parsl

    # Parsl looks for its own programs there, also where the environment is not activated
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kernel = parsl.DataFlowKernel(config)
    try:
        yield parsl.python_app(calculate_site, data_flow_kernel=kernel, cache=False)
    finally:
        kernel.cleanup()
