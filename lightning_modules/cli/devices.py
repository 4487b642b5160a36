"""The device that an option names."""

from __future__ import annotations

import torch


def device_of(name: str) -> torch.device:
    """Give the device of that name; for ``auto``, a GPU where there is one.

    Raises:
        ValueError: It is no name of a device, or that device isn't here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        message = f"device: must be auto or one of {', '.join(here)}, got {name!r}. No other is here."
        raise ValueError(message) from error
    return device
