"""UniPortrait as a worker; see uniportrait.yaml. Settings are those of its own page."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from answering import answer
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionControlNetPipeline
from insightface.app import FaceAnalysis
from insightface.utils import face_align
from PIL import Image
from uniportrait.uniportrait_attention_processor import attn_args
from uniportrait.uniportrait_pipeline import UniPortraitPipeline

BASE = "SG161222/Realistic_Vision_V5.1_noVAE"
PRECISION = {"torch_dtype": torch.float16}
PROMPT = "a closeup portrait photo of a person, facing the camera. {text}"

noise = DDIMScheduler(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    clip_sample=False,
    set_alpha_to_one=False,
    steps_offset=1,
)
pose = ControlNetModel.from_pretrained("lllyasviel/control_v11p_sd15_openpose", **PRECISION)
decoder = AutoencoderKL.from_pretrained("stabilityai/sd-vae-ft-mse").to(dtype=torch.float16)
diffusion = StableDiffusionControlNetPipeline.from_pretrained(
    BASE, controlnet=[pose], scheduler=noise, vae=decoder, **PRECISION
)
pipeline = UniPortraitPipeline(
    diffusion,
    "models/IP-Adapter/models/image_encoder",
    ip_ckpt="models/IP-Adapter/models/ip-adapter_sd15.bin",
    face_backbone_ckpt="models/glint360k_curricular_face_r101_backbone.bin",
    uniportrait_faceid_ckpt="models/uniportrait-faceid_sd15.bin",
    uniportrait_router_ckpt="models/uniportrait-router_sd15.bin",
    device="cuda",
    **PRECISION,
)
finder = FaceAnalysis(providers=["CUDAExecutionProvider"], allowed_modules=["detection"])
finder.prepare(ctx_id=0, det_size=(640, 640))


def generate(case: dict[str, Any]) -> Image.Image:
    """Draw the person of the reference face, as the text says."""
    attn_args.reset()
    attn_args.lora_scale, attn_args.multi_id_lora_scale = 1.0, 0.0
    attn_args.faceid_scale, attn_args.num_faceids = 0.7, 1
    return pipeline.generate(
        prompt=[PROMPT.format(text=case["text"])],
        negative_prompt=["nsfw"],
        cond_faceids=[{"refs": [face_of(case["reference"])]}],
        face_structure_scale=0.1,
        seed=case["seed"],
        guidance_scale=7.5,
        num_inference_steps=25,
        image=[torch.zeros([1, 3, 512, 512])],
        controlnet_conditioning_scale=[0.0],
    )[0]


def face_of(reference: str) -> Image.Image:
    """Cut the largest face out, with a grey border first, since references are cropped closely."""
    pixels = cv2.cvtColor(np.array(Image.open(reference).convert("RGB").resize((512, 512))), cv2.COLOR_RGB2BGR)
    framed = cv2.copyMakeBorder(pixels, 128, 128, 128, 128, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    faces = finder.get(framed)
    if not faces:
        message = "no face is to be found in the reference"
        raise ValueError(message)
    largest = max(faces, key=lambda face: (face.bbox[2] - face.bbox[0]) * (face.bbox[3] - face.bbox[1]))
    cut = face_align.norm_crop(framed, landmark=largest.kps, image_size=224)
    return Image.fromarray(cv2.cvtColor(cut, cv2.COLOR_BGR2RGB))


answer(generate)
