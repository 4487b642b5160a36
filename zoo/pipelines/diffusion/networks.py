"""Denoiser, autoencoder and text encoder of latent diffusion, with what goes with them: words, noise, scale."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from zoo.pipelines.diffusion.architectures import SCHEDULE, Architecture
from zoo.pipelines.diffusion.packages import diffusers
from zoo.pipelines.diffusion.prompts import LongPrompts, Marks, PromptIds, in_chunks
from zoo.shapes import Images, Latents
from zoo.text_encoders.words.hashing import hashed_ids, words_of


class Networks(nn.Module):
    """Three networks of diffusers and transformers, and how they are used together.

    Args:
        denoiser: Predicts the noise in latents: ``diffusers.UNet2DConditionModel``.
        autoencoder: Images to latents and back: ``diffusers.AutoencoderKL``.
        text_encoder: Ids to features: ``transformers.CLIPTextModel``.
        ids: Turns prompts into ids, without marks.
        marks: The ids that are no words.
        schedule: Arguments of diffusers' schedulers: the noise that the denoiser was trained on.
        latent_scale: Makes latents of deviation 1.
    """

    latent_scale: Tensor
    alphas: Tensor

    def __init__(
        self,
        denoiser: nn.Module,
        *,
        autoencoder: nn.Module,
        text_encoder: nn.Module,
        ids: Callable[[Sequence[str]], list[list[int]]],
        marks: Marks,
        schedule: dict[str, Any],
        latent_scale: float,
    ) -> None:
        super().__init__()
        self.denoiser: Any = denoiser
        self.autoencoder: Any = autoencoder
        self.text_encoder: Any = text_encoder
        self.ids = ids
        self.marks = marks
        self.schedule = schedule
        self.register_buffer("latent_scale", torch.tensor(latent_scale))
        alphas = diffusers().DDPMScheduler(**schedule).alphas_cumprod
        self.register_buffer("alphas", alphas.clone(), persistent=False)

    @property
    def predicts_velocity(self) -> bool:
        """Whether the denoiser predicts velocities, and not the noise."""
        return bool(self.schedule.get("prediction_type", "epsilon") == "v_prediction")

    def moments(self, images: Images) -> tuple[Latents, Latents]:
        """Give mean and logarithm of the variance of the latents of images, not scaled yet."""
        posterior = self.autoencoder.encode(images).latent_dist
        return posterior.mean, posterior.logvar

    def decode(self, latents: Latents) -> Images:
        """Turn scaled latents into images, which may go beyond [-1, 1]."""
        images: Tensor = self.autoencoder.decode(latents / self.latent_scale).sample
        return images

    def lay_out(self, prompts: Sequence[str], long_prompts: LongPrompts) -> PromptIds:
        """Turn prompts into ids in chunks of the text encoder's length."""
        length = int(self.text_encoder.config.max_position_embeddings)
        return in_chunks(self.ids(prompts), length=length, marks=self.marks, long_prompts=long_prompts)

    def read(self, ids: Int[Tensor, "batch chunk position"]) -> Float[Tensor, "batch chunk position dim"]:
        """Encode each chunk by itself."""
        features = self.text_encoder(input_ids=ids.flatten(0, 1)).last_hidden_state
        read: Tensor = features.unflatten(0, ids.shape[:2])
        return read

    def predict(
        self,
        noisy: Latents,
        *,
        times: Int[Tensor, " batch"],
        text: Float[Tensor, "batch chunk position text_dim"],
        present: Bool[Tensor, "batch chunk"],
    ) -> Latents:
        """Predict the noise, or the velocity; chunks that are not present are not seen."""
        mask = None if bool(present.all()) else present.repeat_interleave(text.shape[2], 1)
        prediction: Tensor = self.denoiser(
            noisy, times, encoder_hidden_states=text.flatten(1, 2), encoder_attention_mask=mask
        ).sample
        return prediction

    def sampler(self, steps: int) -> Any:
        """Make a sampler for the noise that the denoiser was trained on: DPM-Solver++ of order 2."""
        sampler = diffusers().DPMSolverMultistepScheduler(
            **self.schedule, algorithm_type="dpmsolver++", solver_order=2, use_karras_sigmas=False
        )
        with warnings.catch_warnings():
            # diffusers 0.42 makes an array of a tensor in a way that NumPy 2 no longer likes
            warnings.simplefilter("ignore", DeprecationWarning)
            sampler.set_timesteps(steps, device=self.alphas.device)
        return sampler


def new_networks(architecture: Architecture) -> Networks:
    """Make networks with random weights, for hashed words."""
    from transformers import CLIPTextConfig, CLIPTextModel

    text = architecture.text_encoder()
    marks = Marks(text["bos_token_id"], text["eos_token_id"], text["pad_token_id"])

    def ids(prompts: Sequence[str]) -> list[list[int]]:
        return [hashed_ids(words_of(prompt), architecture.vocabulary - 2, salt=0) for prompt in prompts]

    return Networks(
        diffusers().UNet2DConditionModel(**architecture.denoiser()),
        autoencoder=diffusers().AutoencoderKL(**architecture.autoencoder()),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text)),
        ids=ids,
        marks=marks,
        schedule=dict(SCHEDULE),
        latent_scale=1.0,
    )
