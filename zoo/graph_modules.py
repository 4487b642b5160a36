"""What graphs compute: parts of components that take and give tensors alone, under names that others can use."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.codecs.base import Codec
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.fusion.base import Fusion
from zoo.quantizers.base import Quantizer
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.recognizers.base import Recognizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder
from zoo.text_encoders.base import EncodedText
from zoo.text_encoders.compact import CompactTextEncoder


class Tokenizer(nn.Module):
    """Images, RGB in [-1, 1], to tokens, coarse levels first."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, images: Tensor) -> Tensor:
        """Encode and quantize."""
        codebooks = getattr(self.codec.quantizer, "codebooks", None)
        # the search in blocks writes into memory of its own, which graphs can't
        if torch.compiler.is_exporting() and isinstance(codebooks, LearnedCodebooks) and set(codebooks.strides) == {1}:
            return self._searched(self.codec.encode(images), codebooks.codes)
        return self.codec.tokenize(images)

    def _searched(self, latents: Tensor, codebooks: Tensor) -> Tensor:
        batch, _, rows, cols = latents.shape
        vectors: Tensor = self.codec.quantizer.projection.to_vectors(latents)  # type: ignore[operator, union-attr]
        levels = []
        for codes in codebooks:
            tokens = (vectors @ codes.T - codes.square().sum(1) / 2).argmax(1)
            vectors = vectors - codes[tokens]
            levels.append(tokens.reshape(batch, rows, cols))
        return torch.stack(levels, dim=1)


class Detokenizer(nn.Module):
    """Tokens to images, RGB in [-1, 1]."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, tokens: Tensor) -> Tensor:
        """Decode."""
        if torch.compiler.is_exporting():  # to other runtimes, which know no bags of codes
            return self.codec.decode(self.codec.quantizer.level_latents(tokens).sum(1)).clamp(-1, 1)
        return self.codec.detokenize(tokens)


class Probabilities(nn.Module):
    """Images, RGB in [-1, 1], to the probability of each AU."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, images: Tensor) -> Tensor:
        """Recognise."""
        probability: Tensor = self.recognizer(images).probability
        return probability


class Words(nn.Module):
    r"""Two hashes of each word, 0 where a text has ended, to its features (T_T) and where they are real.

    Words are what ``[a-z]+(?:['-][a-z]+)*|\d+|[^\sa-z\d]`` finds in the text in lower case. A hash is 1 + BLAKE2b of
    the word in UTF-8, 8 bytes, read as a little-endian number, modulo ``num_hashes``; the two have salts 0 and 1, as 8
    little-endian bytes.
    """

    def __init__(self, encoder: CompactTextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encode."""
        text = self.encoder.read(ids)
        return text.features, text.mask


class Labels(nn.Module):
    """Which AUs occur, in order, and how strong they are, 0 to 5 or NaN, to features (T_T) and where they are real."""

    def __init__(self, encoder: AULabelsTextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, occurrence: Tensor, intensity: Tensor) -> tuple[Tensor, Tensor]:
        """Encode."""
        text = self.encoder([], occurrence=occurrence, intensity=intensity)
        return text.features, text.mask


class Latents(nn.Module):
    """The tokens of a reference to its features (T_V)."""

    def __init__(self, encoder: LatentFaceEncoder, quantizer: Quantizer) -> None:
        super().__init__()
        self.encoder = encoder
        self.quantizer = quantizer  # of the codec that the encoder looks through, and does not own

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up."""
        return self.encoder.of_tokens(tokens)


class FusedContext(nn.Module):
    """What is known of text and reference to the context that the generator attends to.

    ``without_text`` and ``without_reference`` say whose text or reference is replaced by what was learned to stand for
    nothing, for guidance. It gives ``features``, where they are real, and, for models with T_V, ``spatial``.
    """

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(
        self,
        text_features: Tensor,
        text_mask: Tensor,
        without_text: Tensor,
        without_reference: Tensor,
        appearance: Tensor | None = None,
        structure: Tensor | None = None,
        latent: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Fuse."""
        context = self.fusion(
            EncodedText(text_features, text_mask),
            appearance=appearance,
            structure=structure,
            latent=latent,
            without_text=without_text,
            without_reference=without_reference,
        )
        spatial = () if context.spatial is None else (context.spatial,)
        return context.features, context.mask, *spatial
