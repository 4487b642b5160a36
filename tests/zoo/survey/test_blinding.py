"""Ids tell nothing, and the key tells all."""

import json
from dataclasses import replace

import pytest

from zoo.files import save_json
from zoo.survey.blinding import CONFLICTING, blinded, read_key
from zoo.survey.cases import find_cases


@pytest.fixture
def cases(systems):
    return find_cases(systems).cases


def test_the_six_combinations_are_conflicts():
    from zoo.facs import ANTAGONISTS

    assert len(set(CONFLICTING)) == 6
    assert all(any(set(pair) <= set(aus) for pair in ANTAGONISTS) for aus in CONFLICTING)


def test_the_same_pictures_give_the_same_survey_and_others_another(cases, systems, draw):
    first = blinded(cases, systems=list(systems), seed=0)
    assert blinded(cases, systems=list(systems), seed=0) == first
    assert blinded(cases, systems=list(systems), seed=1).id != first.id
    draw(systems["ours"] / "face0_1+4.png", seed=99)
    assert blinded(cases, systems=list(systems), seed=0).id != first.id


def test_every_trial_has_every_system_once_under_ids_of_its_own(cases, systems):
    survey = blinded(cases, systems=list(systems), seed=0)
    ids = [item for trial in survey.trials for item in trial.items]
    assert len(set(ids)) == len(ids)
    assert all(sorted(trial.items.values()) == sorted(systems) for trial in survey.trials)
    # their order is none: no system is always first
    assert len({tuple(trial.items.values()) for trial in survey.trials}) > 1
    assert list(survey.combinations) == ["1+4", "12+15"]


def test_ids_stay_text_in_a_spreadsheet(cases, systems):
    survey = blinded(cases, systems=list(systems), seed=0)
    names = [survey.id, *(item for trial in survey.trials for item in trial.items)]
    assert all(name[0].isalpha() and name.isalnum() for name in names)


def test_too_many_systems_are_refused(cases):
    with pytest.raises(ValueError, match="at most 9"):
        blinded(cases, systems=[str(place) for place in range(10)], seed=0)


def test_a_key_that_was_written_is_read_again(survey, tmp_path):
    file = save_json(survey.as_dict(), tmp_path / "key.json")
    assert read_key(file) == survey


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"survey": "a", "seed": 0, "systems": [], "trials": 3}'])
def test_what_is_no_key_is_refused(tmp_path, content):
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="must be a key"):
        read_key(file)
    with pytest.raises(FileNotFoundError, match="key must be the file"):
        read_key(tmp_path / "absent.json")


def test_a_key_that_lacks_a_system_is_refused(survey, tmp_path):
    content = replace(survey, systems=("ours", "theirs")).as_dict()
    (tmp_path / "key.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="every system once"):
        read_key(tmp_path / "key.json")
