"""What every pipeline must do, found by the files of the family."""

from __future__ import annotations

import pytest
import torch

from tests.zoo.contract import ComponentContract
from zoo.generators.base import Sampling

PROMPTS = ["The lip corners rise.", "The chin pushes the lower lip up.", "The brows are lowered."]


def _references(generator, count=3):
    return torch.rand(count, 3, 64, 64, generator=generator) * 2 - 1


class TestPipelines(ComponentContract):
    family = "pipelines"

    def outcome(self, pipeline, generator):
        references = _references(generator)
        coded = pipeline.codec(references)
        context = pipeline.context(
            pipeline.text_encoder(PROMPTS),
            pipeline.reference_features(references),
            # every learned nothing takes its turn
            without_text=torch.tensor([True, False, False]),
            without_reference=torch.tensor([False, True, False]),
        )
        learnt = pipeline.generator(coded.tokens, context, generator=generator)
        return coded.images, coded.commitment, learnt.loss

    def test_a_face_depends_on_its_seed_and_not_on_its_company(self, member, generator):
        pipeline = self.make(member).eval()
        references = _references(generator)
        sampling = Sampling(steps=2)
        seeds = torch.tensor([7, 8, 9])
        together = pipeline.synthesize(references, PROMPTS, seeds=seeds, sampling=sampling)
        alone = pipeline.synthesize(references[1:2], PROMPTS[1:2], seeds=seeds[1:2], sampling=sampling)
        other = pipeline.synthesize(references[1:2], PROMPTS[1:2], seeds=seeds[2:], sampling=sampling)
        # to the token in float64 (tests of the generators); in float32 sums of another order tip a few
        assert (together.tokens[1:2] == alone.tokens).float().mean() > 0.95
        assert (other.tokens == alone.tokens).float().mean() < 0.5
        assert together.images.abs().max() <= 1

    def test_kept_cells_are_the_references(self, member, generator):
        pipeline = self.make(member).eval()
        references = _references(generator, 1)
        keep = torch.zeros(1, 8, 8, dtype=torch.bool)
        keep[:, :3] = True
        made = pipeline.synthesize(references, PROMPTS[:1], keep=keep, sampling=Sampling(steps=2))
        own = pipeline.codec.tokenize(references)
        assert torch.equal(made.tokens[:, :, :3], own[:, :, :3])
        assert not torch.equal(made.tokens[:, :, 3:], own[:, :, 3:])

    def test_progress_is_told_to_the_end(self, member, generator):
        pipeline = self.make(member).eval()
        told = []
        pipeline.synthesize(
            _references(generator, 1),
            PROMPTS[:1],
            sampling=Sampling(steps=2),
            progress=lambda done, total: told.append((done, total)),
        )
        total = told[0][1]
        assert told == [(done, total) for done in range(1, total + 1)]

    @pytest.mark.parametrize("guidance", ["text_guidance", "reference_guidance"])
    def test_a_guidance_of_one_needs_no_second_context(self, member, guidance, generator):
        pipeline = self.make(member).eval()
        text = pipeline.text_encoder(PROMPTS)
        features = pipeline.reference_features(_references(generator))
        name = f"without_{guidance.removesuffix('_guidance')}"
        for value, expected in ((1.0, False), (2.0, True)):
            contexts = pipeline.guided_context(text, features, Sampling(**{guidance: value}))
            assert (getattr(contexts, name) is not None) is expected

    def test_references_of_another_size_and_missing_prompts_are_refused(self, member, generator):
        pipeline = self.make(member).eval()
        with pytest.raises(ValueError, match="references must be 64 x 64"):
            pipeline.synthesize(torch.zeros(1, 3, 32, 32), PROMPTS[:1])
        with pytest.raises(ValueError, match="prompts must be as many as references, 3, got 1"):
            pipeline.synthesize(_references(generator), PROMPTS[:1])
