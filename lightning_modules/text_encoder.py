"""Train a text encoder to read descriptions, before stage II asks it to."""

from __future__ import annotations

from lightning_modules.optimizers import OptimizerFactory
from lightning_modules.text_recognizer import TextRecognizerModule
from zoo.text_encoders.base import TextEncoder
from zoo.text_recognizers.perceptron import PerceptronTextRecognizer


class TextEncoderModule(TextRecognizerModule):
    """Train an encoder so that a perceptron can tell from its features which AUs a text speaks of.

    The paper's T5 could read before stage II saw it; this gives the embedded world's encoder the same start. The
    perceptron is thrown away. AAAD's recogniser of texts is another network, with weights of its own.

    Args:
        encoder: What is trained.
        hidden_dim: Channels of the perceptron.
        optimizer: How; null is AdamW.
    """

    exported = "encoder"

    def __init__(
        self, encoder: TextEncoder, *, hidden_dim: int = 128, optimizer: OptimizerFactory | None = None
    ) -> None:
        super().__init__(PerceptronTextRecognizer(encoder, hidden_dim=hidden_dim), optimizer=optimizer)
        self.encoder = encoder
