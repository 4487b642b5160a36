"""What stands in a table, and what it looks like."""

import csv
import json
import math

import pytest

from lightning_modules.study.results import gather
from lightning_modules.study.writing import latex, markdown, write_tables

WORDS = ["study", "--config", "study.yaml"]


@pytest.fixture
def results(work, do):
    made = work()
    do(made)
    return gather(made, {})


def row_of(results, variant):
    return next(row for row in results.rows if row.variant == variant)


def test_a_row_has_means_over_seeds_and_their_interval(results):
    made = row_of(results, "large").estimates["F1"]
    values = [0.80, 0.81]
    mean = sum(values) / 2
    reach = 12.706204736 * math.sqrt(sum((value - mean) ** 2 for value in values)) / math.sqrt(2)  # t of one degree
    assert made.mean == pytest.approx(mean)
    assert (made.low, made.high) == pytest.approx((mean - reach, mean + reach))


def test_differences_are_taken_seed_by_seed(results):
    small = row_of(results, "small")
    assert small.against == "large"
    assert small.differences["F1"].mean == pytest.approx(-0.2)
    assert small.differences["F1"].low == pytest.approx(-0.2)  # the seeds move both alike
    assert row_of(results, "large").differences == {}


def test_the_table_is_in_the_papers_form_with_its_figures_set_apart(results):
    text = markdown(results, command=WORDS)
    head = next(line for line in text.splitlines() if "F1" in line)
    assert head == "|  | F1 ↑ | L1 ↓ | steps | training min |   | *paper: FID ↓* | *paper: AAAD ↑* |"
    assert "| **Big ones** |" in text
    assert "| Large | **0.805** [0.741, 0.869] |" in text
    assert "| 100 | 1.0 |  | **63.604** | **0.606** |" in text
    assert "Table 6 of the paper: other data, other features, not comparable" in text
    assert "| *Copied reference* | 0.100 [0.100, 0.100] | - |" in text
    assert "| Small ones: Small less Large | -0.200 [-0.200, -0.200] * |" in text
    assert "python cli.py study --config study.yaml" in text


def test_a_table_without_figures_of_the_paper_has_no_such_columns(work, do):
    made = work("variants: {large: {paper: null}, small: {paper: null}}")
    do(made)
    text = markdown(gather(made, {}), command=WORDS)
    assert "paper" not in text
    assert "paper" not in latex(gather(made, {}))


@pytest.mark.parametrize(("f1", "counts"), [(0.8, True), (0.19, False)])
def test_a_table_counts_only_if_the_full_model_beats_what_it_must(work, do, f1, counts):
    made = work()
    made.processes.f1["large"] = f1  # its interval reaches 0.05 down, that of copying up to 0.15
    do(made)
    results = gather(made, {})
    assert results.counts is counts
    text = markdown(results, command=WORDS)
    assert ("Nothing follows from this table" in text) is not counts
    assert ("| Large ° |" in text) is not counts


def test_what_is_missing_or_failed_is_told(work, do):
    made = work()
    made.processes.failing = {"small/seed_1"}
    outcomes = do(made)
    failures = {key: each.reason for key, each in outcomes.items() if each.kind == "failed"}
    results = gather(made, failures)
    assert results.counts is True
    text = markdown(results, command=WORDS)
    assert "| Small (1 of 2 seeds) | 0.600 [0.550, 0.650] |" in text  # over subjects, where there is one seed
    assert "**0.805**" not in text  # nothing is best where rows are missing
    assert "- small/seed_1: exit code 1: out of wheels" in text


def test_a_figure_that_nobody_measures_is_told(work, do):
    made = work("table: {columns: {F1: {figure: f1_copid}}}")
    do(made)
    assert "No measurement has the figure `f1_copid`. Did you mean 'f1_copied'" in markdown(
        gather(made, {}), command=WORDS
    )


def test_nothing_measured_yet_is_a_table_too(work):
    results = gather(work(), {})
    assert results.counts is None
    assert "| Large (not there yet) | - | - |" in markdown(results, command=WORDS)


def test_minutes_that_were_missed_are_told(work, do):
    made = work("budget: {max_steps: null, max_minutes: 2, validations: 7}")
    do(made)
    assert "off their budget of minutes: Large (1.0 of 2), Small (1.0 of 2)" in markdown(
        gather(made, {}), command=WORDS
    )


def test_latex_escapes_and_has_as_many_cells_in_each_line(work, do):
    made = work("variants: {small: {label: 'w/o T_S & 5 %'}}")
    do(made)
    text = latex(gather(made, {}))
    assert r"w/o T\_S \& 5 \%" in text
    assert r"\multicolumn{2}{c}{\emph{Table 6 of the paper: other data, other features, not comparable}}" in text
    cells = {line.replace(r"\&", "").count("&") for line in text.splitlines() if line.endswith(r"\\")}
    assert cells == {6, 2, 0}  # rows; the line of blocks; groups


def test_files_say_the_same(results, tmp_path):
    files = write_tables(results, tmp_path / "tables", command=WORDS)
    assert sorted(each.name for each in files) == ["runs.csv", "table.csv", "table.json", "table.md", "table.tex"]
    with (tmp_path / "tables" / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["F1"]) for row in rows] == pytest.approx([0.805, 0.605])
    assert rows[0]["paper FID (other data, other features, not comparable)"] == "63.604"
    with (tmp_path / "tables" / "runs.csv").open() as stream:
        runs = [row for row in csv.DictReader(stream) if row["figure"] == "f1"]
    assert {(row["variant"], row["seed"]): float(row["value"]) for row in runs} == pytest.approx(
        {("large", "0"): 0.80, ("large", "1"): 0.81, ("small", "0"): 0.60, ("small", "1"): 0.61}
    )
    content = json.loads((tmp_path / "tables" / "table.json").read_text())
    assert content["counts"] is True
    assert content["rows"][1]["differences"]["F1"]["mean"] == pytest.approx(-0.2)
