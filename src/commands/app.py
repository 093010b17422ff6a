"""The command `app`: crystal, sites and spectra on a page in the browser."""

import socket
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ..checkpoints.pretrained import model_path, split_edge
from ..errors import ConfigError, check_at_least
from ..runtime.options import ALWAYS, POSITIONAL

EXAMPLE = "app CuO.cif --model cu-k-feff"
COMMON = ("model", "scan", "port")


@dataclass
class Options:
    """What the page shows first, and where it is served."""

    structures: list[Path] = field(default_factory=list, metadata=POSITIONAL | {"unless": ALWAYS})
    """Structures, files that ASE reads. The page opens more."""
    model: list[str] | None = None
    """Model files, training folders, or names of models that ship with the package. None: one that
    ships and knows an element of the structure."""
    scan: Path | None = None
    """Measured spectrum: XDI, columns of text, or PROJECT.prj:GROUP of Athena."""
    port: int = 8080
    """Port on this machine, 127.0.0.1; no other machine can reach the page."""
    no_browser: bool = False
    """Only print the address."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a port that does not exist."""
        check_at_least("port", self.port, 1)


def run(job: Options) -> None:
    """Serve the page until Ctrl-C; files that can't be read are refused here, not on the page."""
    if find_spec("nicegui") is None:
        raise ConfigError("the page needs NiceGUI; pip install 'e3gnn-xanes[app]'")
    from ..app.page import serve
    from ..app.state import Structure

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", job.port)) == 0:
            raise ConfigError(f"port {job.port} is in use; choose another one with --port")
    structures = [Structure.read(path) for path in job.structures]
    for name in job.model or []:
        model_path(split_edge(name)[0])
    serve(structures, job.model or [], job.scan, job.port, not job.no_browser)
