"""Train AU cross-attention and fusion alone, and ask what they know."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from lightning_modules.au_probe import AUProbe, ReferenceProbe, au_losses, reference_losses
from lightning_modules.base import TrainingModule
from lightning_modules.callbacks.synthesis_figures import strangers
from lightning_modules.optimizers import AdamW, OptimizerFactory
from lightning_modules.trained_parts import part
from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.fusion.base import Fusion
from zoo.metrics.au_regions import au_regions
from zoo.text_encoders.base import TextEncoder

if TYPE_CHECKING:
    from datamodules.batch import ProceduralFaceBatch
    from zoo.fusion.base import Context
    from zoo.metrics.au_location import AUAnswer
    from zoo.text_encoders.base import EncodedText


class AUFusionModule(TrainingModule):
    """Train a fusion so that T_AU tells which AUs occur and where on *this* reference face they act.

    A text says which AUs it means, but not where this face has its brows: only structure does. So small heads ask T_AU
    for both, and the AU cross-attention is drawn into the AUs' regions, which come from the reference's landmarks.
    Beside it learns the same without structure (*text alone*), in parts of its own and in the same steps. Evaluation
    asks besides what is known when T_S is another face's (*shuffled*). Where they are given, T_A and T_V have to be
    found in the fused features, so that all of the fusion learns.

    Parts named by a path (a bundle, a run's folder or a checkpoint) stay as they are; parts given as classes learn
    with the rest. The fusion is built as stage II builds it.

    Args:
        structure: Face encoder of T_S.
        text_encoder: Reads prompts, or labels.
        fusion: What is trained; built for the encoders' channels.
        appearance: Face encoder of T_A; null leaves it out.
        latent: Face encoder of T_V; null leaves it out.
        codec: Stage I, by its path, for latents; always frozen.
        image_size: Height and width of the images in pixels.
        map_side: Rows and columns of the maps of where AUs act.
        map_weight: Weight of the maps in the loss.
        attention_weight: Weight of attention outside of the region; 0 leaves attention to itself.
        drop_text: Share of training samples without text.
        drop_reference: Share of training samples without reference.
        optimizer: How; null is AdamW.
    """

    exported = "fusion"

    def __init__(
        self,
        structure: FaceEncoder | str,
        *,
        text_encoder: TextEncoder | str,
        fusion: Callable[[int, int | None, int | None, int | None, int | None], Fusion],
        appearance: FaceEncoder | str | None = None,
        latent: FaceEncoder | str | None = None,
        codec: Codec | str | None = None,
        image_size: int = 64,
        map_side: int = 32,
        map_weight: float = 10.0,
        attention_weight: float = 0.3,
        drop_text: float = 0.05,
        drop_reference: float = 0.1,
        optimizer: OptimizerFactory | None = None,
    ) -> None:
        super().__init__()
        numbers = {"map_weight": map_weight, "attention_weight": attention_weight}
        numbers |= {"drop_text": drop_text, "drop_reference": drop_reference}
        for name, value in numbers.items():
            if value < 0 or (name.startswith("drop") and drop_text + drop_reference >= 1):
                message = f"AUFusionModule: {name} must be at least 0, and drops below 1 in sum, got {value}."
                raise ValueError(message)
        if latent is not None and codec is None:
            message = "AUFusionModule: codec must be given with latent, got null. Set --model.codec models/codec."
            raise ValueError(message)
        self.image_size, self.map_side = image_size, map_side
        self.map_weight, self.attention_weight = map_weight, attention_weight
        self.drop_text, self.drop_reference = drop_text, drop_reference
        self.optimizer = optimizer or AdamW(1e-3)
        given = {"appearance": appearance, "structure": structure, "latent": latent}
        owner = type(self).__name__
        self.faces = nn.ModuleDict(
            {
                name: part(each, FaceEncoder, owner=owner, argument=name)
                for name, each in given.items()
                if each is not None
            }
        )
        self.codec = None if codec is None else part(codec, Codec, owner=owner, argument="codec")
        self.text_encoder = part(text_encoder, TextEncoder, owner=owner, argument="text_encoder")
        if self.codec is not None:
            for encoder in self.faces.values():
                assert isinstance(encoder, FaceEncoder)
                encoder.connect(self.codec)
        dims: dict[str, Any] = {name: self.faces[name].dim if name in self.faces else None for name in given}
        # parsers leave out as many of a part's first arguments as these types have; here they come by name
        build: Callable[..., Fusion] = fusion
        self.fusion = build(
            text_dim=self.text_encoder.dim,
            num_positions=None if self.codec is None else (image_size // self.codec.stride) ** 2,
            **{f"{name}_dim": dim for name, dim in dims.items()},
        )
        self.probe = AUProbe(self.fusion.dim, map_side=map_side)
        self.reference_probe = ReferenceProbe(
            self.fusion.dim, appearance_dim=dims["appearance"], latent_dim=dims["latent"]
        )
        # what text alone can know is learned by parts of its own
        nothing = dict.fromkeys(("appearance_dim", "structure_dim", "latent_dim", "num_positions"))
        own_text = self.text_encoder if isinstance(text_encoder, str) else copy.deepcopy(self.text_encoder)
        own_fusion, own_probe = build(text_dim=own_text.dim, **nothing), AUProbe(self.fusion.dim, map_side=map_side)
        self.text_alone = nn.ModuleDict({"text_encoder": own_text, "fusion": own_fusion, "probe": own_probe})
        self.frozen: list[nn.Module] = [self.faces[name] for name, each in given.items() if isinstance(each, str)]
        """Parts that stay as they are."""
        self.frozen += [self.text_encoder] if isinstance(text_encoder, str) else []
        self.frozen += [] if self.codec is None else [self.codec]
        for each in self.frozen:
            each.requires_grad_(False).eval()
        self.loss = MeanMetric()

    def train(self, mode: bool = True) -> AUFusionModule:
        """Switch modes; what is frozen stays in eval mode."""
        super().train(mode)
        for each in self.frozen:
            each.eval()
        return self

    def check(self, *, image_size: int) -> None:
        """Raise ``ValueError`` for images of a size that the fusion was not built for."""
        if image_size != self.image_size:
            message = (
                f"AUFusionModule: image_size must be that of the data, {image_size}, got {self.image_size}. "
                f"Set --model.image_size {image_size}."
            )
            raise ValueError(message)

    def configure_optimizers(self) -> Any:
        """Train everything that is not frozen."""
        return self.optimizer(self.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: ProceduralFaceBatch, batch_idx: int) -> Tensor:
        """Give what the answers lack, of the fusion and of text alone."""
        draw = torch.rand(len(batch["prompt"]), device=self.device)
        without_text, without_reference = draw < self.drop_text, draw > 1 - self.drop_reference
        features = self._features(batch)
        text = self._text(batch)
        context = self.fusion(text, **features, without_text=without_text, without_reference=without_reference)
        truth = self._truth(batch)
        truth["known"] = truth["known"] & ~without_text[:, None]
        losses = au_losses(self.probe(context), **truth, with_reference=~without_reference)
        losses |= reference_losses(self.reference_probe(context), features, ~without_reference)
        said = self.text_alone["probe"](self._context_of_text(batch, text, without_text))
        alone = au_losses(said, **truth, with_reference=~without_reference)
        loss = self._weigh(losses)
        self.log("train/loss", loss.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log_dict({f"train_loss/{name}": value.detach() for name, value in losses.items()})
            self.log_dict({f"train_loss_text_alone/{name}": value.detach() for name, value in alone.items()})
        return loss + self._weigh(alone)

    def validation_step(self, batch: ProceduralFaceBatch, batch_idx: int) -> dict[str, AUAnswer]:
        """Ask about held-out people."""
        return self._evaluate(batch)

    def test_step(self, batch: ProceduralFaceBatch, batch_idx: int) -> dict[str, AUAnswer]:
        """Ask about held-out people."""
        return self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the loss."""
        self.log("val/loss", self.loss.compute(), prog_bar=True)
        self.loss.reset()

    def on_test_epoch_end(self) -> None:
        """Log the loss."""
        self.log("test/loss", self.loss.compute())
        self.loss.reset()

    def predict_step(self, batch: ProceduralFaceBatch, batch_idx: int) -> AUAnswer:
        """Tell which AUs a text means and where on its reference they act."""
        return self.ask(batch)["own"]

    @torch.no_grad()
    def ask(self, batch: ProceduralFaceBatch) -> dict[str, AUAnswer]:
        """Give what T_AU knows with the face's own T_S, with another face's, and what text alone knows."""
        text, features = self._text(batch), self._features(batch)
        other = {**features, "structure": features["structure"][strangers(batch["subject"])]}
        return {
            "own": self.probe(self.fusion(text, **features)),
            "shuffled": self.probe(self.fusion(text, **other)),
            "text_alone": self.text_alone["probe"](self._context_of_text(batch, text, None)),
        }

    def regions(self, batch: ProceduralFaceBatch) -> Tensor:
        """Mark where on its reference each AU acts.

        Raises:
            ValueError: The data doesn't give the landmarks of references.
        """
        if "reference_landmarks" not in batch:
            message = (
                "AUFusionModule: batches must have reference_landmarks, got none. Set --data.reference_landmarks true."
            )
            raise ValueError(message)
        return au_regions(batch["reference_landmarks"], image_size=self.image_size, side=self.map_side)

    def _evaluate(self, batch: ProceduralFaceBatch) -> dict[str, AUAnswer]:
        answers = self.ask(batch)
        everywhere = torch.ones(len(batch["prompt"]), dtype=torch.bool, device=self.device)
        losses = au_losses(answers["own"], **self._truth(batch), with_reference=everywhere)
        self.loss.update(self._weigh(losses), weight=len(everywhere))
        return answers

    def _truth(self, batch: ProceduralFaceBatch) -> dict[str, Tensor]:
        return {"occurrence": batch["occurrence"], "known": batch["known"], "regions": self.regions(batch)}

    def _weigh(self, losses: dict[str, Tensor]) -> Tensor:
        weights = {"map": self.map_weight, "attention": self.attention_weight}
        return torch.stack([weights.get(name, 1.0) * value for name, value in losses.items()]).sum()

    def _text(self, batch: ProceduralFaceBatch) -> EncodedText:
        text: EncodedText = self.text_encoder(
            batch["prompt"], occurrence=batch["occurrence"], intensity=batch["intensity"]
        )
        return text

    def _features(self, batch: ProceduralFaceBatch) -> dict[str, Tensor]:
        return {name: encoder(batch["reference"]) for name, encoder in self.faces.items()}

    def _context_of_text(self, batch: ProceduralFaceBatch, text: EncodedText, without_text: Tensor | None) -> Context:
        encoder = self.text_alone["text_encoder"]
        if encoder is not self.text_encoder:
            text = encoder(batch["prompt"], occurrence=batch["occurrence"], intensity=batch["intensity"])
        context: Context = self.text_alone["fusion"](text, without_text=without_text)
        return context
