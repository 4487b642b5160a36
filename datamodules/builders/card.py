"""Write the card of an AU text folder, ``README.md``: what it is, whence it comes, how it was built, what it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.au_text_folder import read_metadata
from datamodules.builders.card_figures import CAPTIONS, figures, table
from datamodules.builders.command import command_of
from datamodules.builders.statistics import PLOTS, STATISTICS
from datamodules.builders.terms import KNOWN, Terms, terms_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_card(folder: str | Path) -> Path:
    """Write the card of an AU text folder from its ``dataset.json`` and ``statistics.json``; gives the file.

    Raises:
        AUTextFolderError: It is no AU text folder.
        FileNotFoundError: Its statistics were not written yet.
    """
    from zoo.files import save_text

    path = Path(folder)
    metadata = read_metadata(path)
    file = path / STATISTICS
    if not file.is_file():
        message = f"write_card: {file} must be there before the card, got none. Call write_statistics first."
        raise FileNotFoundError(message)
    statistics = json.loads(file.read_text(encoding="utf-8"))
    plots = [name for name in CAPTIONS if (path / PLOTS / f"{name}.png").is_file()]
    return save_text(card_text(metadata, statistics, plots=plots), path / CARD)


def card_text(metadata: Mapping[str, Any], statistics: Mapping[str, Any], *, plots: Sequence[str] = ()) -> str:
    """Compose the card.

    Args:
        metadata: What ``dataset.json`` says.
        statistics: What ``statistics.json`` says.
        plots: Names of the plots that were drawn.
    """
    terms = {name: terms_of(name) for name in statistics["entries"]["by_data_set"]}
    sections = [
        _header(metadata, statistics, terms),
        _introduction(metadata, statistics, terms),
        _contents(metadata),
        _terms(terms),
        _building(metadata),
        figures(statistics, plots),
        _problems(metadata, statistics),
        _limits(terms),
        _citations(terms),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _header(metadata: Mapping[str, Any], statistics: Mapping[str, Any], terms: Mapping[str, Terms]) -> str:
    """Say in YAML what hubs index."""
    import yaml

    total = statistics["entries"]["total"]
    licensed = any(each.licensed for each in terms.values())
    fields: dict[str, Any] = {
        "pretty_name": metadata["name"],
        "language": ["en"],
        "license": "other" if licensed else "apache-2.0",
        **({"license_name": "see-the-source-data-sets"} if licensed else {}),
        "task_categories": ["text-to-image"],
        "annotations_creators": ["expert-generated" if licensed else "machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": ["extended" if licensed else "original"],
        "size_categories": [next((name for most, name in _SIZES if total < most), "1M<n<10M")],
        "tags": ["faces", "FACS", "action units", "facial expression"],
        "configs": [{"config_name": "default", "data_files": "frames.parquet"}],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---"


def _introduction(metadata: Mapping[str, Any], statistics: Mapping[str, Any], terms: Mapping[str, Terms]) -> str:
    entries, subjects = statistics["entries"]["total"], statistics["subjects"]["total"]
    titles = " and ".join(each.title for each in terms.values())
    warning = ""
    if any(name in KNOWN and each.licensed for name, each in terms.items()):
        warning = (
            "\n\n**Keep this folder to yourself.** Its images are crops of licensed photographs, and remain under the "
            "terms of their owners."
        )
    elif any(each.licensed for each in terms.values()):
        warning = "\n\n**Before this folder is passed on**, say below whose faces these are, and on which terms."
    return (
        f"# {metadata['name']}\n\n{entries:,} images of {subjects:,} subjects of {titles}, {metadata['size']} pixels "
        "square, each with FACS action unit (AU) labels, a description of what its AUs do together, and a reference "
        f"face of the same subject.{warning}"
    )


def _contents(metadata: Mapping[str, Any]) -> str:
    tar = metadata["storage"] == "tar"
    images = (
        "shards/*.tar         the images, in uncompressed archives; the tables give archive, offset and size of each"
        if tar
        else "images/ references/  the images, a file each"
    )
    return f"""## Contents

```
frames.parquet       a row for each entry: labels, constructs, description, split, image, row of its reference face
references.parquet   a row for each reference face
{images}
dataset.json         how it was built
statistics.json      all figures below and more, each with its definition
```

AU columns hold 1 (present), 0 (absent) or 9 (unknown); `intensity_AU*` 0 to 5, empty where unknown.

```
python cli.py fit --config stage1.yaml --data data/bp4d_autext.yaml --data.path DIR
```

```python
from datamodules.au_text import AUTextDataModule

batch = next(iter(AUTextDataModule("DIR").train_dataloader()))
batch["prompt"], batch["occurrence"], batch["known"]
```"""


def _terms(terms: Mapping[str, Terms]) -> str:
    lines = ["## Sources, licences, consent", ""]
    for name, each in terms.items():
        lines += [f"**{each.title}** (`{name}`) is {each.licence}.", "", each.people, ""]
    if any(name in KNOWN and each.licensed for name, each in terms.items()):
        lines += [
            "What was made from it here:",
            "",
            "- *Crops and reference faces* show the people as the photographs do: what holds for those holds for them.",
            "- *Labels* are those of the data set, rearranged: they are its owners', too.",
            "- *Descriptions* follow from the labels, in words of the lexicon named below; the lexicon itself is free "
            "of the data.",
            "- *Trained models* can give back faces that they learnt: whether weights may be passed on is a question "
            "to the owners of the data.",
        ]
    return "\n".join(lines)


def _building(metadata: Mapping[str, Any]) -> str:
    rows: list[tuple[str, Any]] = []
    for source in metadata.get("sources", ()):
        given = ", ".join(f"{name}={value}" for name, value in source.get("arguments", {}).items() if value is not None)
        facts = "; ".join(f"{name}: {value}" for name, value in source.get("facts", {}).items())
        rows.append((f"source {source['name']}", "; ".join(filter(None, (source.get("reader"), given, facts)))))
    lexicon, splits = metadata.get("lexicon", {}), metadata.get("splits", {})
    rows += [
        ("aligner", _listed(metadata.get("aligner"))),
        ("detector", _listed(metadata.get("detector")) or "none: landmarks or boxes of the data set"),
        ("encoding", _listed(metadata.get("encoding"))),
        ("lexicon", _listed(lexicon)),
        ("splits", _listed(splits)),
        ("reference faces", _listed(metadata.get("references"))),
        ("frames without an active AU", "kept" if metadata.get("keep_neutral") else "left out"),
        ("seed", metadata.get("seed")),
    ]
    made = table(("", ""), [(name, value) for name, value in rows if value not in (None, "")])
    command = command_of(metadata)
    again = f"\n\n```\n{command}\n```" if command else ""
    return (
        "## How it was built\n\n"
        "By the AUFace Zoo's command `dataset`; the same arguments on the same data give the same bytes."
        f"{again}\n\n{made}"
    )


def _listed(values: Any) -> str:
    if not isinstance(values, dict):
        return "" if values is None else str(values)
    plain = {name: value for name, value in values.items() if name != "canonical_points" and value is not None}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


def _problems(metadata: Mapping[str, Any], statistics: Mapping[str, Any]) -> str:
    unknown = statistics["entries"]["with_unknown_aus"]
    lines = [
        *(f"- {kind}: {count:,}" for kind, count in metadata.get("problems", {}).items()),
        *(
            f"- frames left out, {reason}: {count:,}"
            for reason, count in metadata.get("counts", {}).get("left_out", {}).items()
        ),
        *([f"- entries with an AU that is unknown: {unknown:,}"] if unknown else []),
    ]
    body = "\n".join(lines) or "None was found."
    return f"## Known problems, counted\n\n{body}\n\n`problems.csv`, where there is one, lists each by name."


def _limits(terms: Mapping[str, Terms]) -> str:
    recorded = any(each.licensed for each in terms.values())
    people = (
        "Few people of few backgrounds were recorded, in a laboratory, at the tasks that they were given; rates of AUs "
        "are those of these tasks."
        if recorded
        else "The faces are drawn. They show whether methods work at all, not how well they do on photographs."
    )
    return f"""## Limits

- A description says what the labelled AUs do, in the words of the lexicon. It is no description of the image: it knows
  nothing of what was not labelled, and of intensities only where they were asked for.
- AUs are not emotions. Nothing here says how somebody feels, whether they tell the truth or what they will do, and
  nothing that is trained on it can.
- {people}
- Frames of a video resemble their neighbours, so the number of entries says more than the variety of faces.
- Out of scope: recognising or imitating real people, judging individuals by their faces, surveillance."""


def _citations(terms: Mapping[str, Terms]) -> str:
    cited = [f"- {each.citation}" for each in terms.values() if each.citation]
    return "## To cite\n\n" + "\n".join(cited) if cited else ""
