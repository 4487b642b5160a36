"""LightningCLI for this project: named callbacks, run folders, configs that win over checkpoints, short messages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from datamodules.base import FaceDataModule
from lightning_modules.base import TrainingModule
from lightning_modules.callbacks.predictions import Predictions
from lightning_modules.cli.cache_parts import open_cache
from lightning_modules.cli.checkpoints import AtomicCheckpointIO, RunCheckpoint, resolve_checkpoint, run_of
from lightning_modules.cli.class_help import class_help
from lightning_modules.cli.composition import Composition
from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from lightning_modules.cli.explanations import explain
from lightning_modules.cli.failures import refused, told
from lightning_modules.cli.memory import keep_memory
from lightning_modules.cli.parser import Parser, RefusalError
from lightning_modules.cli.progress import ProgressLines
from lightning_modules.cli.quiet import silence
from lightning_modules.cli.run_folders import RUNS, RunFolder
from lightning_modules.cli.saved_config import NOT_SAVED, SavedConfig
from lightning_modules.cli.stopping import INTERRUPTED, TERMINATED, StopTogether, exit_code, launching
from lightning_modules.cli.trainer_options import (
    accelerator_for,
    refuse_a_missing_step,
    refuse_what_manual_optimization_ignores,
    strategy_for,
)

SUBCOMMANDS = ("fit", "validate", "test", "predict")


def run(subcommand: str, composition: Composition) -> int:
    """Run fit, validate, test or predict; give the exit code.

    Args:
        subcommand: Which.
        composition: What the configs and the command line say.

    Raises:
        UserError: The user can put it right.
    """
    cli = built(ZooCLI, subcommand, composition)
    if cli is None:
        return 0
    try:
        cli.work()
    except SIGTERMException:
        say(f"Stopped by SIGTERM.{cli.resume_hint()}")
        return exit_code(TERMINATED)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Lightning saves and then ends the process itself after Ctrl-C
        if isinstance(stop, SystemExit) and not cli.trainer.interrupted:
            raise
        say(f"Interrupted.{cli.resume_hint()}")
        return exit_code(INTERRUPTED)
    finally:
        cli.folder.leave()
    return 0


def built(kind: type[ZooCLI], subcommand: str, composition: Composition) -> ZooCLI | None:
    """Build what a subcommand runs on; None where it was only asked what can stand at a key.

    Raises:
        UserError: The user can put it right.
    """
    silence()
    keep_memory()
    for module in sorted(composition.modules):
        importlib.import_module(module)
    if text := class_help(composition):
        print(text)
        return None
    try:
        return kind(subcommand, composition)
    except RefusalError as refusal:
        message = explain(str(refusal), origins=composition.origins, subcommand=subcommand, options=refusal.options)
        raise UserError(message) from refusal


class ZooCLI(LightningCLI):
    """One subcommand on one composition of configs: builds everything on construction, works in :meth:`work`.

    Args:
        wanted: fit, validate, test or predict.
        composition: What the configs and the command line say.
    """

    def __init__(self, wanted: str, composition: Composition) -> None:
        self.wanted = wanted
        self.composition = composition
        self.callback_names = composition.callback_names()
        self.checkpoint: Path | None = None
        self.folder: RunFolder
        super().__init__(
            TrainingModule,
            FaceDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            parser_class=Parser,
            parser_kwargs={"prog": f"cli.py {wanted}", "allow_abbrev": False},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # TrainingModule writes down what was built
            run=False,
            args=list(self._arguments()),
        )

    @property
    def run_folder(self) -> Path | None:
        """The run's folder, once it is known."""
        return self.folder.path

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the checkpoint, the named callbacks, and how this call runs."""
        parser.add_lightning_class_args(RunCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.filename": "best",
                "checkpoint.save_last": True,
                "checkpoint.save_top_k": 1,
                "checkpoint.save_on_exception": True,
                "checkpoint.enable_version_counter": False,
                "checkpoint.auto_insert_metric_name": False,
            }
        )
        for name in self.callback_names:
            parser.add_lightning_class_args(Callback, f"callbacks.{name}", subclass_mode=True, required=False)
        parser.add_argument("--run", type=str | None, default=None, help="name of the run; else version_N")
        parser.add_argument(
            "--cache", type=str | None, default=None, help="folder that `cache` wrote, or auto; null trains on images"
        )
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="last, best, a run's folder or a checkpoint"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse them; Lightning's own warns whenever a program calls it."""
        self.config = parser.parse_args(args)

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint before anything is built."""
        runs = Path(self.config["trainer"]["default_root_dir"] or RUNS) / self.composition.name
        self.folder = RunFolder(runs, name=self.config.get("run"))
        if given := self.config.get("ckpt_path"):
            self.checkpoint, going_on = resolve_checkpoint(given, runs=runs, run=self.folder.name)
            if going_on and self.wanted == "fit":
                self.folder.path = going_on
        if self.checkpoint and self.wanted != "fit" and not self.config.get("run"):
            of = run_of(self.checkpoint)
            self.folder.path = of / self.wanted if of else None

    def instantiate_classes(self) -> None:
        """Build everything; what a constructor refuses is the user's to put right.

        Raises:
            UserError: A constructor refuses its arguments.
        """
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, OSError, ModuleNotFoundError, MisconfigurationException) as error:
            raise UserError(refused(error, self.config, self.composition.origins)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer around the run's folder.

        Raises:
            UserError: The trainer's options don't fit the module.
        """
        config = {**self.config_init["trainer"], **kwargs}
        refuse_a_missing_step(self.model, self.wanted)
        self.model.check(image_size=self.datamodule.image_size)
        if self.config["cache"] and self.wanted in ("fit", "validate"):
            self.datamodule.cache = open_cache(self.model, self.datamodule, self.config["cache"])
        if self.wanted in ("fit", "test") and not config["fast_dev_run"]:
            for callback in self._own_callbacks(config):
                if check := getattr(callback, "check", None):  # like a module's: before the data is prepared
                    check()
        refuse_what_manual_optimization_ignores(self.model, config)
        config["accelerator"] = accelerator_for(config)
        config["strategy"] = strategy_for(self.model, config)
        folder = self.folder.claim(makes=_is_first() and not config["fast_dev_run"], begins=self.wanted == "fit")
        config["default_root_dir"] = str(folder)
        if config["logger"] is None or config["logger"] is True:
            config["logger"] = TensorBoardLogger(
                save_dir=str(folder.parent), name="", version=folder.name, default_hp_metric=False
            )
        config["callbacks"] = [*_as_list(config["callbacks"]), *self._own_callbacks(config)]
        config["plugins"] = [*_as_list(config["plugins"]), AtomicCheckpointIO()]
        if not config["fast_dev_run"]:
            config["callbacks"].append(SavedConfig(self.parser, self._saved_config(), overwrite=True))
        try:
            return Trainer(**config)
        except (ValueError, TypeError, RuntimeError, ModuleNotFoundError, MisconfigurationException) as error:
            self.folder.give_up()
            message = f"trainer: {error}"
            raise UserError(message) from error

    def work(self) -> None:
        """Run the subcommand.

        Raises:
            UserError: Something went wrong that the user can put right.
        """
        self._announce()
        options: dict[str, Any] = {"datamodule": self.datamodule, "ckpt_path": self.checkpoint}
        if self.wanted == "predict":
            options["return_predictions"] = False  # callbacks write them; keeping them would fill the memory
        try:
            with launching():
                getattr(self.trainer, self.wanted)(self.model, **options)
        except Exception as error:
            if self.trainer.global_step == 0:
                self.folder.give_up()
            message = told(error)
            if message is None:
                raise
            raise UserError(message) from error
        if self.run_folder and not self.config["trainer"]["fast_dev_run"]:
            say(f"Done: {shown(self.run_folder)}")

    def resume_hint(self) -> str:
        """Say how to go on."""
        last = self.run_folder / "checkpoints" / "last.ckpt" if self.run_folder else None
        if self.wanted != "fit" or last is None or not last.is_file():
            return ""
        return f" Saved {shown(last)}. Go on with the same command and --run {last.parents[1].name} --ckpt_path last"

    def _arguments(self) -> Iterator[str]:
        for layer in self.composition.layers:
            if layer.get("callbacks", ...) is None:  # the whole group off
                layer = {**layer, "callbacks": dict.fromkeys(self.callback_names)}
            if layer:
                yield "--config"
                yield yaml.safe_dump(layer, sort_keys=False)
        yield from self.composition.arguments

    def _own_callbacks(self, config: dict[str, Any]) -> Iterator[Callback]:
        for name in self.callback_names:
            callback = self.config_init["callbacks"].get(name)
            if callback is not None:
                yield callback
        if config["enable_checkpointing"] is not False and not config["fast_dev_run"]:
            yield self.config_init["checkpoint"]
        if config["enable_progress_bar"] is not False and not _has_progress_bar(config["callbacks"]):
            yield RichProgressBar() if sys.stdout.isatty() else ProgressLines()
        if self.wanted == "predict":
            yield Predictions()
        yield StopTogether()

    def _saved_config(self) -> Any:
        config = self.config.clone()
        for key in NOT_SAVED:
            config.pop(key, None)
        for name in self.callback_names:
            if config["callbacks"].get(name) is None:
                config["callbacks"].pop(name, None)
        return config

    def _announce(self) -> None:
        if self.checkpoint:
            say(f"{'Goes on from' if self.wanted == 'fit' else 'Weights'}: {shown(self.checkpoint)}")
        elif self.wanted != "fit":
            say("Weights: fresh ones, as no --ckpt_path was given.")
        if self.datamodule.cache is not None:
            say("\n".join(self.datamodule.cache.announcement(self.datamodule)))
        if self.run_folder and not self.config["trainer"]["fast_dev_run"]:
            say(f"Run: {shown(self.run_folder)}")


def say(text: str) -> None:
    """Print a line, once for all ranks."""
    if _is_first():
        print(text, flush=True)


def _is_first() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _has_progress_bar(callbacks: Any) -> bool:
    return any(isinstance(each, ProgressBar) for each in _as_list(callbacks))
