"""T5 from a folder in transformers' layout."""

from __future__ import annotations

import pytest
import torch

from zoo.bundles import WeightsNotFoundError
from zoo.text_encoders.t5 import T5TextEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A T5 of one layer with a tokenizer of six words, in the layout that transformers saves."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    place = tmp_path_factory.mktemp("t5")
    torch.manual_seed(0)
    T5EncoderModel(T5Config(vocab_size=16, d_model=512, d_kv=8, d_ff=16, num_layers=1, num_heads=2)).save_pretrained(
        place
    )
    words = {word: place for place, word in enumerate(["<pad>", "</s>", "<unk>", "the", "lip", "corners", "rise"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(place)
    return str(place)


def test_features_are_those_of_transformers(folder):
    from transformers import T5EncoderModel

    encoder = T5TextEncoder(size="small", weights=folder)
    encoded = encoder(["the lip corners rise", "rise"])
    assert encoded.mask.sum(1).tolist() == [5, 2]
    network = T5EncoderModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = network(input_ids=torch.tensor([[6, 1]])).last_hidden_state
    torch.testing.assert_close(encoded.features[1:, :2], expected)
    assert not encoded.features[1, 2:].any()


def test_prompts_beyond_the_trained_length_are_encoded_whole(folder):
    encoded = T5TextEncoder(size="small", weights=folder)(["rise " * 700])
    assert encoded.mask.sum() == 701


def test_padding_to_a_fixed_length(folder):
    encoded = T5TextEncoder(size="small", weights=folder, length=9)(["rise"])
    assert encoded.features.shape[1] == 9
    with pytest.raises(ValueError, match="length must be at least that of the longest prompt, 2"):
        T5TextEncoder(size="small", weights=folder, length=1)(["rise"])


def test_nothing_of_it_goes_into_checkpoints(folder):
    encoder = T5TextEncoder(size="small", weights=folder)
    encoder(["rise"])
    assert not encoder.state_dict()
    assert not list(encoder.parameters())


def test_weights_of_another_size_are_refused(folder):
    with pytest.raises(ValueError, match="size must be that of the weights, got 'base' with 768"):
        T5TextEncoder(size="base", weights=folder)(["rise"])


def test_missing_weights_say_where_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsNotFoundError, match="hf download"):
        T5TextEncoder(size="small", weights=str(tmp_path / "none"))(["rise"])
