"""The command on a card is one that can be given."""

import inspect
import shlex

import pytest
import yaml

from datamodules.builders import au_text
from datamodules.builders.building import build_au_text
from datamodules.builders.command import command_of


def _metadata(*sources, **changes):
    return {
        "name": "mine",
        "size": 256,
        "storage": "tar",
        "aligner": {"margin": 0.0},
        "detector": None,
        "encoding": {"format": "jpg", "quality": 95},
        "lexicon": {"name": "auface-zoo", "style": "full"},
        "keep_neutral": False,
        "seed": 0,
        "splits": {"rule": "auto", "validation_share": 0.1, "test_share": 0.1},
        "sources": [{"reader": reader, "arguments": arguments} for reader, arguments in sources],
        **changes,
    }


def test_defaults_go_unsaid():
    assert command_of(_metadata(("BP4D", {"root": "BP4D", "landmarks": True, "images": None}))) == (
        "python cli.py dataset bp4d --input BP4D --name mine --output DIR"
    )


def test_both_data_sets_of_the_paper_are_one_command():
    metadata = _metadata(
        ("BP4D", {"root": "BP4D", "drop_occluded": True}),
        (
            "BP4DPlus",
            {"root": "BP4D+_v0.2", "frame_offset": -1, "images": None, "labels": "occ", "exclude": ["F041/T7"]},
        ),
        splits={"rule": "bp4d/3fold:P1,bp4dplus/4fold:P1", "validation_share": 0.2, "test_share": 0.1},
    )
    command = command_of(metadata)
    assert command.startswith("python cli.py dataset bp4d --input BP4D --bp4dplus BP4D+_v0.2 --drop_occluded true ")
    assert "--bp4dplus_frame_offset -1" in command
    assert "--bp4dplus_labels occ" in command
    assert " --labels" not in command
    assert "exclude" not in command
    assert "--split bp4d/3fold:P1,bp4dplus/4fold:P1 --validation_share 0.2 " in command


@pytest.mark.parametrize(
    ("reader", "arguments"),
    [
        ("DISFA", {"root": "my disfa", "camera": "right", "threshold": 1}),
        ("DISFAPlus", {"root": "d", "threshold": 3}),
        ("Manifest", {"path": "m.csv", "columns": {"AU": "AU{:02}_c"}, "name": "guessed"}),
    ],
)
def test_every_option_is_one_that_the_command_takes(reader, arguments):
    metadata = _metadata(
        (reader, arguments),
        size=128,
        storage="files",
        aligner={"margin": 0.1},
        detector={"name": "yunet", "weights": {"sha256": "0"}},
        encoding={"format": "png"},
        lexicon={"name": "theirs", "style": "short"},
        keep_neutral=True,
        seed=4,
    )
    words = shlex.split(command_of(metadata))
    assert words[:3] == ["python", "cli.py", "dataset"]
    build = getattr(au_text, f"build_{words[3]}")
    accepted = {*inspect.signature(build).parameters, *inspect.signature(build_au_text).parameters}
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert {name.removeprefix("--") for name in given} <= accepted
    assert given["--input"] == arguments.get("root", arguments.get("path"))
    assert (given["--size"], given["--seed"], given["--keep_neutral"]) == ("128", "4", "true")
    for name in ("camera", "threshold"):
        if name in arguments:
            assert given[f"--{name}"] == str(arguments[name])
    if "columns" in arguments:
        assert yaml.safe_load(given["--columns"]) == arguments["columns"]


def test_what_no_command_reads_has_none():
    assert command_of(_metadata()) is None
    assert command_of(_metadata(("Another", {}))) is None
    assert command_of(_metadata(("DISFA", {"root": "a"}), ("BP4D", {"root": "b"}))) is None
