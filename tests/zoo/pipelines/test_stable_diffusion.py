"""What is special about Stable Diffusion: its LoRA is diffusers', its sampler and long prompts are what they say."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch

from zoo import bundles
from zoo.pipelines.diffusion.architectures import ARCHITECTURES, SCHEDULE
from zoo.pipelines.diffusion.networks import new_networks
from zoo.pipelines.diffusion.prompts import Marks, in_chunks
from zoo.pipelines.diffusion.sampling import denoised
from zoo.pipelines.stable_diffusion import StableDiffusionPipeline
from zoo.sampling import Sampling

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("peft")

SAMPLING = Sampling(steps=2, text_guidance=3.0)
LONG = "The lip corners are pulled up and back. " * 12


def _own(**changes):
    torch.manual_seed(0)
    return StableDiffusionPipeline(**{"image_size": 32, **changes}).eval()


def _lora(weights="random", **changes):
    torch.manual_seed(1)
    pipeline = StableDiffusionPipeline(weights, **{"image_size": 32, "rank": 2, **changes}).eval()
    with torch.no_grad():  # as if trained: the second of each pair begins at 0
        for name, weight in pipeline.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    return pipeline


@pytest.fixture
def references(generator):
    return torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tiny networks in diffusers' layout, with a tokenizer of the letters that prompts here need."""
    from transformers import CLIPTokenizer

    place = tmp_path_factory.mktemp("diffusers") / "tiny"
    torch.manual_seed(2)
    networks = new_networks(ARCHITECTURES["tiny"])
    networks.denoiser.save_pretrained(place / "unet")
    networks.autoencoder.register_to_config(scaling_factor=0.5)
    networks.autoencoder.save_pretrained(place / "vae")
    networks.text_encoder.save_pretrained(place / "text_encoder")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{each}</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    source = place.parent / "words"
    source.mkdir()
    (source / "vocab.json").write_text(json.dumps({word: at for at, word in enumerate(words)}))
    (source / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(source / "vocab.json"), str(source / "merges.txt"), model_max_length=77)
    tokenizer.save_pretrained(place / "tokenizer")
    diffusers.PNDMScheduler(**SCHEDULE, skip_prk_steps=True, steps_offset=1).save_pretrained(place / "scheduler")
    return place


def _theirs(folder):
    """The pipeline of diffusers with the same parts."""
    from transformers import CLIPTextModel, CLIPTokenizer

    return diffusers.StableDiffusionPipeline(
        vae=diffusers.AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        unet=diffusers.UNet2DConditionModel.from_pretrained(folder / "unet"),
        scheduler=diffusers.DDIMScheduler(**SCHEDULE, steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.mark.parametrize("size", ARCHITECTURES)
def test_lora_layers_are_those_that_peft_would_make(size):
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    with torch.device("meta"):
        denoiser = diffusers.UNet2DConditionModel(**ARCHITECTURES[size].denoiser())
        targets = ["to_q", "to_k", "to_v", "to_out.0"]
        denoiser.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=targets))
        ours = StableDiffusionPipeline("random", size=size, rank=4, image_size=64).unet.state_dict()
    theirs = get_peft_model_state_dict(denoiser)
    assert {name: each.shape for name, each in ours.items()} == {name: each.shape for name, each in theirs.items()}


def test_an_untrained_lora_changes_nothing_and_a_trained_one_does(references):
    plain = StableDiffusionPipeline("random", rank=2, image_size=32).eval()
    base = new_networks_as_random()
    text = plain.encode_prompts(["smile"])
    latents, times = plain.encode(references[:1]), torch.tensor([500])

    def predicted(networks):
        return networks.predict(latents, times=times, text=text.features, present=text.present)

    with torch.no_grad():
        untouched = predicted(base)
        torch.testing.assert_close(predicted(plain.networks()), untouched)
        assert (predicted(_lora().networks()) - untouched).abs().max() > 1e-3


def new_networks_as_random():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return new_networks(ARCHITECTURES["tiny"]).eval()


def test_diffusers_loads_the_lora_file_and_predicts_the_same(folder, references, tmp_path):
    ours = _lora(str(folder))
    file = ours.save_lora(tmp_path / "lora")
    assert file.name == "pytorch_lora_weights.safetensors"
    theirs = _theirs(folder)
    text = ours.encode_prompts(["smile", "frown"])
    latents, times = ours.encode(references), torch.tensor([200, 800])

    def predicted():
        return theirs.unet(latents, times, encoder_hidden_states=text.features.flatten(1, 2)).sample

    with torch.no_grad():
        expected = ours.networks().predict(latents, times=times, text=text.features, present=text.present)
        assert not torch.allclose(predicted(), expected, atol=1e-3)
        theirs.load_lora_weights(tmp_path / "lora")
        torch.testing.assert_close(predicted(), expected, atol=1e-4, rtol=1e-3)


def test_a_bundle_of_a_lora_is_a_lora_file_itself(tmp_path, references, folder):
    ours = _lora()
    bundle = bundles.save_bundle(ours, tmp_path / "bundle", card="# LoRA", fingerprint=True)
    state = safetensors.torch.load_file(bundle / "model.safetensors")
    assert set(state) == {f"unet.{name}" for name in ours.unet.state_dict()}
    theirs = _theirs(folder)
    theirs.load_lora_weights(str(bundle), weight_name="model.safetensors")
    assert theirs.get_list_adapters() == {"unet": ["default_0"]}
    again = bundles.load(bundle)
    made = again.synthesize(references, ["smile", LONG], sampling=SAMPLING).images
    assert torch.equal(made, ours.synthesize(references, ["smile", LONG], sampling=SAMPLING).images)


def test_prompts_are_read_as_diffusers_reads_them(folder):
    theirs = _theirs(folder)
    ours = _lora(str(folder), long_prompts="truncate")
    for prompt in ("smile", "the brows " * 30, ""):
        expected, _ = theirs.encode_prompt(prompt, "cpu", 1, False)
        with torch.no_grad():
            read = ours.encode_prompts([prompt])
        torch.testing.assert_close(read.features.flatten(1, 2), expected)
        ids = len(theirs.tokenizer(prompt, add_special_tokens=False).input_ids)
        assert (int(read.given), int(read.read)) == (ids, min(ids, 75))


def test_sampling_is_that_of_diffusers(folder):
    theirs = _theirs(folder)
    theirs.scheduler = diffusers.DPMSolverMultistepScheduler(**SCHEDULE, steps_offset=1)
    theirs.set_progress_bar_config(disable=True)
    ours = _lora(str(folder))
    theirs.load_lora_weights({f"unet.{name}": each for name, each in ours.unet.state_dict().items()})
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    with pytest.warns(DeprecationWarning, match="__array__"):  # its own, about NumPy
        expected = theirs(
            "smile", height=32, width=32, num_inference_steps=6, guidance_scale=3.0, latents=noise, output_type="latent"
        ).images
    with torch.no_grad():
        text = ours.encode_prompts(["smile", ""])
        found = denoised(ours.networks(), noise, text=text, steps=6, guidance=3.0)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


def test_latents_are_scaled_as_the_weights_say(folder, references):
    ours = _lora(str(folder))
    with torch.no_grad():
        mean, _ = ours.networks().moments(references)
        torch.testing.assert_close(ours.encode(references), 0.5 * mean)
        torch.testing.assert_close(ours.networks().decode(0.5 * mean), ours.networks().autoencoder.decode(mean).sample)


def test_long_prompts_are_cut_or_chunked():
    marks = Marks(start=98, end=99, padding=0)
    ids = [list(range(1, 8)), [], [1, 2, 3]]
    whole = in_chunks(ids, length=5, marks=marks, long_prompts="chunk")
    assert whole.ids[0].tolist() == [[98, 1, 2, 3, 99], [98, 4, 5, 6, 99], [98, 7, 99, 0, 0]]
    assert whole.ids[1:, 0].tolist() == [[98, 99, 0, 0, 0], [98, 1, 2, 3, 99]]
    assert whole.present.tolist() == [[True] * 3, [True, False, False], [True, False, False]]
    assert whole.read.tolist() == whole.given.tolist() == [7, 0, 3]
    cut = in_chunks(ids, length=5, marks=marks, long_prompts="truncate")
    assert torch.equal(cut.ids, whole.ids[:, :1])
    assert cut.read.tolist() == [3, 0, 3]


def test_what_lies_beyond_the_first_chunk_is_seen_only_where_chunks_are_read(references):
    prompts = [LONG + "The chin is raised.", LONG + "The brows are lowered."]
    noise = torch.tensor([4, 4])
    for long_prompts, is_same in (("truncate", True), ("chunk", False)):
        pipeline = _own(long_prompts=long_prompts)
        made = pipeline.synthesize(references, prompts, seeds=noise, sampling=SAMPLING).images
        assert torch.allclose(made[0], made[1], atol=1e-6) is is_same


def test_chunks_of_others_are_not_seen(references):
    pipeline = _own()
    alone = pipeline.synthesize(references[:1], ["smile"], sampling=SAMPLING).images
    beside = pipeline.synthesize(references, ["smile", LONG * 2], sampling=SAMPLING).images
    torch.testing.assert_close(beside[:1], alone, atol=1e-4, rtol=0)


def test_pictures_depend_on_seed_and_prompt_and_not_on_the_reference(references):
    pipeline = _own()

    def made(prompt="smile", seed=3, reference=0):
        seeds = torch.tensor([seed])
        return pipeline.synthesize(references[reference][None], [prompt], seeds=seeds, sampling=SAMPLING).images

    assert torch.equal(made(), made())
    assert torch.equal(made(), made(reference=1))
    assert not torch.equal(made(), made(seed=4))
    assert not torch.equal(made(), made(prompt="frown"))


def test_the_less_strength_the_more_is_left_of_the_reference(references):
    with torch.no_grad():
        through = _own().decode(_own().encode(references))
    distances = []
    told = []
    for strength in (0.05, 0.5, 1.0):
        made = _own(strength=strength).synthesize(
            references,
            ["smile", "frown"],
            sampling=Sampling(steps=20, text_guidance=1.0),
            progress=lambda done, total: told.append(total),
        )
        distances.append(float((made.images - through).abs().mean()))
    assert distances == sorted(distances)
    assert distances[0] < 0.6 * distances[-1], "the noise stays, as nothing was learnt"
    assert sorted(set(told)) == [1, 10, 20]


def test_kept_cells_stay_in_every_step(references):
    pipeline = _own()
    keep = torch.zeros(2, 4, 4, dtype=torch.bool)
    keep[:, :2] = True
    made = pipeline.synthesize(references, ["smile", "frown"], keep=keep, sampling=SAMPLING).images
    free = pipeline.synthesize(references, ["smile", "frown"], sampling=SAMPLING).images
    assert torch.equal(made[:, :, :16], references[:, :, :16])
    assert not torch.allclose(made[:, :, 16:], free[:, :, 16:], atol=1e-4), "the rest must fit what is kept"


def test_noise_is_added_as_diffusers_adds_it(references, generator):
    pipeline = _own()
    latents = pipeline.encode(references).detach()
    noise = torch.randn(latents.shape, generator=generator)
    times = torch.tensor([7, 930])
    seen = []
    pipeline.own.predict = lambda noisy, **_: seen.append(noisy) or noisy
    told = pipeline(latents, pipeline.encode_prompts(["", ""]), noise=noise, times=times)
    scheduler = diffusers.DDPMScheduler(**SCHEDULE)
    torch.testing.assert_close(seen[0], scheduler.add_noise(latents, noise, times))
    assert torch.equal(told.target, noise)
    pipeline.own.schedule["prediction_type"] = "v_prediction"
    told = pipeline(latents, pipeline.encode_prompts(["", ""]), noise=noise, times=times)
    torch.testing.assert_close(told.target, scheduler.get_velocity(latents, noise, times))


def test_a_lora_can_be_for_networks_that_were_trained_here(references, tmp_path):
    own = _own()
    bundle = bundles.save_bundle(own, tmp_path / "own", card="# own")
    tuned = StableDiffusionPipeline(str(bundle), rank=2, image_size=32).eval()
    made = tuned.synthesize(references, ["smile", "frown"], sampling=SAMPLING).images
    torch.testing.assert_close(made, own.synthesize(references, ["smile", "frown"], sampling=SAMPLING).images)
    with pytest.raises(ValueError, match="weights must be of a pipeline of size 'sd15'"):
        StableDiffusionPipeline(str(bundle), size="sd15", rank=2).networks()


def test_weights_that_are_not_there_are_said_with_what_to_get(tmp_path, folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(bundles.WeightsNotFoundError, match=r"it has no unet/\. Fetch it with `hf download"):
        StableDiffusionPipeline(str(empty), rank=2).networks()
    with pytest.raises(ValueError, match="size must be that of the weights, got 'sd15'"):
        StableDiffusionPipeline(str(folder), size="sd15", rank=2).networks()


def test_pickles_are_not_opened(folder, tmp_path):
    import shutil

    place = shutil.copytree(folder, tmp_path / "pickled")
    weights = place / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(safetensors.torch.load_file(weights), place / "unet" / "diffusion_pytorch_model.bin")
    weights.unlink()
    with pytest.raises(bundles.WeightsNotFoundError, match="safetensors"):
        StableDiffusionPipeline(str(place), rank=2).networks()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rank": 2}, "rank must be null without weights, got 2"),
        ({"weights": "random"}, "rank must be at least 1 where there are weights, got None"),
        ({"weights": "random", "rank": 0}, "rank must be at least 1 where there are weights, got 0"),
        ({"image_size": 40}, "image_size must be a multiple of 16 for size 'tiny', got 40"),
        ({"strength": 0.0}, "strength must be above 0 and at most 1, got 0.0"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, said):
    with pytest.raises(ValueError, match=said):
        StableDiffusionPipeline(**arguments)


def test_networks_of_its_own_have_no_lora_to_save(tmp_path):
    with pytest.raises(ValueError, match="save_lora must have a LoRA"):
        _own().save_lora(tmp_path)
