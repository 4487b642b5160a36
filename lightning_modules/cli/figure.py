"""The command ``python cli.py figure``: faces of several systems side by side."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from zoo.sampling import Sampling


def figure(
    *,
    config: str,
    output: str,
    systems: dict[str, str | None] | None = None,
    steps: int = Sampling.steps,
    temperature: float = Sampling.temperature,
    text_guidance: float = Sampling.text_guidance,
    reference_guidance: float = Sampling.reference_guidance,
    device: str = "auto",
) -> int:
    """Draw a figure that a YAML describes: which faces, asked for what, by which systems.

    Faces are kept in a folder beside the figure, each with what was asked; the same command makes only what is
    missing. A system that isn't there is left out, with a note.

    Args:
        config: The figure, such as figures/figure4.yaml.
        output: The picture, a .png file.
        systems: More systems, as --systems.NAME PATH: a model, a declaration such as external/uniportrait.yaml, or a
            folder of pictures named as the cases; null leaves one of the config out.
        steps: Steps of sampling.
        temperature: Of the draw of a token; 0 takes the likeliest.
        text_guidance: How far to go from the face without text to the one with it; 1 is no guidance.
        reference_guidance: The same for the reference.
        device: cpu, cuda, or auto.
    """
    from lightning_modules.gallery.plan import read_figure

    file = Path(output)
    if file.suffix.lower() != ".png":
        message = f"figure: output must be a .png file, got {output!r}."
        raise ValueError(message)
    plan = read_figure(config, systems=systems)

    from lightning_modules.callbacks.grids import save_png
    from lightning_modules.gallery.faces import find_faces
    from lightning_modules.gallery.layout import draw

    sampling = Sampling(
        steps=steps, temperature=temperature, text_guidance=text_guidance, reference_guidance=reference_guidance
    )
    try:
        faces = find_faces(plan, file.with_suffix(""), sampling=sampling, device=device, note=_note)
    except KeyboardInterrupt:
        print("Interrupted. Faces that were made are kept: the same command goes on from there.", file=sys.stderr)
        return 128 + signal.SIGINT
    if not faces.made:
        message = "figure: systems must be at hand, one at least, and none is."
        raise ValueError(message)
    print(f"Figure: {save_png(draw(plan, faces), file)}")
    return 0


def _note(text: str) -> None:
    print(text, file=sys.stderr)
