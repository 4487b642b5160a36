"""What every n-th validation brings."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class RecurringCallback(Callback):
    """Count the validations of training, over interruptions too, and say which of them are due.

    The first is due, then every n-th; the sanity check before training is none, and outside of ``fit`` all are due.

    Args:
        every_n_validations: n.
    """

    def __init__(self, *, every_n_validations: int) -> None:
        super().__init__()
        if every_n_validations < 1:
            message = (
                f"{type(self).__name__}: every_n_validations must be at least 1, got {every_n_validations}. "
                "Leave the callback out to do without it."
            )
            raise ValueError(message)
        self.every_n_validations = every_n_validations
        self._validations = 0

    def is_due(self, trainer: Trainer) -> bool:
        """Tell whether this validation is one of them."""
        if trainer.sanity_checking:
            return False
        return trainer.state.fn != "fit" or self._validations % self.every_n_validations == 0

    def state_dict(self) -> dict[str, Any]:
        """Remember how many validations there were."""
        return {"validations": self._validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._validations = state_dict["validations"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count it; checkpoints are written after this."""
        if not trainer.sanity_checking:
            self._validations += 1
