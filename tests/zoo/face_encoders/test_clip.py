"""CLIP from a folder in transformers' layout."""

import pytest
import torch

from zoo.bundles import WeightsNotFoundError
from zoo.face_encoders.clip import CLIPFaceEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    place = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=768,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=12,
        image_size=224,
        patch_size=32,
    )
    CLIPVisionModel(config).save_pretrained(place)
    return str(place)


def test_features_are_those_of_transformers(folder):
    from transformers import CLIPImageProcessor, CLIPVisionModel

    from zoo.images import from_uint8, to_uint8

    images = torch.rand(1, 3, 224, 224) * 2 - 1
    images = from_uint8(to_uint8(images))
    pixels = CLIPImageProcessor()(to_uint8(images)[0], return_tensors="pt").pixel_values
    network = CLIPVisionModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = network(pixel_values=pixels).last_hidden_state[:, 1:]
        expected = getattr(network, "vision_model", network).post_layernorm(hidden)
    torch.testing.assert_close(CLIPFaceEncoder(size="base32", weights=folder)(images), expected, atol=1e-4, rtol=1e-3)


def test_weights_of_another_size_are_refused(folder):
    with pytest.raises(ValueError, match="size must be that of the weights, got 'base16'"):
        CLIPFaceEncoder(size="base16", weights=folder)(torch.zeros(1, 3, 64, 64))


def test_missing_weights_say_where_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsNotFoundError, match="hf download"):
        CLIPFaceEncoder(weights=str(tmp_path / "none"))(torch.zeros(1, 3, 64, 64))
