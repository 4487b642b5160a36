"""LivePortrait as a worker; see liveportrait.yaml. Sliders are in the units of its own page."""

from __future__ import annotations

from typing import Any

from answering import answer
from PIL import Image
from src.config.argument_config import ArgumentConfig
from src.config.crop_config import CropConfig
from src.config.inference_config import InferenceConfig
from src.gradio_pipeline import GradioPipeline

SCALE = 2.3  # how much of the picture its crop takes: its own default
BROWS = {1: 10.0, 2: 10.0, 4: -15.0}  # up, up, down and together
SMILE = {12: 1.0, 6: 0.3}
LOWERED_CORNERS = {15: 8.0}
NARROWED = {6: 0.85, 7: 0.65}  # share of the eyes' opening that is left

pipeline = GradioPipeline(InferenceConfig(), CropConfig(), ArgumentConfig())


def generate(case: dict[str, Any]) -> Image.Image:
    """Move the reference face by the sliders nearest to the AUs; AUs of one slider add up."""
    asked = case["aus"]

    def slider(effects: dict[int, float]) -> float:
        return float(sum(effects.get(au, 0.0) for au in asked))

    eyes, lips = pipeline.init_retargeting_image(SCALE, 0.0, 0.0, case["reference"])
    for au in asked:
        eyes *= NARROWED.get(au, 1.0)
    _, made = pipeline.execute_image_retargeting(
        input_eye_ratio=eyes,
        input_lip_ratio=lips,
        input_head_pitch_variation=0.0,
        input_head_yaw_variation=0.0,
        input_head_roll_variation=0.0,
        mov_x=0.0,
        mov_y=0.0,
        mov_z=1.0,
        lip_variation_zero=0.0,
        lip_variation_one=slider(LOWERED_CORNERS),
        lip_variation_two=0.0,
        lip_variation_three=0.0,
        smile=slider(SMILE),
        wink=0.0,
        eyebrow=slider(BROWS),
        eyeball_direction_x=0.0,
        eyeball_direction_y=0.0,
        input_image=case["reference"],
        retargeting_source_scale=SCALE,
    )
    return Image.fromarray(made)


answer(generate)
