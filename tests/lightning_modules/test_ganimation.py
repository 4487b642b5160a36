"""How GANimation is trained: its losses, whose turn it is, and the watch over its masks."""

from __future__ import annotations

import warnings

import pytest
import torch
from pytorch_lightning import LightningDataModule, Trainer

from lightning_modules.ganimation import GANimationModule
from lightning_modules.ganimation_game import GENERATOR, Faces
from lightning_modules.ganimation_losses import condition_error, gradient_penalty, roughness, saturation
from lightning_modules.optimizers import Adam
from zoo.discriminators.base import Discriminator
from zoo.discriminators.ganimation import GANimationDiscriminator
from zoo.facs import AUS
from zoo.pipelines.ganimation import GANimationPipeline


class _LinearDiscriminator(Discriminator):
    """Its slope is known: that of the mean of the channels' weighted pixels."""

    def __init__(self, slope):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        size = images[0].numel()
        return (images * self.slope * size**0.5).mean((1, 2, 3), keepdim=True)


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.5, 0.25)])
def test_the_penalty_is_the_square_of_how_far_the_slope_is_from_1(slope, expected, generator):
    discriminator = _LinearDiscriminator(slope)
    real, fake = torch.rand(2, 4, 3, 8, 8, generator=generator).unbind()
    penalty = gradient_penalty(discriminator, real, fake, mix=torch.rand(4, generator=generator))
    assert penalty.item() == pytest.approx(expected, abs=1e-5)
    penalty.backward()
    assert discriminator.slope.grad.item() == pytest.approx(2 * (slope - 1), abs=1e-4)


def test_unknown_aus_are_no_error():
    found, wanted = torch.tensor([[0.0, 1.0], [0.5, 0.5]]), torch.tensor([[1.0, 1.0], [0.0, 0.5]])
    known = torch.tensor([[False, True], [True, True]])
    assert condition_error(found, wanted, known).item() == pytest.approx(0.25 / 3)
    assert condition_error(found, wanted, torch.zeros(2, 2, dtype=torch.bool)).item() == 0


def test_the_mean_roughness_depends_on_no_size_and_the_sum_does():
    ramp = torch.arange(8.0)[None, None, None].expand(1, 1, 8, 8) / 10
    larger = torch.arange(16.0)[None, None, None].expand(3, 1, 16, 16) / 10
    assert roughness(ramp).item() == pytest.approx(0.1)
    assert roughness(larger).item() == pytest.approx(0.1)
    assert roughness(ramp, reduction="sum").item() == pytest.approx(0.1 * 7 * 8, rel=1e-5)
    assert roughness(larger, reduction="sum").item() == pytest.approx(0.1 * 15 * 16 * 3, rel=1e-5)


def test_masks_at_either_end_are_told():
    assert saturation(0.97) is saturation(0.03) is None
    assert "copies" in saturation(0.99)
    assert "anew" in saturation(0.01)


class _Faces(LightningDataModule):
    def _batches(self, count):
        generator = torch.Generator().manual_seed(0)
        batches = []
        for _ in range(count):
            occurrence = torch.rand(4, len(AUS), generator=generator) < 0.3
            images = torch.rand(2, 4, 3, 16, 16, generator=generator) * 2 - 1
            batches.append(
                {
                    "image": images[0],
                    "reference": images[1],
                    "occurrence": occurrence,
                    "known": torch.ones_like(occurrence),
                    "intensity": torch.where(occurrence, 3.0, 0.0),
                }
            )
        return torch.utils.data.DataLoader(batches, batch_size=None)

    def train_dataloader(self):
        return self._batches(6)

    def val_dataloader(self):
        return self._batches(1)


def _module(**changes):
    torch.manual_seed(0)
    pipeline = GANimationPipeline(16, channels=4, num_halvings=1, num_residual_blocks=1)
    return GANimationModule(pipeline, discriminator=GANimationDiscriminator(16, channels=4, num_halvings=2), **changes)


def _trainer(**changes):
    given = {"max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False} | changes
    return Trainer(enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, **given)


def _some_faces():
    generator = torch.Generator().manual_seed(1)
    images, strengths = torch.rand(4, 3, 16, 16, generator=generator), torch.rand(4, len(AUS), generator=generator)
    return Faces(images * 2 - 1, strengths, torch.ones(4, len(AUS), dtype=torch.bool))


class _Turns(GANimationModule):
    """Notes at which steps which of the two moved."""

    def on_fit_start(self):
        self.moved = {"pipeline": [], "discriminator": []}
        self._before = {}

    def on_train_batch_start(self, batch, batch_idx):
        super().on_train_batch_start(batch, batch_idx)
        self._before = {
            name: [each.detach().clone() for each in getattr(self, name).parameters()] for name in self.moved
        }

    def on_train_batch_end(self, *_):
        for name, before in self._before.items():
            now = getattr(self, name).parameters()
            if any(not torch.equal(old, new) for old, new in zip(before, now, strict=True)):
                self.moved[name].append(self.trainer.global_step)


def _turns(**changes):
    torch.manual_seed(0)
    pipeline = GANimationPipeline(16, channels=4, num_halvings=1, num_residual_blocks=1)
    discriminator = GANimationDiscriminator(16, channels=4, num_halvings=2)
    module = _Turns(pipeline, discriminator=discriminator, **changes)
    _trainer().fit(module, _Faces())
    return module


def test_the_generator_moves_at_every_third_step_of_the_critic():
    module = _turns(critic_steps=3)
    assert module.moved == {"discriminator": [1, 2, 3, 4, 5, 6], "pipeline": [3, 6]}


def test_the_generator_waits_for_the_critic():
    module = _turns(critic_steps=2, generator_start_step=3)
    assert module.moved == {"discriminator": [1, 2, 3, 4, 5, 6], "pipeline": [4, 6]}


class _Practice(_Turns):
    """Notes what is asked of the critic, too."""

    def on_fit_start(self):
        super().on_fit_start()
        self.judged = []
        judge = self.discriminator.judge

        def noted(images):
            self.judged.append(self.trainer.global_step)
            return judge(images)

        self.discriminator.judge = noted


def test_each_first_learns_what_needs_no_other():
    torch.manual_seed(0)
    pipeline = GANimationPipeline(16, channels=4, num_halvings=1, num_residual_blocks=1)
    discriminator = GANimationDiscriminator(16, channels=4, num_halvings=2)
    attention, realness = pipeline.attention.weight.clone(), discriminator.realness.weight.clone()
    module = _Practice(
        pipeline, discriminator=discriminator, critic_steps=1, generator_start_step=2, adversarial_start_step=6
    )
    _trainer(limit_val_batches=0).fit(module, _Faces())
    assert module.moved == {"discriminator": [1, 2, 3, 4, 5, 6], "pipeline": [3, 4, 5, 6]}
    assert module.judged == [0, 1, 2, 3, 4, 5], "the critic sees true faces alone, once each"
    assert torch.equal(pipeline.attention.weight, attention), "painting needs no mask"
    assert torch.equal(discriminator.realness.weight, realness), "nothing is fake yet"


def test_references_take_the_place_of_faces_and_have_no_aus():
    batch = next(iter(_Faces()._batches(1)))
    batch["known"][:, 0] = False
    faces = _module(reference_share=1.0)._faces(batch)
    assert torch.equal(faces.images, batch["reference"])
    assert faces.known.all()
    assert not faces.strengths.any()
    faces = _module()._faces(batch)
    assert torch.equal(faces.images, batch["image"])
    assert torch.equal(faces.known, batch["known"])
    assert faces.strengths.any()


@pytest.mark.parametrize(("noise", "deviation"), [(0.0, 0.0), (0.3, 0.3)])
def test_the_critic_sees_noise_of_the_deviation_asked_for(noise, deviation):
    torch.manual_seed(0)
    images = torch.zeros(8, 3, 16, 16)
    assert _module(critic_noise=noise)._game().noisy(images).std().item() == pytest.approx(deviation, rel=0.05)


def test_a_critic_that_doubts_is_drawn_to_what_edited_faces_showed_before(generator):
    faces = _some_faces()
    fakes = torch.rand(faces.images.shape, generator=generator) * 2 - 1
    gradients = []
    for weight in (0.0, 2.0):
        module = _module(doubt_weight=weight, critic_condition_weight=3.0, penalty_weight=0.0)
        turn = module._game().critic_turn(faces, fakes)
        names = ("distance", "condition", "doubt")
        distance, condition, doubt = (turn.figures[f"train_critic/{name}"].item() for name in names)
        assert turn.loss.item() == pytest.approx(3 * condition - distance + weight * doubt, rel=1e-4)
        gradients.append(torch.autograd.grad(turn.loss, module.discriminator.regression.weight)[0])
    found = _module().discriminator.judge(fakes).strengths
    assert doubt == pytest.approx((found - faces.strengths).square().mean().item(), rel=1e-4)
    assert not torch.equal(*gradients)


def test_steps_of_several_batches_are_counted_once():
    module = _turns(critic_steps=2, accumulate_grad_batches=2)
    assert module.moved == {"discriminator": [1, 2, 3], "pipeline": [2]}


@pytest.mark.parametrize(("with_masks", "weights"), [(False, (0, 0)), (True, (0.3, 2.0))])
def test_masks_are_let_alone_until_their_time(with_masks, weights):
    module = _module(attention_weight=0.3, smoothness_weight=2.0)
    *_, turn = module._game().play(_some_faces(), with_generator=True, with_masks=with_masks)
    for term, weight in zip(("attention", "smoothness", "cycle"), (*weights, 10), strict=True):
        weighed, plain = (turn.figures[f"{log}/{term}"].item() for log in ("train_weighted", "train"))
        assert weighed == pytest.approx(weight * plain)


def test_the_critic_cares_for_aus_as_the_generator_does_unless_told():
    assert _module(condition_weight=3.0).critic_weights["condition"] == 3
    assert _module(condition_weight=3.0, critic_condition_weight=0.0).critic_weights["condition"] == 0


def test_the_critic_gets_no_gradient_from_the_generators_turn():
    module = _module()
    for turn in module._game().play(_some_faces(), with_generator=True, with_masks=True):
        if turn.player == GENERATOR:
            assert not any(each.requires_grad for each in module.discriminator.parameters())
            turn.loss.backward()
    assert all(each.grad is None for each in module.discriminator.parameters())
    assert all(each.requires_grad for each in module.discriminator.parameters())
    assert all(each.grad is not None and each.grad.any() for each in module.pipeline.parameters())


@pytest.mark.parametrize(("bias", "said"), [(1e4, "copies faces"), (-1e4, "all of the face anew"), (0.0, None)])
def test_a_saturated_mask_is_warned_of(bias, said):
    module = _module(optimizer=Adam(1e-8), discriminator_optimizer=Adam(1e-8), critic_steps=1)
    with torch.no_grad():
        module.pipeline.attention.weight.fill_(bias) if bias else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _trainer().fit(module, _Faces())
    told = [str(each.message) for each in caught if "attention mask" in str(each.message)]
    assert len(told) == (said is not None)
    assert all(said in each for each in told)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"critic_steps": 0}, "critic_steps must be at least 1, got 0"),
        ({"cycle_weight": -1.0}, "cycle_weight must be at least 0, got -1.0"),
        ({"reference_share": 1.5}, "reference_share must be at most 1, got 1.5"),
        ({"smoothness_reduction": "max"}, "smoothness_reduction must be 'mean' or 'sum', got 'max'"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, said):
    with pytest.raises(ValueError, match=said):
        _module(**arguments)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"discriminator\.image_size must be that of the pipeline, 16, got 32"):
        GANimationModule(
            GANimationPipeline(16, channels=4), discriminator=GANimationDiscriminator(32, channels=4, num_halvings=2)
        )
    with pytest.raises(ValueError, match="image_size must be that of the data, 64, got 16"):
        _module().check(image_size=64)


def test_synthesis_takes_intensities_as_numbers_and_has_no_grid(tmp_path):
    from lightning_modules.cli.studio import Studio
    from lightning_modules.cli.synthesis_cases import SynthesisCase
    from zoo.bundles import save_bundle
    from zoo.sampling import Sampling

    save_bundle(GANimationPipeline(32, channels=4, num_halvings=1).eval(), tmp_path / "model", card="# model")
    studio = Studio(str(tmp_path / "model"), sampling=Sampling(), device="cpu")
    assert studio.intensity_reading == "numbers"
    cases = [
        SynthesisCase(reference=None, reference_seed=3, aus="12", seed=0, intensity=each, only=only).named()
        for each, only in ((2.5, None), (5.0, None), (5.0, "lower"))
    ]
    studio.check(cases)
    studio.make(cases, tmp_path)
    weak, strong, lower = ((tmp_path / f"{case.name}.png").read_bytes() for case in cases)
    assert len({weak, strong, lower}) == 3
