"""The command ``describe``: what it prints, what it refuses, and that it answers at once."""

import csv
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from zoo.facs import AUS, CONSTRUCTS, name_of
from zoo.facs.composer import Composer
from zoo.facs.labels import parse_labels
from zoo.facs.lexicon import Lexicon

ROOT = Path(__file__).parents[1]
PROBE = """
import sys, cli
code = cli.main({words!r})
print(code, 'torch' in sys.modules, 'pytorch_lightning' in sys.modules)
"""


@pytest.fixture
def run(capsys):
    """Run ``describe`` with options; give exit code, output and messages."""

    def run(*words):
        code = cli.main(["describe", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    "words",
    [
        ["--aus", "6,12,15", "--explain", "--all", "--intensity"],
        ["--help"],
        ["--labels", "{folder}/labels.csv", "--output", "{folder}/out.csv"],
        ["--parse", "The cheeks are raised."],
        ["--lint", "The cheeks are raised."],
    ],
    ids=lambda words: words[0],
)
def test_it_answers_within_a_second_and_without_torch(words, tmp_path):
    (tmp_path / "labels.csv").write_text(",".join(f"AU{number}" for number in AUS) + "\n" + "1," * 11 + "0\n")
    code = PROBE.format(words=["describe", *(word.format(folder=tmp_path) for word in words)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.splitlines()[-1].split() == ["0", "False", "False"]
    # seconds of computing, which other processes on the machine don't change
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


class TestAUs:
    def test_prints_the_description_alone(self, run):
        assert run("--aus", "6,12,15", "--seed", "4") == (0, Composer(seed=4).describe({6, 12, 15}) + "\n", "")
        assert run("--aus", "") == (0, Composer().describe(()) + "\n", "")

    def test_style_variant_and_lexicon(self, run):
        expected = Composer(style="short", variant=2).describe({1, 4})
        assert run("--aus", "AU1 AU4", "--style", "short", "--variant", "2")[1] == expected + "\n"

    def test_all_prints_every_variant(self, run):
        assert run("--aus", "6,12,15", "--all")[1].splitlines() == list(Lexicon.load().variants((6, 12, 15)))

    def test_explain(self, run):
        text = run("--aus", "6,12,15,2", "--explain")[1]
        assert "Constructs  6+12+15; 2" in text
        assert "6+12+15 took 12, 15" in text
        assert "worded together by 6+12+15" in text

    def test_json(self, run):
        found = json.loads(run("--aus", "L14:B,6,12", "--json", "--all", "--explain", "--intensity", "--side")[1])
        composed = Composer(word_intensity=True, word_side=True).compose([])  # for its keys
        assert set(composed.as_dict()) | {"style", "seed", "lexicon", "all", "explanation"} == set(found)
        assert found["labels"] == ["AU6", "AU12", "L14:B"]
        assert found["constructs"] == ["6+12", "14"]
        assert found["description"].endswith("Only the left side shows the dimpling of the lip corners.")
        assert len(found["all"]) == 5
        assert found["explanation"]["constructs"] == ["6+12", "14"]
        assert found["lexicon"] == {"name": Lexicon.load().name, "sha256": Lexicon.load().sha256}

    def test_policies(self, run):
        assert run("--aus", "5,6")[0] == 2
        code, text, message = run("--aus", "5,6", "--impossible", "warn")
        assert (code, text) == (0, Composer().describe({6}) + "\n")
        assert message == (
            "warning: parse_labels: AUs must be some of 1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24, got 5 in '5': "
            "it is left out.\n"
        )
        assert run("--aus", "12,15", "--conflicts", "warn", "--all")[2].count("warning") == 1
        assert run("--aus", "12,15", "--conflicts", "reject")[0] == 2


class TestLabels:
    @pytest.fixture
    def labels(self, tmp_path):
        file = tmp_path / "in.csv"
        header = ",".join(["image", *(f"AU{number}" for number in AUS), "AU9"])
        file.write_text(f"{header}\na.png,0,0,0,1,0,0,1,0,1,0,0,0,1\nb.png,1,9,0,0,0,0,0,0,0,0,0,0,0\n")
        return file

    def test_writes_constructs_and_descriptions(self, run, labels, tmp_path):
        code, text, message = run("--labels", str(labels), "--output", str(tmp_path / "out.csv"), "--variant", "1")
        assert (code, text) == (0, "")
        assert "line 3: AU2 is unknown: it is not stated." in message
        assert "kept and not described: AU9" in message
        assert "2 lines described" in message
        with (tmp_path / "out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["image"], row["constructs"]) for row in rows] == [("a.png", "6+12+15"), ("b.png", "1")]
        assert rows[0]["description"] == Composer(variant=1).describe({6, 12, 15})
        assert rows[1]["AU2"] == "9"

    def test_prints_where_no_output_is_given(self, run, labels):
        code, text, _ = run("--labels", str(labels))
        assert code == 0
        assert [row["constructs"] for row in csv.DictReader(text.splitlines())] == ["6+12+15", "1"]

    def test_never_writes_over_a_file_unasked(self, run, labels, tmp_path):
        output = tmp_path / "out.csv"
        output.write_text("mine")
        code, _, message = run("--labels", str(labels), "--output", str(output))
        assert code == 2
        assert "exists" in message
        assert run("--labels", str(labels), "--output", str(output), "--overwrite")[0] == 0

    def test_a_reader_that_leaves_early_is_no_error(self, labels):
        content = labels.read_text()
        labels.write_text(content + (content.splitlines()[1] + "\n") * 40_000)
        command = f"{sys.executable} cli.py describe --labels {labels} --unknown resolve | head -1"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0
        assert done.stdout.startswith("image,AU1")
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("words", "part"),
        [
            (["--labels", "nix.csv"], "'nix.csv', which does not exist"),
            (["--labels", "{labels}", "--unknown", "reject"], "in.csv, line 3: AU2 is unknown"),
            (["--labels", "{labels}", "--intensity"], "there must be columns intensity_AU1"),
        ],
    )
    def test_mistakes_are_said_in_one_line(self, run, labels, words, part):
        code, _, message = run(*(word.format(labels=labels) for word in words))
        assert code == 2
        assert message.startswith("error: ")
        assert part in message
        assert message.count("\n") == 1


class TestParse:
    def test_a_text(self, run):
        text = Composer(word_intensity=True).describe({6, 12, 15})
        assert run("--parse", text) == (0, "AU6,AU12,AU15\n", "")
        assert json.loads(run("--parse", text, "--json")[1])["method"] == "lexicon"

    def test_a_file_of_texts(self, run, tmp_path):
        file = tmp_path / "texts.txt"
        file.write_text("\n".join([Composer().describe({1, 2}), "", "The lip corners are drawn down."]))
        code, text, message = run("--parse", str(file))
        assert (code, text) == (0, "AU1,AU2\nAU15\n")
        assert message == "1 of 2 not made of the lexicon's descriptions, read freely\n"
        assert [each["aus"] for each in json.loads(run("--parse", str(file), "--json")[1])] == [[1, 2], [15]]

    def test_explain_says_what_it_is_made_of(self, run):
        text = run("--parse", Composer(variant=3, style="short").describe({6, 12, 15, 2}), "--explain")[1]
        assert "6+12+15  variant 3, short" in text
        assert "read by the lexicon" in text


class TestLint:
    def test_a_good_text(self, run):
        assert run("--lint", Composer().describe({6, 12, 15})) == (0, "in order: it states AU6, AU12, AU15\n", "")

    def test_a_text_that_says_something_else(self, run):
        text = Composer(variant=1).describe({6, 12, 15})
        assert run("--lint", text, "--aus", "6,12,15")[0] == 0
        code, found, _ = run("--lint", text, "--aus", "6,12,17")
        assert code == 1
        assert "17" in found
        assert "15" in found

    def test_a_file_says_which_line(self, run, tmp_path):
        file = tmp_path / "texts.txt"
        file.write_text(f"{Composer().describe({1, 2})}\n\nA happy face.\n")
        code, found, _ = run("--lint", str(file))
        assert code == 1
        assert f"{file}, line 3: A happy face." in found
        assert "1 of 2 texts have faults" in found

    def test_a_lexicon_says_which_description(self, run, tmp_path):
        file = tmp_path / "mine.yaml"
        texts = {name_of(construct): Lexicon.load().variants(construct, style="short")[0] for construct in CONSTRUCTS}
        texts["6+12+15"] = "A happy face."
        entries = "\n".join(f"  {name}: {{full: ['{text}']}}" for name, text in texts.items())
        file.write_text(f"variants: 1\nconstructs:\n{entries}\n")
        code, found, _ = run("--lint", str(file))
        assert code == 1
        assert "6+12+15, full, variant 1: emotion: 'happy'" in found
        assert found.splitlines()[-1].endswith(" faults in 38 texts")
        code, found, _ = run("--lint", str(file), "--json")
        assert code == 1
        assert {(each["place"], each["kind"]) for each in json.loads(found)["findings"]} >= {
            ("6+12+15, full, variant 1", "emotion")
        }
        assert run("--lint", str(file), "--aus", "6")[0] == 2

    def test_our_sentences_are_no_invented_intensity_where_they_are_labelled(self, run):
        text = Composer(word_intensity=True, variant=1).describe(parse_labels("6,12:C"))
        assert run("--lint", text, "--aus", "6,12:C")[0] == 0
        assert run("--lint", text)[0] == 0
        assert run("--lint", text, "--aus", "6,12")[0] == 1

    def test_json(self, run):
        code, found, _ = run("--lint", "A happy face.", "--json")
        assert code == 1
        assert json.loads(found)["text"] == "A happy face."


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "one of --aus, --labels, --parse or --lint must be given"),
        (["--aus", "6", "--labels", "x.csv"], "--aus and --labels don't go together"),
        (["--aus", "6", "--output", "x.csv"], "--output goes with --labels, got --aus"),
        (["--parse", "text", "--all"], "--all goes with --aus, got --parse"),
        (["--labels", "x.csv", "--json"], "--json goes with --aus or --lint or --parse, got --labels"),
        (["--aus", "x"], "must be an AU such as 12"),
        (["--aus", "6", "--variant", "6"], "variant must be from 1 to 5, got 6"),
        (["--aus", "6", "--style", "long"], "style: must be one of 'full', 'short', got 'long'"),
        (["--aus", "6", "--lexicon", "nix.yaml"], "got 'nix.yaml'"),
        (["--aus", "6", "--unknown", "ignore"], "must be one of"),
        (["--parse", "nix.txt"], "got 'nix.txt'"),
        (["--parse", " "], "there must be a text"),
        (["--aus", "6", "--intensities"], "there is no such option. Did you mean 'intensity'"),
    ],
)
def test_mistakes_are_said_in_one_line(run, words, part):
    code, text, message = run(*words)
    assert (code, text) == (2, "")
    assert part in message
    assert "Traceback" not in message


def test_help_has_examples(run):
    code, text, _ = run("--help")
    assert code == 0
    assert "python cli.py describe --labels labels.csv --output described.csv" in text
    assert "--word" not in text
