"""The commands of the user study: a page from folders, a table from answers, and every mistake in one line."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

COMBINATIONS = ("12+15", "1+4", "6+12+15", "12+15+17", "6+12+15+17", "1+2+4")


@pytest.fixture
def faces(folder):
    """Pictures of three systems, two cases of each of the paper's combinations, below ``faces``."""
    draws = np.random.default_rng(0)
    for system in ("gan", "ours", "other"):
        (folder / "faces" / system).mkdir(parents=True)
        for name in COMBINATIONS:
            for person in range(2):
                pixels = draws.integers(0, 256, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "faces" / system / f"face{person}_{name}.png")
    return folder / "faces"


@pytest.fixture
def made(faces, call):
    """A survey of these pictures, and what was printed."""
    result = call("survey", "make", "--pictures", "faces", "--output", "study/survey.html", "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def answers(folder, key, best, *, rater="p1", trials=None):
    """Write the answers of a rater who ranks one system first and the others as they come."""
    lines = ["survey,rater,trial,shown,item,place,rank,seconds"]
    for shown, (name, trial) in enumerate(list(key["trials"].items())[:trials], 1):
        order = sorted(trial["items"].items(), key=lambda each: (each[1] != best, each[1]))
        lines += [
            f"{key['survey']},{rater},{name},{shown},{item},1,{rank},3.0" for rank, (item, _) in enumerate(order, 1)
        ]
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers" / f"{rater}.csv").write_text("\n".join(lines))


def test_a_survey_from_pictures_to_the_table(folder, made, call):
    assert made["systems"] == ["gan", "other", "ours"]
    assert made["trials"] == dict.fromkeys(COMBINATIONS, 2)
    page = (folder / "study" / "survey.html").read_text()
    assert page.count("data:image/jpeg") == 12 * 3
    assert not re.search(r"gan\b|ours\b|face0|face1", page)
    key = json.loads((folder / "study" / "survey_key.json").read_text())
    for rater in ("p1", "p2", "p3"):
        answers(folder, key, "ours", rater=rater)
    result = call("survey", "score", "--answers", "answers", "--key", made["key"], "--output", "answers")
    assert result.code == 0, result.err
    assert "| Mean AUCHS | 2.000 [2.00, 2.00] | 1.000 [1.00, 1.00] | **3.000** [3.00, 3.00] | 1.00 |" in result.out
    found = json.loads((folder / "answers" / "auchs.json").read_text())
    assert found["auchs"]["1+4"]["ours"]["value"] == 3
    assert result.out.startswith((folder / "answers" / "auchs.md").read_text())
    # its own table lies among the answers now, and is none
    again = call("survey", "score", "--answers", "answers", "--key", made["key"], "--json")
    assert json.loads(again.out) == found


def test_systems_can_be_named_one_by_one_in_the_order_of_the_table(faces, call):
    words = ("--systems.ours", "faces/ours", "--systems.gan", "faces/gan")
    result = call("survey", "make", *words, "--output", "s.html", "--combinations", "4+AU1", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["systems"] == ["ours", "gan"]
    assert json.loads(result.out)["trials"] == {"1+4": 2}


def test_a_job_tells_what_names_do_not(folder, faces, call, write):
    for system in faces.iterdir():
        (system / "face0_1+4.png").rename(system / "first.png")
        (system / "face1_1+4.png").rename(system / "second.png")
    write(
        "cases.csv",
        'name,aus,text\nfirst,"AU1:B,AU4",\nsecond,,The inner ends of the brows rise and are drawn together.\n',
    )
    words = ("survey", "make", "--pictures", "faces", "--combinations", "1+4", "--output", "s.html", "--json")
    refused = call(*words)
    assert refused.code == 2
    assert "there must be pictures of 1+4" in refused.err
    assert "nothing tells the AUs of 2 pictures, such as 'first'" in refused.err
    result = call(*words, "--job", "cases.csv")
    assert result.code == 0, result.err
    assert json.loads(result.out)["trials"] == {"1+4": 2}


def test_the_same_pictures_make_the_same_survey_and_are_not_replaced_unasked(folder, made, call):
    words = ("survey", "make", "--pictures", "faces", "--output", "study/survey.html", "--json")
    refused = call(*words)
    assert (refused.code, "must not exist yet" in refused.err) == (2, True)
    again = json.loads(call(*words, "--overwrite", "--title", "Another title").out)
    assert again["survey"] == made["survey"]


def test_references_and_consent_come_with_the_page(folder, faces, call, write):
    write("consent.txt", "I take part\nfreely.\n\nNo names are kept.\n")
    words = ("survey", "make", "--pictures", "faces", "--output", "s.html", "--consent", "consent.txt")
    assert call(*words, "--references", "faces/ours").code == 0
    page = (folder / "s.html").read_text()
    assert '"consent":["I take part freely.","No names are kept."]' in page
    assert page.count('"reference":"data:image/jpeg') == 12
    (faces / "ours" / "face0_1+4.png").rename(folder / "elsewhere.png")
    (folder / "none").mkdir()
    refused = call(*words, "--references", "none", "--overwrite", "--missing", "leave_out")
    assert "references must have a picture of every case" in refused.err


def test_what_the_experimenter_should_know_is_printed(folder, faces, call):
    Image.new("RGB", (300, 200)).save(faces / "gan" / "face0_1+4.png")
    Image.new("RGB", (40, 40)).save(faces / "gan" / "grid.png")
    for file in faces.glob("*/*1+2+4.png"):
        file.unlink()
    (faces / "other" / "face0_12+15.png").unlink()
    (faces / "other" / "face1_12+15.png").write_bytes((faces / "ours" / "face1_12+15.png").read_bytes())
    words = ("survey", "make", "--pictures", "faces", "--output", "s.html", "--missing", "leave_out")
    told = call(*words).out
    assert "No cases of 1+2+4" in told
    assert "no picture of them: 1." in told
    assert "nothing tells their AUs: 1, such as 'grid'" in told
    assert "not square: 1; cropped to their centre" in told
    assert "two systems have the same picture: 1, such as 'face1_12+15'" in told
    assert "40 to 300 pixels a side: sharpness may tell" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["make", "--output", "s.html"], "either pictures"),
        (["make", "--output", "s.html", "--pictures", "absent"], "pictures must be a folder"),
        (["make", "--output", "s.html", "--pictures", "faces/ours"], "systems must be at least two"),
        (["make", "--output", "s.htm.pdf", "--pictures", "faces"], "output must be an .html file"),
        (["make", "--output", "s.html", "--pictures", "faces", "--combinations", "12+99"], "combinations must be AUs"),
        (["make", "--output", "s.html", "--pictures", "faces", "--combinations", "7+10"], "must be pictures of 7+10"),
        (["make", "--output", "s.html", "--pictures", "faces", "--per-combination", "0"], "per_combination must be"),
        (["make", "--output", "s.html", "--pictures", "faces", "--size", "4"], "size must be at least 32"),
        (["make", "--output", "s.html", "--pictures", "faces", "--consent", "absent.txt"], "absent.txt"),
        (["score", "--answers", "absent", "--key", "study/survey_key.json"], "answers must be a CSV file"),
        (["score", "--answers", "answers", "--key", "absent.json"], "key must be the file"),
        (["score", "--answers", "answers", "--key", "study/survey_key.json", "--level", "2"], "level between 0 and 1"),
        (["score", "--answers", "answers", "--key", "study/survey_key.json"], "'p1' must have ranked all 12 trials"),
    ],
)
def test_a_mistake_is_told_in_one_line(folder, made, call, words, told):
    key = json.loads((folder / "study" / "survey_key.json").read_text())
    answers(folder, key, "ours", trials=3)
    result = call("survey", *words)
    assert result.code == 2
    assert told in result.err
    assert result.err.count("\n") == 1
    assert not (folder / "s.html").exists()


def test_a_picture_that_is_none_stops_before_anything_is_written(folder, faces, call):
    (faces / "gan" / "face0_1+4.png").write_text("no picture")
    result = call("survey", "make", "--pictures", "faces", "--output", "s.html")
    assert result.code == 2
    assert "face0_1+4.png must be a whole image" in result.err
    assert not list(folder.glob("s*"))


def test_what_is_there_of_incomplete_answers_can_be_kept(folder, made, call):
    key = json.loads((folder / "study" / "survey_key.json").read_text())
    answers(folder, key, "ours", trials=3)
    result = call("survey", "score", "--answers", "answers", "--key", made["key"], "--incomplete", "keep")
    assert result.code == 0, result.err
    assert "3 rankings" in result.out
