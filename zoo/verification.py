"""Everything that can be checked of a bundle without its training data, one finding for each kind of check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo.bundle_files import (
    CARD,
    FINGERPRINT,
    SUMS,
    BundleError,
    checksum,
    first_line,
    read_config,
    read_json,
    read_sums,
    verify,
)
from zoo.files import save_text

if TYPE_CHECKING:
    from zoo.components import Component

CARD_SECTIONS = ("## Training", "## Figures", "## Licence, limits, consent")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was checked.
        passed: Whether it is as it must be.
        text: What was found, in one line.
    """

    check: str
    passed: bool
    text: str


def findings(directory: Path) -> Iterator[Finding]:
    """Check a bundle; ends with the first check without which the others mean nothing."""
    try:
        verify(directory)
        listed = read_sums(directory)
        yield _unlisted(directory, set(listed))
        config = read_config(directory)
    except (BundleError, OSError) as error:
        yield Finding("checksums", passed=False, text=first_line(error))
        return
    yield Finding("checksums", passed=True, text=f"{len(listed)} files are as they were written")
    from zoo.bundles import load

    try:
        component = load(directory)
    except BundleError as error:
        yield Finding("weights", passed=False, text=first_line(error))
        return
    count = len(component.state_dict())
    text = f"{config['component']}: {count} tensors have the names, shapes and kinds that its arguments make"
    yield Finding("weights", passed=True, text=text)
    yield _finite(component)
    yield _classes(component)
    yield _card(directory, config)
    yield _fingerprint(component, directory, listed=FINGERPRINT in listed)


def graph_findings(component: Component, directory: Path, *, trust: bool = False) -> Iterator[Finding]:
    """Compare a bundle's graphs with its component.

    Args:
        component: What :func:`zoo.bundles.load` gave.
        directory: The bundle.
        trust: Whether .pt2 files are opened, which can carry pickles and so run code.
    """
    files = sorted(name for name in read_sums(directory) if name.endswith((".onnx", ".pt2")))
    if not files:
        return
    from zoo.graph_files import compared, in_words
    from zoo.graphs import graphs

    size = getattr(component, "image_size", None) or _image_size(directory)
    known = {graph.name: graph for graph in graphs(component, image_size=size)}
    for name in files:
        graph = known.get(name.rpartition(".")[0])
        if graph is None:
            yield Finding("graphs", passed=False, text=f"{name} is no graph of this component; not opened")
        elif name.endswith(".pt2") and not trust:
            yield Finding("graphs", passed=True, text=f"{name} not opened: it can carry code; --trust opens it")
        else:
            try:
                figures = compared(graph, directory / name)
            except Exception as error:  # whatever a runtime raises over a foreign file is a finding
                yield Finding("graphs", passed=False, text=f"{name}: {first_line(error)}")
                continue
            yield Finding("graphs", passed=bool(figures["passed"]), text=f"{name}: {in_words(figures)}")


def _image_size(directory: Path) -> int:
    data = read_config(directory)["metadata"].get("data")
    arguments = data.get("init_args") if isinstance(data, dict) else None
    size = arguments.get("image_size") if isinstance(arguments, dict) else None
    return size if type(size) is int and 0 < size <= 1024 else 64


def record(directory: Path) -> bool:
    """Add a fingerprint to a bundle that has none, or replace the one it has; gives whether its kind can have one.

    Raises:
        BundleError: The bundle can't be loaded.
    """
    from zoo.bundles import load
    from zoo.fingerprints import save_fingerprint

    component = load(directory)
    sums = read_sums(directory)
    if not save_fingerprint(component, directory / FINGERPRINT):
        return False
    sums[FINGERPRINT] = checksum(directory / FINGERPRINT)
    save_text("".join(f"{each}  {name}\n" for name, each in sums.items()), directory / SUMS)
    return True


def _unlisted(directory: Path, listed: set[str]) -> Finding:
    """Files that nobody vouches for; hidden ones, such as a repository's, are passed over."""
    others = sorted(
        each.name for each in directory.iterdir() if not each.name.startswith(".") and each.name not in {SUMS, *listed}
    )
    text = f"{', '.join(map(repr, others[:3]))} in the folder, not in {SUMS}" if others else "no file beside the listed"
    return Finding("files", passed=not others, text=text)


def _finite(component: Component) -> Finding:
    odd = [
        name
        for name, each in component.named_parameters()
        if each.is_floating_point() and not bool(torch.isfinite(each).all())
    ]
    text = f"{odd[0]} holds infinite numbers or none at all" if odd else "all parameters are finite"
    return Finding("numbers", passed=not odd, text=text)


def _classes(component: Component) -> Finding:
    from zoo.facs import AUS

    found = [
        (name or "the component", each.aus)
        for name, each in component.named_modules()
        if isinstance(getattr(each, "aus", None), tuple | list)
    ]
    if not found:
        return Finding("classes", passed=True, text="it has no classes of its own")
    for name, aus in found:
        if len(set(aus)) != len(aus) or not set(aus) <= set(AUS) or not aus:
            text = f"the AUs of {name} must be of {list(AUS)}, each once, got {list(aus)}"
            return Finding("classes", passed=False, text=text)
    return Finding("classes", passed=True, text=f"AUs {', '.join(map(str, found[0][1]))}")


def _card(directory: Path, config: dict[str, Any]) -> Finding:
    """Whether the card says what it is of, how it was made, what it reached, and who may use it for what."""
    try:
        card = (directory / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Finding("card", passed=False, text=f"{CARD} must be text in UTF-8: {first_line(error)}")
    lines = card.splitlines()
    missing = [section for section in CARD_SECTIONS if section not in lines or not _content(lines, section)]
    if not lines or lines[0] != f"# {config['component']}":
        missing.insert(0, f"# {config['component']}")
    text = f"must have {', '.join(map(repr, missing))} and something below" if missing else "says all that a card must"
    return Finding("card", passed=not missing, text=text)


def _content(lines: list[str], section: str) -> bool:
    following = lines[lines.index(section) + 1 :]
    end = next((at for at, line in enumerate(following) if line.startswith("## ")), len(following))
    return any(line.strip() for line in following[:end])


def _fingerprint(component: Component, directory: Path, *, listed: bool) -> Finding:
    from zoo.fingerprints import differences, fingerprint

    try:
        computed = fingerprint(component)
        if computed is None:
            return Finding("forward pass", passed=not listed, text="a component of this kind is not run by itself")
        if not listed:
            text = "no fingerprint was recorded: if you trust it, `verify --record` adds what it gives now"
            return Finding("forward pass", passed=False, text=text)
        different = differences(read_json(directory / FINGERPRINT), computed)
    except Exception as error:  # whatever a forward pass with foreign weights raises is a finding
        return Finding("forward pass", passed=False, text=first_line(error))
    text = "; ".join(different[:2]) if different else f"{len(computed['outputs'])} outputs are the recorded ones"
    return Finding("forward pass", passed=not different, text=text)
