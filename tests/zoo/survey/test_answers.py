"""Answers are read as they are, and refused where they don't fit the survey."""

import pytest

from zoo.survey.answers import answer_files, read_answers

FULL = {"12+15_1": (1, 2, 3), "12+15_2": (2, 1, 3), "1+4_1": (3, 2, 1)}


def test_answers_are_joined_with_the_key(survey, answer):
    answers = read_answers([answer("b", FULL), answer("a", FULL)], survey=survey)
    assert answers.raters == ("a", "b")
    first = answers.rankings[0]
    assert (first.rater, first.trial.name, first.seconds) == ("a", "12+15_1", 2.5)
    assert first.ranks == {"ours": 1, "theirs": 2, "others": 3}


def test_what_a_spreadsheet_saved_is_read(survey, answer):
    file = answer("a", FULL, delimiter=";")
    file.write_text("\ufeff" + file.read_text().replace("2.5", "2,5"), encoding="utf-8")
    answers = read_answers([file], survey=survey)
    assert answers.rankings[0].seconds == 2.5


def test_answers_to_another_survey_are_refused(survey, answer):
    with pytest.raises(ValueError, match=r"line 2: survey must be s1.*got 's2'"):
        read_answers([answer("a", FULL, survey_id="s2")], survey=survey)


def test_a_rater_who_did_not_finish_is_refused_or_kept(survey, answer):
    file = answer("a", {"12+15_1": (1, 2, 3)})
    with pytest.raises(ValueError, match="'a' must have ranked all 3 trials, got 1 in"):
        read_answers([file], survey=survey)
    assert len(read_answers([file], survey=survey, keep_incomplete=True).rankings) == 1


def test_two_files_of_one_rater_are_joined_where_they_agree(survey, answer):
    whole, part = answer("a", FULL, name="1"), answer("a", {"12+15_1": (1, 2, 3)}, name="2")
    answers = read_answers([whole, part], survey=survey)
    assert len(answers.rankings) == 3
    assert answers.repeated == (part,)
    rest = answer("a", {name: FULL[name] for name in ("12+15_2", "1+4_1")}, name="3")
    joined = read_answers([part, rest], survey=survey)
    assert len(joined.rankings) == 3
    assert joined.repeated == ()


def test_two_raters_of_one_code_are_refused(survey, answer):
    files = [answer("a", FULL, name="1"), answer("a", {**FULL, "1+4_1": (1, 2, 3)}, name="2")]
    with pytest.raises(ValueError, match=r"must answer once, got two rankings of 1\+4_1 by 'a'"):
        read_answers(files, survey=survey)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("12+15_1,", "12+15_9,", "trial must be one of the survey's"),
        ("i12+15_10", "iother", "item must be one of the survey's"),
        (",1,1,2.5", ",1,4,2.5", "rank must be a number from 1 to 3, got '4'"),
        (",1,1,2.5", ",1,x,2.5", "rank must be a number from 1 to 3, got 'x'"),
        (",1,1,2.5", ",1,nan,2.5", "rank must be a number from 1 to 3, got 'nan'"),
        ("i12+15_11", "i12+15_10", "every item must be ranked once"),
        (",a,", ",,", "rater must be a code"),
        ("rank,", "order,", "must have the columns .* got none named 'rank'"),
    ],
)
def test_a_file_that_was_changed_is_refused(survey, answer, old, new, told):
    file = answer("a", FULL)
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=told):
        read_answers([file], survey=survey)


def test_a_file_that_was_cut_short_is_refused(survey, answer):
    file = answer("a", FULL)
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))
    with pytest.raises(ValueError, match=r"must have ranked all 3 pictures of 1\+4_1, got 2"):
        read_answers([file], survey=survey)


def test_an_empty_file_and_no_text_are_refused(survey, answer):
    file = answer("a", {})
    with pytest.raises(ValueError, match="at least one ranking"):
        read_answers([file], survey=survey)
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="is no text"):
        read_answers([file], survey=survey)


def test_files_are_those_of_a_folder_but_our_own_table(answer, tmp_path):
    file = answer("a", FULL)
    (file.parent / "auchs.csv").write_text("combination,system\n")
    assert answer_files(file.parent) == (file,)
    assert answer_files(file) == (file,)
    with pytest.raises(FileNotFoundError, match="answers must be a CSV file"):
        answer_files(tmp_path / "absent")
