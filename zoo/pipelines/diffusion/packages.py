"""The optional packages that latent diffusion needs, at first use."""

from __future__ import annotations

import importlib
from typing import Any


def diffusers() -> Any:
    """Give diffusers.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    return _package("diffusers")


def peft() -> Any:
    """Give peft.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    return _package("peft")


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        message = f"StableDiffusionPipeline needs {name}: pip install diffusers peft"
        raise ModuleNotFoundError(message, name=name) from error
