"""What is special about our own pipeline."""

import pytest
import torch

from tests.zoo.contract import from_config
from zoo.sampling import Sampling

PROMPTS = ["The lip corners rise.", "The chin pushes the lower lip up."]


@pytest.mark.parametrize("guidance", ["text_guidance", "reference_guidance"])
def test_a_guidance_of_one_needs_no_second_context(guidance, generator):
    pipeline = from_config("pipelines/au_face").eval()
    text = pipeline.text_encoder(PROMPTS)
    features = pipeline.reference_features(torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1)
    name = f"without_{guidance.removesuffix('_guidance')}"
    for value, expected in ((1.0, False), (2.0, True)):
        contexts = pipeline.guided_context(text, features, Sampling(**{guidance: value}))
        assert (getattr(contexts, name) is not None) is expected
