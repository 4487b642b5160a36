"""How many procedural faces are drawn per second: one process with one thread, and several side by side.

python benchmarks/render_faces.py --sizes 64 128 256 --processes 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from multiprocessing.synchronize import Barrier

import torch

from zoo.faces import FaceRenderer, sample_faces


def draw_for(seconds: float, size: int, batch: int, device: str, first_seed: int) -> tuple[float, float]:
    """Sample and draw batches for some time; give faces per second, and CPU milliseconds per face.

    On a machine that others use too, the CPU time says more than the clock.
    """
    renderer = FaceRenderer(size)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None

    def draw(step: int) -> None:
        seeds = torch.arange(batch) + first_seed + step * batch
        renderer(sample_faces(seeds, seeds, seeds).to(device))

    with torch.no_grad():
        draw(0)
        wait()
        start, worked, step = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < seconds:
            step += 1
            draw(step)
            wait()
        faces = max(step * batch, 1)
        return faces / (time.perf_counter() - start), (time.process_time() - worked) * 1e3 / faces


def _work(
    barrier: Barrier, queue: multiprocessing.Queue, size: int, batch: int, seconds: float, runs: int, rank: int
) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    draw_for(0.0, size, batch, "cpu", 0)
    for _ in range(runs):
        barrier.wait()
        queue.put(draw_for(seconds, size, batch, "cpu", 10_000 * rank))


def side_by_side(processes: int, size: int, batch: int, seconds: float, runs: int) -> list[tuple[float, float]]:
    """Give the sum of the processes' faces per second and their mean CPU milliseconds, for each run."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(processes + 1), context.Queue()
    workers = [
        context.Process(target=_work, args=(barrier, queue, size, batch, seconds, runs, rank))
        for rank in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = []
    for _ in range(runs):
        barrier.wait()
        speeds, costs = zip(*(queue.get() for _ in workers), strict=True)
        rates.append((sum(speeds), statistics.mean(costs)))
    for worker in workers:
        worker.join()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256], help="sides of the images in pixels")
    parser.add_argument("--processes", type=int, default=2, help="processes of one thread each, on the CPU")
    parser.add_argument("--batch", type=int, default=64, help="faces per call")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a run")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for one process on a GPU")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(f"{'size':>5} {'processes':>10} {'faces/s (median)':>17} {'least':>8} {'most':>8} {'CPU ms/face':>12}")
    for size in settings.sizes:
        alone = [draw_for(settings.seconds, size, settings.batch, settings.device, 0) for _ in range(settings.runs)]
        results = {1: alone}
        if settings.device == "cpu" and settings.processes > 1:
            results[settings.processes] = side_by_side(
                settings.processes, size, settings.batch, settings.seconds, settings.runs
            )
        for processes, measured in results.items():
            rates, costs = zip(*measured, strict=True)
            print(
                f"{size:>5} {processes:>10} {statistics.median(rates):>17.1f} {min(rates):>8.1f} {max(rates):>8.1f} "
                f"{statistics.median(costs):>12.2f}"
            )


if __name__ == "__main__":
    main()
