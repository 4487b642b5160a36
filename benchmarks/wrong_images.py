"""What every figure of an evaluation says of true images, of which ever more are exchanged for somebody else's.

    python benchmarks/wrong_images.py --num-images 256

A figure that is worth something is at its ceiling without wrong images, at chance with wrong ones alone, and falls
(or rises, where lower is better) on the way. Says which ones do, and how large the steps are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from datamodules.progress import progress_bar
from lightning_modules.evaluation.data import FrameSource, data_config
from lightning_modules.evaluation.judges import load_judges
from lightning_modules.evaluation.judging import described, judge
from lightning_modules.evaluation.wrong_images import true_source, wrong_path, wrong_source

if TYPE_CHECKING:
    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import ImageSource, Judgement

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def main() -> None:
    """Judge true and wrong images once, and mix them."""
    parser = argparse.ArgumentParser(description="True images, of which ever more are exchanged for somebody else's.")
    parser.add_argument("--data", help="as for evaluate")
    parser.add_argument("--num-images", type=int, default=256)
    parser.add_argument("--judges", type=Path, default=Path("models"), help="folder of the judges")
    parser.add_argument("--on-the-fly", action="store_true", help="render procedural faces as they are needed")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    config, said_in = data_config(arguments.data, [])
    device = torch.device(arguments.device)
    options = {"on_the_fly": True} if arguments.on_the_fly else {}
    frames = FrameSource(config, said_in, options, num_images=arguments.num_images, seed=0, device=device).frames(
        "seen"
    )
    paths = {
        "recognizer": str(arguments.judges / "recognizer_independent"),
        "identity": str(arguments.judges / "face_identity_independent"),
        "text_recognizer": str(arguments.judges / "text_recognizer"),
    }
    judges = load_judges(paths, features="auto", device=device)

    def judged(name: str, source: ImageSource) -> Judgement:
        with progress_bar(name, len(frames)) as advance:
            return judge(source, frames, judges, batch_size=32, advance=advance)

    found = wrong_path(
        frames,
        judges,
        true=judged("true images", true_source),
        wrong=judged("images of others", wrong_source(frames)),
        copied=judged("references", lambda places, batch: batch["reference"]),
        told=described(frames, judges),
        shares=SHARES,
    )
    tell(frames, found)


def tell(frames: EvaluationSet, found: dict[str, list[float]]) -> None:
    """Print a line for each figure."""
    people = len(set(frames.labels.subject))
    print(f"{len(frames)} frames of {people} people; share of wrong images:")
    print("| figure | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | monotone |")
    print("|---|" + "---|" * (len(SHARES) + 1))
    for name, values in found.items():
        steps = torch.tensor(values, dtype=torch.double).diff()
        is_monotone = bool((steps >= 0).all() or (steps <= 0).all())
        print(
            f"| {name} | " + " | ".join(f"{value:.4g}" for value in values) + f" | {'yes' if is_monotone else 'no'} |"
        )


if __name__ == "__main__":
    main()
