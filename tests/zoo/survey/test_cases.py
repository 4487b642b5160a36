"""Pictures of several systems are matched, and what is amiss is told."""

import json

import pytest

from zoo.survey.cases import chosen, complete_cases, find_cases


def test_cases_are_matched_by_name_and_known_by_it(systems):
    found = find_cases(systems)
    assert [(case.name, case.aus) for case in found.cases] == [
        ("face0_1+4", (1, 4)),
        ("face0_12+15", (12, 15)),
        ("face1_1+4", (1, 4)),
        ("face1_12+15", (12, 15)),
    ]
    assert all(list(case.files) == list(systems) for case in found.cases)


def test_a_record_says_more_than_a_name_and_a_job_more_than_a_record(systems):
    (systems["ours"] / "face0_12+15.json").write_text(json.dumps({"aus": ["AU6:B", "L12", "AU15"]}))
    by_name = {case.name: case.aus for case in find_cases(systems).cases}
    assert by_name["face0_12+15"] == (6, 12, 15)
    given = {case.name: case.aus for case in find_cases(systems, aus={"face0_12+15": (1, 2)}).cases}
    assert given["face0_12+15"] == (1, 2)


def test_pictures_whose_aus_nothing_tells_are_named(systems, draw):
    draw(systems["ours"] / "grid.png")
    assert find_cases(systems).unknown == ("grid",)


def test_records_that_disagree_are_refused(systems):
    for system, aus in (("ours", ["AU12"]), ("theirs", ["AU6", "AU12"])):
        (systems[system] / "face0_12+15.json").write_text(json.dumps({"aus": aus}))
    with pytest.raises(ValueError, match="must show the same AUs"):
        find_cases(systems)


@pytest.mark.parametrize("content", ["{", "[]", '{"aus": ["AU99"]}', '{"aus": 3}'])
def test_a_damaged_record_is_named(systems, content):
    (systems["ours"] / "face0_12+15.json").write_text(content)
    with pytest.raises(ValueError, match=r"face0_12\+15.json must be a record of synthesize"):
        find_cases(systems)


def test_one_system_is_nothing_to_rank(systems):
    with pytest.raises(ValueError, match=r"systems must be at least two.*only 'ours'"):
        find_cases({"ours": systems["ours"]})


def test_a_folder_that_is_missing_or_empty_is_told(systems, tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a folder"):
        find_cases({**systems, "absent": tmp_path / "absent"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="must hold pictures"):
        find_cases({**systems, "empty": tmp_path / "empty"})


def test_two_pictures_of_one_name_are_refused(systems, draw):
    draw(systems["ours"] / "face0_12+15.jpg")
    with pytest.raises(ValueError, match="one picture of each name"):
        find_cases(systems)


def test_a_case_that_a_system_lacks_is_refused_or_left_out(systems):
    (systems["others"] / "face1_1+4.png").unlink()
    cases = find_cases(systems).cases
    with pytest.raises(ValueError, match=r"got none of 'face1_1\+4' from 'others'"):
        complete_cases(cases, systems=systems, leave_out=False)
    kept = complete_cases(cases, systems=systems, leave_out=True)
    assert [case.name for case in kept] == ["face0_1+4", "face0_12+15", "face1_12+15"]


def test_the_choice_depends_on_the_seed_alone(systems, draw):
    for folder in systems.values():
        for number in range(2, 9):
            draw(folder / f"face{number}_1+4.png", size=(8, 8))
    cases = find_cases(systems).cases

    def names(order, seed):
        return [case.name for case in chosen(order, combinations=[(1, 4)], per_combination=3, seed=seed)]

    assert names(cases, 0) == names(cases[::-1], 0)
    assert len(names(cases, 0)) == 3
    assert len({tuple(names(cases, seed)) for seed in range(8)}) > 1
