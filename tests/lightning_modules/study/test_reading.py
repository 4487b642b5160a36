"""What a study's YAML may say."""

import pytest

from lightning_modules.cli.errors import UserError
from lightning_modules.study.plan import Budget
from lightning_modules.study.reading import read_study


def read(folder, text):
    (folder / "overlay.yaml").write_text(text)
    return read_study("study.yaml", overlay="overlay.yaml")


def test_variants_are_the_base_with_what_they_say(folder):
    study = read_study("study.yaml")
    small = study.variants["small"]
    assert small.configs == (str(folder / "base.yaml"),)
    assert small.overlays == (str(folder / "smaller.yaml"),)
    assert (small.options, small.parts) == ({"model.size": 3}, {"model.codec": "codec"})
    assert small.budget == Budget(max_steps=100, validations=10)
    assert small.paper == {"seen": {"FID": 66.031, "AAAD": 0.574}}
    assert study.needs(small) == ("codec",)


def test_what_a_variant_sets_comes_after_the_base(folder):
    study = read(folder, "variants: {small: {set: {model.codec: other, model.size: 4}, budget: null}}")
    small = study.variants["small"]
    assert small.options == {"model.codec": "other", "model.size": 4}
    assert small.parts == {}
    assert small.budget is None


def test_null_takes_a_variant_out(folder):
    study = read(folder, "variants: {small: null}")
    assert list(study.variants) == ["large"]


def test_a_study_extends_another_and_names_configs_beside_itself(folder):
    (folder / "below").mkdir()
    (folder / "below" / "mine.yaml").write_text("model: {}")
    (folder / "below" / "study.yaml").write_text("extends: ../study.yaml\nbase: {configs: [mine.yaml]}\nseeds: 4")
    study = read_study("below/study.yaml")
    assert study.seeds == (4,)
    assert study.variants["large"].configs == (str(folder / "below" / "mine.yaml"),)
    assert study.variants["small"].overlays == (str(folder / "smaller.yaml"),)


def test_a_study_that_names_no_measure_is_tested(folder):
    study = read(folder, "measures: {seen: null}\nvariants: {large: {paper: null}, small: {paper: null}}")
    (measure,) = study.measures.values()
    assert measure.command[0] == "test"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "colour: there is no such key"),
        ("variant: {}", "Did you mean 'variants'"),
        ("variants: {large: {configs: [nowhere.yaml]}}", "there is no config 'nowhere.yaml'"),
        ("variants: {Large: {}}", "names must be of a to z"),
        ("variants: {codec: {}}", "must not be the name of a part as well"),
        ("variants: {large: null, small: null}", "variants: a study must have one at least"),
        ("variants: {large: {set: {model.codec: part:codek}}}", "Did you mean 'codec'"),
        ("variants: {large: {paper: {unseen: {FID: 1}}}}", "must name a measure, got 'unseen'"),
        ("variants: {large: {paper: {seen: {FIX: 1}}}}", "must name one of table.paper_columns, got 'FIX'"),
        ("variants: {large: {against: smal}}", "Did you mean 'small'"),
        ("parts: {codec: {set: {model.a: part:codec}}}", "codec -> codec must not go round"),
        ("parts: {codec: {configs: null}}", "parts.codec.configs: must name a config"),
        ("parts: {codec: {budget: {max_steps: 1}}}", "parts train as long as their configs say"),
        ("budget: {max_minutes: 3}", "must have max_steps or max_minutes, one of them"),
        ("budget: {max_steps: -1}", "budget.max_steps: must be a number above 0, got -1"),
        ("budget: {max_steps: 5}", "budget.validations: must be at most max_steps"),
        ("seeds: [0.5]", "seeds: must be a list of whole numbers"),
        ("measures: {seen: {figures: null}}", "figures: must name the JSON file"),
        ("measures: {seen: {command: null, set: {a: 1}}}", "there is no command that could take it"),
        ("table: {reference: larg}", "Did you mean 'large'"),
        ("table: {columns: {F1: {better: up}}}", "must be better 'higher' or 'lower', got 'up'"),
        ("extends: overlay.yaml", "must not extend"),
    ],
)
def test_mistakes_are_told(folder, text, said):
    with pytest.raises(UserError, match="(?s)" + said.replace("(", r"\(")):
        read(folder, text)
