"""The file of a lexicon, read strictly: every departure from the form is named with its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.facs.constructs import CONSTRUCTS, Construct, name_of

STYLES = ("full", "short")
"""With the skin signs (wrinkles, furrows, bulges), and without them."""
_KEYS = ("name", "about", "variants", "neutral", "constructs")
_BY_NAME = {name_of(construct): construct for construct in CONSTRUCTS}


class LexiconError(ValueError):
    """A lexicon's file departs from its form, or a lexicon lacks what was asked of it."""


@dataclass(frozen=True)
class LexiconFile:
    """What a lexicon's file holds: style to construct to texts, and style to neutral texts."""

    name: str
    num_variants: int
    descriptions: dict[str, dict[Construct, tuple[str, ...]]]
    neutral: dict[str, tuple[str, ...]]


def read_lexicon_file(content: bytes, *, source: str) -> LexiconFile:
    """Read a lexicon's YAML; ``source`` names it in messages.

    Raises:
        LexiconError: The content departs from the form that :mod:`zoo.facs.lexicon` documents.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        message = "descriptions are in a YAML file, which PyYAML reads: pip install pyyaml"
        raise ModuleNotFoundError(message, name=error.name) from error

    # nodes instead of objects: they have lines, keep both of two equal keys, and "1" and 1 are the same word
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(content, Loader=loader)
    except yaml.YAMLError as error:
        message = f"Lexicon {source}: the file must be YAML, got: {' '.join(str(error).split())}."
        raise LexiconError(message) from error
    reader = _Reader(source)
    if root is None:
        raise reader.error(None, "", f"the file must have the keys {', '.join(_KEYS)}, got an empty file")
    return reader.read(root)


class _Reader:
    """Walk the nodes of one file; every error names file, line and place."""

    def __init__(self, source: str) -> None:
        self.source = source

    def read(self, root: Any) -> LexiconFile:
        top = self.mapping(root, "")
        self.known(top, _KEYS, "")
        if "constructs" not in top:
            raise self.error(root, "", "the key 'constructs' must be there, got none")
        num_variants = self.count(top["variants"]) if "variants" in top else 5
        neutral = self.styles(top["neutral"], "neutral", num_variants) if "neutral" in top else {}
        return LexiconFile(
            name=self.text(top["name"], "name") if "name" in top else self.source,
            num_variants=num_variants,
            descriptions=self.constructs(top["constructs"], num_variants),
            neutral=neutral,
        )

    def constructs(self, node: Any, num_variants: int) -> dict[str, dict[Construct, tuple[str, ...]]]:
        entries = self.mapping(node, "constructs")
        for name, entry in entries.items():
            if name not in _BY_NAME:
                raise self.error(entry, f"construct {name}", _unknown(name))
        missing = [name for name in _BY_NAME if name not in entries]
        if missing:
            problem = f"all {len(CONSTRUCTS)} constructs must be there, missing: {', '.join(missing)}"
            raise self.error(node, "constructs", problem)
        read = {name: self.styles(entries[name], f"construct {name}", num_variants) for name in _BY_NAME}
        for name, styles in read.items():
            if "full" not in styles:
                raise self.error(entries[name], f"construct {name}", "the style 'full' must be there, got none")
        described = [style for style in STYLES if any(style in styles for styles in read.values())]
        for style in described:
            without = [name for name, styles in read.items() if style not in styles]
            if without:
                problem = f"the style must be given for all constructs or for none, missing: {', '.join(without)}"
                raise self.error(entries[without[0]], f"style {style}", problem)
        return {style: {_BY_NAME[name]: read[name][style] for name in _BY_NAME} for style in described}

    def styles(self, node: Any, place: str, num_variants: int) -> dict[str, tuple[str, ...]]:
        entries = self.mapping(node, place)
        self.known(entries, STYLES, place)
        return {
            style: self.variants(entry, f"{place}, style {style}", num_variants) for style, entry in entries.items()
        }

    def variants(self, node: Any, place: str, num_variants: int) -> tuple[str, ...]:
        if node.id != "sequence":
            raise self.error(node, place, f"the variants must be a list of texts, got {_kind(node)}")
        texts = tuple(self.text(item, f"{place}, variant {index}") for index, item in enumerate(node.value, start=1))
        if len(texts) != num_variants:
            problem = f"there must be {num_variants} variants, got {len(texts)}"
            raise self.error(node, place, f"{problem}. Write the others, or state another 'variants' for all")
        return texts

    def text(self, node: Any, place: str) -> str:
        if node.id != "scalar" or node.tag != "tag:yaml.org,2002:str":
            # YAML takes "Lips: pressed" for a mapping and 3 or yes for other things than words
            raise self.error(node, place, f"must be a text, got {_kind(node)}. If it is one, put it in quotes")
        text = " ".join(node.value.split())
        if not text:
            raise self.error(node, place, "the text must not be empty, got ''")
        return text

    def count(self, node: Any) -> int:
        if node.id != "scalar" or not node.value.isdecimal() or int(node.value) < 1:
            raise self.error(node, "variants", f"must be a whole number of at least 1, got {_kind(node)}")
        return int(node.value)

    def mapping(self, node: Any, place: str) -> dict[str, Any]:
        if node.id != "mapping":
            raise self.error(node, place, f"must be a mapping, got {_kind(node)}")
        entries: dict[str, Any] = {}
        for key, value in node.value:
            if key.id != "scalar":
                raise self.error(key, place, f"a key must be a word, got {_kind(key)}")
            if key.value in entries:
                raise self.error(key, place, f"a key must be there once, got {key.value!r} twice")
            entries[key.value] = value
        return entries

    def known(self, entries: dict[str, Any], keys: tuple[str, ...], place: str) -> None:
        for key, entry in entries.items():
            if key not in keys:
                raise self.error(entry, place, f"a key must be one of {', '.join(keys)}, got {key!r}")

    def error(self, node: Any, place: str, problem: str) -> LexiconError:
        line = "" if node is None else f", line {node.start_mark.line + 1}"
        return LexiconError(f"Lexicon {self.source}{line}{', ' * bool(place)}{place}: {problem}.")


def _unknown(name: str) -> str:
    """Say why a name is no construct: its AUs are in another order, or there is no such construct."""
    numbers = name.replace(" ", "").removeprefix("AU").replace("+AU", "+").split("+")
    right = "+".join(sorted(numbers, key=lambda number: (len(number), number)))
    if right in _BY_NAME:
        return f"the construct must be written {right}, got {name!r}"
    return f"a construct must be one of {', '.join(_BY_NAME)}, got {name!r}"


def _kind(node: Any) -> str:
    """Say what a node is; a scalar says its value."""
    if node.id != "scalar":
        return f"a {node.id}"
    return "nothing" if node.tag.endswith(":null") else repr(node.value)
