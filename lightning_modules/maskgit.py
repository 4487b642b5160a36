"""Stage II: learn to generate the tokens of a face from a reference face and a description."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import torch

from datamodules.batch import REFERENCE_FEATURES
from lightning_modules.base import TrainingModule
from lightning_modules.optimizers import AdamW, OptimizerFactory
from lightning_modules.supervision import Supervision
from lightning_modules.trained_parts import part
from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.fusion.base import Fusion
from zoo.generators.base import Generator
from zoo.metrics.token_prediction import NUM_BINS, TokenPrediction
from zoo.pipelines.au_face import AUFacePipeline, ReferenceFeatures
from zoo.text_encoders.base import EncodedText, TextEncoder

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import CachedFaceBatch, FaceBatch
    from zoo.components import Component
    from zoo.generators.base import GeneratorLoss
    from zoo.pipelines.base import Synthesis


class MaskGITModule(TrainingModule):
    """Train fusion and generator on the tokens of a frozen codec (section 4.2 of the paper).

    Parts named by a path (a bundle, a run's folder or a checkpoint) are trained already and stay as they are; parts
    given as classes learn with the rest. Text and reference are left out at times, apart from each other, so that
    either can guide sampling. Batches bring images, or what the frozen parts made of them (``python cli.py cache``).

    Args:
        codec: Stage I, by its path; always frozen.
        text_encoder: Reads prompts, or labels.
        fusion: Makes the context; built for the encoders' channels, or by its path: one that au_fusion.yaml trained
            beside the same encoders, or that of a pipeline.
        generator: Draws tokens; built for the codec's tokens and the fusion's context.
        appearance: Face encoder of T_A; null leaves it out, as for the other two.
        structure: Face encoder of T_S.
        latent: Face encoder of T_V.
        image_size: Height and width of the images in pixels.
        prompt_style: Style of the data's prompts, which the model remembers.
        drop_text: Share of training samples without text.
        drop_reference: Share of training samples without reference.
        drop_both: Share of training samples without either, besides.
        optimizer: How; null is AdamW.
    """

    exported = "pipeline"

    def __init__(
        self,
        codec: Codec | str,
        *,
        text_encoder: TextEncoder | str,
        # a path first: after a function, the parser would look for one of that name, and save the path as no path
        fusion: str | Callable[[int, int | None, int | None, int | None, int | None], Fusion],
        generator: Callable[[int, int, int, int, int], Generator],
        appearance: FaceEncoder | str | None = None,
        structure: FaceEncoder | str | None = None,
        latent: FaceEncoder | str | None = None,
        image_size: int = 64,
        prompt_style: Literal["full", "short"] = "full",
        drop_text: float = 0.1,
        drop_reference: float = 0.1,
        drop_both: float = 0.05,
        optimizer: OptimizerFactory | None = None,
    ) -> None:
        super().__init__()
        drops = {"drop_text": drop_text, "drop_reference": drop_reference, "drop_both": drop_both}
        for name, value in drops.items():
            if value < 0 or sum(drops.values()) >= 1:
                message = f"MaskGITModule: {name} must be at least 0 and all three below 1 in sum, got {drops}."
                raise ValueError(message)
        self.drop_text, self.drop_reference, self.drop_both = drop_text, drop_reference, drop_both
        self.has_idle_parameters = latent is None  # the generator's maps of what the context has at each position
        self.optimizer = optimizer or AdamW(1e-3)
        owner = type(self).__name__
        own_codec = part(codec, Codec, owner=owner, argument="codec")
        faces = {
            name: None if given is None else part(given, FaceEncoder, owner=owner, argument=name)
            for name, given in (("appearance", appearance), ("structure", structure), ("latent", latent))
        }
        for encoder in faces.values():
            if encoder is not None:
                encoder.connect(own_codec)
        text = part(text_encoder, TextEncoder, owner=owner, argument="text_encoder")
        side = image_size // own_codec.stride
        # parsers leave out as many of a part's first arguments as these types have; here they come by name
        own_fusion = (
            part(fusion, Fusion, owner=owner, argument="fusion")
            if isinstance(fusion, str)
            else fusion(  # type: ignore[call-arg]
                text_dim=text.dim,
                num_positions=side * side,
                **{f"{name}_dim": None if encoder is None else encoder.dim for name, encoder in faces.items()},
            )
        )
        quantizer = own_codec.quantizer
        own_generator = generator(  # type: ignore[call-arg]
            rows=side,
            cols=side,
            num_levels=quantizer.num_levels,
            codebook_size=quantizer.codebook_size,
            context_dim=own_fusion.dim,
        )
        self.pipeline = AUFacePipeline(
            own_codec,
            text_encoder=text,
            fusion=own_fusion,
            generator=own_generator,
            **faces,
            image_size=image_size,
            prompt_style=prompt_style,
        )
        given = {"text_encoder": text_encoder, "appearance": appearance, "structure": structure, "latent": latent}
        paths = {name: each for name, each in {**given, "fusion": fusion}.items() if isinstance(each, str)}
        self.frozen = ("codec", *paths)
        """Names of the pipeline's parts that stay as they are."""
        for name in self.frozen:
            getattr(self.pipeline, name).requires_grad_(False).eval()
        self.prediction = TokenPrediction(num_levels=quantizer.num_levels)
        self.supervision = Supervision()

    def cacheable(self) -> dict[str, Component]:
        """Give the parts that stay as they are, by what a cache calls that which they give."""
        text = self.pipeline.text_encoder
        parts: dict[str, Component | None] = {"tokens": self.pipeline.codec}
        parts |= {name: getattr(self.pipeline, name) for name in REFERENCE_FEATURES}
        parts["text"] = None if text.reads_labels else text
        return {
            name: each
            for name, each in parts.items()
            if each is not None and not any(weight.requires_grad for weight in each.parameters())
        }

    def uncached(self) -> list[str]:
        """Name the encoders whose features no cache has, as they change in training or are of labels."""
        own = [name for name in REFERENCE_FEATURES if getattr(self.pipeline, name) is not None]
        cacheable = self.cacheable()
        return [name for name in [*own, "text"] if name not in cacheable]

    def train(self, mode: bool = True) -> MaskGITModule:
        """Switch modes; what is frozen stays in eval mode."""
        super().train(mode)
        for name in self.frozen:
            getattr(self.pipeline, name).eval()
        return self

    def check(self, *, image_size: int) -> None:
        """Refuse images of a size that the generator was not built for.

        Raises:
            ValueError: They are.
        """
        if image_size != self.pipeline.image_size:
            message = (
                f"MaskGITModule: image_size must be that of the data, {image_size}, got {self.pipeline.image_size}. "
                f"Set --model.image_size {image_size}."
            )
            raise ValueError(message)

    def setup(self, stage: str) -> None:
        """Refuse data whose prompts are of another style.

        Raises:
            ValueError: They are.
        """
        prompts = getattr(self.trainer.datamodule, "prompts", None)  # type: ignore[attr-defined]
        style = getattr(prompts, "style", None)
        if style is not None and style != self.pipeline.prompt_style:
            message = (
                f"MaskGITModule: prompt_style must be that of the data's prompts, {style!r}, got "
                f"{self.pipeline.prompt_style!r}. Set --model.prompt_style {style}."
            )
            raise ValueError(message)

    def configure_optimizers(self) -> Any:
        """Train everything that is not frozen."""
        return self.optimizer(self.pipeline.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the cross-entropy of hidden tokens."""
        draw = torch.rand(len(batch["prompt"]), device=self.device)
        loss = self._predict(
            batch,
            without_text=draw < self.drop_text + self.drop_both,
            without_reference=(draw >= self.drop_text) & (draw < self.drop_text + self.drop_both + self.drop_reference),
        )
        self.log("train/loss", loss.loss.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log_dict({f"train_accuracy/level_{level}": share for level, share in enumerate(loss.correct)})
        return self.supervision.weighted(loss, trainer=self.trainer)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Let each supervised token of a step count alike, whichever batch and device it is from."""
        self.supervision.settle(self.pipeline.parameters(), trainer=self.trainer)
        super().on_before_optimizer_step(optimizer)

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Hide the same tokens in every validation, and guess them."""
        self._evaluate(batch, batch_idx)

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Hide the same tokens in every test, and guess them."""
        self._evaluate(batch, batch_idx)

    def on_validation_epoch_end(self) -> None:
        """Log what was gathered."""
        self._log_prediction("val")

    def on_test_epoch_end(self) -> None:
        """Log what was gathered."""
        self._log_prediction("test")

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Synthesis:
        """Synthesise each frame anew from its reference and its prompt; its index is its seed."""
        return self.pipeline.synthesize(
            batch["reference"],
            batch["prompt"],
            occurrence=batch["occurrence"],
            intensity=batch["intensity"],
            seeds=batch["index"],
        )

    def _predict(
        self,
        batch: FaceBatch | CachedFaceBatch,
        *,
        without_text: Tensor | None = None,
        without_reference: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> GeneratorLoss:
        context = self.pipeline.context(
            self._text(batch), self._reference(batch), without_text=without_text, without_reference=without_reference
        )
        return self.pipeline.generator(self._tokens(batch), context, generator=generator)

    @torch.no_grad()
    def _tokens(self, batch: Any) -> Tensor:
        tokens: Tensor = batch["tokens"] if "tokens" in batch else self.pipeline.codec.tokenize(batch["image"])
        return tokens

    def _text(self, batch: Any) -> EncodedText:
        if "text_features" in batch:
            return EncodedText(batch["text_features"], batch["text_mask"])
        return self.pipeline.text_encoder(batch["prompt"], occurrence=batch["occurrence"], intensity=batch["intensity"])

    def _reference(self, batch: Any) -> ReferenceFeatures:
        features = {}
        for name in REFERENCE_FEATURES:
            encoder, cached = getattr(self.pipeline, name), batch.get(f"{name}_features")
            features[name] = encoder(batch["reference"]) if cached is None and encoder is not None else cached
        return ReferenceFeatures(**features)

    @torch.no_grad()
    def _evaluate(self, batch: FaceBatch, batch_idx: int) -> None:
        generator = torch.Generator().manual_seed(batch_idx)  # the CPU's: the same tokens on every device
        self.prediction.update(self._predict(batch, generator=generator))

    def _log_prediction(self, split: str) -> None:
        loss, accuracy, by_ratio = self.prediction.compute()
        self.log(f"{split}/loss", loss, prog_bar=True)
        self.log(f"{split}/accuracy", accuracy.nanmean())
        self.log_dict({f"{split}_accuracy/level_{level}": share for level, share in enumerate(accuracy)})
        names = [f"{split}_loss_by_ratio/up_to_{(each + 1) / NUM_BINS:.1f}" for each in range(NUM_BINS)]
        self.log_dict({name: value for name, value in zip(names, by_ratio, strict=True) if not value.isnan()})
        self.prediction.reset()
