"""Silence what Lightning says to everyone and that helps nobody: adverts, and warnings known to be harmless."""

from __future__ import annotations

import logging
import warnings

_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning_utilities")
_ADVERTS = (
    "💡 Tip",
    "litlogger",
    "litmodels",
    "TPU available",
    "HPU available",
    "LOCAL_RANK: ",
    "Seed set to",
    "to estimate number of",
    "Restoring states from the checkpoint path",  # these three: the command line says so itself
    "Restored all states from the checkpoint",
    "Loaded model weights from the checkpoint",
)
# each: what it says, where it comes from, why it is harmless
_HARMLESS = (
    r".*treespec, LeafSpec.*",  # torch._pytree through Lightning 2.6: a deprecation that only Lightning can act on
    r".*does not have many workers.*",  # the datamodules choose their workers on purpose
    r".*The number of training batches .* is smaller than the logging interval.*",  # small runs
    r".*Checkpoint directory .* exists and is not empty.*",  # a run that goes on writes where it wrote
    r".*The dirpath has changed from .*",  # a new run that starts from another one's checkpoint keeps its own best
    r".*You're resuming from a checkpoint that ended before the epoch ended.*",  # the loaders go on exactly
    r".*Found \d+ module\(s\) in eval mode at the start of training.*",  # frozen parts are, on purpose
    r".*find_unused_parameters=True was specified in DDP constructor.*",  # two optimisers need it on some steps
    r".*self\.log\('\w+[_/](usage|perplexity)\b.*",  # these metrics have reduced themselves over the ranks
    r".*could not find the monitored key in the returned metrics: \['epoch', 'step'\].*",  # a resume at an epoch's end
    r".*Experiment logs directory .* exists and is not empty.*",  # as for checkpoints
)


def silence() -> None:
    """Filter the adverts and the harmless warnings; called in every process, DDP's children included."""
    # Lightning's loggers get a handler of their own at import, or else write through the root's
    for handler in [each for name in (*_LOGGERS, None) for each in logging.getLogger(name).handlers]:
        if not any(isinstance(each, _NoAdverts) for each in handler.filters):
            handler.addFilter(_NoAdverts())
    for message in _HARMLESS:
        warnings.filterwarnings("ignore", message=message)


class _NoAdverts(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return not any(advert in text for advert in _ADVERTS)
