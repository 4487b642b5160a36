"""Whether it is known where AUs act: figures on answers that are known to be right, blind or wrong."""

import pytest
import torch

from zoo.metrics.au_location import AUAnswer, AULocation, coverage

NUM_AUS = 12


@pytest.fixture
def truth():
    generator = torch.Generator().manual_seed(0)
    count = 20
    corners = torch.randint(0, 5, (count, NUM_AUS, 2), generator=generator)
    regions = torch.zeros(count, NUM_AUS, 8, 8, dtype=torch.bool)
    for face in range(count):
        for au in range(NUM_AUS):
            row, col = corners[face, au].tolist()
            regions[face, au, row : row + 3, col : col + 4] = True
    occurrence = torch.rand(count, NUM_AUS, generator=generator) < 0.5
    return {"occurrence": occurrence, "known": torch.ones_like(occurrence), "regions": regions}


@pytest.fixture
def people():
    return [f"faces/{face // 4}" for face in range(20)]


def perfect(truth):
    inside = truth["regions"].flatten(2).float()
    return AUAnswer(
        occurrence=truth["occurrence"].float() - 0.5,
        maps=truth["regions"].float() - 0.5,
        attention=inside / inside.sum(-1, keepdim=True),
    )


def blind(truth):
    shape = truth["regions"].flatten(2).shape
    everywhere = torch.full(shape, 1 / shape[-1])
    return AUAnswer(torch.ones(shape[:2]), torch.ones_like(truth["regions"], dtype=torch.float), everywhere)


def figures(answers, people, truth, pairs=()):
    location = AULocation(pairs=pairs)
    for part in (slice(0, 7), slice(7, 20)):
        split = {
            name: AUAnswer(each.occurrence[part], each.maps[part], each.attention[part])
            for name, each in answers.items()
        }
        location.update(split, people[part], **{name: value[part] for name, value in truth.items()})
    return location.compute()


def test_a_perfect_answer(truth, people):
    found = figures({"own": perfect(truth)}, people, truth)
    assert found["num_images"] == 20
    assert found["num_subjects"] == 5
    assert found["au_f1_own"] == found["map_iou_own"] == 1
    assert found["attention_own"] == pytest.approx(64 / 12, abs=1e-3)
    assert found["attention_own_interval"] == pytest.approx([64 / 12] * 2, abs=1e-3)


def test_looking_everywhere_alike_reaches_one(truth, people):
    found = figures({"own": blind(truth)}, people, truth)
    assert found["attention_own"] == 1
    assert found["attention_own_interval"] == [1, 1]
    assert found["map_iou_own"] == pytest.approx(12 / 64, abs=1e-3)
    assert 0.4 < found["au_f1_own"] < 0.9


def test_figures_are_those_of_counting_by_hand(truth, people):
    generator = torch.Generator().manual_seed(1)
    shape = truth["regions"].shape
    answer = AUAnswer(
        torch.randn(shape[:2], generator=generator),
        torch.randn(shape, generator=generator),
        torch.rand(shape, generator=generator).flatten(2).softmax(-1),
    )
    found = figures({"own": answer}, people, truth)
    iou, attention, f1 = [], [], []
    for au in range(NUM_AUS):
        faces = truth["occurrence"][:, au].nonzero()[:, 0].tolist()
        pairs = [(answer.maps[face, au] > 0, truth["regions"][face, au]) for face in faces]
        iou.append(sum(int((a & b).sum()) for a, b in pairs) / sum(int((a | b).sum()) for a, b in pairs))
        mass = [float(answer.attention[face, au][truth["regions"][face, au].flatten()].sum()) for face in faces]
        attention.append(sum(mass) / (len(faces) * 12 / 64))
        said, present = answer.occurrence[:, au] > 0, truth["occurrence"][:, au]
        right = int((said & present).sum())
        f1.append(2 * right / (int(said.sum()) + int(present.sum())))
    assert found["map_iou_own"] == pytest.approx(sum(iou) / NUM_AUS, abs=1e-4)
    assert found["attention_own"] == pytest.approx(sum(attention) / NUM_AUS, abs=1e-4)
    assert found["au_f1_own"] == pytest.approx(sum(f1) / NUM_AUS, abs=1e-4)
    assert list(found["map_iou_own_each"].values()) == pytest.approx(iou, abs=1e-4)


def test_what_is_unknown_or_does_not_act_counts_nowhere(truth, people):
    right = perfect(truth)
    truth["known"][:, 3] = False
    wrong = AUAnswer(right.occurrence.clone(), right.maps.clone(), right.attention.clone())
    wrong.occurrence[:, 3] *= -1
    wrong.maps[:, 3] *= -1
    wrong.maps[~truth["occurrence"]] = 1
    wrong.attention[~truth["occurrence"]] = 1 / 64
    assert figures({"own": wrong}, people, truth) == figures({"own": right}, people, truth)
    assert figures({"own": wrong}, people, truth)["map_iou_own_each"]["6"] is None


def test_differences_are_of_the_same_faces(truth, people):
    answers = {"own": perfect(truth), "shuffled": blind(truth)}
    found = figures(answers, people, truth, pairs=[("own", "shuffled")])
    for name in ("au_f1", "map_iou", "attention"):
        difference = found[f"{name}_own"] - found[f"{name}_shuffled"]
        assert found[f"{name}_own_over_shuffled"] == pytest.approx(difference, abs=2e-4)
        low, high = found[f"{name}_own_over_shuffled_interval"]
        assert 0 < low <= high
    same = figures({"own": answers["own"], "shuffled": answers["own"]}, people, truth, pairs=[("own", "shuffled")])
    assert same["map_iou_own_over_shuffled_interval"] == [0, 0]


def test_an_answer_that_looked_nowhere_has_no_attention(truth, people):
    location = AULocation(pairs=[("own", "text_alone")])
    right = perfect(truth)
    answers = {"own": right, "text_alone": AUAnswer(right.occurrence, right.maps, None)}
    location.update(answers, people, **truth)
    found = location.compute()
    assert "attention_text_alone" not in found
    assert "attention_own_over_text_alone" not in found
    assert found["map_iou_own_over_text_alone"] == 0


def test_coverage_is_the_share_of_each_place():
    regions = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    regions[0, 0, :3, :2] = True
    assert coverage(regions, 4).tolist() == [[[pytest.approx(6 / 9), 0, 0, 0]]]
    assert coverage(regions, 9).sum() == 6 / 4


def test_places_that_are_no_square_are_refused():
    with pytest.raises(ValueError, match="must be a square number, got 6"):
        coverage(torch.zeros(1, 1, 4, 4, dtype=torch.bool), 6)
