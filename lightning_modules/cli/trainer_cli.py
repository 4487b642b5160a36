"""LightningCLI for this project: named callbacks, run folders, configs that win over checkpoints, short messages."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import torch
import yaml
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.model_helpers import is_overridden

from datamodules.base import FaceDataModule
from lightning_modules.base import ManualTrainingModule, TrainingModule
from lightning_modules.callbacks.predictions import Predictions
from lightning_modules.callbacks.report import ReconstructionReport
from lightning_modules.cli.checkpoints import AtomicCheckpointIO, RunCheckpoint, resolve_checkpoint, run_of
from lightning_modules.cli.class_help import class_help
from lightning_modules.cli.config_files import Composition, compose, shown
from lightning_modules.cli.errors import UserError, did_you_mean, explain
from lightning_modules.cli.failures import key_of, root_of, told
from lightning_modules.cli.progress import ProgressLines
from lightning_modules.cli.quiet import silence
from lightning_modules.cli.stopping import (
    INTERRUPTED,
    TERMINATED,
    StopTogether,
    exit_code,
    is_launched,
    launching,
)
from zoo.files import save_text

SUBCOMMANDS = ("fit", "validate", "test", "predict")
RUNS = "runs"
_RUN = "AUFACE_RUN"  # tells the processes that Lightning launches which run they belong to
_NOT_SAVED = ("run", "ckpt_path")  # of this call, not of the experiment


def run(subcommand: str, arguments: list[str]) -> int:
    """Run fit, validate, test or predict; give the exit code.

    Args:
        subcommand: Which.
        arguments: The command line after it.

    Raises:
        UserError: The user can put it right.
    """
    silence()
    composition = compose(arguments)
    for module in sorted(composition.modules):
        importlib.import_module(module)
    if text := class_help(composition):
        print(text)
        return 0
    try:
        cli = ZooCLI(subcommand, composition)
    except RefusalError as refusal:
        message = explain(str(refusal), origins=composition.origins, subcommand=subcommand, options=refusal.options)
        raise UserError(message) from refusal
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
        os.environ.pop(_RUN, None)
    return 0


class RefusalError(Exception):
    """What jsonargparse says is wrong, in its own words.

    Args:
        message: Its words.
        options: Every key that the parser knows.
    """

    def __init__(self, message: str, options: list[str]) -> None:
        super().__init__(message)
        self.options = options


class Parser(LightningArgumentParser):
    """Raise what is wrong instead of printing a page of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise it.

        Raises:
            RefusalError: Always, but in parsers that jsonargparse makes for itself.
        """
        if not self.exit_on_error:
            super().error(message, ex)
        options = [name.lstrip("-") for action in self._actions for name in action.option_strings]
        raise RefusalError(message, [name for name in options if not name.endswith(".help")]) from ex


class SavedConfig(SaveConfigCallback):
    """Save the config of a run, self-contained, so that it can be run again, and the command that made it."""

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Wait: a checkpoint that is refused must leave the run as it was."""

    def _write(self, trainer: Trainer, pl_module: Any) -> None:
        folder = trainer.log_dir  # broadcast: the same on all ranks
        if self.already_saved or folder is None:
            return
        if trainer.is_global_zero:
            save_text(_complete(self.parser, self.config), Path(folder) / self.config_filename)
            save_text(shlex.join(["python", "cli.py", *sys.argv[1:]]) + "\n", Path(folder) / "command.txt")
        self.already_saved = True

    on_fit_start = on_validation_start = on_test_start = on_predict_start = _write


class ZooCLI(LightningCLI):
    """One subcommand on one composition of configs: builds everything on construction, works in :meth:`work`.

    Args:
        wanted: fit, validate, test or predict.
        composition: What the configs and the command line say.
    """

    def __init__(self, wanted: str, composition: Composition) -> None:
        self.wanted = wanted
        self.composition = composition
        self.callback_names = _callback_names(composition)
        self.checkpoint: Path | None = None
        self.run_folder: Path | None = None
        self._claimed: Path | None = None
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
            "--ckpt_path", type=str | None, default=None, help="last, best, a run's folder or a checkpoint"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse them; Lightning's own warns whenever a program calls it."""
        self.config = parser.parse_args(args)

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint before anything is built."""
        runs = self._runs()
        if (run := self.config.get("run")) and (run in (".", "..") or Path(run).name != run):
            message = (
                f"run: must be a name without folders, got {run!r}. The run is {shown(runs)}/NAME; "
                "--trainer.default_root_dir moves all runs."
            )
            raise UserError(message)
        given = self.config.get("ckpt_path")
        if given:
            name = os.environ.get(_RUN) if is_launched() else self.config.get("run")
            self.checkpoint, going_on = resolve_checkpoint(given, runs=runs, run=name)
            if going_on and self.wanted == "fit":
                self.run_folder = going_on
        if self.checkpoint and self.wanted != "fit" and not self.config.get("run"):
            of = run_of(self.checkpoint)
            self.run_folder = of / self.wanted if of else None

    def instantiate_classes(self) -> None:
        """Build everything; what a constructor refuses is the user's to put right.

        Raises:
            UserError: A constructor refuses its arguments.
        """
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, OSError, ModuleNotFoundError, MisconfigurationException) as error:
            raise UserError(self._refused(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer around the run's folder.

        Raises:
            UserError: The trainer's options don't fit the module.
        """
        config = {**self.config_init["trainer"], **kwargs}
        _refuse_a_missing_step(self.model, self.wanted)
        self.model.check(image_size=self.datamodule.image_size)
        if self.wanted in ("fit", "test") and not config["fast_dev_run"]:
            for callback in self._own_callbacks(config):
                if isinstance(callback, ReconstructionReport):
                    callback.check()
        _refuse_what_manual_optimization_ignores(self.model, config)
        config["strategy"] = _strategy(self.model, config)
        folder = self._claim_run(config)
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
            self._withdraw()
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
            self._withdraw()
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

    def _runs(self) -> Path:
        return Path(self.config["trainer"]["default_root_dir"] or RUNS) / self.composition.name

    def _claim_run(self, config: dict[str, Any]) -> Path:
        """Name the run's folder; the process that writes also makes it, so that no other run takes the name."""
        if self.run_folder is not None:
            return self.run_folder
        runs = self._runs()
        name = os.environ.get(_RUN) if is_launched() else self.config["run"]
        if name and self.wanted == "fit" and not is_launched() and any((runs / name).glob("checkpoints/*.ckpt")):
            message = (
                f"run: {name!r} has checkpoints already. Go on with it by --ckpt_path last, or take another name."
                f"\n  In: {shown(runs / name)}"
            )
            raise UserError(message)
        writes = _is_first() and not config["fast_dev_run"]
        is_new = not name or not (runs / name).exists()
        self.run_folder = runs / name if name else _next_version(runs, claim=writes)
        self._claimed = self.run_folder if writes and is_new else None
        os.environ[_RUN] = self.run_folder.name
        return self.run_folder

    def _withdraw(self) -> None:
        """Remove the folder of a run that was refused before it began: it holds TensorBoard's empty file at most."""
        folder = self._claimed
        if folder is None or not folder.is_dir():
            return
        if all(each.is_file() and each.name.startswith("events.out.tfevents") for each in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)

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
        for key in _NOT_SAVED:
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
        if self.run_folder and not self.config["trainer"]["fast_dev_run"]:
            say(f"Run: {shown(self.run_folder)}")

    def _refused(self, error: Exception) -> str:
        """What a constructor refuses, with the key where its class stands in the config."""
        if isinstance(error, UserError):
            return str(error)
        root = root_of(error)
        text = str(root).strip() or type(root).__name__
        key = key_of(root, self.config)
        if not key:
            return text
        argument = re.match(r"\w+: (\w+) must ", text)  # the template of our own messages
        origin = self.composition.origins.of(f"{key}.{argument[1]}" if argument else key)
        return f"{key}: {text}" + (f"\n  From: {origin.source}" if origin else "")


def say(text: str) -> None:
    """Print a line, once for all ranks."""
    if _is_first():
        print(text, flush=True)


def _complete(parser: LightningArgumentParser, config: Any) -> str:
    """The config as YAML, every null that is not the default included: a part that was taken out stays out."""
    contents = yaml.safe_load(parser.dump(config, skip_unset=False))
    defaults = parser.get_defaults()
    for group in ("trainer", "checkpoint"):
        for key in [key for key, value in contents[group].items() if value is None]:
            if defaults.get(f"{group}.{key}") is None:
                del contents[group][key]
    for key in _NOT_SAVED:
        contents.pop(key, None)
    return "# Complete: --config with this file runs it again.\n" + yaml.safe_dump(contents, sort_keys=False)


def _is_first() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0


def _callback_names(composition: Composition) -> list[str]:
    defined, mentioned = composition.callback_names()
    for name in mentioned:
        if name not in defined:
            message = f"callbacks.{name}: no config has such a callback.{did_you_mean(name, defined)}"
            if defined:
                message += f"\n  There are: {', '.join(defined)}."
            raise UserError(message)
    return defined


def _refuse_a_missing_step(model: Any, wanted: str) -> None:
    step = {"validate": "validation_step", "test": "test_step", "predict": "predict_step"}.get(wanted)
    if step and not is_overridden(step, model, parent=LightningModule):
        message = f"{wanted}: {type(model).__name__} has no {step}, so it can't {wanted}."
        raise UserError(message)


def _refuse_what_manual_optimization_ignores(model: Any, config: dict[str, Any]) -> None:
    if model.automatic_optimization:
        return
    name = type(model).__name__
    if config["gradient_clip_val"]:
        value = config["gradient_clip_val"]
        message = (
            f"trainer.gradient_clip_val: {name} steps its optimisers itself, and the trainer can't clip for it. "
            f"Set model.gradient_clip_val to {value} instead."
        )
        raise UserError(message)
    if config["accumulate_grad_batches"] not in (None, 1):
        value = config["accumulate_grad_batches"]
        message = (
            f"trainer.accumulate_grad_batches: {name} steps its optimisers itself, and the trainer can't accumulate "
            f"for it. Set model.accumulate_grad_batches to {value} instead."
        )
        raise UserError(message)


def _strategy(model: Any, config: dict[str, Any]) -> Any:
    """DDP that bears backward passes which miss parameters, for modules that average no gradients themselves."""
    strategy = config["strategy"]
    if model.automatic_optimization or isinstance(model, ManualTrainingModule):
        return strategy
    several = _num_devices(config) * int(config["num_nodes"]) > 1
    return "ddp_find_unused_parameters_true" if strategy == "ddp" or (strategy == "auto" and several) else strategy


def _num_devices(config: dict[str, Any]) -> int:
    devices = config["devices"]
    if isinstance(devices, list):
        return len(devices)
    if str(devices).isdigit():
        return int(devices)
    on_cpu = config["accelerator"] == "cpu" or not torch.cuda.is_available()
    return 1 if on_cpu else torch.cuda.device_count()


def _next_version(runs: Path, *, claim: bool) -> Path:
    while True:
        taken = [int(each.name[8:]) for each in runs.glob("version_*") if each.name[8:].isdigit()]
        folder = runs / f"version_{max(taken, default=-1) + 1}"
        if not claim:
            return folder
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue  # another run was faster
        return folder


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _has_progress_bar(callbacks: Any) -> bool:
    return any(isinstance(each, ProgressBar) for each in _as_list(callbacks))
