"""Model files: everything that a prediction needs, in one file that never runs code when read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

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
from ..structures.graph import structure_graph
from ..uncertainty.calibration import Calibration, pack_calibration, unpack_calibration
from ..xas.energies import EnergyAxis
from .model_file import ModelFile, read_model_file, write_model_file
from .pretrained import model_path

UNKNOWN = "not known"


@dataclass
class ModelInfo:
    """What a model was trained for. None: not known, as in a training on bare graphs."""

    element: str | None = None
    """Absorbing element, its symbol."""
    edge: str | None = None
    """Absorption edge, such as K."""
    target: str | None = None
    """Kind of spectrum, "absolute" or "normalized"."""
    unit: str | None = None
    """Unit of the spectrum."""
    code: str | None = None
    """Code and version of the calculations."""
    pretrained_on: str | None = None
    """What a network that has seen no spectra was trained on. None: a model of spectra."""
    started_from: str | None = None
    """Model whose weights the training started from. None: random ones."""
    reference_energy: float | None = None
    """Absolute energy of the model's zero, eV. None: all energies are relative."""
    energy_grid: list[float] | None = None
    """Energies on which the model is scored, eV; absolute if there is a reference energy."""
    mean_spectrum: list[float] | None = None
    """Mean training spectrum on ``energy_grid``, the baseline, in ``unit``."""
    extend_below: float | None = None
    """Energies up to this far below a spectrum's first point were taken as flat, eV."""
    elements: list[int] | None = None
    """Atomic numbers in the training structures, sorted."""
    train_ids: list[str] | None = None
    """Records trained on."""
    val_ids: list[str] | None = None
    """Records that chose the best weights."""
    data_digest: str | None = None
    """Checksum of the records of ``train_ids`` and ``val_ids``, see ``Database.digest_of``."""
    command: str | None = None
    """Command that trained it, passwords hidden. None: not known, or a training from Python."""
    val_mse: float | None = None
    """Validation mean squared error of these weights, unit squared."""
    note: str | None = None
    """What a user should know, such as that members were trained on different sites."""
    card: dict[str, str] | None = None
    """What `e3gnn-xanes models` says of it: ``data``, ``licence``, ``accuracy``."""
    calibration: Calibration | None = None
    """Bands and the measure of novelty. None: not calibrated."""
    library_version: str = field(default_factory=lambda: package_version("e3gnn-xanes"))
    """Version of this library that wrote the file."""

    @property
    def axis(self) -> EnergyAxis | None:
        """Energies on which the model is scored. None: not known."""
        if self.energy_grid is None:
            return None
        return EnergyAxis(np.asarray(self.energy_grid, dtype=float), self.reference_energy)


@dataclass(eq=False)
class TrainedModel:
    """A network with the description in its model file: all that a prediction needs."""

    network: Network
    """Network or ensemble, in evaluation mode."""
    info: ModelInfo = field(default_factory=ModelInfo)
    """What it was trained for."""
    name: str = "the model"
    """What the user calls it: a file, a training folder, or a model that ships."""
    sha256: str | None = None
    """Checksum of the model file, 64 hexadecimal digits. None: it was not read from one."""

    @classmethod
    def load(cls, name: str | Path, device: str = "cpu") -> "TrainedModel":
        """Read a model file.

        Args:
            name: file that ``save`` wrote, a training folder with ``model.pt`` in it, or the name
                of a model that ships with the package.
            device: cpu, cuda, cuda:1, ..; auto is cuda where there is one.

        Raises:
            CheckpointError: missing, damaged, or not a model file of this library.
            ConfigError: the device is not available.
        """
        path = model_path(name)
        file = read_model_file(path)
        network, info = _unpack(path, file)
        return cls(network.to(choose_device(device)), info, str(name), file.sha256)

    def save(self, path: str | Path) -> None:
        """Write a model file, see ``save_model``."""
        save_model(path, self.network, self.info)

    @property
    def calibration(self) -> Calibration | None:
        """Bands and the measure of novelty. None: not calibrated."""
        return self.info.calibration

    @property
    def energy_range(self) -> tuple[float, float]:
        """Lowest and highest energy that can be predicted, eV, absolute if there is a reference."""
        zero = self.info.reference_energy or 0.0
        low, high = (zero + self.network.hyperparameters[name] for name in ("emin", "emax"))
        return low, high

    def graph(
        self, atoms: Atoms, absorbers: Sequence[int], dtype: torch.dtype | None = None
    ) -> Graph:
        """Graph of a structure, cut at the network's radius, see ``structure_graph``."""
        return structure_graph(atoms, absorbers, self.network.r_max, self.network.max_z, dtype)

    def energies(self, energy: np.ndarray | None = None) -> EnergyAxis:
        """Energies of a prediction.

        Args:
            energy: eV, shape (n_energies,), absolute if the model has a reference energy; None:
                those on which the model was scored.

        Raises:
            ConfigError: the model has seen no spectra, an energy is outside its range or not
                finite, or there are none.
        """
        if self.info.pretrained_on is not None:
            raise ConfigError(
                f"the model has seen no spectra, only {self.info.pretrained_on}; it is a starting"
                " point for training, `train --init_from`"
            )
        axis = self.info.axis
        if energy is not None:
            axis = EnergyAxis(np.asarray(energy, dtype=float), self.info.reference_energy)
        if axis is None:
            raise ConfigError("the model file names no energies; say which to predict")
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
        CheckpointError: the file can't be written; a weight, an energy, the mean spectrum or the
            calibration is not finite; the energies do not increase; the element does not exist.
    """
    check_info(Path(path), info)
    check_weights(Path(path), model)
    networks = networks_of(model)
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
    write_model_file(Path(path), ModelFile(content, tensors))


def load_model(path: str | Path) -> tuple[Network, ModelInfo]:
    """Read a model file, see ``TrainedModel.load``.

    Returns:
        The network, or the ensemble of a file with several, in evaluation mode, and what it was
        trained for.
    """
    model = TrainedModel.load(path)
    return model.network, model.info


def _unpack(path: Path, file: ModelFile) -> tuple[Network, ModelInfo]:
    """Network and description of a model file; raises CheckpointError."""
    content = file.content
    try:
        unknown = sorted(set(content["info"]) - {entry.name for entry in fields(ModelInfo)})
        if unknown:
            raise CheckpointError(
                f"{path}: unknown fields {unknown}; a newer version wrote this file"
            )
        info = ModelInfo(**content["info"])
        networks = []
        for number, difference in enumerate(content["differences"]):
            network = XANES_E3GNN(**{**content["hyperparameters"], **difference})
            weights = file.part(f"members.{number}.")
            network.to(weights["coefficient_mean"].dtype).load_state_dict(weights)
            networks.append(network)
        if content["calibration"] is not None:
            arrays = {name: value.numpy() for name, value in file.part("calibration.").items()}
            info.calibration = unpack_calibration(content["calibration"], arrays)
        return as_model(networks).eval(), info
    except CheckpointError:
        raise
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: does not fit this version ({first_line(error)})") from error


def check_info(path: Path, info: ModelInfo) -> None:
    """Refuse a description with which spectra would be wrong.

    Raises:
        CheckpointError: no such element, energies that are not finite or do not increase, a mean
            spectrum that does not fit them, or ids that are no list; file and field are named.
    """
    if info.element is not None and info.element not in chemical_symbols[1:]:
        raise CheckpointError(f"{path}: `element` is {info.element!r}, expected a symbol")
    zero, grid, mean = info.reference_energy, info.energy_grid, info.mean_spectrum
    if zero is not None and not (isinstance(zero, float | int) and np.isfinite(zero)):
        raise CheckpointError(f"{path}: `reference_energy` is {zero!r}, expected a finite number")
    for name in ("train_ids", "val_ids"):
        if isinstance(getattr(info, name), str):  # its letters would pass for ids
            raise CheckpointError(f"{path}: `{name}` is {getattr(info, name)!r}, expected a list")
    rises = grid is None or (len(grid) and np.isfinite(grid).all() and (np.diff(grid) > 0).all())
    if not rises:
        raise CheckpointError(f"{path}: `energy_grid` must be finite and strictly increasing")
    if mean is not None and not (len(mean) == len(grid or []) and np.isfinite(mean).all()):
        raise CheckpointError(
            f"{path}: `mean_spectrum` must be finite, a value for each energy of `energy_grid`"
        )
    if info.calibration is not None:
        for name, array in pack_calibration(info.calibration)[1].items():
            if not np.isfinite(array).all():
                raise CheckpointError(f"{path}: `{name}` of the calibration is not finite")


def check_weights(path: Path, model: Network) -> None:
    """Refuse a network that can't predict; raises CheckpointError, which names the tensor."""
    for number, network in enumerate(networks_of(model)):
        for name, weight in network.state_dict().items():
            bad = int((~torch.isfinite(weight)).sum())
            if bad:
                raise CheckpointError(
                    f"{path}: {bad} of {weight.numel()} numbers of {name} of member {number} are"
                    " not finite"
                )
