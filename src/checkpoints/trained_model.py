"""Model files: everything that a prediction needs, in one file that never runs code when read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import ENERGY_TOLERANCE, CheckpointError, ConfigError
from ..model.ensemble import MAY_DIFFER, Network, as_model, networks_of
from ..model.gnn import XANES_E3GNN
from ..model.graph_input import Graph
from ..runtime.atomic_files import first_line
from ..runtime.distributed import choose_device
from ..runtime.provenance import command_line, package_version
from ..structures.chemistry import Chemistry
from ..structures.graph import structure_graph
from ..uncertainty.calibration import Calibration, pack_calibration, unpack_calibration
from ..xas.energies import EnergyAxis
from .model_file import ModelFile, read_model_file, write_model_file
from .model_info import ModelInfo, check_info
from .pretrained import model_path, split_edge

UNKNOWN = "not known"


@dataclass(eq=False)
class TrainedModel:
    """A network with the description in its model file: all that a prediction needs."""

    network: Network
    """Network or ensemble, in evaluation mode."""
    info: ModelInfo = field(default_factory=ModelInfo)
    """What it was trained for."""
    name: str = "the model"
    """As the user named it: a file, a training folder, or a model that ships."""
    sha256: str | None = None
    """Checksum of the model file, 64 hexadecimal digits. None: it was not read from one."""
    moved_by: float | None = None
    """Shift of all energies to those of measurements, eV. None: they are the calculations'."""

    @classmethod
    def load(cls, name: str | Path, device: str = "cpu") -> "TrainedModel":
        """Read a model file.

        Args:
            name: model file, training folder, or name of a model that ships with the package; with
                an element, or element and edge, behind a colon the model of these, as in
                any-edge:Cu and any-edge:Pt-L3, see ``of``.
            device: "cpu", "cuda", "cuda:1" and so on; "auto" is cuda if available.

        Raises:
            CheckpointError: missing, damaged, or not a model file of this library.
            ConfigError: the device is not available.
        """
        base, element, edge = split_edge(name)
        path = model_path(base)
        file = read_model_file(path)
        network, info = _unpack(path, file)
        model = cls(network.to(choose_device(device)), info, str(base), file.sha256)
        return model if element is None else model.of(element, edge)

    def save(self, path: str | Path) -> None:
        """Write a model file, see ``save_model``."""
        save_model(path, self.network, self.info)

    @property
    def calibration(self) -> Calibration | None:
        """Prediction bands and novelty measure. None: not calibrated."""
        return self.info.calibration

    @property
    def energy_range(self) -> tuple[float, float]:
        """Lowest and highest energy that can be predicted, eV, absolute if there is a reference."""
        zero = self.info.reference_energy or 0.0
        low, high = (zero + self.network.hyperparameters[name] for name in ("emin", "emax"))
        return low, high

    def of(self, element: str, edge: str | None = None, code: str | None = None) -> "TrainedModel":
        """The model of one element and edge.

        Args:
            element: absorbing element; one that was never trained as an absorber is predicted from
                its neighbors in the periodic table.
            edge: absorption edge; None: that of most training spectra of the element.
            code: code and version of the calculations; None: that of most training spectra.

        Returns:
            A model of spectra in the unit of the records, on absolute energies; of a model of one
            edge itself.

        Raises:
            ConfigError: the model is of another element, edge or code, or does not know it.
        """
        if element not in chemical_symbols[1:]:
            raise ConfigError(f"`element` is {element!r}, expected a symbol such as Cu")
        if self.info.edges is not None:
            from .several_edges import model_of  # rarely needed

            return model_of(self, element, edge, code)
        for name, value in (("element", element), ("edge", edge), ("code", code)):
            own = getattr(self.info, name)
            if value not in (None, own):
                raise ConfigError(f"{self.name}: its {name} is {own}, not {value}")
        return self

    def graph(
        self, atoms: Atoms, absorbers: Sequence[int], dtype: torch.dtype | None = None
    ) -> Graph:
        """Graph of a structure, cut at the network's radius, see ``structure_graph``."""
        self._check_one_edge()
        return structure_graph(atoms, absorbers, self.network.r_max, self.network.max_z, dtype)

    def energies(self, energy: np.ndarray | None = None) -> EnergyAxis:
        """Energies of a prediction.

        Args:
            energy: eV, shape (n_energies,), absolute if the model has a reference energy; None:
                those on which the model was scored.

        Raises:
            ConfigError: the model was not trained on spectra, or an energy is missing, not finite
                or outside its range.
        """
        self._check_one_edge()
        if self.info.pretrained_on is not None:
            raise ConfigError(
                f"the model was trained on {self.info.pretrained_on}, not on spectra; use it as a"
                " starting point for training, `train --init_from`"
            )
        axis = self.info.axis
        if energy is not None:
            axis = EnergyAxis(np.asarray(energy, dtype=float), self.info.reference_energy)
        if axis is None:
            raise ConfigError("the model file contains no energies; choose the energies to predict")
        energy = axis.energy
        if energy.ndim != 1 or not len(energy) or not np.isfinite(energy).all():
            raise ConfigError(
                f"energies must be finite and one-dimensional, found the shape {energy.shape}"
            )
        low, high = self.energy_range
        if energy.min() < low - ENERGY_TOLERANCE or energy.max() > high + ENERGY_TOLERANCE:
            raise ConfigError(
                f"energies are {energy.min():.3f} to {energy.max():.3f} eV, but the model reaches"
                f" from {low:.3f} to {high:.3f} eV"
            )
        return axis

    def _check_one_edge(self) -> None:
        """Refuse a model of several edges where one is needed."""
        if self.info.edges is not None:
            raise ConfigError(
                f"{self.name}: knows {self.info.spectra}; name one, as in {self.name}:Cu or"
                f" {self.name}:Pt-L3"
            )

    def provenance(self) -> dict[str, str]:
        """What its predictions can be traced back to: model file, training data, commands."""
        values = {
            "model": self.name,
            "model_sha256": self.sha256,
            "training_data_sha256": self.info.data_digest,
            "training_command": self.info.command,
            "version": package_version("e3gnn-xanes"),
            "command": command_line(),
        }
        return {name: value or UNKNOWN for name, value in values.items()}


def save_model(path: str | Path, model: Network, info: ModelInfo) -> None:
    """Write a model file.

    Args:
        path: file to write.
        model: network or ensemble on any device; weights and constructor arguments are kept.
        info: what it was trained for.

    Raises:
        CheckpointError: the file can't be written, a weight is not finite, or see ``check_info``.
    """
    path, networks = Path(path), networks_of(model)
    check_info(path, info)
    check_weights(path, networks)
    tensors = {
        f"members.{number}.{name}": weight
        for number, network in enumerate(networks)
        for name, weight in network.state_dict().items()
    }
    described, calibration = asdict(replace(info, calibration=None)), None
    del described["calibration"]
    if info.calibration is not None:
        calibration, arrays = pack_calibration(info.calibration)
        tensors |= {f"calibration.{name}": torch.as_tensor(a) for name, a in arrays.items()}
    content = {
        "hyperparameters": model.hyperparameters,
        "differences": [{name: n.hyperparameters[name] for name in MAY_DIFFER} for n in networks],
        "info": described,
        "calibration": calibration,
    }
    write_model_file(path, ModelFile(content, tensors))


def load_model(path: str | Path) -> tuple[Network, ModelInfo]:
    """Network or ensemble of a model file, in evaluation mode, and its description.

    See ``TrainedModel.load``.
    """
    model = TrainedModel.load(path)
    return model.network, model.info


def _unpack(path: Path, file: ModelFile) -> tuple[Network, ModelInfo]:
    """Network and description of a model file; raises CheckpointError."""
    content = file.content
    try:
        info = ModelInfo(**content["info"])
        if info.chemistry is not None:
            info.chemistry = Chemistry(**content["info"]["chemistry"])
        if info.edges is not None:
            from ..xas.edge_scale import EdgeScale

            info.edges = [EdgeScale(**scale) for scale in content["info"]["edges"]]
        networks = []
        for number, difference in enumerate(content["differences"]):
            network = new_network({**content["hyperparameters"], **difference})
            weights = file.part(f"members.{number}.")
            network.to(weights["coefficient_mean"].dtype).load_state_dict(weights)
            networks.append(network)
        if content["calibration"] is not None:
            arrays = {name: value.numpy() for name, value in file.part("calibration.").items()}
            info.calibration = unpack_calibration(content["calibration"], arrays)
        return as_model(networks).eval(), info
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: does not fit this version ({first_line(error)})") from error


def new_network(hyperparameters: dict[str, Any]) -> XANES_E3GNN:
    """Network with random weights, of one edge or of several."""
    if "edges" not in hyperparameters:
        return XANES_E3GNN(**hyperparameters)
    from ..model.multi_edge import MultiEdgeNetwork  # rarely needed

    return MultiEdgeNetwork(**hyperparameters)


def check_weights(path: Path, networks: Sequence[XANES_E3GNN]) -> None:
    """Raise CheckpointError, which names the tensor, if a weight is not finite."""
    for number, network in enumerate(networks):
        for name, weight in network.state_dict().items():
            bad = int((~torch.isfinite(weight)).sum())
            if bad:
                raise CheckpointError(
                    f"{path}: {bad} of {weight.numel()} numbers of {name} of member {number} are"
                    " not finite"
                )
