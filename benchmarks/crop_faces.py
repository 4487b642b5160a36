"""How fast photographs become crops: frames per second of processor time, beside what decoding alone takes.

    python benchmarks/crop_faces.py

Photographs as large as BP4D's (1040 x 1392 JPEG) are made of procedural faces. Processor time of one process, so that
other work on the machine changes little; N processes do N times as much.
"""

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from datamodules.builders.chunks import Chunk, crop_chunk
from datamodules.builders.cropping import CropSettings, CropTask, crop_face
from datamodules.builders.sources.image_files import ImageFile

HEIGHT, WIDTH, FACE = 1392, 1040, 780


def photographs(folder: Path, count: int) -> list[CropTask]:
    import torch

    from zoo.faces import FaceRenderer, sample_faces
    from zoo.images import to_uint8

    seeds = torch.arange(count)
    rendered = FaceRenderer(256)(sample_faces(seeds, seeds, seeds, nuisance=False))
    generator = np.random.default_rng(0)
    tasks = []
    for place, pixels in enumerate(to_uint8(rendered.images).permute(0, 2, 3, 1).numpy()):
        photograph = Image.new("RGB", (WIDTH, HEIGHT), (90, 95, 100))
        photograph.paste(Image.fromarray(pixels).resize((FACE, FACE), Image.Resampling.BICUBIC), (130, 300))
        noisy = np.asarray(photograph) + generator.normal(
            0, 4, (HEIGHT, WIDTH, 1)
        )  # a camera's; smooth files are small
        path = folder / f"{place}.jpg"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=92)
        points = rendered.landmarks[place].numpy() * FACE / 256 + (130, 300)
        tasks.append(CropTask(f"bench/{place}", ImageFile(str(path)), points.astype(np.float32), None))
    return tasks


def rate(work, tasks, *, seconds: float = 5.0) -> float:
    """Frames per second of processor time."""
    work(tasks[:4])
    done, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        work(tasks)
        done += len(tasks)
    return done / (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = photographs(folder, arguments.images)
        size = np.mean([Path(task.image.path).stat().st_size for task in tasks]) / 1e3
        print(f"{len(tasks)} photographs of {WIDTH} x {HEIGHT} pixels, {size:.0f} kB each, to {arguments.size} pixels")

        def decode(some):
            for task in some:
                with Image.open(task.image.path) as image:
                    image.load()

        decoding = rate(decode, tasks)
        print(f"  decoding alone                    {decoding:7.1f} frames/s")
        for image_format in ("jpg", "png"):
            settings = CropSettings(arguments.size, image_format=image_format)

            def chunk(some, settings=settings):
                place = Chunk("train-00000", np.arange(len(some)), str(folder), "tar")
                crop_chunk((place, some), settings, refuse=True)

            crops = rate(chunk, tasks)
            kilobytes = len(crop_face(tasks[0], settings).content) / 1e3
            what = f"read, aligned, {image_format} of {kilobytes:.0f} kB, tar"
            print(f"  {what:34}{crops:7.1f} frames/s = {crops / decoding:.0%}")
        with contextlib.suppress(ModuleNotFoundError):
            found = CropSettings(arguments.size, detector="mtcnn")
            bare = [CropTask(task.source, task.image, None, None) for task in tasks]
            detecting = rate(lambda some: [crop_face(task, found) for task in some], bare)
            print(f"  the same with MTCNN                {detecting:7.1f} frames/s = {detecting / decoding:.0%}")
        buffer = io.BytesIO(crop_face(tasks[0], CropSettings(arguments.size)).content)
        stored = rate(lambda some: [np.asarray(Image.open(buffer)) for _ in some], tasks, seconds=1)
        print(f"  reading a crop back               {stored:7.1f} images/s")


if __name__ == "__main__":
    main()
