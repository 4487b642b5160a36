"""GANimation, a baseline of stage II: learn from labels, without pairs, to edit the AUs of faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from lightning_utilities.core.rank_zero import rank_zero_warn

from lightning_modules.ganimation_game import CRITIC, Faces, Game
from lightning_modules.ganimation_losses import condition_error, saturation
from lightning_modules.manual_training import ManualTrainingModule
from lightning_modules.optimizers import Adam, OptimizerFactory
from zoo.discriminators.ganimation import GANimationDiscriminator
from zoo.pipelines.ganimation import GANimationPipeline

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import FaceBatch
    from zoo.pipelines.base import Synthesis
    from zoo.pipelines.ganimation import Edit


class GANimationModule(ManualTrainingModule):
    """Train a generator and its critic as Pumarola et al. (2018, https://arxiv.org/abs/1807.09251) do.

    Faces get the AUs of other faces of the batch, and then their own back. The critic learns from every batch and
    counts the steps; the generator learns from every ``critic_steps``-th. The defaults are the authors' figures.

    Differs from the paper where told to, against what short runs on few faces fail by. Masks that copy all, since what
    an untrained generator paints is worse than the face: each learns first what needs no other, the critic AUs, the
    generator to paint (``generator_start_step``, ``adversarial_start_step``). Stripes that the critic takes for AUs:
    noise in what it sees, and doubt of what is edited (``critic_noise``, ``doubt_weight``). The mean of the masks is
    logged, and a saturated one warned of.

    Args:
        pipeline: What is trained.
        discriminator: The critic, for images of the same size.
        critic_steps: Steps of the critic for each of the generator. Its figures are logged where ``log_every_n_steps``
            is a multiple of this.
        generator_start_step: Step at which the generator begins to learn: until the critic knows AUs, nothing speaks
            against masks that copy.
        adversarial_start_step: Step at which the two begin to play against each other. Until then the critic learns AUs
            alone, of true faces, and the generator, once it has begun, to paint the face that it is given.
        penalty_weight: Weight of the critic's gradient penalty.
        condition_weight: Weight of the error of the critic's AUs, for either.
        critic_condition_weight: The critic's own, where it isn't that: how much it cares for AUs beside what is real.
        doubt_weight: Weight of the error of the critic's AUs of edited faces, against those that the faces had before.
        cycle_weight: Weight of the difference between a face and what becomes of it there and back.
        attention_weight: Weight of the mean of the masks, which keeps them from copying all.
        smoothness_weight: Weight of the masks' total variation; for ``mean``, 4 is the authors' own at their sizes.
        smoothness_reduction: ``mean``, or ``sum`` as in the paper, whose weight is 1e-5.
        attention_start_step: Step at which ``attention_weight`` and ``smoothness_weight`` begin to count.
        target_noise: The intensities asked for vary by up to this, of a range of 1.
        critic_noise: Standard deviation of noise in all that the critic is trained on and trains with.
        reference_share: Share of the faces in whose place their references are edited, which have no AUs.
        optimizer: Trains the generator; null is the authors' Adam.
        discriminator_optimizer: Trains the critic; null is the authors' Adam.
        accumulate_grad_batches: Batches whose gradients are averaged before a step.
        gradient_clip_val: Largest norm of the gradients of each optimiser; null doesn't clip.
    """

    exported = "pipeline"

    def __init__(
        self,
        pipeline: GANimationPipeline,
        *,
        discriminator: GANimationDiscriminator,
        critic_steps: int = 5,
        generator_start_step: int = 0,
        adversarial_start_step: int = 0,
        penalty_weight: float = 10.0,
        condition_weight: float = 160.0,
        critic_condition_weight: float | None = None,
        doubt_weight: float = 0.0,
        cycle_weight: float = 10.0,
        attention_weight: float = 0.1,
        smoothness_weight: float = 4.0,
        smoothness_reduction: Literal["mean", "sum"] = "mean",
        attention_start_step: int = 0,
        target_noise: float = 0.1,
        critic_noise: float = 0.0,
        reference_share: float = 0.0,
        optimizer: OptimizerFactory | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        accumulate_grad_batches: int = 1,
        gradient_clip_val: float | None = None,
    ) -> None:
        super().__init__(accumulate_grad_batches=accumulate_grad_batches, gradient_clip_val=gradient_clip_val)
        for name, value, least in (
            ("critic_steps", critic_steps, 1),
            ("generator_start_step", generator_start_step, 0),
            ("adversarial_start_step", adversarial_start_step, 0),
            ("penalty_weight", penalty_weight, 0),
            ("condition_weight", condition_weight, 0),
            ("critic_condition_weight", critic_condition_weight or 0, 0),
            ("doubt_weight", doubt_weight, 0),
            ("cycle_weight", cycle_weight, 0),
            ("attention_weight", attention_weight, 0),
            ("smoothness_weight", smoothness_weight, 0),
            ("attention_start_step", attention_start_step, 0),
            ("target_noise", target_noise, 0),
            ("critic_noise", critic_noise, 0),
            ("reference_share", reference_share, 0),
        ):
            if value < least:
                message = f"GANimationModule: {name} must be at least {least}, got {value}."
                raise ValueError(message)
        if reference_share > 1:
            message = f"GANimationModule: reference_share must be at most 1, got {reference_share}."
            raise ValueError(message)
        if smoothness_reduction not in ("mean", "sum"):
            message = f"GANimationModule: smoothness_reduction must be 'mean' or 'sum', got {smoothness_reduction!r}."
            raise ValueError(message)
        if pipeline.image_size != discriminator.image_size:
            message = (
                f"GANimationModule: discriminator.image_size must be that of the pipeline, {pipeline.image_size}, got "
                f"{discriminator.image_size}."
            )
            raise ValueError(message)
        self.pipeline = pipeline
        self.discriminator = discriminator
        self.critic_steps = critic_steps
        self.generator_start_step = generator_start_step
        self.adversarial_start_step = adversarial_start_step
        self.critic_weights = {
            "penalty": penalty_weight,
            "condition": condition_weight if critic_condition_weight is None else critic_condition_weight,
            "doubt": doubt_weight,
        }
        self.weights = {
            "adversarial": 1.0,
            "condition": condition_weight,
            "cycle": cycle_weight,
            "attention": attention_weight,
            "smoothness": smoothness_weight,
        }
        self.smoothness_reduction: Literal["mean", "sum"] = smoothness_reduction
        self.attention_start_step = attention_start_step
        self.target_noise = target_noise
        self.critic_noise = critic_noise
        self.reference_share = reference_share
        self.optimizer = optimizer or Adam(1e-4, betas=(0.5, 0.999))
        self.discriminator_optimizer = discriminator_optimizer or Adam(1e-4, betas=(0.5, 0.999))
        self._masks: list[Tensor] = []

    def check(self, *, image_size: int) -> None:
        """Refuse images of another size.

        Raises:
            ValueError: They are.
        """
        if image_size != self.pipeline.image_size:
            message = (
                f"GANimationModule: image_size must be that of the data, {image_size}, got {self.pipeline.image_size}. "
                f"Set --model.pipeline.image_size {image_size} --model.discriminator.image_size {image_size}."
            )
            raise ValueError(message)

    def setup(self, stage: str) -> None:
        """Refuse float16.

        Raises:
            ValueError: The precision is 16-mixed.
        """
        super().setup(stage)
        if stage == "fit" and getattr(self.trainer.precision_plugin, "scaler", None) is not None:
            message = (
                "GANimationModule: trainer.precision must not be 16-mixed: the gradient penalty would be of scaled "
                "gradients. Take bf16-mixed."
            )
            raise ValueError(message)

    def configure_optimizers(self) -> list[Any]:
        """Give the critic's optimiser, which counts, and the generator's."""
        total_steps = self.total_steps
        turns = max(1.0, (total_steps - self.generator_start_step) // self.critic_steps)
        return [
            self.discriminator_optimizer(
                self.discriminator.parameters(), total_steps=total_steps, name="discriminator"
            ),
            self.optimizer(self.pipeline.parameters(), total_steps=turns, name="pipeline"),
        ]

    def training_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Take a step of the critic and, where it is its turn, one of the generator on the same faces."""
        step = self.trainer.global_step
        num_batches, is_last = self.accumulated_batches(batch_idx)
        is_turn = step >= self.generator_start_step and (step + 1) % self.critic_steps == 0
        faces, game = self._faces(batch), self._game()
        if step < self.adversarial_start_step:
            turns = game.practise(faces, with_generator=is_turn)
        else:
            turns = game.play(faces, with_generator=is_turn, with_masks=step >= self.attention_start_step)
        shown: dict[str, Tensor] = {}
        due: dict[str, Tensor] = {}
        for turn in turns:
            self.backward_on_rank(turn.loss / num_batches)
            if is_last:
                self.step(turn.player)
            shown["train/critic" if turn.player == CRITIC else "train/loss"] = turn.loss
            due |= turn.figures
        # at the end: in an epoch's first batch, Lightning forgets what was logged before an optimiser's step
        self.log_dict({name: value.detach() for name, value in shown.items()}, prog_bar=True)
        if self.is_logging_step:
            self.log_dict({name: value.detach() for name, value in due.items()})

    def on_validation_epoch_start(self) -> None:
        """Begin to watch the masks."""
        self._masks = []

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Give references the AUs of the frames."""
        self._evaluate(batch, "val")

    def on_validation_epoch_end(self) -> None:
        """Warn of masks that are at an end."""
        masks, self._masks = self._masks, []
        if masks and not self.trainer.sanity_checking:
            fault = saturation(float(torch.cat(masks).mean()))
            if fault is not None:
                rank_zero_warn(
                    f"GANimationModule: at step {self.trainer.global_step} the attention mask {fault}. Against "
                    "copying, raise generator_start_step, pipeline.least_painted or attention_weight; against "
                    "painting, lower attention_weight or raise attention_start_step."
                )

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Give references the AUs of the frames."""
        self._evaluate(batch, "test")

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Synthesis:
        """Give each reference the AUs of its frame."""
        return self.pipeline.synthesize(
            batch["reference"], batch["prompt"], occurrence=batch["occurrence"], intensity=batch["intensity"]
        )

    def _game(self) -> Game:
        return Game(
            self.pipeline,
            self.discriminator,
            weights=self.weights,
            critic_weights=self.critic_weights,
            critic_noise=self.critic_noise,
            target_noise=self.target_noise,
            smoothness_reduction=self.smoothness_reduction,
        )

    def _faces(self, batch: FaceBatch) -> Faces:
        """Give what is edited, references in the place of some."""
        images, known = batch["image"], batch["known"]
        strengths = self.pipeline.strengths(batch["occurrence"], batch["intensity"])
        if self.reference_share:
            neutral = torch.rand(len(images), device=self.device) < self.reference_share
            images = torch.where(neutral[:, None, None, None], batch["reference"], images)
            strengths, known = strengths * ~neutral[:, None], known | neutral[:, None]
        return Faces(images, strengths, known)

    def _evaluate(self, batch: Any, split: str) -> None:
        wanted = self.pipeline.strengths(batch["occurrence"], batch["intensity"])
        edit: Edit = self.pipeline(batch["reference"], wanted)
        found = self.discriminator.judge(edit.images).strengths
        masks = edit.attention.mean((1, 2, 3))
        if split == "val":
            self._masks.append(masks / (1 - self.pipeline.least_painted))
        figures = {
            "l1": (edit.images - batch.get("truth", batch["image"])).abs().mean(),
            "condition": condition_error(found, wanted, batch["known"]),
            "attention": masks.mean(),
        }
        named = {f"{split}/{name}": value for name, value in figures.items()}
        self.log_dict(named, on_epoch=True, sync_dist=True, batch_size=len(masks))
