"""The commands: pictures of a test set's cases, measured by ``evaluate``; the paper's Table 1."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

import cli
from lightning_modules.cli.config_files import CONFIGS
from lightning_modules.cli.errors import UserError
from lightning_modules.external.declaration import declarations, read_declaration

NOBODY = [
    word for judge in ("recognizer", "identity", "text-recognizer", "features") for word in (f"--{judge}", "null")
]


@pytest.fixture
def make(data_yaml, tmp_path):
    """Call the command on four pictures."""

    def call(*words):
        fixed = ["--data", data_yaml, "--output", tmp_path / "made"]
        return cli.main(["external", "make", *map(str, [*fixed, *words])])

    return call


def test_a_system_of_others_is_measured_by_evaluate(make, played, data_yaml, tmp_path, capsys):
    assert make("--systems", played.declare()) == 0
    assert "Played: 4 pictures made, 0 there already, of 4" in capsys.readouterr().out
    made = tmp_path / "made" / "played"
    words = ["--systems.played", made, "--data", data_yaml, *NOBODY, "--plots", "false", "--output", tmp_path / "out"]
    assert cli.main(["evaluate", *map(str, words)]) == 0
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())["figures"]
    found = {each["system"]: each["value"] for each in figures if each["figure"] == "l1" and each["group"] == "all"}
    assert found["played"] == pytest.approx(found["copied reference"], abs=1e-6)  # it copies
    assert found["played"] > 0


def test_its_cases_are_those_that_evaluate_writes(make, played, data_yaml, tmp_path):
    make("--systems", played.declare(), "--num-images", "3", "--seed", "4")
    words = ["--write-cases", "--data", data_yaml, "--num-images", "3", "--seed", "4", "--output", tmp_path / "cases"]
    cli.main(["evaluate", *map(str, words)])
    with (tmp_path / "cases" / "seen_frames.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [call["name"] for call in played.calls] == [row["frame"] for row in written]
    assert [call["text"] for call in played.calls] == [row["description"] for row in written]
    assert [call["aus"] for call in played.calls] == [row["aus"] for row in written]


def test_a_style_of_its_own(make, played):
    from zoo.facs.linter import lint

    make("--systems", f"{played.declare('one')},{played.declare('other', style='short')}")
    texts = [call["text"] for call in played.calls]
    assert len(texts) == 8
    assert sum(map(len, texts[4:])) < sum(map(len, texts[:4]))
    for call in played.calls:
        assert lint(call["text"], [int(au) for au in call["aus"].split(",")]).ok


def test_what_is_missing_is_told_and_the_others_go_on(make, played, tmp_path, capsys):
    away = played.declare("away", name="Away", home=str(tmp_path / "nowhere"))
    assert make("--systems", f"{away},{played.declare()}") == 1
    printed = capsys.readouterr()
    assert "error: Away: its weights must be at" in printed.err
    assert "Ask whoever trained it. Another place: --home.away DIR." in printed.err
    assert printed.err.count("\n") == 1
    assert "Played: 4 pictures made" in printed.out
    assert make("--systems", f"{away},{played.declare()}", "--home.away", played.home) == 0


def test_failures_are_one_line_and_the_exit_code_tells(make, played, capsys):
    played.feel(seen_000002="crash")
    assert make("--systems", played.declare(), "--retries", "0") == 1
    printed = capsys.readouterr()
    assert "error: Played: 1 of 4 pictures were not made" in printed.err
    assert "seen_000002: ended with code 3: out of paint" in printed.err
    assert printed.err.count("\n") == 1
    assert "3 pictures made" in printed.out


def test_one_process_at_a_time(make, played, tmp_path, capsys):
    from lightning_modules.study.processes import locked

    with locked(tmp_path / "made" / "played" / ".lock"):
        assert make("--systems", played.declare()) == 1
    assert "another process makes pictures" in capsys.readouterr().err


def test_sigterm_ends_what_runs(make, played, capsys):
    import os
    import signal
    import threading
    import time

    played.feel(seen_000001="hang")
    before = signal.getsignal(signal.SIGTERM)

    def stop():
        while not (played.home / "child.txt").is_file() or not (played.home / "child.txt").read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop)
    watcher.start()
    assert make("--systems", played.declare()) == 130
    watcher.join()
    assert "Interrupted." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_pictures_made_elsewhere(make, tmp_path, capsys):
    folder = tmp_path / "by_hand"
    folder.mkdir()
    declared = tmp_path / "web.yaml"
    declared.write_text(json.dumps({"name": "Web", "pictures": ".", "home": str(folder), "takes": {"text": True}}))
    Image.new("RGB", (40, 40)).save(folder / "a.png")
    (folder / "manifest.csv").write_text("frame,image,version\nseen_000000,a.png,4\nseen_000001,gone.png,4\n")
    assert make("--systems", declared) == 1
    error = capsys.readouterr().err
    assert "3 of 4 pictures were not made" in error
    assert "gone.png is not there" in error
    (folder / "manifest.csv").write_text("frame,image\nseen_000000,a.png\nseen_000003,b.png\n")
    Image.new("RGB", (40, 40)).save(folder / "b.png")
    assert make("--systems", declared) == 1
    assert "1 pictures made, 1 there already" in capsys.readouterr().out
    Image.new("RGB", (40, 40), "red").save(folder / "b.png")
    assert make("--systems", declared) == 1
    assert "--overwrite replaces it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--systems", "external/uniportrate.yaml"], "Did you mean external/uniportrait.yaml"),
        (["--systems", "external/vq_auface.yaml"], "is a model of this zoo"),
        (["--systems", "external/glm4.yaml", "--home.glm", "x"], "home must name one of glm4, got 'glm'"),
        (["--systems", "PLAYED", "--retries", "-1"], "retries must be at least 0"),
        (["--systems", "PLAYED", "--sets", "often"], "sets must be among"),
    ],
)
def test_mistakes_are_one_line(make, played, capsys, words, said):
    assert make(*[word.replace("PLAYED", played.declare()) for word in words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_table_1_is_the_papers(capsys):
    assert cli.main(["external", "list", "--paper", "--json"]) == 0
    rows = [tuple(row.values()) for row in json.loads(capsys.readouterr().out)]
    assert rows == [
        ("GLM4", "None", "Text", "Qual."),
        ("MidJourney", "None", "Text+Ref.", "Qual."),
        ("UniPortrait", "None", "Text+Ref.", "Both"),
        ("AnyFace", "None", "Text", "Both"),
        ("SD 1.5", "Fine-tuned", "Text", "Both"),
        ("GANimation", "Retrained", "AU+Ref.", "Both"),
    ]


def test_the_whole_table_says_what_is_at_hand(capsys):
    assert cli.main(["external", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1
    ours = next(line for line in lines if "VQ-AUFace" in line)
    assert ours.rstrip("| ").endswith("yes")
    assert len(lines) == 2 + len(declarations())


@pytest.mark.parametrize("declared", declarations(), ids=lambda each: each.key)
def test_a_declaration_of_ours_can_be_followed(declared):
    text = declared.file.read_text()
    assert text.startswith("# ")
    for template in declared.call:
        for script in [word for word in template.split() if word.startswith("{here}/")]:
            assert (declared.file.parent / script.removeprefix("{here}/")).is_file()
    if declared.kind in ("command", "worker"):
        assert f"external make --systems external/{declared.key}.yaml" in text
        assert declared.needs
        assert all(each.get and each.what for each in declared.needs)
        assert declared.source.startswith("https://")
    if declared.kind == "model":
        assert (CONFIGS / declared.source).is_file()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"worker": "x"}, "must have one of command, worker, pictures, model, got command, worker"),
        ({"takes": {"txt": True}}, "takes.txt is not known. Did you mean 'text'"),
        ({"takes": {"aus": [9]}}, "takes.aus must be of 1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24, got 9"),
        ({"traning": "none"}, "Did you mean 'training'"),
        ({"training": "some"}, "training must be one of none, fine-tuned, retrained, ours, got 'some'"),
        ({"needs": [{"path": "x"}]}, "needs must be a list of path, what and get"),
    ],
)
def test_a_declaration_that_can_not_be_meant_is_refused(played, changes, said):
    with pytest.raises(UserError, match=r"played\.yaml") as raised:
        read_declaration(played.declare(**changes))
    assert said in str(raised.value)


def test_a_worker_of_ours_answers(tmp_path):
    """The loop that our workers share, in a process without any package."""
    import subprocess
    import sys

    script = tmp_path / "ask.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(CONFIGS / 'external')!r})\n"
        "from answering import answer\n"
        "class Picture:\n    def save(self, file): open(file, 'w').write('picture')\n"
        "def generate(case):\n    return Picture() if case['aus'] else 1 / 0\n"
        "answer(generate)\n"
    )
    asked = [{"name": "a", "aus": [1], "picture": str(tmp_path / "a")}, {"name": "b", "aus": [], "picture": "b"}]
    told = "".join(json.dumps(each) + "\n" for each in asked)
    done = subprocess.run([sys.executable, "-S", script], input=told, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["done a", "failed b: ZeroDivisionError: division by zero"]
    assert (tmp_path / "a").read_text() == "picture"
