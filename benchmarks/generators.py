"""Time our generators beside muse-maskgit-pytorch and diffusers' aMUSEd, in one process, with random weights.

Same number of channels, layers, heads and context vectors, same batches; text features are given, codecs left out. A
training step is forward, backward and AdamW; sampling is with guidance on text, two branches. muse runs as it is, and
once more with its attention replaced by torch's fused one, which is faster. aMUSEd's U-ViT has two attention blocks
beside its convolutions; it gets two transformer layers fewer. Ratios are against the fastest peer.

    equal   one level, so that all have sequences of the same length
    paper   16 x 16 x 8 = 2,048 tokens: ours sees 256 positions, the peers' sequences are flat, with 8 times more tokens
            in a vocabulary that is no larger than one of our levels'
    ours    our four generators at the embedded size: supervised tokens a second, seconds a picture, and the share of
            tokens that are the same in batches of 1, 3 and 8, in single and double precision

On a CPU with one thread the time is the process's own, so that other work on the machine doesn't count.

    pip install muse-maskgit-pytorch diffusers
    python benchmarks/generators.py equal paper ours
    python benchmarks/generators.py paper --scale paper     # width 512, 8 layers, 8,192 codes: minutes for each peer
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch.nn import functional

from zoo.components import component_class, families
from zoo.fusion.base import Context
from zoo.generators.base import GuidedContext
from zoo.generators.depth import DepthGenerator
from zoo.sampling import Sampling

GUIDANCE = 3.0
NEEDED = {"equal": (1.0, 1.3), "paper": (5.0, 5.0)}


@dataclass(frozen=True)
class Work:
    """One case: sizes shared by all."""

    side: int
    levels: int
    codes: int
    dim: int
    layers: int
    context: int
    batch: int
    steps: int
    heads: int = 8

    def __str__(self):
        return (
            f"{self.side} x {self.side} x {self.levels} tokens, {self.codes} codes, width {self.dim}, {self.layers} "
            f"layers, context {self.context}, batch {self.batch} (sampling 1), {self.steps} steps"
        )


CASES = {
    "equal": {
        "quick": [Work(16, 1, 1024, 256, 4, 77, 4, 8)],
        "small": [
            Work(16, 1, 1024, 256, 4, 77, 8, 18),
            Work(16, 1, 1024, 256, 4, 256, 8, 18),
            Work(16, 1, 1024, 256, 4, 256, 8, 8),
        ],
        "paper": [Work(16, 1, 8192, 512, 8, 77, 2, 18), Work(16, 1, 8192, 512, 8, 256, 2, 8)],
    },
    "paper": {
        "quick": [Work(16, 8, 1024, 256, 4, 77, 1, 2)],
        "small": [Work(16, 8, 1024, 256, 4, 77, 1, 18)],
        "paper": [Work(16, 8, 8192, 512, 8, 77, 1, 18)],
    },
}


class Ours:
    """The default generator."""

    name = "ours"

    def __init__(self, work, device):
        self.work = work
        sizes = {"rows": work.side, "cols": work.side, "num_levels": work.levels, "codebook_size": work.codes}
        network = {"dim": work.dim, "num_layers": work.layers, "num_heads": work.heads}
        rates = {"dropout": 0.0, "label_smoothing": 0.0, "corruption": 0.0}
        self.model = DepthGenerator(**sizes, context_dim=work.dim, **network, **rates).to(device)

    def loss(self, tokens, features):
        """Give the loss of tokens ``batch level rows cols``."""
        return self.model(tokens, plain_context(features)).loss

    def sample(self, features):
        """Draw a picture for each row of features."""
        self.model.sample(
            GuidedContext(plain_context(features), without_text=plain_context(torch.zeros_like(features))),
            seeds=torch.arange(len(features), device=features.device),
            sampling=Sampling(steps=self.work.steps, temperature=1.0, text_guidance=GUIDANCE),
        )


class Muse:
    """The transformer and the loops of muse-maskgit-pytorch, with text features in place of its T5."""

    name = "muse"
    fused = False

    def __init__(self, work, device):
        from muse_maskgit_pytorch import MaskGit, MaskGitTransformer, muse_maskgit_pytorch

        muse_maskgit_pytorch.get_encoded_dim = lambda _: work.dim
        length = work.side**2 * work.levels
        transformer = MaskGitTransformer(
            num_tokens=work.codes,
            seq_len=length,
            dim=work.dim,
            depth=work.layers,
            dim_head=work.dim // work.heads,
            heads=work.heads,
            flash=False,
        )
        if self.fused:
            for attention in transformer.transformer_blocks.modules():
                if hasattr(attention, "attend"):
                    attention.attend = _FusedAttention(attention.scale)
        transformer.encode_text = lambda texts: self.features[: len(texts)]
        self.work, self.length = work, length
        self.model = MaskGit(16, transformer, vae=_no_codec(work.codes)).to(device)

    def loss(self, tokens, features):
        """Give the loss of the flat sequence."""
        return self.model(tokens.flatten(1), text_embeds=features)

    def sample(self, features):
        """Draw with its own loop."""
        self.features = features
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            # it wants a square: 45 x 45 for 2,048
            side = int(self.length**0.5)
            self.model.generate([""] * len(features), None, None, side, timesteps=self.work.steps, cond_scale=GUIDANCE)


class FusedMuse(Muse):
    """The same with torch's fused attention."""

    name = "muse, fused attention"
    fused = True


class Amused:
    """The U-ViT and the scheduler of aMUSEd."""

    name = "aMUSEd"

    def __init__(self, work, device):
        from diffusers import AmusedScheduler, UVit2DModel

        self.work = work
        # 16 x 16 x 8 as 32 x 64
        self.shape = (work.side * (2 if work.levels == 8 else 1), work.side * (4 if work.levels == 8 else 1))
        self.model = UVit2DModel(
            hidden_size=work.dim,
            cond_embed_dim=work.dim,
            encoder_hidden_size=work.dim,
            vocab_size=work.codes + 1,
            codebook_size=work.codes,
            in_channels=work.dim,
            block_out_channels=work.dim,
            num_res_blocks=1,
            block_num_heads=work.heads,
            num_hidden_layers=work.layers - 2,
            num_attention_heads=work.heads,
            intermediate_size=round(work.dim * 8 / 3 / 64) * 64,
            hidden_dropout=0.0,
            attention_dropout=0.0,
        ).to(device)
        self.scheduler = AmusedScheduler(mask_token_id=work.codes)

    def _logits(self, tokens, features):
        sizes = features.new_tensor([256.0, 256.0, 0.0, 0.0, 6.0]).expand(len(features), -1)
        return self.model(tokens, encoder_hidden_states=features, pooled_text_emb=features.mean(1), micro_conds=sizes)

    def loss(self, tokens, features):
        """Give the loss as its training script does."""
        tokens = tokens.reshape(len(tokens), *self.shape)
        share = torch.cos(torch.rand(len(tokens), 1, 1, device=tokens.device) * torch.pi / 2)
        hidden = torch.rand(tokens.shape, device=tokens.device) < share
        logits = self._logits(tokens.masked_fill(hidden, self.work.codes), features)
        return functional.cross_entropy(logits, tokens.masked_fill(~hidden, -100))

    @torch.no_grad()
    def sample(self, features):
        """Draw as its pipeline does."""
        tokens = torch.full((len(features), *self.shape), self.work.codes, device=features.device)
        self.scheduler.set_timesteps(self.work.steps, 2.0, features.device)
        both = torch.cat([torch.zeros_like(features), features])
        for step in self.scheduler.timesteps:
            without, full = self._logits(torch.cat([tokens] * 2), both).chunk(2)
            tokens = self.scheduler.step(without + GUIDANCE * (full - without), step, tokens).prev_sample


class _FusedAttention(torch.nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, query, key, value, mask=None):
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=self.scale)


def _no_codec(codes):
    from muse_maskgit_pytorch import VQGanVAE

    class NoCodec(VQGanVAE):
        codebook_size = codes

        def __init__(self):
            torch.nn.Module.__init__(self)

        def copy_for_eval(self):
            return self

        def get_encoded_fmap_size(self, image_size):
            return image_size

        def decode_from_ids(self, tokens):
            return tokens

    return NoCodec()


def plain_context(features):
    mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    return Context(features, mask, None, features, None)


def seconds_of(functions, repeats, clock):
    """Run the functions in turn, so that what disturbs one disturbs all; give each one's median."""
    times = [[] for _ in functions]
    for round_ in range(repeats + 1):
        for function, spent in zip(functions, times, strict=True):
            start = clock()
            function()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if round_ > 0:
                spent.append(clock() - start)
    return [median(spent) for spent in times]


def train_step(contender, tokens, features):
    contender.model.train()
    optimizer = torch.optim.AdamW(contender.model.parameters(), 1e-4, fused=True)

    def step():
        contender.loss(tokens, features).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def contenders(work, device):
    made, missing = [], []
    for cls in (Ours, FusedMuse, Muse, Amused):
        try:
            made.append(cls(work, device))
        except ModuleNotFoundError as error:
            missing.append(f"{cls.name} (skipped: {error})")
    if missing:
        print("; ".join(missing))
    return made


def compare(case, scale, repeats, device, clock):
    train_needed, sample_needed = NEEDED[case]
    for work in CASES[case][scale]:
        torch.manual_seed(0)
        made = contenders(work, device)
        tokens = torch.randint(work.codes, (work.batch, work.levels, work.side, work.side), device=device)
        features = torch.randn(work.batch, work.context, work.dim, device=device)
        training = seconds_of([train_step(each, tokens, features) for each in made], repeats, clock)
        for each in made:
            each.model.eval()
        sampling = seconds_of([partial(each.sample, features[:1]) for each in made], repeats, clock)
        print(f"\n{case}: {work}")
        print("| | training step, s | a picture, s |\n|---|---|---|")
        for each, step, picture in zip(made, training, sampling, strict=True):
            print(f"| {each.name} | {step:.3f} | {picture:.3f} |")
        if len(made) > 1:
            step, picture = min(training[1:]) / training[0], min(sampling[1:]) / sampling[0]
            print(f"Against the fastest peer: training {step:.2f} times as fast (wanted {train_needed:g}), ", end="")
            print(f"sampling {picture:.2f} times (wanted {sample_needed:g})", flush=True)


def report_ours(repeats, device, clock):
    print("\n8 x 8 x 8 tokens of 256 codes, width 192, 4 layers, context 76, batch 32 (sampling 8), 8 steps, guided")
    print("| generator | million weights | step, s | supervised tokens a second | a picture, s |", end="")
    print(" same tokens, float32 | float64 |\n|---|---|---|---|---|---|---|")
    for member in families()["generators"]:
        torch.manual_seed(0)
        sizes = {"rows": 8, "cols": 8, "num_levels": 8, "codebook_size": 256, "context_dim": 192}
        network = {
            "dim": 192,
            "num_layers": 4,
            "num_heads": 4,
            "dropout": 0.0,
            "label_smoothing": 0.0,
            "corruption": 0.0,
        }
        model = component_class(f"generators/{member}")(**sizes, **network).to(device)
        with torch.no_grad():
            for parameter in model.parameters():  # as if trained: fresh gates are closed, and nothing would matter
                parameter.add_(0.05 * torch.randn_like(parameter))
        tokens = torch.randint(256, (32, 8, 8, 8), device=device)
        features = torch.randn(32, 76, 192, device=device)
        contender = _Plain(model)
        supervised = int(model(tokens, plain_context(features)).num_supervised)
        (step,) = seconds_of([train_step(contender, tokens, features)], repeats, clock)
        model.eval()
        (pictures,) = seconds_of([partial(_drawn, model, features[:8])], repeats, clock)
        shares = [_share_of_equal_tokens(model.to(kind), features.to(kind)) for kind in (torch.float32, torch.float64)]
        weights = sum(each.numel() for each in model.parameters()) / 1e6
        print(f"| {member} | {weights:.2f} | {step:.3f} | {supervised / step:,.0f} | {pictures / 8:.3f} |", end="")
        print(f" {shares[0]:.4%} | {shares[1]:.4%} |", flush=True)


class _Plain:
    def __init__(self, model):
        self.model = model

    def loss(self, tokens, features):
        return self.model(tokens, plain_context(features)).loss


def _drawn(model, features, rows=slice(None)):
    full, without = features[rows], torch.zeros_like(features[rows])
    return model.sample(
        GuidedContext(plain_context(full), without_text=plain_context(without)),
        seeds=torch.arange(len(features), device=features.device)[rows],
        sampling=Sampling(steps=8, temperature=1.0, text_guidance=2.0),
    )


def _share_of_equal_tokens(model, features):
    """Compare batches of 8 with those of 3 and 1."""
    together = _drawn(model, features[:8])
    threes = _drawn(model, features[:8], slice(2, 5))
    same = [(threes == together[2:5]).float()]
    same += [(_drawn(model, features[:8], slice(row, row + 1)) == together[row]).float() for row in range(8)]
    return torch.cat([each.flatten() for each in same]).mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", choices=[*CASES, "ours"])
    parser.add_argument("--scale", choices=["quick", "small", "paper"], default="small")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    clock = time.process_time if device.type == "cpu" and arguments.threads == 1 else time.perf_counter
    print(f"torch {torch.__version__}, {device}, {arguments.threads} thread(s), medians of {arguments.repeats}")
    for case in arguments.cases:
        if case == "ours":
            report_ours(arguments.repeats, device, clock)
        else:
            compare(case, arguments.scale, arguments.repeats, device, clock)


if __name__ == "__main__":
    main()
