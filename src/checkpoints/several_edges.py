"""The model of one element and edge in a model of several."""

import logging
from dataclasses import replace
from typing import cast

import numpy as np
import torch

from ..model.ensemble import as_model, networks_of
from ..model.gnn import XANES_E3GNN
from ..model.multi_edge import MultiEdgeNetwork
from ..xas.edge_scale import find_scale, usual_edge
from ..xas.energies import EnergyAxis
from .trained_model import TrainedModel

logger = logging.getLogger(__name__)


def model_of(
    model: TrainedModel, element: str, edge: str | None = None, code: str | None = None
) -> TrainedModel:
    """See ``TrainedModel.of``."""
    edges = model.info.edges or []
    scale = find_scale(edges, element, edge or usual_edge(edges, element))
    code = code or scale.code
    if scale.n_spectra == 0:
        logger.warning(
            "%s: no %s was an absorber in the training set at the %s edge; its spectra are"
            " estimated from its neighbors in the periodic table",
            *(model.name, element, scale.edge),
        )
    networks = [
        cast(MultiEdgeNetwork, network).specialize(scale.z, scale.edge, code, scale.edge_step)
        for network in networks_of(model.network)
    ]
    axis = EnergyAxis(scale.energy_grid, scale.reference)
    means = [mean_spectrum(network, axis.relative) for network in networks]
    calibration = model.info.calibration
    info = replace(
        model.info,
        element=element,
        edge=scale.edge,
        code=code,
        edges=None,
        absorber_spectra=scale.n_spectra,
        reference_energy=scale.reference,
        energy_grid=axis.energy.tolist(),
        mean_spectrum=np.mean(means, axis=0).tolist(),
        val_mse=None,
        calibration=None if calibration is None else calibration.of(scale.name, scale.edge_step),
    )
    name = f"{model.name}:{element}-{scale.edge}"
    return replace(model, network=as_model(networks).eval(), info=info, name=name)


def mean_spectrum(network: XANES_E3GNN, energy: np.ndarray) -> np.ndarray:
    """Mean training spectrum that a network starts from, unit of the target, (n_energies,).

    ``energy`` is relative to the reference energy, eV, shape (n_energies,).
    """
    with torch.inference_mode():
        basis = network.spectral_basis(torch.as_tensor(energy))
        return (basis @ network.coefficient_mean).double().cpu().numpy()
