"""Trained components on disk: the bundle format, and ``load`` for a bundle, a run's folder or a checkpoint.

A bundle is a folder::

    model.safetensors   weights and buffers, float32 or as trained
    config.json         format version, component ("family/name"), constructor arguments, metadata
    README.md           the model card
    fingerprint.json    what it gives for fixed inputs (bundles made by ``export``)
    SHA256SUMS          checksums of them all

Loading is strict, verifies the checksums, never unpickles, and builds only what is a member of the zoo's families:
a foreign file can bring neither code nor the name of any.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from zoo.bundle_config import bounded_by, check, mismatch
from zoo.bundle_files import (
    CARD,
    CONFIG,
    FINGERPRINT,
    FORMAT_VERSION,
    SUMS,
    WEIGHTS,
    check_version,
    first_line,
    read_config,
    read_weights,
    sums_of,
)
from zoo.bundle_files import BundleError as BundleError
from zoo.bundle_files import verify as verify
from zoo.components import Component, build, portable, specification
from zoo.hub import PREFIX, fetch

_ROOT = Path(__file__).resolve().parent.parent


class WeightsNotFoundError(FileNotFoundError):
    """There is no bundle, run or checkpoint at a path."""


def find(path: str | os.PathLike[str]) -> Path:
    """Find a bundle, run or checkpoint: as given, from the working directory, or from the project's root.

    Raises:
        WeightsNotFoundError: It is at neither place.
    """
    given = Path(path).expanduser()
    places = [given] if given.is_absolute() else [Path.cwd() / given, _ROOT / given]
    for place in places:
        if place.exists():
            return place
    looked = " or ".join(dict.fromkeys(str(place) for place in places))
    message = (
        f"load: path must be a bundle, a run's folder or a checkpoint, got {str(path)!r}, which does not exist "
        f"(looked for {looked}). Trained bundles are in models/; `python cli.py fit` makes runs; hf://owner/name is on "
        "the Hugging Face hub."
    )
    raise WeightsNotFoundError(message)


def load(path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> Component:
    """Bring back a trained component, in eval mode.

    Args:
        path: A bundle, a run's folder (its best checkpoint, else its last) or a checkpoint. Checkpoints of runs with
            averaged weights give the averaged ones. ``hf://owner/name`` is a bundle on the Hugging Face hub, with
            ``@revision`` behind it where wanted; without ``hf://``, a mistyped path must not fetch a stranger's.
        device: Where to put it.

    Raises:
        WeightsNotFoundError: Nothing is there.
        BundleError: What is there is damaged, or no work of this zoo.
    """
    is_remote = isinstance(path, str) and path.startswith(PREFIX)
    place = fetch(path) if is_remote and isinstance(path, str) else find(path)
    if place.is_file():
        component = _load_checkpoint(place)
    elif (place / CONFIG).is_file():
        component = _load_bundle(place)
    elif (place / "checkpoints").is_dir():
        component = _load_checkpoint(best_checkpoint(place))
    else:
        found = sorted(each.name for each in place.iterdir())[:8] if place.is_dir() else "neither file nor folder"
        message = f"load: {place} must hold {CONFIG} (a bundle) or checkpoints/ (a run), found {found}."
        raise BundleError(message)
    return component.to(device).eval()


def best_checkpoint(run: Path) -> Path:
    """Choose a run's best checkpoint, else its last.

    Raises:
        WeightsNotFoundError: The run has none yet.
    """
    for name in ("best.ckpt", "last.ckpt"):
        if (run / "checkpoints" / name).is_file():
            return run / "checkpoints" / name
    message = f"load: {run / 'checkpoints'} must hold best.ckpt or last.ckpt, and holds neither. Has the run saved yet?"
    raise WeightsNotFoundError(message)


def save_bundle(
    component: Component,
    directory: str | os.PathLike[str],
    *,
    card: str,
    metadata: dict[str, Any] | None = None,
    half: bool = False,
    fingerprint: bool = False,
    also: Callable[[Component, Path], object] | None = None,
) -> Path:
    """Write a component as a bundle, whole or not at all.

    Args:
        component: What to write.
        directory: The bundle's folder; an earlier bundle there is replaced, anything else is refused.
        card: The model card, in Markdown.
        metadata: Plain data to keep beside the arguments: how it was trained, what it reached.
        half: Whether weights in float32 are written in float16; loading makes float32 of them again.
        fingerprint: Whether what it gives for fixed inputs is recorded, for ``verify`` to compare with.
        also: Writes further files into the folder that it is given, of the component as it will be loaded.

    Raises:
        BundleError: The folder holds something that is no bundle, or is a file; or it could not be loaded again.
        OSError: It can't be written; no part of it is left.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    target = Path(directory).expanduser().resolve()
    is_bundle = (target / CONFIG).is_file()
    if target.exists() and not is_bundle and (not target.is_dir() or any(target.iterdir())):
        message = f"save_bundle: directory must be empty, new or a bundle, got {target}. Choose another one."
        raise BundleError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    config = {"format_version": FORMAT_VERSION, **portable(specification(component)), "metadata": metadata or {}}
    try:
        check({name: config[name] for name in ("component", "arguments")})
    except ValueError as error:
        message = f"save_bundle: others could not load {target}: {error}"
        raise BundleError(message) from error
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in component.state_dict().items()}
        if half:
            state = {name: each.half() if each.dtype == torch.float32 else each for name, each in state.items()}
        save_file(state, fresh / WEIGHTS)
        (fresh / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (fresh / CARD).write_text(card.rstrip() + "\n", encoding="utf-8")
        if fingerprint:
            # by name: it knows all families, and members of families may load bundles
            fingerprints = importlib.import_module("zoo.fingerprints")
            fingerprints.save_fingerprint(_rebuild(config, state, target).eval(), fresh / FINGERPRINT)
        if also is not None:
            also(_rebuild(config, state, target).eval(), fresh)
        (fresh / SUMS).write_text(sums_of(fresh), encoding="utf-8")
        fresh.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        for file in fresh.iterdir():
            file.chmod(0o644)
        if target.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            target.replace(retired)
            try:
                fresh.replace(target)
            except OSError:
                retired.replace(target)
                raise
            shutil.rmtree(retired)
        else:
            fresh.replace(target)
    except SafetensorError as error:  # it says the system's error in its own way
        if not (number := re.search(r"os error (\d+)", str(error))):
            raise
        code = int(number[1])
        raise OSError(code, f"{os.strerror(code)}; the bundle was not written", str(target)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def metadata_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the metadata that a bundle was saved with."""
    metadata: dict[str, Any] = read_config(find(path))["metadata"]
    return metadata


def _load_bundle(directory: Path) -> Component:
    verify(directory)
    config = read_config(directory)
    return _rebuild(config, read_weights(directory / WEIGHTS), directory)


def _load_checkpoint(file: Path) -> Component:
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds for a damaged or a pickled file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = reason if zipfile.is_zipfile(file) else "it is no archive as torch.save writes them"
        message = f"{file} must be a checkpoint of tensors and plain data, and can't be read as one: {reason}"
        raise BundleError(message) from error
    record = checkpoint.get("zoo") if isinstance(checkpoint, dict) else None
    if not isinstance(record, dict) or "format_version" not in record:
        message = f"{file} must be a checkpoint of this zoo's training modules; it carries no record of its component."
        raise BundleError(message)
    check_version(record["format_version"], file)
    prefix, weights = record.get("prefix"), checkpoint.get("state_dict")
    if not isinstance(prefix, str) or not isinstance(weights, dict):
        message = f"{file} must hold weights and say which are the component's, and does not. It is incomplete."
        raise BundleError(message)
    state = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    return _rebuild(record, state, file, foreign=False)  # of a run of one's own, which may name files anywhere


def _rebuild(config: dict[str, Any], state: dict[str, torch.Tensor], place: Path, *, foreign: bool = True) -> Component:
    spec = {"component": config.get("component"), "arguments": config.get("arguments")}
    try:
        check(spec, foreign=foreign)
        with torch.random.fork_rng(devices=[]), bounded_by(state):  # the random weights are about to be replaced
            component = build(spec)
        difference = mismatch(component, state)
        if difference is None:
            component.load_state_dict(state, strict=True)
    except Exception as error:  # constructors fail in any way over the arguments of a foreign file
        message = f"{place} must be a component of this version of the zoo: {first_line(error)}"
        raise BundleError(message) from error
    if difference is not None:
        message = f"{place} must hold the weights of {spec['component']} as its arguments make it: {difference}."
        raise BundleError(message)
    if not isinstance(component, Component):
        message = f"{place} must name a component, got {spec['component']!r}."
        raise BundleError(message)
    return component
