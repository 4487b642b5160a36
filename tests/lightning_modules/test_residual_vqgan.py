from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.plugins.precision import MixedPrecision

from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import CONFIGS
from zoo.losses.reconstruction import ReconstructionLoss


def _quiet_quantizer(small, module):
    """Codebooks that a batch does not start anew, and no noise, so that runs can be compared."""
    quantizer = module.codec.quantizer
    quantizer.level_dropout.probability = 0.0
    quantizer.codebooks.initialized.fill_(True)
    quantizer.codebooks.counts.fill_(1.0)
    quantizer.codebooks.codes.mul_(0.1)
    quantizer.stop_restarts()
    return module


@pytest.fixture
def make(small):
    def module(**changes):
        made = small.make_module(**changes)
        for layer in made.codec.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        return _quiet_quantizer(small, made)

    return module


def test_only_the_codecs_steps_are_counted(make, small, tmp_path):
    module, recorder = make(), small.Recorder()
    trainer = small.make_trainer(tmp_path, callbacks=[recorder], max_steps=5)
    trainer.fit(module, datamodule=small.SmallFaces())
    assert trainer.global_step == 5
    assert recorder.steps == [1, 2, 3, 4, 5]


def test_accumulated_batches_make_one_step(make, small, tmp_path):
    module, recorder = make(accumulate_grad_batches=5), small.Recorder()
    trainer = small.make_trainer(tmp_path, callbacks=[recorder], max_epochs=1)
    trainer.fit(module, datamodule=small.SmallFaces())
    # 12 batches: two steps of five, and one of the two that are left
    assert recorder.steps == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3]
    assert recorder.total_steps == 3
    assert int(module.codec.quantizer.codebooks.updates) == 3


def test_two_small_batches_teach_what_a_large_one_does(make, small, tmp_path):
    def train(accumulate, batch_size):
        module = make(accumulate_grad_batches=accumulate, adversarial=None, optimizer=small.Adam(1e-3))
        trainer = small.make_trainer(tmp_path, max_steps=3)
        trainer.fit(module, datamodule=small.SmallFaces(batch_size=batch_size))
        return module.codec

    large, small_ones = train(1, 8), train(2, 4)
    for a, b in zip(large.parameters(), small_ones.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-5)
    torch.testing.assert_close(
        large.quantizer.codebooks.codes, small_ones.quantizer.codebooks.codes, rtol=1e-4, atol=1e-5
    )


def test_the_step_follows_the_gradient_of_all_losses_together(make, small, tmp_path):
    gradients = {}

    class Keep(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            if trainer.global_step == 2:
                part = "codec" if optimizer is trainer.optimizers[0] else None
                if part:
                    gradients.update({n: p.grad.clone() for n, p in pl_module.codec.named_parameters()})

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.global_step == 2:
                pl_module.zero_grad()
                reconstruction = pl_module.codec(batch["image"])
                made, images = reconstruction.images, batch["image"]
                total = pl_module.reconstruction(made, images) + pl_module.anatomical(made, images)
                total = total + 0.1 * 0.5 * pl_module.adversarial(pl_module.discriminator(made))
                (total + 0.25 * reconstruction.commitment).backward()
                self.expected = {n: p.grad.clone() for n, p in pl_module.codec.named_parameters()}
                pl_module.zero_grad()
                pl_module.codec.quantizer.codebooks._gathered = None

    keep = Keep()
    module = make(gradient_clip_val=None)
    small.make_trainer(tmp_path, callbacks=[keep], max_steps=3).fit(module, datamodule=small.SmallFaces())
    assert module.adversarial_scale(2) == 0.5
    for name, gradient in keep.expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-4, atol=1e-7, msg=name)


@pytest.mark.parametrize("term", ["reconstruction", "perceptual", "anatomical", "adversarial", "discriminator"])
def test_each_loss_can_be_left_out(make, small, tmp_path, term):
    module = make(**{"perceptual": small.CountingLoss(), term: None})
    trainer = small.make_trainer(tmp_path, max_steps=4, log_every_n_steps=1)
    trainer.fit(module, datamodule=small.SmallFaces())
    gone = {"discriminator": "adversarial"}.get(term, term)
    assert f"train/{gone}" not in trainer.callback_metrics
    assert "train/loss" in trainer.callback_metrics


def test_without_commitment_it_is_not_a_loss(make, small, tmp_path):
    trainer = small.make_trainer(tmp_path, max_steps=1, log_every_n_steps=1)
    trainer.fit(make(commitment_weight=0.0), datamodule=small.SmallFaces())
    assert "train/commitment" not in trainer.callback_metrics


@pytest.mark.parametrize("how", ["weight", "scale"])
def test_a_loss_of_no_weight_is_not_computed(make, small, tmp_path, how):
    loss = small.CountingLoss(weight=0.0 if how == "weight" else 1.0)
    module = make(anatomical=loss)
    if how == "scale":
        module.loss_scale["anatomical"] = 0.0
    trainer = small.make_trainer(tmp_path, max_steps=12, num_sanity_val_steps=2)
    trainer.fit(module, datamodule=small.SmallFaces())
    assert loss.calls == 0


def test_the_discriminator_learns_before_the_codec_listens(make, small, tmp_path):
    terms = []

    class Terms(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            terms.append({n for n in ("train/discriminator", "train/adversarial") if n in trainer.callback_metrics})

    module = make(discriminator_start_step=1, adversarial_start_step=3)
    trainer = small.make_trainer(tmp_path, callbacks=[Terms()], max_steps=4, log_every_n_steps=1)
    trainer.fit(module, datamodule=small.SmallFaces())
    assert [len(each) for each in terms] == [0, 1, 1, 2]


def test_the_adversarial_scale_ramps(make):
    module = make(adversarial_start_step=4, adversarial_ramp_steps=4)
    assert [module.adversarial_scale(step) for step in (0, 3, 4, 5, 7, 100)] == [0, 0, 0.25, 0.5, 1, 1]
    module.loss_scale["adversarial"] = 0.5
    assert module.adversarial_scale(100) == 0.5


def test_an_adaptive_adversarial_weight_is_bounded(make, small, tmp_path):
    module = make(adversarial=small.AdversarialLoss(adaptive=True, weight=0.5), adversarial_ramp_steps=0)
    trainer = small.make_trainer(tmp_path, max_steps=4, log_every_n_steps=1)
    trainer.fit(module, datamodule=small.SmallFaces())
    logged = trainer.callback_metrics
    share = float(logged["train_weighted/adversarial"] / logged["train/adversarial"])
    assert 0 < share <= 0.5 + 1e-6


class Norms(Callback):
    """Norms of the gradients that the optimisers step with."""

    def __init__(self):
        self.seen = []

    def on_train_start(self, trainer, pl_module):
        for optimizer in trainer.optimizers:
            optimizer.register_step_post_hook(lambda each, *_: self.seen.append(_norm(each)))


def _norm(optimizer):
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
    return float(torch.nn.utils.get_total_norm(gradients))


def test_both_optimizers_are_clipped(make, small, tmp_path):
    norms = Norms()
    module = make(gradient_clip_val=1e-3)
    small.make_trainer(tmp_path, callbacks=[norms], max_steps=3).fit(module, datamodule=small.SmallFaces())
    assert len(norms.seen) == 5
    assert norms.seen == pytest.approx([1e-3] * 5, rel=1e-3)


def test_float16_clips_and_steps_with_true_gradients(make, small, tmp_path):
    def train(plugins):
        norms = Norms()
        module = make(gradient_clip_val=None, optimizer=small.Adam(1e-3), discriminator_start_step=0)
        trainer = small.make_trainer(tmp_path, callbacks=[norms], max_steps=3, plugins=plugins)
        trainer.fit(module, datamodule=small.SmallFaces())
        return norms.seen, module

    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaled, _ = train([MixedPrecision("16-mixed", "cpu", scaler=scaler)])
    plain, _ = train([])
    assert len(scaled) == len(plain) == 6
    assert scaled[:2] == pytest.approx(plain[:2], rel=0.02)
    # from then on rounding picks other codes here and there; a wrong scale would be off by 2 or more
    assert scaled == pytest.approx(plain, rel=0.4)


def test_float16_with_accumulation_and_a_discriminator_is_refused(make, small, tmp_path):
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))
    trainer = small.make_trainer(tmp_path, max_steps=1, plugins=[plugin])
    with pytest.raises(ValueError, match="must not be 16-mixed"):
        trainer.fit(make(accumulate_grad_batches=2), datamodule=small.SmallFaces())


def test_bfloat16_trains(make, small, tmp_path):
    module = make()
    trainer = small.make_trainer(tmp_path, max_steps=4, precision="bf16-mixed")
    trainer.fit(module, datamodule=small.SmallFaces())
    assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
    assert torch.isfinite(trainer.callback_metrics["train/loss"])


def test_validation_and_test_log_their_figures(make, small, tmp_path):
    trainer = small.make_trainer(tmp_path, max_epochs=1)
    module = make()
    trainer.fit(module, datamodule=small.SmallFaces())
    validated = dict(trainer.callback_metrics)
    (tested,) = trainer.test(module, datamodule=small.SmallFaces(), verbose=False)
    assert {"val/l1", "val/psnr", "val/commitment", "val/anatomical"} <= set(validated)
    assert {"test/l1", "test/psnr"} <= set(tested)
    levels = [f"val_{figure}/level_{level}" for figure in ("usage", "perplexity") for level in range(3)]
    assert set(levels) <= set(validated)
    assert validated["val/usage"] == min(validated[f"val_usage/level_{level}"] for level in range(3))


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"reconstruction": None, "anatomical": None}, "at least one of reconstruction"),
        ({"commitment_weight": -1.0}, "commitment_weight must be at least 0"),
        ({"reconstruction": ReconstructionLoss(weight=-1.0)}, r"reconstruction\.weight must be at least 0, got -1"),
        ({"adversarial_start_step": 0}, "must be at least discriminator_start_step"),
        ({"accumulate_grad_batches": 0}, "accumulate_grad_batches must be at least 1"),
        ({"gradient_clip_val": 0.0}, "gradient_clip_val must be above 0"),
    ],
)
def test_bad_values_are_named(small, changes, constraint):
    with pytest.raises(ValueError, match=constraint):
        small.make_module(**changes)


@pytest.mark.parametrize("quantizer", sorted(file.stem for file in (CONFIGS / "quantizers").glob("*.yaml")))
def test_a_quantizer_is_swapped_by_one_flag(small, tmp_path, quantizer):
    from lightning_modules.cli.trainer_cli import ZooCLI

    words = ["--config", "tiny/stage1.yaml", "--model.codec.quantizer", f"quantizers/{quantizer}.yaml"]
    module = ZooCLI("fit", compose([*words, "--trainer.fast_dev_run", "1"])).model
    before = small.digest(module.codec.parameters())
    trainer = small.make_trainer(tmp_path, max_steps=3)
    trainer.fit(module, datamodule=small.SmallFaces())
    assert torch.isfinite(trainer.callback_metrics["train/loss"])
    assert small.digest(module.codec.parameters()) != before


def test_images_that_do_not_divide_into_cells_are_refused_before_they_are_made(small):
    module = small.make_module()
    module.check(image_size=4 * module.codec.stride)
    with pytest.raises(ValueError, match=r"image_size must be a multiple of the codec's stride 2, got 17"):
        module.check(image_size=17)


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "tiny/stage1.yaml", "--callbacks.report.recognizer", "models/nobody"],
        ["--config", "tiny/quantizer.yaml", "--model.codec", "models/nobody"],
        ["--config", "tiny/recognizer.yaml", "--model.codec", "models/nobody"],
    ],
    ids=lambda words: words[1],
)
def test_missing_weights_are_noticed_before_faces_are_rendered(words, tmp_path, monkeypatch, capsys):
    import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(["fit", *words]) == 2
    assert "'models/nobody', which does not exist" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.*"))
