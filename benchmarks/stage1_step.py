"""Time one stage I step (codec and discriminator) beside muse-maskgit-pytorch's, on its own networks.

Both train the peer's VQGanVAE: its codec, its quantizer, its discriminator and VGG16 (random weights), with the same
losses: L1, perceptual on VGG16, hinge with adaptive weight, gradient penalty. The peer's step is that of its trainer,
but that VGG16's live dropout is off, which would give each step gradients of its own. Ours crosses each loss once
towards the reconstruction alone (zoo.layers.gradient_sum), keeps no graph for real features, computes no gradient of
VGG16's weights, gives the discriminator the reconstruction it already has, and keeps weights channels last. The
second column freezes VGG16's weights for the peer too, which its own code doesn't.

The gradients of every parameter are compared first, in float64, where no rounding moves a unit across the kink of its
ReLU; if they differ, the exit code is 1. On a CPU with one thread the time is the process's own, so that other work
on the machine doesn't count.

    pip install muse-maskgit-pytorch
    python benchmarks/stage1_step.py
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from functools import partial
from statistics import median

import torch
from torch.nn import functional

from zoo.layers.gradient_sum import gradient_at, loss_gradient, sum_gradients
from zoo.losses.adversarial import AdversarialLoss
from zoo.losses.reconstruction import ReconstructionLoss

WORKS = ((64, 32, 4), (128, 32, 2), (64, 64, 4))
LEARNING_RATE = 3e-4
NEEDED = 2.5


class PeerStep:
    """The peer's own step, as its trainer runs it on one batch."""

    def __init__(self, model, *, frozen_vgg=False):
        self.model = model
        # the trainer makes its optimisers before VGG16 is there
        codec, discriminator = _parameters(model)
        self.optimizers = torch.optim.Adam(codec, LEARNING_RATE), torch.optim.Adam(discriminator, LEARNING_RATE)
        self.frozen_vgg = frozen_vgg

    def codec_gradients(self, images):
        """Leave the gradients of the codec's loss."""
        self.model.vgg.requires_grad_(not self.frozen_vgg)
        self.optimizers[0].zero_grad()
        self.model(images, return_loss=True).backward()

    def discriminator_gradients(self, images):
        """Leave the gradients of the discriminator's loss; the codec runs once more."""
        self.optimizers[1].zero_grad()
        self.model(images, return_discr_loss=True).backward()

    def step(self, images):
        """Train both on one batch."""
        self.codec_gradients(images)
        self.optimizers[0].step()
        self.discriminator_gradients(images)
        self.optimizers[1].step()


class OurStep:
    """The same losses and gradients, each network crossed as little as can be."""

    def __init__(self, model):
        self.model = model.to(memory_format=torch.channels_last)
        self.optimizers = tuple(torch.optim.Adam(each, LEARNING_RATE, fused=True) for each in _parameters(model))
        self.reconstruction = ReconstructionLoss()
        self.adversarial = AdversarialLoss(weight=1.0, adaptive=True, largest_ratio=1e4)

    def codec_gradients(self, images):
        """Leave the gradients of the codec's loss; give the reconstructions."""
        self.model.vgg.requires_grad_(False)
        self.optimizers[0].zero_grad()
        latents, _, commitment = self.model.encode(images)
        reconstructions = self.model.decode(latents)
        with torch.no_grad():
            target = self.model.vgg(images)
        _, pixels = sum_gradients(reconstructions, [partial(self.reconstruction, images=images)])
        _, features = loss_gradient(reconstructions, lambda fake: functional.mse_loss(self.model.vgg(fake), target))
        _, realness = loss_gradient(reconstructions, lambda fake: self.adversarial(self.model.discr(fake)))
        last = self.model.enc_dec.last_dec_layer
        # the peer balances against the perceptual gradient alone
        weight = self.adversarial.adversarial_weight(
            gradient_at(last, reconstructions, features), gradient_at(last, reconstructions, realness)
        )
        gradient = pixels + features + weight * realness
        torch.autograd.backward([reconstructions, commitment], [gradient, torch.ones_like(commitment)])
        return reconstructions.detach()

    def discriminator_gradients(self, images, reconstructions):
        """Leave the gradients of the discriminator's loss."""
        self.optimizers[1].zero_grad()
        images = images.detach().requires_grad_(True)
        real, fake = self.model.discr(images), self.model.discr(reconstructions)
        (slope,) = torch.autograd.grad(real, images, torch.ones_like(real), create_graph=True)
        penalty = 10 * (slope.flatten(1).norm(2, dim=1) - 1).square().mean()
        (self.adversarial.discriminator_loss(real, fake) + penalty).backward()

    def step(self, images):
        """Train both on one batch."""
        reconstructions = self.codec_gradients(images)
        self.optimizers[0].step()
        self.discriminator_gradients(images, reconstructions)
        self.optimizers[1].step()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="steps of each, in turn; the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    try:
        from muse_maskgit_pytorch import VQGanVAE
    except ModuleNotFoundError as error:
        print(f"skipped: {error}. To compare: pip install muse-maskgit-pytorch")
        return 0
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    vgg = _vgg16().to(device)
    print("| work | peer, s | peer with frozen VGG16, s | ours, s | ratio | against frozen | largest difference |")
    print("|---|---|---|---|---|---|---|")
    right = True
    for side, width, batch in WORKS:
        torch.manual_seed(0)
        model = VQGanVAE(dim=width, vgg=vgg, codebook_size=1024).to(device).train()
        vgg.eval()  # its live dropout would give each step gradients of its own
        images = torch.rand(batch, 3, side, side, device=device) * 2 - 1
        difference = _largest_difference(model, images)
        peer, frozen, ours = PeerStep(model), PeerStep(model, frozen_vgg=True), OurStep(copy.deepcopy(model))
        clock = time.process_time if device.type == "cpu" and arguments.threads == 1 else time.perf_counter
        seconds = _seconds([peer.step, frozen.step, ours.step], images, arguments.repeats, clock)
        right &= difference < 1e-7  # the adaptive weight is float32
        print(
            f"| {side} px, width {width}, batch {batch} | {seconds[0]:.3f} | {seconds[1]:.3f} | {seconds[2]:.3f} | "
            f"{seconds[0] / seconds[2]:.2f} | {seconds[1] / seconds[2]:.2f} | {difference:.1e} |",
            flush=True,
        )
    print(f"Wanted: at least {NEEDED} times faster. The difference of gradients is relative to the largest one.")
    return 0 if right else 1


def _vgg16():
    from torchvision.models import vgg16

    torch.manual_seed(1)
    network = vgg16(weights=None)
    network.classifier = network.classifier[:-2]
    return network


def _parameters(model):
    return [*model.enc_dec.parameters(), *model.quantizer.parameters()], list(model.discr.parameters())


def _largest_difference(model, images):
    """Compare the gradient of every parameter of codec, quantizer and discriminator, relative to the largest one."""
    images = images[:2].double()
    peer = PeerStep(copy.deepcopy(model).double(), frozen_vgg=True)
    ours = OurStep(copy.deepcopy(peer.model))
    peer.codec_gradients(images)
    # the discriminator's gradients of this half are thrown away by the next
    codec, discriminator = _parameters(peer.model)
    expected = [each.grad for each in codec]
    peer.discriminator_gradients(images)
    expected += [each.grad for each in discriminator]
    ours.discriminator_gradients(images, ours.codec_gradients(images))
    codec, discriminator = _parameters(ours.model)
    found = [each.grad for each in [*codec, *discriminator]]
    largest = max(float(each.norm()) for each in expected)
    return max(float((a - b).norm()) for a, b in zip(expected, found, strict=True)) / largest


def _seconds(steps, images, repeats, clock):
    """Run the steps in turn, so that what disturbs one disturbs all; give each one's median."""
    times = [[] for _ in steps]
    for round_ in range(repeats + 1):
        for step, spent in zip(steps, times, strict=True):
            _wait(images)
            start = clock()
            step(images)
            _wait(images)
            if round_ > 0:
                spent.append(clock() - start)
    return [median(spent) for spent in times]


def _wait(images):
    if images.is_cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(main())
