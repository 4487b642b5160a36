"""Statistics, plots and the card of a folder."""

import builtins
import itertools
import json
import logging

import numpy as np
import pytest
import yaml
from PIL import Image

from datamodules.au_text_folder import MissingAUTextFolderError
from datamodules.builders.card import card_text, write_card
from datamodules.builders.plots import PLOTS
from datamodules.builders.statistics import PAPER, beside_the_paper, write_statistics
from datamodules.builders.texts import count_texts
from tests.datamodules.au_text import write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("statistics") / "bp4d"
    write_folder(path, name="bp4d")
    write_statistics(path)
    write_card(path)
    return path


def test_statistics_are_those_of_the_table(folder):
    table = write_folder(folder, name="bp4d")
    statistics = json.loads((folder / "statistics.json").read_text())
    assert statistics["data_set"] == "bp4d"
    assert statistics["entries"]["total"] == len(table) == 48
    assert statistics["aus"]["AU12"]["present"] == (table.occurrence[:, 6] == 1).sum()
    words = [len(text.split()) for text in table.description]
    assert statistics["table_7"]["words"]["fewest"] == min(words)
    assert statistics["table_7"]["words"]["most"] == max(words)
    assert statistics["table_7"]["words"]["mean"] == pytest.approx(np.mean(words), abs=0.01)
    assert statistics["table_7"]["distinct_texts"] == len(set(table.description))


def test_plots_are_pictures_and_the_same_at_every_run(folder):
    before = {}
    for name in PLOTS:
        file = folder / "plots" / f"{name}.png"
        with Image.open(file) as image:
            assert min(image.size) > 400
            assert len(image.getcolors(maxcolors=1_000_000)) > 20
        before[name] = file.read_bytes()
    write_statistics(folder)
    assert {name: (folder / "plots" / f"{name}.png").read_bytes() for name in PLOTS} == before


def test_without_matplotlib_there_are_statistics_and_a_warning(tmp_path, monkeypatch, caplog):
    write_folder(tmp_path)
    real = builtins.__import__

    def refuse(name, *arguments, **keywords):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with caplog.at_level(logging.WARNING):
        write_statistics(tmp_path)
    assert "pip install" in caplog.text
    assert (tmp_path / "statistics.json").exists()
    assert not (tmp_path / "plots").exists()


def test_texts_that_the_variants_can_give_are_counted():
    present = np.zeros((3, 12), dtype=bool)
    present[0, 6] = present[1, 6] = True  # AU12
    present[2, [0, 6]] = True  # AUs 1 and 12, each by itself
    counted = count_texts(["one two", "one two", "a b c d"], present, num_variants=5)
    assert counted["possible_texts"] == 5 + 25
    assert counted["distinct_texts"] == 2
    assert (counted["images"], counted["texts"]) == (3, 3)
    assert counted["words"]["median"] == 2
    with pytest.raises(ValueError, match="one text for each of 3 entries, got 1"):
        count_texts(["one"], present, num_variants=5)


def _statistics(counts, total):
    people = {f"{name}/P{who}": 1 for name, number in counts.items() for who in range(number)}
    conflicting = {name: {"conflicting": {"entries": 240_000}} for name in ("antagonists", "interacting")}
    return {"subjects": {"entries": people}, "entries": {"total": total}, "categories": conflicting}


def test_the_papers_figures_are_of_other_data_unless_everything_agrees():
    whole, readers = {"bp4d": 41, "bp4dplus": 140}, {"BP4D", "BP4DPlus"}
    compared = beside_the_paper(_statistics(whole, 302_169), readers=readers)
    assert compared["heading"] == "the same data sets, people and number of images"
    assert compared["difference_of_conflicting_entries"] == {"antagonists": -6_056, "interacting": -6_056}
    others = [
        (whole, 302_168, readers),
        ({"bp4d": 41}, 302_169, readers),
        ({**whole, "disfa": 1}, 302_169, readers),
        (whole, 302_169, {"Manifest"}),
        (whole, 302_169, set()),
    ]
    for counts, total, read_by in others:
        compared = beside_the_paper(_statistics(counts, total), readers=read_by)
        assert compared["heading"] == "other data"
        assert "difference_of_conflicting_entries" not in compared
    assert PAPER["conflicting_entries"] / PAPER["images"] == pytest.approx(PAPER["conflicting_share"], abs=5e-4)


def test_the_card_is_a_card_of_this_folder(folder):
    text = (folder / "README.md").read_text()
    _, header, body = text.split("---\n", 2)
    fields = yaml.safe_load(header)
    assert fields["license"] == "other"
    assert fields["size_categories"] == ["n<1K"]
    assert body.strip().startswith("# bp4d")
    statistics = json.loads((folder / "statistics.json").read_text())
    for name in ("antagonists", "interacting"):
        conflicting = statistics["categories"][name]["conflicting"]
        assert f"| {conflicting['entries']:,} | {100 * conflicting['share']:.1f} % |" in body
        assert statistics["categories"][name]["definition"] in body
    assert "### The paper's claim (other data)" in body
    assert "Keep this folder to yourself" in body
    for name in PLOTS:
        assert f"(plots/{name}.png)" in body
    for heading in ("Sources, licences, consent", "How it was built", "Known problems, counted", "Limits", "To cite"):
        assert f"## {heading}" in body


def test_the_card_says_how_a_folder_was_built(folder):
    statistics = json.loads((folder / "statistics.json").read_text())
    metadata = {
        "name": "mine",
        "size": 128,
        "storage": "tar",
        "aligner": {"name": "FaceAligner", "version": 1, "canonical_points": [[0, 0]]},
        "lexicon": {"name": "ours", "sha256": "0123abcd", "style": "short"},
        "splits": {"rule": "3fold:P1"},
        "sources": [{"name": "bp4d", "reader": "BP4D", "arguments": {"labels": "a|b", "images": None}, "facts": {}}],
        "problems": {"unreadable image": 1234},
        "counts": {"left_out": {"no AU active": 77}},
        "seed": 3,
    }
    text = card_text(metadata, statistics)
    for part in ("0123abcd", "rule 3fold:P1", "FaceAligner", "labels=a\\|b", "unreadable image: 1,234", "active: 77"):
        assert part in text, part
    assert "canonical_points" not in text
    assert "images=None" not in text
    assert "plots/" not in text
    tables = itertools.groupby(text.splitlines(), key=lambda line: line.startswith("|"))
    for lines in (list(part) for is_table, part in tables if is_table):
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1, lines[0]


def test_a_card_of_drawn_faces_and_of_ones_own_claims_nothing_about_photographs(folder):
    statistics = json.loads((folder / "statistics.json").read_text())
    metadata = {"name": "x", "size": 64, "storage": "files"}
    drawn = card_text(metadata, {**statistics, "entries": {**statistics["entries"], "by_data_set": {"faces": 48}}})
    assert "Keep this folder to yourself" not in drawn
    assert "The faces are drawn" in drawn
    own = card_text(metadata, {**statistics, "entries": {**statistics["entries"], "by_data_set": {"holiday": 48}}})
    assert "knows nothing of their licence" in own
    assert "Before this folder is passed on" in own


def test_a_card_needs_a_folder_with_statistics(tmp_path):
    with pytest.raises(MissingAUTextFolderError):
        write_card(tmp_path)
    write_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="Call write_statistics first"):
        write_card(tmp_path)
