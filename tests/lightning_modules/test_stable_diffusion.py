"""How Stable Diffusion is trained: what counts how much, what learns and what doesn't, and the file that is left."""

from __future__ import annotations

import copy

import pytest
import safetensors.torch
import torch
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_modules.callbacks.ema import EMA
from lightning_modules.optimizers import AdamW
from lightning_modules.stable_diffusion import StableDiffusionModule, min_snr_weights, truncated
from zoo.facs import AUS
from zoo.pipelines.stable_diffusion import StableDiffusionPipeline

for package in ("diffusers", "peft"):
    pytest.importorskip(package)

SHORT = "The chin is raised."
LONG = "The lip corners are pulled up and back . " * 12  # 9 ids each


class _Faces(LightningDataModule):
    def __init__(self, prompt=SHORT, count=4):
        super().__init__()
        self.prompt, self.count = prompt, count

    def _batches(self, count):
        generator = torch.Generator().manual_seed(0)
        occurrence = torch.zeros(4, len(AUS), dtype=torch.bool)
        batches = [
            {
                "image": torch.rand(4, 3, 16, 16, generator=generator) * 2 - 1,
                "reference": torch.zeros(4, 3, 16, 16),
                "occurrence": occurrence,
                "intensity": torch.zeros(4, len(AUS)),
                "prompt": [self.prompt] * 4,
                "index": torch.arange(4),
            }
            for _ in range(count)
        ]
        return torch.utils.data.DataLoader(batches, batch_size=None)

    def train_dataloader(self):
        return self._batches(self.count)

    def val_dataloader(self):
        return self._batches(1)


def _module(*, lora=True, **changes):
    torch.manual_seed(0)
    given = {"weights": "random", "rank": 2} if lora else {}
    for name in ("long_prompts",):
        if name in changes:
            given[name] = changes.pop(name)
    pipeline = StableDiffusionPipeline(**given, image_size=16)
    return StableDiffusionModule(pipeline, **{"optimizer": AdamW(1e-2, warmup_steps=0), **changes})


def _trainer(folder, *callbacks, **changes):
    given = {"max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False} | changes
    return Trainer(
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        default_root_dir=folder,
        callbacks=list(callbacks),
        **given,
    )


def _state(module):
    return {name: each.detach().clone() for name, each in module.state_dict().items()}


@pytest.mark.parametrize(("of", "shift"), [("noise", 0.0), ("velocity", 1.0)])
def test_weights_are_least_of_ratio_and_gamma_over_the_ratio(of, shift):
    signal = torch.tensor([0.01, 1.0, 5.0, 20.0, 1000.0], dtype=torch.float64)
    found = min_snr_weights(signal, 5.0, of=of)
    expected = [min(each, 5.0) / (each + shift) for each in signal.tolist()]
    assert found.tolist() == pytest.approx(expected)


def test_errors_are_weighed_in_training_and_not_in_validation():
    plain, weighed = _module(min_snr_gamma=None), _module(min_snr_gamma=5.0)
    text = plain.pipeline.encode_prompts([SHORT])
    latents, noise = torch.zeros(1, 4, 4, 4), torch.ones(1, 4, 4, 4)
    times = torch.tensor([3])  # nearly no noise: the ratio is far above gamma
    alpha = float(plain.pipeline.networks().alphas[3])
    share = 5.0 / (alpha / (1 - alpha))
    with torch.no_grad():
        errors = [
            float(module._errors(latents, text, noise=noise, times=times, weighted=is_weighted))
            for module, is_weighted in ((plain, True), (weighed, True), (weighed, False))
        ]
    assert share < 0.1
    assert errors[1] == pytest.approx(share * errors[0], rel=1e-4)
    assert errors[2] == pytest.approx(errors[0], rel=1e-4)


@pytest.mark.parametrize(("long_prompts", "share"), [("truncate", 1 - 75 / 108), ("chunk", 0.0)])
def test_the_share_of_text_that_is_not_seen_is_logged(long_prompts, share, tmp_path):
    module = _module(long_prompts=long_prompts, drop_text=0.0)
    trainer = _trainer(tmp_path)
    trainer.fit(module, _Faces(LONG, count=1))
    assert float(trainer.callback_metrics["train/truncated"]) == pytest.approx(share)
    assert float(trainer.callback_metrics["val/truncated"]) == pytest.approx(share)
    assert float(truncated(module.pipeline.encode_prompts([""]))) == 0


class _Noises(Callback):
    """Remember the noise and the prompts that the denoiser is trained with."""

    def on_fit_start(self, trainer, pl_module):
        self.noises, self.prompts = [], []
        forward, encode = pl_module.pipeline.forward, pl_module.pipeline.encode_prompts

        def noted(latents, text, *, noise, times):
            self.noises.append(noise)
            return forward(latents, text, noise=noise, times=times)

        def read(prompts):
            self.prompts += prompts
            return encode(prompts)

        pl_module.pipeline.forward, pl_module.pipeline.encode_prompts = noted, read


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_the_noise_offset_moves_whole_channels(offset, tmp_path):
    torch.manual_seed(0)
    noted = _Noises()
    _trainer(tmp_path, noted, limit_val_batches=0).fit(_module(noise_offset=offset), _Faces())
    noise = torch.cat(noted.noises)
    within, between = noise.std((2, 3)).mean(), noise.mean((2, 3)).std()
    assert within == pytest.approx(1.0, abs=0.1)
    assert between == pytest.approx((offset**2 + 1 / 16) ** 0.5, rel=0.25)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 8, 24)])
def test_prompts_are_left_out_at_times(share, least, most, tmp_path):
    torch.manual_seed(0)
    noted = _Noises()
    _trainer(tmp_path, noted, limit_val_batches=0).fit(_module(drop_text=share), _Faces(count=8))
    assert len(noted.prompts) == 32
    assert set(noted.prompts) <= {"", SHORT}
    assert least <= noted.prompts.count("") <= most


def test_computing_activations_twice_gives_the_same_gradient():
    gradients = []
    for twice in (False, True):
        module = _module()
        with torch.no_grad():
            for each in module.pipeline.unet.parameters():
                each.add_(0.05)
        networks = module.pipeline.networks()
        if twice:
            networks.denoiser.enable_gradient_checkpointing()
        text = module.pipeline.encode_prompts([SHORT])
        noise = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
        module._errors(noise, text, noise=noise, times=torch.tensor([500]), weighted=True).backward()
        assert networks.denoiser.is_gradient_checkpointing is twice
        gradients.append([each.grad for each in module.pipeline.parameters()])
    for once, again in zip(*gradients, strict=True):
        torch.testing.assert_close(once, again)


def test_the_option_switches_it_on(tmp_path):
    module = _module(gradient_checkpointing=True)
    _trainer(tmp_path, limit_val_batches=0).fit(module, _Faces(count=1))
    assert module.pipeline.networks().denoiser.is_gradient_checkpointing


def test_the_lora_learns_and_its_networks_stay(tmp_path):
    module = _module()
    before, networks = _state(module), module.pipeline.networks()
    frozen = {name: each.clone() for name, each in networks.state_dict().items() if "lora" not in name}
    _trainer(tmp_path, limit_val_batches=0).fit(module, _Faces())
    after = {name: each for name, each in module.pipeline.networks().state_dict().items() if "lora" not in name}
    assert all(torch.equal(each, frozen[name]) for name, each in after.items())
    assert set(before) == {f"pipeline.unet.{name}" for name in module.pipeline.unet.state_dict()}
    moved = [name for name, each in module.state_dict().items() if not torch.equal(each, before[name])]
    assert sorted(moved) == sorted(before), "the first of a pair moves once the second isn't 0 any more"


def test_networks_of_its_own_all_learn_and_latents_get_deviation_1(tmp_path):
    module = _module(lora=False, optimizer=AdamW(1e-5, warmup_steps=0))
    before = _state(module)
    _trainer(tmp_path, limit_val_batches=0).fit(module, _Faces())
    assert not [name for name, each in module.state_dict().items() if torch.equal(each, before[name])]
    batch = next(iter(_Faces().train_dataloader()))["image"]
    with torch.no_grad():
        latents = module.pipeline.encode(batch, noise=torch.randn(4, 4, 4, 4))
    assert float(latents.std()) == pytest.approx(1.0, abs=0.05)


def test_the_autoencoder_gets_no_gradient_from_the_denoiser(tmp_path):
    module = _module(lora=False, divergence_weight=0.0)
    networks = module.pipeline.own
    with torch.no_grad():
        drawn, _ = networks.moments(torch.zeros(1, 3, 16, 16))
    assert not drawn.requires_grad
    text = module.pipeline.encode_prompts([SHORT])
    trainer = _trainer(tmp_path)
    trainer.strategy.connect(module)
    module.trainer = trainer
    module.log_dict = lambda *_, **__: None
    _, latents = module._latents(torch.rand(2, 3, 16, 16) * 2 - 1, networks)
    assert not latents.requires_grad
    module._errors(latents[:1], text, noise=torch.randn(1, 4, 4, 4), times=torch.tensor([9]), weighted=True).backward()
    assert all(each.grad is None for each in networks.autoencoder.parameters())
    assert any(each.grad is not None for each in networks.text_encoder.parameters())


def test_the_file_of_the_best_weights_is_left_averaged_where_they_are(tmp_path, capsys):
    module = _module()
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/loss")
    _trainer(tmp_path, EMA(0.5), best, max_epochs=2, enable_checkpointing=True).fit(module, _Faces())
    file = tmp_path / "lora" / "pytorch_lora_weights.safetensors"
    assert f"LoRA of best.ckpt for diffusers: {file}" in capsys.readouterr().out
    found = safetensors.torch.load_file(file)
    checkpoint = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    wanted = {name.removeprefix("pipeline."): each for name, each in checkpoint["state_dict"].items()}
    assert set(found) == set(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    raw = checkpoint["raw_weights"]
    assert set(raw) == set(checkpoint["state_dict"]), "all of a LoRA is averaged"
    assert not all(torch.equal(raw[name], each) for name, each in checkpoint["state_dict"].items())


def test_networks_of_its_own_leave_no_such_file(tmp_path):
    _trainer(tmp_path, limit_val_batches=0).fit(_module(lora=False), _Faces(count=1))
    assert not (tmp_path / "lora").exists()


def test_validation_takes_the_same_noise_away_each_time(tmp_path):
    module = _module()
    trainer = _trainer(tmp_path)
    figures = [trainer.validate(module, _Faces(), verbose=False)[0] for _ in range(2)]
    assert figures[0] == figures[1]
    assert set(figures[0]) == {"val/loss", "val/truncated"}


@pytest.mark.slow
# a LoRA of rank 2 can bend random networks only so far; saying nothing is an error of about 1
@pytest.mark.parametrize(("lora", "left"), [(True, 0.8), (False, 0.7)])
def test_it_learns_a_batch_by_heart(lora, left, tmp_path):
    module = _module(lora=lora, min_snr_gamma=None, drop_text=0.0, optimizer=AdamW(3e-3, warmup_steps=5))
    data = _Faces(count=1)
    trainer = _trainer(tmp_path, limit_val_batches=0, max_epochs=150)
    untrained = copy.deepcopy(module.pipeline)
    trainer.fit(module, data)
    batch = next(iter(data.train_dataloader()))
    errors = []
    for pipeline in (untrained, module.pipeline):
        judged = StableDiffusionModule(pipeline)
        latents = module.pipeline.encode(batch["image"]).detach()
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            text = pipeline.encode_prompts(batch["prompt"])
            times = torch.tensor([100, 300, 500, 700])
            errors.append(float(judged._errors(latents, text, noise=noise, times=times, weighted=False)))
    assert errors[1] < left * errors[0]
    assert errors[1] < 0.9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"min_snr_gamma": 0.0}, "min_snr_gamma must be above 0, got 0.0"),
        ({"noise_offset": -0.1}, "noise_offset must be at least 0, got -0.1"),
        ({"divergence_weight": -1.0}, "divergence_weight must be at least 0, got -1.0"),
        ({"drop_text": 1.0}, "drop_text must be at least 0 and below 1, got 1.0"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, said):
    with pytest.raises(ValueError, match=said):
        _module(**arguments)


def test_data_and_weights_that_do_not_fit_are_refused_before_data_is_prepared(tmp_path):
    from zoo.bundles import WeightsNotFoundError

    with pytest.raises(ValueError, match="image_size must be that of the data, 64, got 16"):
        _module().check(image_size=64)
    (tmp_path / "empty").mkdir()
    missing = StableDiffusionPipeline(str(tmp_path / "empty"), rank=2, image_size=16)
    with pytest.raises(WeightsNotFoundError, match="hf download"):
        StableDiffusionModule(missing).check(image_size=16)


def test_synthesis_takes_a_bundle_as_any_other(tmp_path):
    from lightning_modules.cli.studio import Studio
    from lightning_modules.cli.synthesis_cases import SynthesisCase
    from zoo.bundles import save_bundle
    from zoo.sampling import Sampling

    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline("random", rank=2, image_size=32).eval()
    save_bundle(pipeline, tmp_path / "model", card="# model", metadata={"data": None})
    studio = Studio(str(tmp_path / "model"), sampling=Sampling(steps=2), device="cpu")
    assert studio.intensity_reading is None
    cases = [
        SynthesisCase(reference=None, reference_seed=3, aus=aus, seed=seed, only=only).named()
        for aus, seed, only in (("12", 0, None), ("12", 1, None), ("15", 0, None), ("12", 0, "lower"))
    ]
    studio.check(cases)
    studio.make(cases, tmp_path)
    assert len({(tmp_path / f"{case.name}.png").read_bytes() for case in cases}) == len(cases)
