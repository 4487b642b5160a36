"""What was asked, as a record and as a command line that makes the same picture."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import replace
from typing import Any

from lightning_modules.demo.model import DemoModel
from lightning_modules.demo.requests import LIMITS, FaceRequest
from zoo.facs.labels import format_labels


def asked(request: FaceRequest) -> dict[str, Any]:
    """What decides the picture, apart from the model; a visitor's picture by its checksum alone."""
    who: dict[str, Any] = {"reference_seed": request.reference}
    if isinstance(request.reference, bytes):
        who = {"reference_sha256": hashlib.sha256(request.reference).hexdigest()}
    what = {"aus": format_labels(request.wish.labels)} if request.wish.text is None else {"text": request.wish.text}
    only = {} if request.only is None else {"only": request.only}
    sampling = {name: getattr(request.sampling, name) for name in LIMITS if name != "seed"}
    return {**who, **what, **only, "seed": request.seed, **sampling}


def command_line(model: DemoModel, request: FaceRequest) -> str:
    """Give the command line that makes the same picture."""
    wish = request.wish
    # intensities that the model was not trained with would be refused there
    labels = wish.labels
    if model.intensity_reading is None:
        labels = tuple(replace(label, intensity=None) for label in labels)
    aus = ",".join(str(label).removeprefix("AU") for label in labels)
    words = ["python", "cli.py", "synthesize", "--model", model.path]
    words += ["--aus", aus] if wish.text is None else ["--text", wish.text]
    if isinstance(request.reference, bytes):
        words += ["--reference", "reference.png"]
    elif request.reference:
        words += ["--reference-seed", str(request.reference)]
    words += [] if request.only is None else ["--only", request.only]
    for name, (_, _, default) in LIMITS.items():
        value = request.seed if name == "seed" else getattr(request.sampling, name)
        if value != default:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, "--output", "face.png"])
