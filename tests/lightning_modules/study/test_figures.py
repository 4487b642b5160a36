"""Figures of other commands."""

import json

import pytest

from lightning_modules.cli.errors import UserError
from lightning_modules.study.figures import figure, interval, names, read_figures


def test_records_of_evaluate_become_nested_keys(tmp_path):
    def record(system, group, value):
        place = {"set": "seen", "group": group, "system": system, "figure": "au_f1"}
        return {**place, "value": value, "low": value - 1, "high": value + 1}

    records = [record("model", "all", 0.5), record("copied reference", "all", 0.1), record("model", "conflicting", 0.4)]
    (tmp_path / "metrics.json").write_text(json.dumps({"figures": records, "judges": {}}))
    found = read_figures(tmp_path / "metrics.json")
    assert figure(found, "model.au_f1") == 0.5
    assert figure(found, "copied reference.au_f1") == 0.1
    assert figure(found, "model.conflicting.au_f1") == 0.4
    assert interval(found, "model.conflicting.au_f1") == (-0.6, 1.4)
    assert "model.conflicting.au_f1" in set(names(found))
    assert figure(found, "model.all.au_f1") is None


def test_plain_figures_stay_as_they_are(tmp_path):
    (tmp_path / "metrics.json").write_text('{"a.b": 1, "c": {"d": 2, "d_interval": [1, 3]}}')
    found = read_figures(tmp_path / "metrics.json")
    assert (figure(found, "a.b"), figure(found, "c.d"), interval(found, "c.d")) == (1, 2, (1.0, 3.0))
    assert interval(found, "c.d", "c.other") is None


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_a_broken_file_is_told(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(UserError, match=r"metrics\.json must"):
        read_figures(tmp_path / "metrics.json")
