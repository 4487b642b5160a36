"""The data that a test set is taken from, as a YAML or a run's config names it."""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.base import FaceDataModule
from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import read, shown
from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.evaluation.evaluation_set import EvaluationSet
from lightning_modules.evaluation.invented import invent, shown_sets
from zoo.bundles import metadata_of
from zoo.components import specification
from zoo.facs.composer import Composer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lightning_modules.evaluation.systems import Member, System

DEFAULT_DATA = "data/procedural_faces.yaml"
_SAME_WORLD = ("image_size", "interaction", "held_out", "held_out_seed", "nuisance")
"""Arguments of data in which a model's training should agree with the test."""
_COMPOSER = "zoo.facs.composer.Composer"


def data_config(name: str | None, systems: list[System]) -> tuple[dict[str, Any], str]:
    """Say which data is meant, as a class and its arguments, and where that is said.

    Args:
        name: A YAML of data, or a run's folder, which has that of its training; by default the first run's.
        systems: What is evaluated.

    Raises:
        UserError: There is no such YAML, or it names no data.
    """
    if name is None:
        run = next((member.run for system in systems for member in system.members if member.run), None)
        name = DEFAULT_DATA if run is None else str(run)
    place = Path(name).expanduser()
    file = place / "config.yaml" if (place / "config.yaml").is_file() else None
    if file is not None or place.name == "config.yaml":
        content = read(file or place).get("data")
        source = shown(file or place)
    else:
        content = compose_part(name)
        source = name
    if not isinstance(content, dict) or "class_path" not in content:
        message = f"evaluate: data must name a class_path, and {source} does not. Such as {DEFAULT_DATA}."
        raise UserError(message)
    return content, source


def compose_part(name: str) -> Any:
    """Read a part that is named like the value of an option, with the YAML files in it."""
    import yaml

    words = compose(["--data", name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"]).arguments
    return yaml.safe_load(words[1])


@dataclass(frozen=True)
class FrameSource:
    """Gives test sets of one kind of data.

    Attributes:
        config: The data's class and arguments.
        said_in: Where these are said.
        options: Arguments to be changed.
        num_images: Frames of each set.
        seed: Decides which.
        device: Where their images are handed over.
    """

    config: Mapping[str, Any]
    said_in: str
    options: Mapping[str, Any]
    num_images: int | None
    seed: int
    device: torch.device

    def frames(self, name: str) -> EvaluationSet:
        """Make the data of ``seen``, ``unseen`` or ``invented`` AU sets ready, and choose its frames.

        Raises:
            UserError: An argument of the data is none, or wrong, or the data holds no AU sets out.
            EmptySetError: There are no frames.
        """
        data = data_module(self.config, {**self.options, **self._aus(name)})
        relabelled = None
        if name == "invented":
            relabelled = partial(invent, shown=shown_sets(data), composer=data.prompts, seed=self.seed)
        return EvaluationSet(
            name, data, num_images=self.num_images, seed=self.seed, device=self.device, relabelled=relabelled
        )

    def record(self) -> dict[str, Any]:
        """Say all of it as plain data."""
        chosen = {"num_images": self.num_images, "seed": self.seed}
        return {"said_in": self.said_in, **self.config, "options": dict(self.options), **chosen}

    def _aus(self, name: str) -> dict[str, Any]:
        module, _, cls = self.config["class_path"].rpartition(".")
        if "test_aus" in inspect.signature(getattr(importlib.import_module(module), cls)).parameters:
            return {"test_aus": "unseen" if name == "unseen" else "seen"}
        if name == "unseen":
            message = f"evaluate: sets must be seen or invented for {cls}, got unseen: it holds no AU sets out."
            raise UserError(message)
        return {}


def data_module(config: Mapping[str, Any], options: Mapping[str, Any]) -> FaceDataModule:
    """Build data.

    Args:
        config: Its class and arguments.
        options: Arguments to be changed.

    Raises:
        UserError: An argument is none, or its value is wrong.
    """
    from jsonargparse import ArgumentError, auto_cli

    arguments = {**(config.get("init_args") or {}), **options}
    said = json.dumps({"class_path": config["class_path"], "init_args": arguments})
    try:
        built: FaceDataModule = auto_cli(_same, args=[f"--data={said}"], as_positional=False, exit_on_error=False)
    except (ArgumentError, ValueError, TypeError) as error:
        # the last line says what is wrong, those before it where
        reason = str(error).strip().splitlines()[-1].strip().rstrip(".")
        known = config.get("init_args") or {}
        wrong = next((name for name in options if f"'{name}'" in reason), None)
        hint = did_you_mean(wrong, known) if wrong is not None and wrong not in known else ""
        message = f"evaluate: data must be what {config['class_path']} takes: {reason}.{hint}"
        raise UserError(message) from error
    return built


def disagreements(config: Mapping[str, Any], options: Mapping[str, Any], member: Member) -> list[str]:
    """Say in what the data of a run's training differs from the data of the test, where that matters."""
    trained = _trained_on(member)
    if trained is None or trained.get("class_path") != config["class_path"]:
        return []
    tested, used = {**(config.get("init_args") or {}), **options}, trained.get("init_args") or {}
    return [
        f"{name} was {used[name]!r} and is {tested[name]!r}"
        for name in _SAME_WORLD
        if name in used and name in tested and used[name] != tested[name]
    ]


def composer_for(member: Member, given: Any, style: str | None) -> Any:
    """Give what writes a model's prompts: that of its run, else the test's own in the style that the model reads."""
    prompts = ((_trained_on(member) or {}).get("init_args") or {}).get("prompts")
    if isinstance(prompts, dict) and prompts.get("class_path") == _COMPOSER:
        return Composer(**(prompts.get("init_args") or {}))
    if not isinstance(given, Composer) or style is None or given.style == style:
        return given
    return Composer(**{**specification(given)["init_args"], "style": style})


def _same(data: FaceDataModule) -> FaceDataModule:
    return data


def _trained_on(member: Member) -> dict[str, Any] | None:
    """The data of a model's training, as its run's config or its bundle says."""
    if member.run is not None:
        content = read(member.run / "config.yaml").get("data")
    elif member.is_model and (member.path / "config.json").is_file():
        content = metadata_of(member.path).get("data")
    else:
        return None
    return content if isinstance(content, dict) else None
