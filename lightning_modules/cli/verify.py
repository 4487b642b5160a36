"""Whether a bundle is what it says: ``python cli.py verify DIR``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.components import Component
    from zoo.verification import Finding


def verify(
    bundle: str,
    *,
    record: bool = False,
    metrics: bool = False,
    num_images: int | None = None,
    trust: bool = False,
) -> int:
    """Check a bundle: checksums, weights, classes, card, and a forward pass against the recorded one.

    Ends with code 0 if all is as it must be, with 1 if anything is not. Nothing of the bundle is run or unpickled.
    Checksums show that files are unchanged, not who wrote them.

    Args:
        bundle: Folder of the bundle, or a folder of bundles.
        record: First record what the bundle gives for fixed inputs; what was recorded before is replaced.
        metrics: Also measure again what the card says it reached, on the data that it names, or say why not.
        num_images: Measure no more samples than this, 128 where not given: sooner done, and compared less strictly. 0
            takes as many as the run did (minutes), and what has no interval must agree within 1 %.
        trust: Also open .pt2 files, which can carry code: only where you trust who made them.
    """
    from zoo.bundles import find, load, metadata_of
    from zoo.verification import findings, graph_findings
    from zoo.verification import record as record_fingerprint

    if num_images is not None and (num_images < 0 or not metrics):
        message = f"verify: num_images must be at least 0 and beside --metrics, got {num_images}."
        raise UserError(message)
    place = find(bundle)
    if not place.is_dir():
        message = f"verify: bundle must be a folder, got {place}, which is a file."
        raise UserError(message)
    failed = 0
    for directory in _bundles(place):
        print(directory)
        if record and not record_fingerprint(directory):
            print("  nothing recorded: a component of this kind is not run by itself")
        broken = _shown(findings(directory))
        if not broken:
            component = load(directory)
            broken += _shown(graph_findings(component, directory, trust=trust))
            if metrics and not broken:
                broken += _measured(component, metadata_of(directory), num_images)
        failed += broken
    print("Everything is as it must be." if not failed else f"{failed} checks failed.")
    return int(failed > 0)


def _shown(found: Iterable[Finding]) -> int:
    """Print findings as they come; gives how many failed."""
    failed = 0
    for finding in found:
        failed += not finding.passed
        print(f"  {'ok    ' if finding.passed else 'FAILED'} {finding.check:<12}  {finding.text}", flush=True)
    return failed


def _measured(component: Component, metadata: dict[str, Any], num_images: int | None) -> int:
    from lightning_modules.cli.verify_metrics import USUAL, metric_findings

    most = USUAL if num_images is None else num_images or None
    begin = time.monotonic()
    failed = _shown(
        metric_findings(
            component, metadata, num_images=most, tell=lambda line: print(f"         metrics       {line}", flush=True)
        )
    )
    print(f"         metrics       in {time.monotonic() - begin:.0f} s", flush=True)
    return failed


def _bundles(place: Path) -> list[Path]:
    """The folder itself, unless it has folders with a config and none of its own."""
    inside = sorted(file.parent for file in place.glob("*/config.json"))
    return inside if inside and not (place / "config.json").exists() else [place]
