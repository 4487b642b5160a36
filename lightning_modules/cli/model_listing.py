"""What has been trained: every bundle of a folder, with what its card says it reached."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Any

from lightning_modules.cli.errors import UserError

_FIRST = (
    "au_f1_synthesised",
    "identity",
    "psnr",
    "ssim",
    "l1",
    "au_information_kept",
    "f1",
    "auc",
    "retrieval",
    "loss",
)


def list_models(folder: str = "models", *, json: bool = False) -> None:
    """Print every bundle of a folder: its component, its size, and its main figures.

    Args:
        folder: Where the bundles are.
        json: Print JSON with all figures, for programs.
    """
    from zoo.bundles import find

    place = find(folder)
    found = models(place)
    if not found:
        message = f"list models: folder must hold bundles, got {place}, which has none. `cli.py export` makes them."
        raise UserError(message)
    if json:
        print(dumps(found, indent=2))
        return
    width = max(map(len, found))
    component_width = max(len(each.get("component", "")) for each in found.values())
    for name, model in found.items():
        if "error" in model:
            print(f"{name:<{width}}  damaged: {model['error']}")
            continue
        steps = f"  {model['steps']} steps" if model["steps"] is not None else ""
        figures = "".join(f"  {key} {value:.4g}" for key, value in main_figures(model["figures"]).items())
        size = f"{model['bytes'] / 1e6:6.2f} MB"
        print(f"{name:<{width}}  {model['component']:<{component_width}}  {size}{steps}{figures}")
    print(f"\nLoad one: zoo.load({str(place / next(iter(found)))!r}). Check them: python cli.py verify {folder}")


def models(folder: Path) -> dict[str, dict[str, Any]]:
    """Map the bundles of a folder, by their names, to what their configs say; loads no weights."""
    from zoo.bundle_files import WEIGHTS, BundleError, read_config

    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*/config.json")):
        bundle = file.parent
        try:
            config = read_config(bundle)
        except BundleError as error:
            found[bundle.name] = {"error": str(error)}
            continue
        weights = bundle / WEIGHTS
        metrics = config["metadata"].get("metrics")
        found[bundle.name] = {
            "component": str(config["component"]),
            "bytes": weights.stat().st_size if weights.is_file() else 0,
            "steps": config["metadata"].get("steps"),
            "figures": metrics if isinstance(metrics, dict) else {},
        }
    return found


def main_figures(figures: dict[str, Any]) -> dict[str, float]:
    """Choose at most three of a bundle's figures: of the usual ones, those for all AUs together."""
    numbers = {name: each for name, each in figures.items() if type(each) in (int, float)}
    ranked = [(place, name) for name in numbers for place, word in enumerate(_FIRST) if name.rpartition("/")[2] == word]
    return {name: numbers[name] for _, name in sorted(ranked)[:3]}
