"""The perceptron over features of a text."""

import pytest
import torch
from torch import nn

from zoo.text_encoders.au_labels import AULabelsTextEncoder
from zoo.text_encoders.base import EncodedText, TextEncoder
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_encoders.t5 import _SIZES, T5TextEncoder
from zoo.text_recognizers.perceptron import PerceptronTextRecognizer


class Letters(TextEncoder):
    """Each letter's number, and its negative; what is padded is far off."""

    dim = 2

    def forward(self, prompts, *, occurrence=None, intensity=None):
        numbers = [torch.tensor([float(ord(letter) - ord("m")) for letter in prompt]) for prompt in prompts]
        padded = nn.utils.rnn.pad_sequence(numbers, batch_first=True, padding_value=1e6)
        mask = torch.arange(padded.shape[1]) < torch.tensor([len(each) for each in numbers])[:, None]
        return EncodedText(torch.stack([padded, -padded], dim=-1), mask)


@pytest.mark.parametrize(
    ("pooling", "expected"), [("max", [[3.0, 12.0], [1.0, -1.0]]), ("mean", [[-3.0, 3.0], [1.0, -1.0]])]
)
def test_features_of_a_text_become_one_vector(pooling, expected):
    recognizer = PerceptronTextRecognizer(Letters(), aus=(1, 2), num_layers=1, pooling=pooling)
    (linear,) = recognizer.layers
    with torch.no_grad():
        linear.weight.copy_(torch.eye(2))
        linear.bias.zero_()
    assert recognizer(["pam", "n"]).logits.tolist() == expected  # 3, -12 and 0; 1


def test_it_has_four_layers_as_in_the_paper():
    recognizer = PerceptronTextRecognizer(CompactTextEncoder(dim=16), hidden_dim=8)
    shapes = [(each.in_features, each.out_features) for each in recognizer.layers if isinstance(each, nn.Linear)]
    assert shapes == [(16, 8), (8, 8), (8, 8), (8, 12)]


def test_t5_is_frozen_and_the_compact_encoder_learns_along(monkeypatch):
    monkeypatch.setitem(_SIZES, "small", (16, 32, 1, 2))
    recognizer = PerceptronTextRecognizer(T5TextEncoder(size="small", weights="random"), hidden_dim=8)
    recognizer(["The brows lower."]).logits.sum().backward()
    assert {name.split(".")[0] for name, _ in recognizer.named_parameters()} == {"layers"}
    assert {name.split(".")[0] for name in recognizer.state_dict()} == {"layers"}
    assert all(each.grad is not None for each in recognizer.parameters())
    assert not any(each.requires_grad for each in recognizer.encoder.network.on(torch.device("cpu")).parameters())
    learning = PerceptronTextRecognizer(CompactTextEncoder(dim=16), hidden_dim=8)
    learning(["The brows lower."]).logits.sum().backward()
    assert all(each.grad is not None for each in learning.encoder.parameters())


def test_what_reads_labels_is_refused():
    with pytest.raises(ValueError, match="encoder must read texts, got AULabelsTextEncoder"):
        PerceptronTextRecognizer(AULabelsTextEncoder())
