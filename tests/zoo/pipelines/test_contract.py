"""What every pipeline must do, found by the files of the family."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.facs import AUS
from zoo.pipelines.ganimation import GANimationPipeline
from zoo.pipelines.stable_diffusion import StableDiffusionPipeline
from zoo.sampling import Sampling

PROMPTS = ["The lip corners rise.", "The chin pushes the lower lip up.", "The brows are lowered."]
LABELS = torch.tensor([[au in each for au in AUS] for each in ((12,), (17,), (4, 7))])
SAMPLING = Sampling(steps=2)


def _references(generator, count=3):
    return torch.rand(count, 3, 64, 64, generator=generator) * 2 - 1


def _made(pipeline, references, *, rows=slice(None), **more):
    return pipeline.synthesize(
        references[rows], PROMPTS[rows][: len(references)], occurrence=LABELS[rows][: len(references)], **more
    )


class TestPipelines(ComponentContract):
    family = "pipelines"

    def arguments(self, member):
        if member == "stable_diffusion":
            for package in ("diffusers", "peft"):
                pytest.importorskip(package)
        # in place of a trained bundle
        return {"pipeline": from_config("pipelines/au_face")} if member == "linear_superposition" else {}

    def outcome(self, pipeline, generator):
        references = _references(generator)
        pipeline = getattr(pipeline, "pipeline", pipeline)  # what another one wraps learns by itself
        if isinstance(pipeline, GANimationPipeline):
            return pipeline(references, torch.rand(3, len(AUS), generator=generator))
        if isinstance(pipeline, StableDiffusionPipeline):
            noise = torch.randn(2, 3, 4, 16, 16, generator=generator).to(references)
            latents = pipeline.encode(references, noise=noise[0])
            text = pipeline.encode_prompts(PROMPTS)
            told = pipeline(latents, text, noise=noise[1], times=torch.tensor([10, 500, 900]))
            return told.prediction, pipeline.networks().decode(latents)
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
        seeds = torch.tensor([7, 8, 9])
        second = slice(1, 2)
        together = _made(pipeline, references, seeds=seeds, sampling=SAMPLING)
        alone = _made(pipeline, references, rows=second, seeds=seeds[1:2], sampling=SAMPLING)
        # to the token in float64 (tests of the generators); in float32 sums of another order tip a few
        differs = (together.images[1:2] - alone.images).abs().amax(1) > 1e-4
        assert differs.float().mean() < 0.1
        if together.tokens is not None:
            other = _made(pipeline, references, rows=second, seeds=seeds[2:], sampling=SAMPLING)
            assert (together.tokens[1:2] == alone.tokens).float().mean() > 0.95
            assert (other.tokens == alone.tokens).float().mean() < 0.5
        assert together.images.abs().max() <= 1

    def test_kept_cells_are_the_references(self, member, generator):
        pipeline = self.make(member).eval()
        references = _references(generator, 1)
        keep = torch.zeros(1, 8, 8, dtype=torch.bool)
        keep[:, :3] = True
        made = _made(pipeline, references, keep=keep, sampling=SAMPLING)
        if made.tokens is None:
            first = 8  # rows that no receptive field of a decoder reaches into from below
            assert torch.equal(made.images[:, :, :first], references[:, :, :first])
        else:
            own = pipeline.codec.tokenize(references)
            assert torch.equal(made.tokens[:, :, :3], own[:, :, :3])
            assert not torch.equal(made.tokens[:, :, 3:], own[:, :, 3:])

    def test_progress_is_told_to_the_end(self, member, generator):
        pipeline = self.make(member).eval()
        told = []
        _made(
            pipeline,
            _references(generator),
            sampling=SAMPLING,
            progress=lambda done, total: told.append((done, total)),
        )
        total = told[0][1]
        assert told == [(done, total) for done in range(1, total + 1)]

    def test_references_of_another_size_and_missing_prompts_are_refused(self, member, generator):
        pipeline = self.make(member).eval()
        with pytest.raises(ValueError, match="references must be 64 x 64"):
            pipeline.synthesize(torch.zeros(1, 3, 32, 32), PROMPTS[:1], occurrence=LABELS[:1])
        with pytest.raises(ValueError, match="prompts must be as many as references, 3, got 1"):
            pipeline.synthesize(_references(generator), PROMPTS[:1], occurrence=LABELS)

    def test_what_it_says_not_to_depend_on_changes_nothing(self, member, generator):
        pipeline = self.make(member).eval()
        references = _references(generator)
        others = {"steps": 3, "temperature": 1.5, "text_guidance": 3.0, "reference_guidance": 3.0}
        assert set(pipeline.settings) <= {"seed", *others}
        others = {name: value for name, value in others.items() if name not in pipeline.settings}
        seeds = torch.arange(3) + (0 if "seed" in pipeline.settings else 5)
        made = pipeline.synthesize(
            references if pipeline.sees_reference else -references,
            PROMPTS[::-1] if pipeline.reads_labels else PROMPTS,
            occurrence=LABELS if pipeline.reads_labels else ~LABELS,
            seeds=seeds,
            sampling=replace(SAMPLING, **others),
        )
        expected = _made(pipeline, references, sampling=SAMPLING)
        assert torch.equal(made.images, expected.images)
