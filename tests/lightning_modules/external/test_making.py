"""A played system: called, timed out, crashed, resumed."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from lightning_modules.cli.errors import UserError
from lightning_modules.external.base import NoPictureError
from lightning_modules.external.declaration import read_declaration
from lightning_modules.external.making import make_pictures, system_of

KINDS = {"command": {}, "worker": {"command": None, "worker": "{python} -S {home}/play.py"}}


@pytest.fixture(params=KINDS)
def make(request, played, cases, tmp_path):
    """Have the played system make the cases, both as a command and as a worker; changes go into its declaration."""

    def call(*, retries=0, some=None, overwrite=False, **changes):
        declaration = read_declaration(played.declare(**{**KINDS[request.param], **changes}))
        system = system_of(declaration, tmp_path / "made")
        chosen = cases if some is None else some
        return make_pictures(system, chosen, tmp_path / "made", retries=retries, overwrite=overwrite)

    call.is_worker = request.param == "worker"
    return call


def listed(folder):
    with (folder / "manifest.csv").open() as file:
        return {row["frame"]: row for row in csv.DictReader(file)}


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_each_case_becomes_a_picture_and_a_line_of_the_manifest(make, played, cases, tmp_path):
    done = make()
    assert (done.made, done.there, done.failed) == (4, 0, {})
    for case in cases:
        with Image.open(tmp_path / "made" / f"{case.name}.png") as made, Image.open(case.reference) as reference:
            assert np.array_equal(np.asarray(made), np.asarray(reference))
    rows = listed(tmp_path / "made")
    assert list(rows) == [case.name for case in cases]
    assert rows["case_1"] == {
        "frame": "case_1", "image": "case_1.png", "subject": "p1", "aus": "12 15", "aus_told": "12 15",
        "text_told": "Description 1.", "seed": "1", "system": "Played",
    }  # fmt: skip
    assert played.num_starts == (1 if make.is_worker else 4)
    assert not (tmp_path / "made" / "process" / "scratch").exists()


def test_what_is_there_is_not_made_again(make, played, cases, tmp_path):
    make()
    (tmp_path / "made" / "case_2.png").unlink()
    done = make(timeout_s=20)  # which decides no picture
    assert (done.made, done.there) == (1, 3)
    assert [call["name"] for call in played.calls][4:] == ["case_2"]


def test_a_crash_is_told_with_its_last_words_and_the_others_are_made(make, played, tmp_path):
    played.feel(case_1="crash")
    done = make(retries=1)
    assert done.made == 3
    assert set(done.failed) == {"case_1"}
    assert "2 times; the last time: ended with code 3: out of paint. Log: " in done.failed["case_1"]
    assert "case_1" not in listed(tmp_path / "made")
    with (tmp_path / "made" / "failed.csv").open() as file:
        assert [row["frame"] for row in csv.DictReader(file)] == ["case_1"]
    played.feel()
    done = make()
    assert (done.made, done.there, done.failed) == (1, 3, {})
    assert len(listed(tmp_path / "made")) == 4
    assert not (tmp_path / "made" / "failed.csv").exists()


def test_a_hang_is_ended_with_all_that_it_started(make, played, cases):
    played.feel(case_0="hang")
    done = make(some=cases[:1], timeout_s=1.5, startup_s=0.0)
    assert "took longer than 1.5 s and was ended" in done.failed["case_0"]
    child = int((played.home / "child.txt").read_text())
    for _ in range(50):
        if not is_running(child):
            break
        time.sleep(0.05)
    assert not is_running(child)
    played.feel()
    assert make().made == 4


@pytest.mark.parametrize(
    ("mood", "said"), [("nothing", "no picture"), ("half", "must be a whole picture"), ("refuse", "face")]
)
def test_what_is_no_picture_is_refused(make, played, mood, said, tmp_path):
    played.feel(case_3=mood)
    done = make()
    if mood == "nothing" and not make.is_worker:
        said = "left no picture.png"
    assert said in done.failed["case_3"]
    assert done.made == 3
    assert not (tmp_path / "made" / "case_3.png").exists()
    if make.is_worker:
        assert played.num_starts == 1  # which answered, so it stays


def test_pictures_of_another_size_are_refused_and_the_system_is_left_after_three(make, played):
    done = make(image_size=64)
    assert "must be 64 x 64 pixels, as declared (image_size), got 32 x 32" in done.failed["case_0"]
    assert len(done.failed) == 3
    assert done.untried == 1
    assert len(played.calls) == 3


def test_pictures_that_are_not_square_are_refused(make, played, tmp_path):
    Image.new("RGB", (40, 32)).save(tmp_path / "wide.png")
    played.feel(case_0=str(tmp_path / "wide.png"))
    assert "must be square, got 40 x 32 pixels" in make().failed["case_0"]


def test_pictures_of_another_request_are_not_replaced_unasked(make, played, cases, tmp_path):
    make()
    with pytest.raises(UserError, match="of the same request"):
        make(takes={"reference": True})
    done = make(takes={"reference": True}, overwrite=True)
    assert (done.made, done.copied) == (4, 3)  # of all but the face at rest it can't be told anything
    assert len(played.calls) == 5


def test_a_damaged_picture_counts_as_another_request(make, cases, tmp_path):
    make()
    file = tmp_path / "made" / "case_0.png"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="--overwrite"):
        make()
    assert make(overwrite=True).made == 1


def test_a_system_is_told_only_what_it_takes(make, played, cases):
    long = [case.__class__(**{**vars(case), "text": "Brows go up. Lips part."}) for case in cases]
    done = make(some=long, takes={"reference": True, "text": True, "aus": [12], "max_words": 4})
    asked = {call["name"]: call for call in played.calls}
    assert asked["case_1"]["text"] == "Brows go up."
    assert asked["case_1"]["aus"] in ([12], "12")
    assert asked["case_2"]["aus"] in ([], "")
    assert (done.shortened, done.lacking, done.copied) == (4, 3, 0)


def test_where_nothing_can_be_told_the_reference_stays_as_it_is(make, played, cases, tmp_path):
    done = make(takes={"reference": True, "aus": [12]})
    assert done.copied == 1
    assert [call["name"] for call in played.calls] == ["case_0", "case_1", "case_3"]
    assert listed(tmp_path / "made")["case_2"]["aus_told"] == ""
    with Image.open(tmp_path / "made" / "case_2.png") as made, Image.open(cases[2].reference) as reference:
        assert np.array_equal(np.asarray(made), np.asarray(reference))


def test_a_copied_reference_is_as_large_as_the_other_pictures(make, played, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "large.png")
    played.feel(**dict.fromkeys(("case_0", "case_1", "case_3"), str(tmp_path / "large.png")))
    assert make(image_size=64, takes={"reference": True, "aus": [12]}).failed == {}
    with Image.open(tmp_path / "made" / "case_2.png") as made:
        assert made.size == (64, 64)


def test_pictures_of_earlier_cases_stay_listed(make, cases, tmp_path):
    make(some=cases[:2])
    make(some=cases[1:])
    assert list(listed(tmp_path / "made")) == ["case_0", "case_1", "case_2", "case_3"]
    (tmp_path / "made" / "case_0.png").unlink()
    make(some=cases[1:])
    assert list(listed(tmp_path / "made")) == ["case_1", "case_2", "case_3"]


class Middle:
    """A crop that takes the middle of every picture."""

    size = 16
    record: ClassVar = {"name": "middle"}

    def __call__(self, picture):
        return picture.crop((8, 8, 24, 24))


def test_a_crop_is_part_of_the_request(played, cases, tmp_path):
    system = system_of(read_declaration(played.declare(image_size=32)), tmp_path / "made")
    make_pictures(system, cases, tmp_path / "made")
    with pytest.raises(UserError, match="of the same request"):
        make_pictures(system, cases, tmp_path / "made", crop=Middle())
    make_pictures(system, cases, tmp_path / "made", crop=Middle(), overwrite=True)
    with Image.open(tmp_path / "made" / "case_0.png") as made, Image.open(cases[0].reference) as reference:
        assert np.array_equal(np.asarray(made), np.asarray(reference)[8:24, 8:24])


def test_an_interruption_ends_the_process_and_leaves_a_manifest(make, played, cases, tmp_path, monkeypatch):
    from lightning_modules.external import making

    reading = making.check_size

    def interrupt(picture, size):
        if len(played.calls) == 3:
            raise KeyboardInterrupt
        reading(picture, size)

    monkeypatch.setattr(making, "check_size", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make()
    assert len(listed(tmp_path / "made")) == 2
    monkeypatch.undo()
    assert make().there == 2


def test_a_template_is_filled_word_by_word(played, cases, tmp_path):
    text = 'It\'s "dim"; $(touch /x) {name} & more'
    case = cases[0].__class__(**{**vars(cases[0]), "text": text})
    declaration = read_declaration(played.declare(written="AU{au}", joined="+", intensity=4))
    make_pictures(system_of(declaration, tmp_path / "made"), [case], tmp_path / "made")
    (call,) = played.calls
    assert call["text"] == text
    assert (call["aus"], call["intensities"], call["seed"]) == ("AU6+AU12", "4+4", "0")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"python": "no_such_python"}, "no_such_python can't be started"),
        ({"command": "{python} {picture} {faces}"}, "must name places among {python}, {home}"),
    ],
)
def test_a_command_that_can_not_be_is_told(played, cases, tmp_path, changes, said):
    system = system_of(read_declaration(played.declare(**changes)), tmp_path / "made")
    with pytest.raises(NoPictureError) as raised:
        system.generate(cases[0])
    assert said in str(raised.value)


def test_the_environment_is_ours_and_what_it_declares(played, cases, tmp_path, monkeypatch):
    monkeypatch.setenv("OURS", "kept")
    show = "import os, shutil, sys; print(os.environ['OURS'], os.environ['THEIRS'], os.getcwd()); "
    (played.home / "inner").mkdir()
    (played.home / "show.py").write_text(show + "shutil.copy(sys.argv[1], sys.argv[2])")
    file = played.declare(
        command="{python} -S {home}/show.py {reference} {picture}",
        environment={"THEIRS": "{home}/x"},
        working_dir="inner",
    )
    system_of(read_declaration(file), tmp_path / "made").generate(cases[0])
    printed = (tmp_path / "made" / "process" / "log.txt").read_text().splitlines()[-1]
    assert printed == f"kept {played.home}/x {os.path.realpath(played.home / 'inner')}"
