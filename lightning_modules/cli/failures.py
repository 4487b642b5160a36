"""What goes wrong when a run is built and while it runs, said so that the user can put it right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from lightning_modules.cli.checkpoints import RunCheckpoint
from lightning_modules.cli.errors import UserError, did_you_mean, raised_by_lightning, raised_by_us

if TYPE_CHECKING:
    from lightning_modules.cli.origins import Origins

# what gloo and NCCL say when the process at the other end is gone
_LOST = re.compile(r"Connection (closed|reset) by peer|remote process exited")


def told(error: Exception) -> str | None:
    """Say an error of a running program in one message, where the user can put it right; None where it is our bug."""
    text = str(error).strip()
    if match := re.match(r"`ModelCheckpoint\(monitor='(.+?)'\)` could not find .* metrics: \[(.*?)\]", text):
        logged = [name.strip("'") for name in match[2].split(", ")]
        hint = did_you_mean(match[1], logged)
        validation = [name for name in logged if name.startswith("val")]
        logged = validation if match[1].startswith("val") and validation else logged
        return f"checkpoint.monitor: no metric {match[1]!r} is logged.{hint}\n  Logged: {', '.join(logged)}."
    if isinstance(error, OSError | MisconfigurationException | UserError):
        return text or type(error).__name__
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return (
            "the GPU's memory is full. Lower data.batch_size, or accumulate with trainer.accumulate_grad_batches "
            "(model.accumulate_grad_batches where the module steps its optimisers itself)."
        )
    if isinstance(error, RuntimeError) and "Error(s) in loading state_dict" in text:
        lines = text.splitlines()
        return "\n".join(["ckpt_path: the checkpoint is of another model.", *(line.strip() for line in lines[1:7])])
    if isinstance(error, RuntimeError) and _LOST.search(text):
        return "another process of this run has ended, and this one can't go on alone. What that one said is the cause."
    if isinstance(error, ValueError | ModuleNotFoundError) and raised_by_us(error):
        return text
    if isinstance(error, ValueError) and raised_by_lightning(error):  # it looks at some options only when it runs
        return f"trainer: {text}"
    return None


def refused(error: Exception, config: Any, origins: Origins) -> str:
    """Say what a constructor refuses, with the key where its class stands in the config, and who gave the value."""
    if isinstance(error, UserError):
        return str(error)
    root = root_of(error)
    text = str(root).strip() or type(root).__name__
    key = key_of(root, config)
    if not key:
        return text
    argument = re.match(r"\w+: (\w+) must ", text)  # the template of our own messages
    origin = origins.of(f"{key}.{argument[1]}" if argument else key)
    return f"{key}: {text}" + (f"\n  From: {origin.source}" if origin else "")


def root_of(error: BaseException) -> BaseException:
    """The error that jsonargparse wrapped, if it did."""
    while (cause := error.__cause__ or error.__context__) is not None and isinstance(error, ValueError | TypeError):
        if "Does not validate" not in str(error) and "Problem with given class_path" not in str(error):
            break
        error = cause
    return error


def key_of(error: BaseException, config: Any) -> str:
    """The one key at which the class stands whose constructor raised an error; empty if that is not sure."""
    keys: dict[str, list[str]] = {}
    _collect_keys(config.as_dict(), "", keys)
    found = ""
    trace = error.__traceback__
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, RunCheckpoint):
            return "checkpoint"
        path = f"{type(owner).__module__}.{type(owner).__qualname__}"
        if owner is not None and trace.tb_frame.f_code.co_name == "__init__" and len(keys.get(path, ())) == 1:
            found = keys[path][0]
        trace = trace.tb_next
    return found


def _collect_keys(value: Any, key: str, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        if isinstance(path := value.get("class_path"), str):
            found.setdefault(path, []).append(key)
        for name, each in value.items():
            inner = key if name == "init_args" else f"{key}.{name}" if key else str(name)
            _collect_keys(each, inner, found)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            _collect_keys(each, f"{key}.{place}", found)
