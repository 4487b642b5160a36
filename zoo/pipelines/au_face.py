"""VQ-AUFace's second stage, whole: reference face and description -> context -> tokens -> face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.fusion.base import Context, Fusion
from zoo.generators.base import Fixed, Generator, GuidedContext
from zoo.pipelines.base import Pipeline, Synthesis
from zoo.sampling import Sampling
from zoo.shapes import Images, Intensity, Occurrence
from zoo.text_encoders.base import EncodedText, TextEncoder


@dataclass(frozen=True)
class ReferenceFeatures:
    """What is known of reference faces; None for what the model was built without.

    Attributes:
        appearance: The paper's T_A.
        structure: The paper's T_S.
        latent: The paper's T_V.
    """

    appearance: Float[Tensor, "batch vector appearance_dim"] | None
    structure: Float[Tensor, "batch place structure_dim"] | None
    latent: Float[Tensor, "batch position latent_dim"] | None


class AUFacePipeline(Pipeline):
    """Synthesise faces with the paper's framework (section 4.2 and Figure 3).

    Args:
        codec: Stage I: gives and takes the tokens.
        text_encoder: Reads prompts (or labels): T_T.
        fusion: Makes the context; built for the channels of the encoders.
        generator: Draws tokens; built for the codec's tokens and the fusion's context.
        appearance: Face encoder of T_A; null leaves it out.
        structure: Face encoder of T_S; null leaves it out.
        latent: Face encoder of T_V; null leaves it out.
        image_size: Height and width of references and results in pixels.
        prompt_style: Style of the lexicon that it was trained on.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        text_encoder: TextEncoder,
        fusion: Fusion,
        generator: Generator,
        appearance: FaceEncoder | None = None,
        structure: FaceEncoder | None = None,
        latent: FaceEncoder | None = None,
        image_size: int = 64,
        prompt_style: str = "full",
    ) -> None:
        super().__init__()
        if image_size < 1 or image_size % codec.stride:
            message = f"AUFacePipeline: image_size must be a multiple of the codec's {codec.stride}, got {image_size}."
            raise ValueError(message)
        wanted = {
            "rows": image_size // codec.stride,
            "cols": image_size // codec.stride,
            "num_levels": codec.quantizer.num_levels,
            "codebook_size": codec.quantizer.codebook_size,
            "context_dim": fusion.dim,
        }
        for name, size in wanted.items():
            if getattr(generator, name) != size:
                message = f"AUFacePipeline: generator.{name} must be {size}, got {getattr(generator, name)}."
                raise ValueError(message)
        self.codec = codec
        self.text_encoder = text_encoder
        self.appearance = appearance
        self.structure = structure
        self.latent = latent
        self.fusion = fusion
        self.generator = generator
        self.image_size = image_size
        self.prompt_style = prompt_style
        for encoder in (appearance, structure, latent):
            if encoder is not None:
                encoder.connect(codec)
        self._check_fusion()

    @property
    def reads_labels(self) -> bool:
        """Whether it goes by the labels, and not by the prompts."""
        return self.text_encoder.reads_labels

    def _check_fusion(self) -> None:
        """Raise unless the fusion was built for these encoders; one that was trained elsewhere may not be."""
        wanted: dict[str, int | None] = {"text_dim": self.text_encoder.dim}
        for name in ("appearance", "structure", "latent"):
            encoder = getattr(self, name)
            wanted[f"{name}_dim"] = None if encoder is None else encoder.dim
        if self.latent is not None:
            wanted["num_positions"] = (self.image_size // self.codec.stride) ** 2
        for argument, size in wanted.items():
            if getattr(self.fusion, argument) != size:
                message = (
                    f"AUFacePipeline: fusion.{argument} must be {size}, as encoders and codec have it (None: no such "
                    f"encoder), got {getattr(self.fusion, argument)}. Take those that the fusion was trained beside."
                )
                raise ValueError(message)

    def reference_features(self, references: Images) -> ReferenceFeatures:
        """Encode reference faces."""
        return ReferenceFeatures(
            appearance=None if self.appearance is None else self.appearance(references),
            structure=None if self.structure is None else self.structure(references),
            latent=None if self.latent is None else self.latent(references),
        )

    def context(
        self,
        text: EncodedText,
        reference: ReferenceFeatures,
        *,
        without_text: Bool[Tensor, " batch"] | None = None,
        without_reference: Bool[Tensor, " batch"] | None = None,
    ) -> Context:
        """Fuse what is known of the text and of the reference."""
        return self.fusion(
            text,
            appearance=reference.appearance,
            structure=reference.structure,
            latent=reference.latent,
            without_text=without_text,
            without_reference=without_reference,
        )

    @torch.no_grad()
    def synthesize(
        self,
        references: Images,
        prompts: Sequence[str],
        *,
        occurrence: Occurrence | None = None,
        intensity: Intensity | None = None,
        seeds: Int[Tensor, " batch"] | None = None,
        sampling: Sampling | None = None,
        keep: Bool[Tensor, "batch rows cols"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Synthesis:
        """Synthesise one face for each reference; see :class:`zoo.pipelines.base.Pipeline`.

        Raises:
            ValueError: References are of another size, or there is not one prompt for each.
        """
        if references.shape[-2:] != (self.image_size, self.image_size):
            message = (
                f"AUFacePipeline: references must be {self.image_size} x {self.image_size} pixels, got "
                f"{references.shape[-2]} x {references.shape[-1]}."
            )
            raise ValueError(message)
        if len(prompts) != len(references):
            message = f"AUFacePipeline: prompts must be as many as references, {len(references)}, got {len(prompts)}."
            raise ValueError(message)
        sampling = sampling or Sampling()
        if seeds is None:
            seeds = torch.arange(len(references))
        text = self.text_encoder(prompts, occurrence=occurrence, intensity=intensity)
        features = self.reference_features(references)
        tokens = self.generator.sample(
            self.guided_context(text, features, sampling),
            seeds=seeds.to(references.device),
            sampling=sampling,
            fixed=None if keep is None else Fixed(self.codec.tokenize(references), keep),
            progress=progress,
        )
        return Synthesis(images=self.codec.detokenize(tokens), tokens=tokens)

    def guided_context(self, text: EncodedText, reference: ReferenceFeatures, sampling: Sampling) -> GuidedContext:
        """Make the contexts that this way of sampling compares."""
        everywhere = torch.ones(len(text.mask), dtype=torch.bool, device=text.mask.device)
        return GuidedContext(
            full=self.context(text, reference),
            without_text=None
            if sampling.text_guidance == 1
            else self.context(text, reference, without_text=everywhere),
            without_reference=None
            if sampling.reference_guidance == 1
            else self.context(text, reference, without_reference=everywhere),
        )
