"""What the page's script decides, run without a page: orders, ranking, export. Needs node; skipped without."""

import itertools
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import zoo.survey
from zoo.survey.answers import read_answers

PARTS = Path(zoo.survey.__file__).parent
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


STEPS = "stepsOf(survey, 'p1')"
MANY = 1500
CODES = ["p01", "a.b-c_d", "", "=1+1", "a b", "a,b", "é", "x" * 33, '"']
EXPRESSIONS = {
    "twice": f"[{STEPS}, {STEPS}]",
    "from_another_order": "stepsOf({...survey, trials: [...survey.trials].reverse()}, 'p1')",
    "many": f"[...Array({MANY}).keys()].map((n) => stepsOf(survey, `p${{n}}`))",
    "mixed": "[...Array(60).keys()].map((n) => stepsOf({...survey, order: 'mixed'}, `p${n}`))",
    "first": "pressed([], 'b', ['a', 'b', 'c'])",
    "second": "pressed(['b'], 'a', ['a', 'b', 'c'])",
    "last": "pressed(['b', 'a', 'c'], 'c', ['a', 'b', 'c'])",
    "back": "pressed(['b', 'a', 'c'], 'b', ['a', 'b', 'c'])",
    "codes": f"{json.dumps(CODES)}.map(isCode)",
    # ranks the items in the alphabet's order, but for a trial that is not finished
    "csv": "csvOf(survey, 'p1', Object.fromEntries(survey.trials.map((trial, place) => [trial.name, "
    "{ranking: Object.keys(trial.items).sort().slice(0, place ? 3 : 2), seconds: 1.25}])))",
}


@pytest.fixture(scope="module")
def found(survey):
    """Values of the expressions over the functions of ordering.js and a survey as the page has it: one process."""
    content = {
        "id": survey.id,
        "seed": survey.seed,
        "order": "grouped",
        "criteria": dict.fromkeys(survey.combinations),
        "trials": [
            {"name": each.name, "combination": each.combination, "items": dict.fromkeys(each.items, "data:")}
            for each in survey.trials
        ],
    }
    values = ", ".join(f"{name}: {expression}" for name, expression in EXPRESSIONS.items())
    code = (PARTS / "ordering.js").read_text()
    code += f"\nconst survey = {json.dumps(content)};\nconsole.log(JSON.stringify({{{values}}}));"
    done = subprocess.run([NODE, "-"], input=code, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_is_javascript():
    subprocess.run([NODE, "--check", PARTS / "page.js"], check=True)


def names(steps):
    return tuple(step["trial"]["name"] for step in steps)


def test_the_same_rater_sees_the_same_everywhere_and_another_one_another_order(found):
    assert found["twice"][0] == found["twice"][1] == found["from_another_order"]
    assert len({names(steps) for steps in found["many"]}) == 4  # of 2 groups, one of 2 trials


def test_every_picture_stands_everywhere_equally_often(found, survey):
    for trial in survey.trials:
        orders = Counter(
            tuple(step["items"]) for steps in found["many"] for step in steps if step["trial"]["name"] == trial.name
        )
        assert len(orders) == 6
        # chi-square with 5 degrees of freedom stays under 25 with probability 0.9999
        assert sum((count - MANY / 6) ** 2 / (MANY / 6) for count in orders.values()) < 25


def test_combinations_follow_each_other_unless_all_are_mixed(found):
    def changes(steps):
        asked = [step["trial"]["combination"] for step in steps]
        return sum(one != other for one, other in itertools.pairwise(asked))

    assert {changes(steps) for steps in found["many"]} == {1}
    assert {changes(steps) for steps in found["mixed"]} == {1, 2}


def test_pressing_ranks_takes_back_and_ranks_the_last_by_itself(found):
    assert found["first"] == ["b"]
    assert found["second"] == found["last"] == ["b", "a", "c"]
    assert found["back"] == ["a", "c"]


def test_codes_are_safe_in_any_spreadsheet(found):
    assert found["codes"] == [True, True, *[False] * 7]


def test_what_is_exported_is_what_is_read(found, survey, tmp_path):
    file = tmp_path / "p1.csv"
    file.write_bytes(found["csv"].encode())
    answers = read_answers([file], survey=survey, keep_incomplete=True)
    assert [each.trial.name for each in answers.rankings] == [trial.name for trial in survey.trials[1:]]
    for ranking in answers.rankings:
        expected = {system: place + 1 for place, (_, system) in enumerate(sorted(ranking.trial.items.items()))}
        assert ranking.ranks == expected
        assert ranking.seconds == pytest.approx(1.3, abs=0.06)
