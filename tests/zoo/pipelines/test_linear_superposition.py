"""What is special about linear superposition."""

import math

import pytest
import torch

from tests.zoo.contract import from_config
from zoo import bundles
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.pipelines.base import Pipeline, Synthesis
from zoo.pipelines.ganimation import GANimationPipeline
from zoo.pipelines.linear_superposition import LinearSuperpositionPipeline


class _AddingPipeline(Pipeline):
    """Adds to a face 0.1 for AU12 and 0.2 for AU15 in their halves, 0.05 always, and interacts where both are."""

    image_size = 4
    prompt_style = "short"

    def __init__(self):
        super().__init__()
        self.calls = []

    def synthesize(self, references, prompts, *, occurrence=None, intensity=None, seeds=None, progress=None, **_):
        self.calls.append((list(prompts), occurrence, intensity, seeds))
        images = references + 0.05
        for au, half, change in ((12, slice(0, 2), 0.1), (15, slice(1, 4), 0.2)):
            images[:, :, half] += change * occurrence[:, AUS.index(au), None, None, None]
        both = occurrence[:, [AUS.index(12), AUS.index(15)]].all(1)
        images[both] = -1
        if progress is not None:
            progress(1, 2)
            progress(2, 2)
        return Synthesis(images, None)


def _labels(*sets):
    return torch.tensor([[au in each for au in AUS] for each in sets])


def test_effects_of_single_aus_are_added_to_the_reference():
    inner = _AddingPipeline()
    references = torch.zeros(3, 3, 4, 4)
    references[2] = 0.95
    labels = _labels((12, 15), (), (15,))
    seeds = torch.tensor([5, 6, 7])
    made = LinearSuperpositionPipeline(inner).synthesize(references, ["x"] * 3, occurrence=labels, seeds=seeds)
    columns = made.images[:, 0, :, 0]
    expected = torch.tensor([[0.1, 0.3, 0.2, 0.2], [0.0] * 4, [0.95, 1.0, 1.0, 1.0]])
    torch.testing.assert_close(columns, expected)
    assert [len(call[0]) for call in inner.calls] == [3, 1, 2], "nobody is synthesised with an AU that is not asked for"
    assert [call[3].tolist() for call in inner.calls] == [[5, 6, 7], [5], [5, 7]]


def test_each_au_is_described_alone_and_keeps_its_intensity():
    inner = _AddingPipeline()
    intensity = torch.full((1, 12), math.nan)
    intensity[0, AUS.index(12)] = 3
    LinearSuperpositionPipeline(inner).synthesize(
        torch.zeros(1, 3, 4, 4), ["both"], occurrence=_labels((12, 15)), intensity=intensity, seeds=torch.tensor([9])
    )
    composer = Composer(style="short")
    assert [call[0][0] for call in inner.calls] == [composer.describe(aus, index=9) for aus in ((), (12,), (15,))]
    told = [
        {au: value for au, value in zip(AUS, call[2][0].tolist(), strict=True) if value == value}
        for call in inner.calls
    ]
    assert told == [{}, {12: 3.0}, {}]


def test_the_effects_of_one_au_over_an_exact_model_are_the_models():
    torch.manual_seed(0)
    inner = GANimationPipeline(32, channels=8, num_halvings=1, num_residual_blocks=1).eval()
    references = torch.zeros(1, 3, 32, 32)
    made = LinearSuperpositionPipeline(inner).synthesize(references, [""], occurrence=_labels((4,)))
    expected = references + inner.edit(references, {4: 5}) - inner.edit(references, {})
    torch.testing.assert_close(made.images, expected.clamp(-1, 1))


def test_a_bundle_holds_the_pipeline_and_a_path_is_opened(tmp_path, generator):
    inner = GANimationPipeline(32, channels=8, num_halvings=1, num_residual_blocks=1).eval()
    bundles.save_bundle(inner, tmp_path / "inner", card="# inner")
    by_path = LinearSuperpositionPipeline(str(tmp_path / "inner"))
    bundles.save_bundle(LinearSuperpositionPipeline(inner), tmp_path / "whole", card="# whole")
    whole = bundles.load(tmp_path / "whole")
    references = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    first, second = (
        each.synthesize(references, [""], occurrence=_labels((12, 4))).images for each in (by_path.eval(), whole)
    )
    assert torch.equal(first, second)


def test_it_stands_where_the_other_stands():
    pipeline = from_config("pipelines/au_face")
    wrapped = LinearSuperpositionPipeline(pipeline)
    for name in ("codec", "generator", "text_encoder"):
        assert getattr(wrapped, name) is getattr(pipeline, name)
    over_labels = LinearSuperpositionPipeline(GANimationPipeline(32, channels=8, num_halvings=1))
    assert over_labels.text_encoder.reads_labels
    assert not hasattr(over_labels, "codec")


def test_it_needs_labels_and_a_pipeline(tmp_path):
    with pytest.raises(ValueError, match="occurrence must be given"):
        LinearSuperpositionPipeline(_AddingPipeline()).synthesize(torch.zeros(1, 3, 4, 4), ["x"])
    bundles.save_bundle(from_config("quantizers/residual", latent_dim=4), tmp_path / "other", card="# other")
    with pytest.raises(TypeError, match="pipeline must be the path of a model of stage II"):
        LinearSuperpositionPipeline(str(tmp_path / "other"))
