"""What every text AU recogniser must do, found by the files of the family."""

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.components import families

PROMPTS = ["The lip corners rise.", "The chin boss is pushed up and the lower lip rises with it.", "The brows lower."]


class TestTextRecognizers(ComponentContract):
    family = "text_recognizers"

    def outcome(self, recognizer, generator):
        return recognizer(PROMPTS)


@pytest.fixture(params=families()["text_recognizers"])
def recognizer(request):
    return from_config(f"text_recognizers/{request.param}")


def test_probabilities_are_probabilities_of_its_aus(recognizer):
    for mode in (True, False):
        recognition = recognizer.train(mode)(PROMPTS)
        assert recognition.probability.shape == (3, len(recognizer.aus))
        assert bool(((recognition.probability >= 0) & (recognition.probability <= 1)).all())
        torch.testing.assert_close(recognition.probability, recognition.logits.sigmoid())


def test_in_eval_a_text_is_read_alike_in_any_company(recognizer):
    recognizer.eval()
    with torch.no_grad():
        together = recognizer(PROMPTS).logits
        alone = torch.cat([recognizer([prompt]).logits for prompt in PROMPTS])
        padded = recognizer([PROMPTS[2], " ".join(PROMPTS * 9)]).logits[0]
    torch.testing.assert_close(alone, together)
    torch.testing.assert_close(padded, together[2])


def test_different_texts_are_told_apart(recognizer):
    recognizer.eval()
    with torch.no_grad():
        first, second, third = recognizer(PROMPTS).logits
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, third)
    assert not torch.allclose(second, third)


def test_a_text_without_words_is_taken(recognizer):
    recognizer.eval()
    with torch.no_grad():
        assert recognizer(["", PROMPTS[0]]).probability.isfinite().all()
