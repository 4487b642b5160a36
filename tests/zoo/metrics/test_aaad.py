"""AAAD against plain loops, at its ends, on degenerate vectors and over processes."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine as cosine_distance

import zoo.metrics
from tests.zoo.metrics.processes import processes, ranks
from zoo.metrics import AAAD
from zoo.metrics.au_alignment import AlignmentReading, alignment, partners

COUNT = 60


def _sample(seed=0, count=COUNT):
    """Draw descriptions, real images that agree well with them, and generated ones that agree less."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.rand(count, 12, generator=generator) < 0.35
    labels[:, 6] |= ~labels.any(1)
    noise = torch.rand(3, count, 12, generator=generator)
    described = 0.8 * labels + 0.2 * noise[0]
    return 0.5 * labels + 0.5 * noise[1], described, 0.7 * labels + 0.3 * noise[2], labels


def _loops(generated, described, real, seed=0):
    """Say Appendix F.4 in plain loops, with scipy's cosine; the shuffle alone is the metric's own."""
    generated, described, real = (values.double().numpy() for values in (generated, described, real))
    own = [1 - cosine_distance(g, t) for g, t in zip(generated, described, strict=True)]
    true = [1 - cosine_distance(r, t) for r, t in zip(real, described, strict=True)]
    order = partners(len(own), seed=seed)[0].tolist()
    shuffled = [1 - cosine_distance(real[other], t) for other, t in zip(order, described, strict=True)]
    low, high, mean = min(shuffled), max(true), sum(own) / len(own)
    scaled = lambda value: (value - low) / (high - low)  # noqa: E731
    constant = np.mean([1 - cosine_distance(real.mean(0), t) for t in described])
    return {
        "aaad": scaled(mean),
        "cosine": mean,
        "cosine_max": high,
        "cosine_min": low,
        "cosine_real": np.mean(true),
        "aaad_real": scaled(np.mean(true)),
        "cosine_shuffled": np.mean(shuffled),
        "aaad_shuffled": scaled(np.mean(shuffled)),
        "cosine_constant": constant,
        "aaad_constant": scaled(constant),
        "aaad_means": (mean - np.mean(shuffled)) / (np.mean(true) - np.mean(shuffled)),
    }


def _fill(metric, places, sample=None):
    generated, described, real, labels = sample or _sample()
    for part in torch.tensor(places).split(7):
        metric.update(
            generated[part],
            described[part],
            real[part],
            index=part,
            subject=[f"person {int(place) % 9}" for place in part],
            labels=labels[part],
        )


def _first_rank(metric):
    _fill(metric, [*range(0, COUNT, 2), 0])  # padded by a frame that the other rank has not


def _second_rank(metric):
    _fill(metric, [*range(COUNT - 1, 0, -2), COUNT - 1, 1])


def _nothing(metric):
    pass


def _everything(metric):
    _fill(metric, range(COUNT))


def _close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), abs=1e-12), name


def test_importing_the_package_imports_no_torchmetrics():
    code = "import sys, zoo.metrics; sys.exit('torchmetrics' in sys.modules or not hasattr(zoo.metrics, '__getattr__'))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'AAAS'"):
        _ = zoo.metrics.AAAS


def test_every_figure_is_what_plain_loops_give():
    metric = AAAD(shuffle_seed=3)
    _everything(metric)
    result = metric.compute()
    generated, described, real, labels = _sample()
    for name, value in _loops(generated, described, real, seed=3).items():
        assert float(result[name]) == pytest.approx(value, abs=1e-6), name
    for name, value in _loops(generated, labels, real, seed=3).items():
        assert float(result[f"{name}_labels"]) == pytest.approx(value, abs=1e-6), name
    assert result["num_frames"] == result["num_real"] == COUNT
    for name in ("aaad", "cosine", "aaad_means"):
        assert result[f"{name}_low"] < result[name] < result[f"{name}_high"]


def test_real_images_score_at_the_ceiling_and_shuffled_ones_at_chance():
    _, described, real, _ = _sample()
    ceiling, chance = AAAD(), AAAD()
    ceiling.update(real, described, real)
    other = partners(COUNT, seed=0)[0]
    chance.update(real[other], described, real)
    assert ceiling.compute()["aaad"] == ceiling.compute()["aaad_real"]
    assert ceiling.compute()["aaad_means"] == pytest.approx(1.0)
    assert chance.compute()["aaad"] == chance.compute()["aaad_shuffled"]
    assert chance.compute()["aaad_means"] == pytest.approx(0.0, abs=1e-12)


def test_the_more_images_are_wrong_the_lower():
    _, described, real, _ = _sample(count=300)
    other = partners(300, seed=1)[0]
    values = []
    for wrong in (0, 75, 150, 225, 300):
        metric = AAAD()
        metric.update(torch.cat([real[other[:wrong]], real[wrong:]]), described, real)
        values.append(float(metric.compute()["aaad"]))
    assert values == sorted(values, reverse=True)
    assert min(np.diff(values) * -1) > 0.02


def test_a_model_that_ignores_descriptions_is_told_by_mismatched_pairs():
    _, described, real, _ = _sample()
    constant, able = AAAD(), AAAD()
    constant.update(real.mean(0).expand_as(real), described, real)
    able.update(real, described, real)
    blind = constant.compute()
    assert blind["aaad"] == pytest.approx(float(blind["aaad_constant"]), abs=1e-6)
    assert blind["aaad_mismatched"] == pytest.approx(float(blind["aaad"]), abs=1e-6)
    assert able.compute()["aaad"] - able.compute()["aaad_mismatched"] > 0.2
    assert blind["cosine_gain"] == pytest.approx(0.0, abs=1e-9)
    assert able.compute()["cosine_gain_low"] > 0.1


def test_no_order_and_no_split_of_the_frames_changes_anything(generator):
    whole, parts = AAAD(), AAAD()
    _everything(whole)
    _fill(parts, [*torch.randperm(COUNT, generator=generator).tolist(), 5, 5, 17])
    _close(parts.compute(), whole.compute())


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric AAAD was called before")
@pytest.mark.parametrize("fills", [(_first_rank, _second_rank), (_nothing, _everything), (_everything, _nothing)])
def test_ranks_give_what_one_process_gives(fills):
    whole = AAAD()
    _everything(whole)
    _close(ranks(AAAD, *fills), whole.compute())


@pytest.mark.slow
def test_three_processes_give_what_one_gives(tmp_path):
    whole = AAAD()
    _everything(whole)
    for found in processes(tmp_path, AAAD, _first_rank, _nothing, _second_rank):
        _close(found, whole.compute())


def test_without_an_index_frames_keep_their_order_and_several_processes_warn_once():
    generated, described, real, _ = _sample()
    metric, alone, indexed = AAAD(distributed_available_fn=lambda: True), AAAD(), AAAD()
    with pytest.warns(UserWarning, match="no index was given"):
        metric.update(generated, described, real)
    metric.update(generated, described, real)  # warnings are errors: a second one would fail here
    alone.update(generated, described, real)
    indexed.update(generated, described, real, index=range(COUNT))
    _close(alone.compute(), indexed.compute())


def test_a_vector_of_zeros_agrees_with_nothing():
    metric = AAAD()
    described = torch.eye(12)[:4]
    metric.update(torch.zeros(4, 12), described, described)
    result = metric.compute()
    assert result["aaad"] == result["cosine"] == 0.0
    assert result["num_zero"] == 4
    metric.reset()
    metric.update(torch.zeros(4, 12), torch.zeros(4, 12), torch.zeros(4, 12))
    result = metric.compute()
    assert result["cosine"] == result["cosine_max"] == result["cosine_min"] == 0.0
    assert result["aaad"].isnan()


def test_ties_leave_no_scale():
    metric = AAAD()
    same = torch.full((5, 12), 0.3)
    metric.update(same, same, same)
    result = metric.compute()
    assert result["cosine"] == result["cosine_max"] == result["cosine_min"] == pytest.approx(1.0)
    assert result["aaad"].isnan()


def test_equal_extremes_on_many_pairs_are_no_matter():
    metric = AAAD()
    described = torch.eye(12).repeat(3, 1)
    metric.update(described, described, described)
    result = metric.compute()
    assert (result["cosine_max"], result["cosine_min"], result["aaad"]) == (1.0, 0.0, 1.0)


def test_one_frame_has_no_other():
    metric = AAAD()
    metric.update(*(values[:1] for values in _sample()[:3]))
    result = metric.compute()
    assert result["cosine"] > 0
    assert result["cosine_min"].isnan()
    assert result["aaad"].isnan()


def test_without_real_images_the_ends_come_from_elsewhere():
    generated, described, real, _ = _sample()
    original, alone, bounded = AAAD(), AAAD(), AAAD(bounds=(0.25, 0.75))
    original.update(generated, described, real)
    alone.update(generated, described)
    bounded.update(generated, described)
    result = alone.compute()
    assert result["cosine"] == original.compute()["cosine"]
    assert all(result[name].isnan() for name in ("aaad", "cosine_max", "cosine_real", "aaad_means"))
    assert result["num_real"] == 0
    assert bounded.compute()["aaad"] == pytest.approx(2 * float(result["cosine"]) - 0.5)
    ends = original.compute()
    own = AAAD(bounds=(float(ends["cosine_min"]), float(ends["cosine_max"])))
    own.update(generated, described)
    assert own.compute()["aaad"] == pytest.approx(float(ends["aaad"]))


def test_labels_have_ends_of_their_own():
    generated, described, real, labels = _sample()
    free, bounded, both = AAAD(), AAAD(bounds=(0.1, 0.2)), AAAD(label_bounds=(0.25, 0.75))
    for metric in (free, bounded, both):
        metric.update(generated, described, real, labels=labels)
    assert bounded.compute()["aaad_labels"] == free.compute()["aaad_labels"]
    assert both.compute()["aaad"] == free.compute()["aaad"]
    assert both.compute()["aaad_labels"] == pytest.approx(2 * float(free.compute()["cosine_labels"]) - 0.5)


def test_some_frames_may_lack_a_real_image():
    generated, described, real, _ = _sample()
    some = real.clone()
    some[40:] = torch.nan
    metric = AAAD()
    metric.update(generated, described, some)
    result = metric.compute()
    expected = _loops(generated[:40], described[:40], real[:40])
    assert result["cosine_min"] == pytest.approx(expected["cosine_min"], abs=1e-6)
    assert result["cosine_real"] == pytest.approx(expected["cosine_real"], abs=1e-6)
    assert result["cosine"] == pytest.approx(_loops(generated, described, real)["cosine"], abs=1e-6)


def _matrix(real, described):
    faces, texts = (values.double().numpy() for values in (real, described))
    return (faces / np.linalg.norm(faces, axis=1)[:, None]) @ (texts / np.linalg.norm(texts, axis=1)[:, None]).T


def test_other_readings():
    generated, described, real, _ = _sample()
    matrix, own = _matrix(real, described), np.diag(_matrix(generated, described))
    off = matrix[~np.eye(COUNT, dtype=bool)]

    def read(**options):
        metric = AAAD(**options)
        metric.update(generated, described, real)
        return {name: float(value) for name, value in metric.compute().items()}

    every = read(pairs="all")
    assert every["cosine_min"] == pytest.approx(off.min(), abs=1e-6)
    assert every["cosine_shuffled"] == pytest.approx(off.mean(), abs=1e-6)
    assert read(pairs="all", ends="means")["aaad"] == pytest.approx(every["aaad_means"])
    shuffles = [matrix[other, range(COUNT)] for other in partners(COUNT, seed=0, num_shuffles=5).numpy()]
    assert read(num_shuffles=5)["cosine_min"] == pytest.approx(np.min(shuffles), abs=1e-6)
    percentiles = read(ends="percentiles")
    assert percentiles["cosine_min"] == pytest.approx(np.percentile(shuffles[0], 1), abs=1e-6)
    assert percentiles["cosine_max"] == pytest.approx(np.percentile(np.diag(matrix), 99), abs=1e-6)
    assert read(ends_from="generated")["cosine_max"] == pytest.approx(own.max(), abs=1e-6)
    means = generated.double().mean(0).numpy(), described.double().mean(0).numpy()
    vectors = read(averaged="vectors")
    assert vectors["cosine"] == pytest.approx(1 - cosine_distance(*means), abs=1e-6)
    assert vectors["cosine_low"] < vectors["cosine"] < vectors["cosine_high"] + 1e-3
    centred = read(centred=True)
    away = (generated.double() - real.double().mean(0), described.double() - described.double().mean(0))
    assert centred["cosine"] == pytest.approx(np.diag(_matrix(*away)).mean(), abs=1e-6)
    assert centred["cosine_constant"] == 0.0


def test_unknown_labels_count_nowhere():
    generated, described, real, labels = _sample()
    known = torch.rand(COUNT, 12, generator=torch.Generator().manual_seed(5)) < 0.8
    known[0] = False
    metric, other = AAAD(), AAAD()
    metric.update(generated, described, real, labels=labels, known=known)
    other.update(generated, described, real, labels=labels ^ ~known, known=known)
    _close(metric.compute(), other.compute())
    result = metric.compute()
    assert result["num_frames_labels"] == COUNT - 1
    rows = [
        1 - cosine_distance(generated[row][known[row]].numpy(), labels[row][known[row]].float().numpy())
        for row in range(1, COUNT)
        if labels[row][known[row]].any()
    ]
    assert result["cosine_labels"] == pytest.approx(sum(rows) / (COUNT - 1), abs=1e-6)


def test_all_pairs_with_unknown_labels_are_what_loops_give():
    generated, described, real, _ = _sample(count=12)
    known = torch.rand(12, 12, generator=torch.Generator().manual_seed(5)) < 0.8
    found = alignment(generated, described, real, known=known, reading=AlignmentReading(pairs="all"))
    for text in range(12):
        shown = known[text].numpy()
        others = [
            1 - cosine_distance(real[face].double().numpy()[shown], described[text].double().numpy()[shown])
            for face in range(12)
            if face != text
        ]
        assert float(found.shuffled[text]) == pytest.approx(np.mean(others), abs=1e-9)


def test_frames_of_one_person_are_one_piece_of_evidence():
    generated, described, real, _ = _sample()
    alone, grouped = AAAD(), AAAD()
    alone.update(generated, described, real)
    # two people, one of them badly done: frames agree within a person
    order = torch.argsort(torch.cosine_similarity(generated, described))
    grouped.update(generated[order], described[order], real[order], subject=["bad"] * 30 + ["good"] * 30)
    width = [float(metric.compute()["cosine_high"] - metric.compute()["cosine_low"]) for metric in (alone, grouped)]
    assert width[1] > 2 * width[0]


def test_nobody_is_left_with_his_own_description():
    for count in (2, 3, 50):
        for other in partners(count, seed=0, num_shuffles=20):
            assert sorted(other.tolist()) == list(range(count))
            assert (other != torch.arange(count)).all()
    assert partners(1, seed=0).shape == (0, 1)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"generated": torch.full((2, 12), 1.5)}, "generated must be finite and in"),
        ({"described": torch.full((2, 12), -0.5)}, "described must be finite and in"),
        ({"real": torch.full((2, 12), math.inf)}, "real must be finite and in"),
        ({"index": [0, -2]}, "index must not be negative"),
        ({"index": [0, 1, 2]}, "index must have 2 rows"),
        ({"subject": ["a"]}, "subject must have 2 rows"),
    ],
)
def test_what_is_wrong_is_said(change, part):
    given = {"generated": torch.full((2, 12), 0.5), "described": torch.full((2, 12), 0.5), "real": None, **change}
    with pytest.raises(ValueError, match=part):
        AAAD().update(given.pop("generated"), given.pop("described"), given.pop("real"), **given)


def test_vectors_of_other_aus_are_refused():
    with pytest.raises(ValueError, match=r"must have rows of shape \(12,\)"):
        AAAD().update(torch.zeros(2, 8), torch.zeros(2, 8))


def test_an_index_for_some_frames_only_is_refused():
    generated, described, real, _ = _sample()
    metric = AAAD()
    metric.update(generated[:5], described[:5], real[:5], index=range(5))
    metric.update(generated[5:], described[5:], real[5:])
    with pytest.raises(ValueError, match="index must be given for all frames or for none"):
        metric.compute()


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric AAAD was called before")
def test_an_empty_test_set_is_said():
    with pytest.raises(ValueError, match="nothing was measured"):
        AAAD().compute()


@pytest.mark.parametrize(
    "options",
    [
        {"pairs": "some"},
        {"ends": "means", "averaged": "all"},
        {"num_shuffles": 0},
        {"bounds": (0.5, 0.5)},
        {"pairs": "all", "ends": "percentiles"},
        {"centred": True, "averaged": "vectors"},
    ],
)
def test_readings_that_are_none_are_refused(options):
    with pytest.raises((ValueError, TypeError), match=r"must be|parameter"):
        AAAD(**options)
