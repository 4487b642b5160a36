"""The config that a run leaves in its folder: complete, so that it can be run again, and the command that made it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser, SaveConfigCallback

from zoo.files import save_text

NOT_SAVED = ("run", "ckpt_path")  # of this call, not of the experiment


class SavedConfig(SaveConfigCallback):
    """Save the config of a run, self-contained, so that it can be run again, and the command that made it."""

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Wait: a checkpoint that is refused must leave the run as it was."""

    def _write(self, trainer: Trainer, pl_module: Any) -> None:
        folder = trainer.log_dir  # broadcast: the same on all ranks
        if self.already_saved or folder is None:
            return
        if trainer.is_global_zero:
            save_text(complete(self.parser, self.config), Path(folder) / self.config_filename)
            save_text(shlex.join(["python", "cli.py", *sys.argv[1:]]) + "\n", Path(folder) / "command.txt")
        self.already_saved = True

    on_fit_start = on_validation_start = on_test_start = on_predict_start = _write


def complete(parser: LightningArgumentParser, config: Any) -> str:
    """Give the config as YAML, every null that is not the default included: a part that was taken out stays out."""
    contents = yaml.safe_load(parser.dump(config, skip_unset=False))
    defaults = parser.get_defaults()
    for group in ("trainer", "checkpoint"):
        for key in [key for key, value in contents[group].items() if value is None]:
            if defaults.get(f"{group}.{key}") is None:
                del contents[group][key]
    for key in NOT_SAVED:
        contents.pop(key, None)
    return "# Complete: --config with this file runs it again.\n" + yaml.safe_dump(contents, sort_keys=False)
