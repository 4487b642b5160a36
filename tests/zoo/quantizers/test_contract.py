"""What every quantizer must do, found by the files of the family."""

import itertools

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.components import build, families, portable, specification

MEMBERS = families()["quantizers"]


@pytest.fixture(params=MEMBERS)
def quantizer(request):
    return from_config(f"quantizers/{request.param}")


def latents_for(quantizer, generator, batch=4, side=8):
    # Channels of unlike scale and an offset, neighbours alike, as an encoder gives them.
    scale = 0.5 + torch.rand(1, quantizer.latent_dim, 1, 1, generator=generator)
    fine = torch.randn(batch, quantizer.latent_dim, side, side, generator=generator)
    coarse = torch.randn(batch, quantizer.latent_dim, side // 4, side // 4, generator=generator)
    return (fine / 2 + coarse.repeat_interleave(4, -1).repeat_interleave(4, -2)) * scale + 0.3


def trained(quantizer, generator, steps=3, **sizes):
    quantizer.train()
    for _ in range(steps):
        quantizer(latents_for(quantizer, generator, **sizes))
        quantizer.update_codebooks()
    return quantizer


def with_levels(member, num_levels):
    """Build the configured quantizer with another number of levels, and no level dropout."""
    spec = portable(specification(from_config(f"quantizers/{member}")))
    arguments = spec["arguments"]
    if "strides" in arguments:
        arguments["strides"] = ([4, 2, 2, 2] + [1] * 4)[:num_levels]
    elif "num_levels" in arguments:
        arguments["num_levels"] = num_levels
    if "level_dropout" in arguments:
        arguments["level_dropout"] = 0.0
    return build(spec)


class TestQuantizers(ComponentContract):
    family = "quantizers"

    def make(self, member):
        return trained(super().make(member), torch.Generator().manual_seed(0))

    def outcome(self, quantizer, generator):
        return quantizer(latents_for(quantizer, generator).requires_grad_())


def test_the_family_has_its_members():
    assert {"residual", "residual_fsq", "residual_lfq", "residual_simvq", "multi_scale_residual", "vq"} <= set(MEMBERS)


def test_tokens_are_integers_in_range_on_the_grid(quantizer, generator):
    tokens = trained(quantizer, generator)(latents_for(quantizer, generator)).tokens
    assert tokens.shape == (4, quantizer.num_levels, 8, 8)
    assert tokens.dtype == torch.int64
    assert tokens.min() >= 0
    assert tokens.max() < quantizer.codebook_size


def test_decoding_tokens_gives_the_quantized_latents_back(quantizer, generator):
    latents = latents_for(quantizer, generator)
    quantized = trained(quantizer, generator).eval()(latents)
    assert torch.equal(quantizer.encode(latents), quantized.tokens)
    assert torch.equal(quantizer.decode(quantized.tokens), quantized.latents)


def test_each_prefix_of_levels_decodes_to_the_sum_of_what_its_levels_add(quantizer, generator):
    tokens = trained(quantizer, generator).eval().encode(latents_for(quantizer, generator))
    levels = quantizer.level_latents(tokens)
    assert levels.shape == (4, quantizer.num_levels, quantizer.latent_dim, 8, 8)
    for prefix in range(1, quantizer.num_levels + 1):
        torch.testing.assert_close(quantizer.decode(tokens[:, :prefix]), levels[:, :prefix].sum(1))


def test_more_levels_come_closer_to_the_latents(quantizer, generator):
    latents = latents_for(quantizer, generator, batch=32)
    quantizer.train()(latents)
    quantizer.eval()
    tokens = quantizer.encode(latents)
    errors = [(quantizer.decode(tokens[:, : k + 1]) - latents).square().mean() for k in range(quantizer.num_levels)]
    assert errors[0] < latents.var()
    assert all(fine < coarse for coarse, fine in itertools.pairwise(errors))


@pytest.mark.parametrize("num_levels", [1, 4, 8])
@pytest.mark.parametrize("member", MEMBERS)
def test_the_gradient_of_the_output_passes_straight_through_with_gain_1(member, num_levels, generator):
    quantizer = with_levels(member, num_levels)
    latents = latents_for(quantizer, generator).requires_grad_(True)
    for training in (True, False):
        quantized = quantizer.train(training)(latents).latents
        upstream = torch.randn(latents.shape, generator=generator)
        (gradient,) = torch.autograd.grad(quantized, latents, upstream)
        assert torch.equal(gradient, upstream)


@pytest.mark.parametrize("member", MEMBERS)
def test_the_gradient_of_the_commitment_is_that_of_its_definition(member, generator):
    quantizer = with_levels(member, 4)
    trained(quantizer, generator).eval()
    latents = latents_for(quantizer, generator).requires_grad_(True)
    quantized = quantizer(latents)
    (gradient,) = torch.autograd.grad(quantized.commitment, latents)

    levels = quantizer.level_latents(quantized.tokens).detach()
    strides = getattr(quantizer.codebooks, "strides", (1,) * quantizer.num_levels)
    expected, residual = 0.0, latents
    for k, stride in enumerate(strides):
        coarse = torch.nn.functional.avg_pool2d(residual, stride)
        expected = expected + (coarse - levels[:, k, :, ::stride, ::stride]).square().mean() / len(strides)
        residual = residual - levels[:, k]
    (expected_gradient,) = torch.autograd.grad(expected, latents)
    torch.testing.assert_close(quantized.commitment, expected)
    torch.testing.assert_close(gradient, expected_gradient)


def test_a_projection_lies_between_where_codes_have_other_channels(quantizer, generator):
    spec = portable(specification(quantizer))
    spec["arguments"]["latent_dim"] = 12
    if "code_dim" in spec["arguments"]:
        spec["arguments"]["code_dim"] = 5
    projected = build(spec)
    quantized = trained(projected, generator)(latents_for(projected, generator))
    assert quantized.latents.shape == (4, 12, 8, 8)
    (quantized.latents.square().mean() + quantized.commitment).backward()
    assert not [name for name, each in projected.named_parameters() if each.grad is None or not each.grad.any()]
    tokens = projected.eval().encode(latents_for(projected, generator))
    torch.testing.assert_close(projected.level_latents(tokens).sum(1), projected.decode(tokens))


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_tokens_do_not_depend_on_autocast_or_matmul_precision(quantizer, generator, precision):
    trained(quantizer, generator).eval()
    latents = latents_for(quantizer, generator, batch=16)
    expected = quantizer(latents)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            quantized = quantizer(latents)
            tokens = quantizer.encode(latents)
            decoded = quantizer.decode(tokens)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(tokens, expected.tokens)
    assert torch.equal(quantized.tokens, expected.tokens)
    assert quantized.latents.dtype == torch.float32
    torch.testing.assert_close(decoded, quantizer.decode(tokens), atol=0, rtol=0)


def test_latents_in_half_precision_train(quantizer, generator):
    latents = latents_for(quantizer, generator).bfloat16().requires_grad_(True)
    quantized = quantizer(latents)
    (quantized.latents.sum() + quantized.commitment).backward()
    assert latents.grad.dtype == torch.bfloat16
    assert latents.grad.isfinite().all()


def test_training_goes_on_from_its_state_as_if_it_had_not_stopped(quantizer, generator):
    trained(quantizer, generator)
    twin = build(portable(specification(quantizer)))
    twin.load_state_dict({name: each.clone() for name, each in quantizer.state_dict().items()})
    torch.manual_seed(1)  # the global generator must not matter
    seed = generator.get_state()
    trained(quantizer, generator)
    torch.manual_seed(2)
    generator.set_state(seed)
    trained(twin, generator)
    latents = latents_for(quantizer, generator)
    assert torch.equal(quantizer(latents).latents, twin(latents).latents)  # level dropout included
    for name, each in quantizer.state_dict().items():
        assert torch.equal(each, twin.state_dict()[name]), name


def test_training_does_not_touch_the_global_random_numbers(quantizer, generator):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    trained(quantizer, generator)
    assert torch.equal(before, torch.get_rng_state())


def test_four_small_batches_teach_what_a_large_one_does(quantizer, generator):
    trained(quantizer, generator, batch=32)
    twin = build(portable(specification(quantizer)))
    twin.load_state_dict({name: each.clone() for name, each in quantizer.state_dict().items()})
    twin.train()
    for _ in range(3):
        latents = latents_for(quantizer, generator, batch=32)
        quantizer(latents)
        for part in latents.chunk(4):
            twin(part)
        quantizer.update_codebooks()
        twin.update_codebooks()
    for name, each in quantizer.state_dict().items():
        if not name.endswith("level_dropout.calls"):
            torch.testing.assert_close(each, twin.state_dict()[name], msg=name, rtol=1e-5, atol=1e-6)


def test_evaluation_teaches_nothing(quantizer, generator):
    trained(quantizer, generator).eval()
    before = {name: each.clone() for name, each in quantizer.state_dict().items()}
    quantizer(latents_for(quantizer, generator))
    quantizer.update_codebooks()
    assert all(torch.equal(each, before[name]) for name, each in quantizer.state_dict().items())


def test_it_works_before_it_ever_trained(quantizer, generator):
    tokens = quantizer.eval().encode(latents_for(quantizer, generator))
    assert quantizer.decode(tokens).isfinite().all()


def test_a_step_that_overflowed_leaves_no_trace(quantizer, generator):
    trained(quantizer, generator)
    latents = latents_for(quantizer, generator)
    latents[0, 0, 0, 0] = torch.nan
    assert quantizer(latents).tokens.max() < quantizer.codebook_size
    quantizer.update_codebooks()
    assert all(each.isfinite().all() for each in quantizer.state_dict().values())
    assert quantizer(latents_for(quantizer, generator)).commitment.isfinite()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_first_batch_that_is_not_finite_starts_nothing(quantizer, generator, value):
    def is_started():
        return [bool(each) for name, each in quantizer.named_buffers() if name.endswith("initialized")]

    spoiled = latents_for(quantizer, generator)
    spoiled[0, 0, 0, 0] = value
    quantizer(spoiled)
    quantizer.update_codebooks()
    assert is_started() == [False]
    assert all(each.isfinite().all() for each in quantizer.state_dict().values())
    quantizer(latents_for(quantizer, generator))
    assert is_started() == [True]


@pytest.mark.parametrize("wrong", ["negative", "mask token", "too many levels"])
def test_tokens_that_are_no_codes_are_refused(quantizer, wrong):
    tokens = torch.zeros(1, quantizer.num_levels + (wrong == "too many levels"), 8, 8, dtype=torch.long)
    tokens[0, 0, 0, 0] = {"negative": -1, "mask token": quantizer.codebook_size}.get(wrong, 0)
    with pytest.raises(ValueError, match=r"must (be in 0 \.\.|have 1 to)"):
        quantizer.decode(tokens)
    with pytest.raises(ValueError, match=r"must (be in 0 \.\.|have 1 to)"):
        quantizer.level_latents(tokens)


def test_channels_last_latents_give_the_same(quantizer, generator):
    trained(quantizer, generator).eval()
    latents = latents_for(quantizer, generator)
    assert torch.equal(
        quantizer(latents).latents, quantizer(latents.contiguous(memory_format=torch.channels_last)).latents
    )
