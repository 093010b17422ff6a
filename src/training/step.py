"""A network with its optimiser and averaged weights, and the gradient of a batch."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from ..loss import SpectrumLoss
from ..model.gnn import XANES_E3GNN
from ..runtime.distributed import Team
from .config import TrainingConfig
from .divergence import LossExplosion
from .divergence_records import finite_with_gradient
from .schedule import averaged_weights
from .spectra_network import SpectraNetwork
from .straggler import OwnTime


class Stepper:
    """What one batch changes, the same on all processes: AdamW and averaged weights."""

    def __init__(self, model: XANES_E3GNN, config: TrainingConfig, team: Team) -> None:
        """Bring the network to the team's device.

        Args:
            model: network that knows the targets' statistics.
            config: rates, loss and precision.
            team: the processes.
        """
        self.model, self.config, self.team = model, config, team
        self.dtype = model.coefficient_mean.dtype
        grid = torch.as_tensor(config.energy_grid, dtype=self.dtype)
        self.energy_grid = grid.to(team.device)
        criterion = config.criterion or SpectrumLoss(config.lambda_grad)
        self.criterion = criterion.to(team.device)
        model.to(team.device)
        self.alone = SpectraNetwork(model, config.precision)
        self.network = team.join(self.alone)
        self.averaged = averaged_weights(model, config.ema_decay)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self.own_time = OwnTime(team)

    def trains_finitely(self, part: Data) -> bool:
        """Whether loss and gradient of a batch are finite; without the other processes."""
        return finite_with_gradient(self.terms_of(self.alone, part)[0], self.model)

    def set_gradient(self, part: Data | None, n_spectra: int, where: str = "a batch") -> Tensor:
        """Set the gradient of the loss of a whole batch, the same on all processes.

        The loss is a mean over spectra. Its gradient is the sum of the parts' gradients, each times
        the part's share of the spectra; as processes are averaged, their number undoes the mean.

        Args:
            part: this process's graphs of the batch; None: it has none.
            n_spectra: spectra in the whole batch.
            where: what to call the batch in a message.

        Returns:
            Terms of the loss of the whole batch, float64, shape (3,).

        Raises:
            LossExplosion: the loss is not finite; raised on all processes.
        """
        terms = self.loss_terms(part)
        self.own_time.stop()
        share = 0.0 if part is None else len(part.y) / n_spectra
        whole = self.team.total(share * torch.stack([term.detach().double() for term in terms]))
        if not bool(torch.isfinite(whole[0])):
            raise LossExplosion(f"{where}: the loss is {whole[0].item()}")
        self.optimizer.zero_grad()
        (terms[0] * (share * self.team.size if part is not None else 1.0)).backward()
        return whole

    def loss_terms(self, part: Data | None) -> tuple[Tensor, Tensor, Tensor]:
        """Terms of the loss on this process's part of a batch; zeros where it has none."""
        if part is None:
            nothing = self.network(None, self.energy_grid)
            return nothing, nothing, nothing
        return self.terms_of(self.network, part)

    def terms_of(self, network: nn.Module, part: Data) -> tuple[Tensor, Tensor, Tensor]:
        """Terms of the loss of a network, such as ``self.network``, on some graphs."""
        part = part.to(self.team.device, non_blocking=True)
        prediction = network(part, self.energy_grid)
        target = part.y.to(self.dtype)
        return self.criterion(prediction, target, self.energy_grid, mask=part.y_mask)
