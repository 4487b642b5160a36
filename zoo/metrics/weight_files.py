"""Published weights of networks that measure: found, told by their hash, and read without unpickling code."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

HUB = "hub"
RANDOM = "random"


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights that others publish.

    Attributes:
        owner: What needs it, for messages.
        what: What network it is of.
        source: Where it comes from.
        sha256: Its SHA-256, or the beginning of it.
        other_names: What else the file may be called in torch's cache.
    """

    owner: str
    what: str
    source: str
    sha256: str
    other_names: tuple[str, ...] = ()

    @property
    def cure(self) -> str:
        """What to do where the file isn't there or isn't it."""
        return (
            f"Download {self.source} to that path, or name another; {HUB!r} takes it from torch's cache or downloads "
            f"it there; {RANDOM!r} gives random weights, for shapes and speed."
        )

    def find(self, weights: str) -> Path | None:
        """Find the file, downloading it where ``hub`` is asked for; None stands for random weights.

        Raises:
            WeightsNotFoundError: It is not there; says where it comes from and where it goes.
        """
        from zoo.bundles import WeightsNotFoundError, find

        if weights == RANDOM:
            return None
        if weights == HUB:
            return self._from_hub()
        try:
            return find(weights)
        except WeightsNotFoundError:
            message = f"{self.owner}: weights must be {self.what}, got {weights!r}, which does not exist. {self.cure}"
            raise WeightsNotFoundError(message) from None

    def _from_hub(self) -> Path:
        from zoo.bundles import WeightsNotFoundError

        folder = Path(torch.hub.get_dir()) / "checkpoints"
        target = folder / self.source.rpartition("/")[2]
        for file in (target, *(folder / name for name in self.other_names)):
            if file.is_file():
                return file
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # written under a temporary name, and moved only if the hash is right
            torch.hub.download_url_to_file(self.source, str(target), hash_prefix=self.sha256, progress=False)
        except (OSError, RuntimeError) as error:
            message = (
                f"{self.owner}: weights could not be downloaded to {str(target)!r} ({error}). "
                f"Bring {self.source} there, or to models/{target.name}, by other means."
            )
            raise WeightsNotFoundError(message) from error
        return target

    def check_hash(self, file: Path, sha256: str | None = None) -> None:
        """Raise ``ValueError`` unless a file's SHA-256 begins as it must.

        Args:
            file: The file.
            sha256: Another hash than the published one, of a file of one's own.
        """
        wanted = (sha256 or self.sha256).lower()
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if not found.startswith(wanted):
            message = (
                f"{self.owner}: weights must be a file with SHA-256 {wanted}, and {str(file)!r} has {found}. It is "
                f"another file, or damaged. {self.cure} For a file of your own, give its hash, or None to take any."
            )
            raise ValueError(message)

    def read(self, file: Path, network: nn.Module) -> dict[str, Tensor]:
        """Read a ``.safetensors`` file or a state dict, and see that it has the network's tensors, in float32.

        Raises:
            ValueError: It is unreadable, holds more than tensors, or has other tensors.
        """
        expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        try:
            state = _tensors(file)
            for name, shape in expected.items():
                if name.endswith("num_batches_tracked") and name not in state:
                    state[name] = torch.zeros(shape, dtype=torch.long)  # counts that no file needs to have
            found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        except Exception as error:  # torch raises many kinds for a damaged file or a pickle
            message = (
                f"{self.owner}: weights must be a state dict of tensors, and {str(file)!r} can't be read as one. "
                f"{self.cure}"
            )
            raise ValueError(message) from error
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        if wrong:
            message = (
                f"{self.owner}: weights must have the {len(expected)} tensors of {self.what}; in {str(file)!r} "
                f"{len(wrong)} are missing, unknown or of another shape: {', '.join(wrong[:6])}. {self.cure}"
            )
            raise ValueError(message)
        return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def randomise(network: nn.Module) -> None:
    """Draw weights that keep the size of activations (He et al. 2015), from a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(0.0, math.sqrt(2.0 / math.prod(tensor.shape[1:])), generator=generator)
        elif name.endswith(("running_var", "bn.weight")):
            tensor.fill_(1)
        else:
            tensor.zero_()


def _tensors(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(file))
    return dict(torch.load(file, map_location="cpu", weights_only=True))
