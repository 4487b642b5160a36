"""An explanation tells what Algorithm 1 did."""

import json

from zoo.facs import ANTAGONISTS, COMBINATIONS
from zoo.facs.allocation import NUM_SETS, aus_of, constructs_by_code
from zoo.facs.explanation import Antagonism, explain


def test_explanations_agree_with_the_table_on_all_sets():
    for code in range(0, NUM_SETS, 3):  # a third of them, every residue of the bits
        aus = set(aus_of(code))
        explanation = explain(aus)
        assert explanation.constructs == constructs_by_code()[code]
        assert [each.construct for each in explanation.decisions] == [each for each in COMBINATIONS if set(each) <= aus]
        taken = [number for each in explanation.decisions for number in each.takes]
        marked = {number for each in explanation.decisions for number in each.marks}
        assert len(taken) == len(set(taken))
        assert set(taken) | marked | set(explanation.singles) == aus
        assert not (set(taken) | marked) & set(explanation.singles)
        assert [each.pair for each in explanation.antagonisms] == [pair for pair in ANTAGONISTS if set(pair) <= aus]


def test_what_does_not_fire_names_who_took_what():
    explanation = explain({6, 7, 10, 12, 15, 17})
    blocked = {each.construct: each for each in explanation.decisions if not each.fires}
    assert blocked[6, 7, 12].blocked_by == ((6, 12, 15, 17),)
    assert blocked[6, 7, 12].taken == (6, 12)
    assert (10, 15, 17) in explanation.overrides((6, 12, 15, 17))
    two = explain({1, 2, 4, 6, 7, 12, 15, 10, 17})
    assert {each.construct: each.blocked_by for each in two.decisions}[12, 15, 17] == ((6, 12, 15, 17),)


def test_pairs_only_mark():
    explanation = explain({10, 14, 15})
    assert [(each.construct, each.takes, each.marks) for each in explanation.decisions] == [
        ((10, 15), (), (10, 15)),
        ((10, 14), (), (10, 14)),
    ]
    assert explanation.singles == ()


def test_antagonists_say_who_words_them():
    assert explain({6, 12, 15}).antagonisms == (Antagonism((12, 15), ((6, 12, 15),)),)
    assert explain({12, 15, 6, 7}).antagonisms == (Antagonism((12, 15), ()),)  # 6+7+12 took AU12


def test_an_explanation_is_plain_data_and_text():
    explanation = explain({6, 12, 15, 2})
    found = json.loads(json.dumps(explanation.as_dict()))
    assert found["constructs"] == ["6+12+15", "2"]
    assert found["decisions"][0]["overrides"] == ["6+12", "12+15"]
    assert found["antagonisms"] == [{"pair": [12, 15], "worded_by": ["6+12+15"]}]
    text = str(explanation)
    for part in (
        "6+12+15",
        "takes 6, 12, 15",
        "overrides 6+12, 12+15",
        "described singly",
        "worded together by 6+12+15",
    ):
        assert part in text
    assert "at rest" in str(explain(()))
