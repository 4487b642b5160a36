"""The residual quantizer beside vector-quantize-pytorch's and the bare matrix products, as ratios.

python benchmarks/quantizers.py                 # speed: one process, one thread, medians of interleaved repeats
python benchmarks/quantizers.py --memory        # peak memory: a process for each contender

Training is forward, backward and the update of the codebooks, restarts included on our side; both start from the
same codes and the results are checked to be equal first. The peer runs with ``rotation_trick=False`` (its default
costs more) and no restarts. Time is the processor's, so that other work on the machine counts less. "Bare products"
are ``vectors @ codes.T``, one for each level: what any search by matrix products pays; "in place" writes them over
one matrix that is there already. What the first costs beyond the second, up to half of it, depends on the pages that
the process has at hand. The faster the products of a machine, the more weighs what is beside them: the 80, 90 and
70 % asked for were set at 90 GFLOP/s.

The peer takes vectors one after the other; ours takes latents on a grid, channels last, as the codec gives them: the
same memory. ``--contiguous`` gives ours channels first, which it must turn.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from einops import rearrange

from zoo.quantizers.residual import ResidualQuantizer

PEER = "vector-quantize-pytorch is not installed: pip install 'vector-quantize-pytorch>=1.30'"
# vectors, channels, codes, levels; the ratios that the issue asks for: to the peer, to the products, to its lookup
CASES = {
    (4096, 256, 1024, 8): (3.5, 0.8, 50),
    (4096, 256, 8192, 8): (5.0, 0.9, 50),
    (1024, 64, 65_536, 1): (8.0, 0.7, 50),
    (256, 64, 512, 4): (None, None, None),
}
BATCH = 4
CONTIGUOUS = "--contiguous" in sys.argv


def make_data(case):
    num_vectors, dim, codebook_size, num_levels = case
    generator = torch.Generator().manual_seed(0)
    memory_format = torch.contiguous_format if CONTIGUOUS else torch.channels_last
    side = (num_vectors // BATCH) ** 0.5
    latents = torch.randn(BATCH, dim, int(side), int(side), generator=generator)
    latents = latents.contiguous(memory_format=memory_format)
    shrink = 0.9 ** torch.arange(num_levels).view(-1, 1, 1)
    codes = torch.randn(num_levels, codebook_size, dim, generator=generator) * shrink
    upstream = torch.randn(latents.shape, generator=generator).contiguous(memory_format=memory_format)
    return latents, codes, upstream


def make_ours(case, codes):
    _, dim, codebook_size, num_levels = case
    ours = ResidualQuantizer(dim, num_levels=num_levels, codebook_size=codebook_size, level_dropout=0.0)
    ours.codebooks.codes.copy_(codes)
    ours.codebooks.counts.fill_(1.0)
    ours.codebooks.initialized.fill_(True)
    ours.codebooks.updates.fill_(10**6)  # past the first updates, which forget faster than the peer's
    return ours


def make_peer(case, codes):
    try:
        from vector_quantize_pytorch import ResidualVQ
    except ModuleNotFoundError as error:
        print(f"{PEER} ({error})", file=sys.stderr)
        return None
    _, dim, codebook_size, num_levels = case
    peer = ResidualVQ(
        dim=dim,
        num_quantizers=num_levels,
        codebook_size=codebook_size,
        decay=0.99,
        threshold_ema_dead_code=0,
        rotation_trick=False,
    )
    for layer, code in zip(peer.layers, codes, strict=True):
        layer._codebook.embed.data.copy_(code[None])
        layer._codebook.embed_avg.data.copy_(code[None])
        layer._codebook.cluster_size.data.fill_(1.0)
    return peer


def train_ours(ours, latents, upstream):
    latents = latents.detach().requires_grad_(True)
    quantized = ours(latents)
    torch.autograd.backward([quantized.latents, quantized.commitment], [upstream, torch.ones(())])
    ours.update_codebooks()
    return quantized


def train_peer(peer, vectors, upstream):
    vectors = vectors.detach().requires_grad_(True)
    quantized, tokens, commitments = peer(vectors)
    torch.autograd.backward([quantized, commitments.mean()], [upstream, torch.ones(())])
    return quantized, tokens, commitments


def check_equal(case, latents, codes, upstream):
    """Compare tokens, latents, commitment, and codes after the update; say what differs."""
    ours, peer = make_ours(case, codes), make_peer(case, codes)
    vectors, upstream_vectors = (rearrange(each, "b d h w -> b (h w) d").contiguous() for each in (latents, upstream))
    quantized = train_ours(ours, latents, upstream)
    theirs, tokens, commitments = train_peer(peer, vectors, upstream_vectors)
    side = latents.shape[-1]
    theirs = rearrange(theirs, "b (h w) d -> b d h w", h=side)
    same = (rearrange(tokens, "b (h w) k -> b k h w", h=side) == quantized.tokens).all(1)
    agree = same.float().mean().item()
    # Two codes can be equally near within rounding; wherever the tokens agree, so must the rest.
    torch.testing.assert_close(
        theirs.movedim(1, -1)[same], quantized.latents.movedim(1, -1)[same], atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(commitments.mean(), quantized.commitment, atol=1e-4, rtol=1e-4)
    updated = torch.stack([layer._codebook.embed[0] for layer in peer.layers])
    moved = (updated - ours.codebooks.codes).abs().amax(-1)
    if agree < 0.999 or (moved > 1e-3).float().mean() > 2 * (1 - agree) + 1e-4:
        message = f"results differ: {agree:.4%} of the vectors agree, codes by {moved.max():g}"
        raise SystemExit(message)
    return agree


def timed(function, times):
    """Give the seconds of one call; what it gives back is dropped each time, as its memory would be in use."""
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times


def measure(case, repeats):
    latents, codes, upstream = make_data(case)
    ours, peer = make_ours(case, codes), make_peer(case, codes)
    vectors, upstream_vectors = (rearrange(each, "b d h w -> b (h w) d").contiguous() for each in (latents, upstream))
    flat, tables = rearrange(vectors, "b n d -> (b n) d"), codes.clone()
    product = torch.empty(len(flat), codes.shape[1])
    tokens = ours.eval().encode(latents)
    ours.train()
    peer_tokens = rearrange(tokens, "b k h w -> b (h w) k").contiguous()
    work = {
        "bare": lambda: [flat @ table.t() for table in tables],
        "bare in place": lambda: [torch.mm(flat, table.t(), out=product) for table in tables],
        "ours": lambda: train_ours(ours, latents, upstream),
        "ours, eval": lambda: ours.encode(latents),
        "ours, lookup": lambda: ours.decode(tokens),
    }
    agree = None
    if peer is not None:
        agree = check_equal(case, latents, codes, upstream)
        work["peer"] = lambda: train_peer(peer, vectors, upstream_vectors)
        work["peer, lookup"] = lambda: peer.get_output_from_indices(peer_tokens)
    seconds = {name: [] for name in work}
    for repeat in range(repeats + 1):
        for name, function in work.items():
            # what takes little is repeated within a round, so that neither the clock nor the cold start shows
            inner = 50 if "lookup" in name else 1
            if inner > 1:
                function()
            taken = timed(function, inner)
            if repeat:
                seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}, agree


def report_speed(cases, repeats):
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), medians of {repeats}")
    for case in cases:
        seconds, agree = measure(case, repeats)
        num_vectors, dim, codebook_size, num_levels = case
        to_peer, to_bare, to_lookup = (f" (asked: {each:g})" if each else "" for each in CASES[case])
        print(f"\n{num_vectors} vectors x {dim}, {num_levels} level(s) x {codebook_size} codes")
        print("  " + ", ".join(f"{name} {value * 1e3:.2f} ms" for name, value in seconds.items()))
        speed = 2e-9 * num_vectors * dim * codebook_size * num_levels / seconds["bare in place"]
        print(f"  of the bare products' speed: {seconds['bare'] / seconds['ours']:.0%}{to_bare}", end="")
        print(f"; in place: {seconds['bare in place'] / seconds['ours']:.0%} of {speed:.0f} GFLOP/s")
        if agree is not None:
            print(f"  training, against the peer: {seconds['peer'] / seconds['ours']:.2f} times as fast{to_peer}")
            print(f"  lookup, against the peer: {seconds['peer, lookup'] / seconds['ours, lookup']:.0f} times", end="")
            print(f" as fast{to_lookup}; tokens equal for {agree:.3%} of the vectors")


def peak_megabytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def contend(name, case):
    """Train three steps as the only contender of this process; print what it took."""
    latents, codes, upstream = make_data(case)
    if name == "peer":
        peer = make_peer(case, codes)
        if peer is None:
            raise SystemExit(1)
        vectors, upstream = (rearrange(each, "b d h w -> b (h w) d").contiguous() for each in (latents, upstream))
        before = peak_megabytes()
        for _ in range(3):
            train_peer(peer, vectors, upstream)
    else:
        ours = make_ours(case, codes)
        before = peak_megabytes()
        for _ in range(3):
            train_ours(ours, latents, upstream)
    print(json.dumps({"before": before, "peak": peak_megabytes()}))


def report_memory(cases):
    for case in cases:
        found = {}
        for name in ("ours", "peer"):
            command = [sys.executable, "-W", "ignore", __file__, "--contender", name, "--case", *map(str, case)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode == 0:
                found[name] = json.loads(done.stdout.splitlines()[-1])
        print("{} vectors x {}, {} codes, {} level(s):".format(*case), end=" ")
        for name, each in found.items():
            print(f"{name} {each['peak']:.0f} MB ({each['peak'] - each['before']:.0f} by training)", end="; ")
        if len(found) == 2:
            grown = {name: each["peak"] - each["before"] for name, each in found.items()}
            print(
                f"process: {found['ours']['peak'] / found['peer']['peak']:.0%} of the peer's, "
                f"by training: {grown['ours'] / max(grown['peer'], 1):.0%} (asked: 50%)"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead of speed")
    parser.add_argument("--contiguous", action="store_true", help="channels first for ours")
    parser.add_argument("--case", type=int, nargs=4, metavar=("VECTORS", "DIM", "CODES", "LEVELS"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--contender", choices=["ours", "peer"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = [tuple(arguments.case)] if arguments.case else list(CASES)
    if arguments.case:
        CASES.setdefault(cases[0], (None, None, None))
    if arguments.contender:
        contend(arguments.contender, cases[0])
    elif arguments.memory:
        report_memory(cases)
    else:
        report_speed(cases, arguments.repeats)


if __name__ == "__main__":
    main()
