"""The command ``python cli.py cache``: what the frozen parts of a stage II run make of its data, once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from datamodules.cache_writing import alone
from datamodules.cached_faces import TEXT
from datamodules.token_cache import AUTO
from lightning_modules.cli.cache_making import CacheMaker
from lightning_modules.cli.cache_parts import planned_cache
from lightning_modules.cli.config_files import shown
from lightning_modules.cli.devices import device_of
from lightning_modules.cli.errors import UserError, raised_by_us
from lightning_modules.cli.stopping import INTERRUPTED
from lightning_modules.cli.trainer_cli import ZooCLI, built, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytorch_lightning.cli import LightningArgumentParser

    from lightning_modules.cli.composition import Composition


class CacheCLI(ZooCLI):
    """Build the model and the data of a run, and nothing that trains."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add how the cache is made, to all that ``fit`` takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--device", type=str, default=AUTO, help="cpu, cuda, or auto")
        parser.add_argument("--batch_size", type=int, default=32, help="images at once")
        parser.add_argument("--dtype", type=Literal["float16", "float32"], default="float16", help="of features")
        parser.add_argument("--prompt_epochs", type=int | None, default=None, help="epochs whose prompts are encoded")
        parser.add_argument("--rebuild", type=bool, default=False, help="delete what is there and make it again")

    def before_instantiate_classes(self) -> None:
        """Look for no run and no checkpoint."""

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Check that the model and the data fit; there is no trainer."""
        self.model.check(image_size=self.datamodule.image_size)
        for name in ("batch_size", "prompt_epochs"):
            least = int(name == "batch_size")
            if self.config[name] is not None and self.config[name] < least:
                message = f"{name}: must be at least {least}, got {self.config[name]}."
                raise UserError(message)


def run(composition: Composition) -> int:
    """Make the cache of a run; give the exit code.

    Args:
        composition: What the configs and the command line say.

    Raises:
        UserError: The user can put it right.
    """
    cli = built(CacheCLI, "cache", composition)
    if cli is None:
        return 0
    try:
        _make(cli)
    except KeyboardInterrupt:
        say("Interrupted. What was made is kept: the same command goes on from there.")
        return INTERRUPTED
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) or raised_by_us(error):
            raise UserError(str(error)) from error
        raise
    return 0


def _make(cli: ZooCLI) -> None:
    config, model, data = cli.config, cli.model.eval(), cli.datamodule
    device = device_of(config["device"])
    cache = planned_cache(model, data, config["cache"] or AUTO)
    parts = model.cacheable()
    say(f"Cache: {', '.join(parts)} into {shown(cache.folder)}")
    if uncached := model.uncached():
        say(f"Computed in training as before: {', '.join(uncached)} (not frozen, or of labels)")
    epochs = config["prompt_epochs"]
    if epochs is None:
        epochs = config["trainer"]["max_epochs"] or 1
    maker = CacheMaker(
        cache,
        parts=parts,
        data=data,
        device=device,
        batch_size=config["batch_size"],
        dtype=config["dtype"],
        prompt_epochs=max(epochs, 0) if TEXT in parts else 0,
    )
    started = time.monotonic()
    with alone(cache.folder):
        if config["rebuild"]:
            maker.discard()
        maker.make()
    own = maker.folders()
    others = [each for each in cache.folder.iterdir() if each.is_dir() and each not in own]
    if others:
        say(f"Beside it: {len(others)} stores of other data or weights, {_megabytes(others):,.1f} MB")
    given = "auto" if config["cache"] in (None, AUTO) else config["cache"]
    say(f"Done in {time.monotonic() - started:.0f} s, {_megabytes(own):,.1f} MB. Train on it: fit --cache {given}")


def _megabytes(folders: Iterable[Path]) -> float:
    return sum(file.stat().st_size for folder in folders for file in folder.iterdir()) / 1e6
