"""True images score at the ceiling, others' at chance, with a path between that never turns."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from lightning_modules.evaluation.judges import Judges
from lightning_modules.evaluation.judging import Judgement, judge
from lightning_modules.evaluation.wrong_images import mixed, true_source, wrong_path, wrong_source
from zoo.facs import AUS

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
COUNT = 240


class Frames:
    """Labels alone; two frames of each of 120 people, who differ in their faces."""

    def __init__(self, generator):
        self.occurrence = torch.rand(COUNT, 12, generator=generator) < 0.35
        self.faces = functional.normalize(torch.randn(COUNT // 2, 16, generator=generator), dim=1).repeat(2, 1)
        self.labels = self
        self.known = torch.ones_like(self.occurrence)
        self.intensity = torch.where(self.occurrence, torch.randint(2, 6, (COUNT, 12), generator=generator), 0).float()
        self.subject = [f"p{place % (COUNT // 2)}" for place in range(COUNT)]
        self.index = torch.arange(COUNT)
        self.other = (self.index + 61) % COUNT

    def __len__(self):
        return COUNT

    def strangers(self):
        return self.other


class Sees:
    aus = AUS


@pytest.fixture
def path(generator):
    frames = Frames(generator)
    noise = 0.15 * torch.rand(COUNT, 12, generator=generator)
    probability = frames.intensity / 7 + noise + 0.1
    embedding = functional.normalize(frames.faces + 0.1 * torch.randn(COUNT, 16, generator=generator), dim=1)
    true = Judgement(probability=probability, embedding=embedding, distances={"l1": torch.zeros(COUNT)})
    other = frames.other
    wrong = Judgement(
        probability=probability[other], embedding=embedding[other], distances={"l1": torch.full((COUNT,), 0.2)}
    )
    copied = Judgement(probability=noise, embedding=frames.faces)
    told = 0.8 * frames.occurrence + 0.2 * torch.rand(COUNT, 12, generator=generator)
    return wrong_path(
        frames, Judges(recognizer=Sees()), true=true, wrong=wrong, copied=copied, told=told, shares=SHARES
    )


def test_every_figure_goes_one_way_from_the_ceiling_to_chance(path):
    for name in ("aaad", "au_f1", "both_seen", "response", "intensity_icc", "identity"):
        assert path[name] == sorted(path[name], reverse=True), name
    for name in ("off_target", "intensity_mae", "l1"):
        assert path[name] == sorted(path[name]), name


def test_ends_are_ceiling_and_chance(path):
    assert path["response"][0] == pytest.approx(1)
    assert path["identity"][0] == pytest.approx(1)
    assert path["identity"][-1] == pytest.approx(0, abs=0.1)
    assert path["intensity_icc"][0] > 0.8
    assert path["intensity_icc"][-1] == pytest.approx(0, abs=0.1)
    assert path["au_f1"][-1] == pytest.approx(0.35, abs=0.08)  # of guesses at the base rate
    assert path["l1"] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_wrong_images_are_true_ones_of_others(frames):
    shown = {}
    source = wrong_source(frames)
    for places, batch in frames.batches(4):
        shown |= dict(zip(places, source(places, batch), strict=True))
    own = {
        place: image
        for places, batch in frames.batches(4)
        for place, image in zip(places, true_source(places, batch), strict=True)
    }
    for place, other in enumerate(frames.strangers().tolist()):
        assert torch.equal(shown[place], own[other])
        assert frames.labels.subject[place] != frames.labels.subject[other]


def test_judges_see_a_mixture_as_they_would_its_pictures(frames):
    none = Judges()
    true, wrong = (
        judge(each, frames, none, batch_size=4, advance=lambda count: None)
        for each in (true_source, wrong_source(frames))
    )
    assert float(true.distances["l1"].max()) == 0
    half = mixed(true, wrong, torch.tensor([1, 4]))
    assert half.probability is None
    assert torch.nonzero(half.distances["l1"])[:, 0].tolist() == [1, 4]
    assert float(true.distances["l1"].max()) == 0  # what was mixed is left as it was
