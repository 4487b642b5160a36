"""What is special about the residual quantizer: codebooks that learn, restart, and stay the same on all processes."""

from functools import partial

import pytest
import torch
from torch import distributed, multiprocessing

from zoo.quantizers.codebooks import nearest
from zoo.quantizers.multi_scale_residual import MultiScaleResidualQuantizer
from zoo.quantizers.residual import ResidualQuantizer
from zoo.quantizers.residual_fsq import ResidualFSQQuantizer
from zoo.quantizers.residual_lfq import ResidualLFQQuantizer
from zoo.quantizers.residual_simvq import ResidualSimVQQuantizer


def slow_reference(latents, codes, counts, decay):
    """Quantize and update vector by vector, with distances and exponential averages as the papers write them."""
    vectors = latents.movedim(1, -1).reshape(-1, latents.shape[1]).double()
    codes, sums, counts = codes.double(), (codes * counts[..., None]).double(), counts.double()
    quantized, tokens, commitment = torch.zeros_like(vectors), [], 0.0
    new_codes = codes.clone()
    for k, codebook in enumerate(codes):
        residual = vectors - quantized
        found = torch.stack([(vector - codebook).norm(dim=-1).argmin() for vector in residual])
        one_hot = torch.nn.functional.one_hot(found, len(codebook)).double()
        smooth_counts = decay * counts[k] + (1 - decay) * one_hot.sum(0)
        new_codes[k] = (decay * sums[k] + (1 - decay) * one_hot.t() @ residual) / smooth_counts[:, None]
        quantized = quantized + codebook[found]
        commitment = commitment + (vectors - quantized).square().mean() / len(codes)
        tokens.append(found)
    return quantized, torch.stack(tokens, -1), commitment, new_codes


@pytest.mark.parametrize("size", [16, 128, 1024 + 24])  # one group, several, and a rest
def test_it_equals_a_slow_reference(size, generator):
    quantizer = ResidualQuantizer(6, num_levels=3, codebook_size=size, decay=0.9, restart_below=0.0, level_dropout=0.0)
    quantizer.codebooks.codes.copy_(torch.randn(3, size, 6, generator=generator))
    quantizer.codebooks.counts.fill_(1.0)
    quantizer.codebooks.initialized.fill_(True)
    quantizer.codebooks.updates.fill_(1000)  # past the first updates, which forget faster
    latents = torch.randn(5, 6, 4, 4, generator=generator)
    expected = slow_reference(latents, quantizer.codebooks.codes, quantizer.codebooks.counts, 0.9)
    quantized = quantizer(latents)
    quantizer.update_codebooks()
    assert torch.equal(quantized.tokens.movedim(1, -1).reshape(-1, 3), expected[1])
    torch.testing.assert_close(quantized.latents.movedim(1, -1).reshape(-1, 6), expected[0].float())
    torch.testing.assert_close(quantized.commitment, expected[2].float())
    torch.testing.assert_close(quantizer.codebooks.codes, expected[3].float(), rtol=1e-4, atol=1e-5)


def test_blocks_of_the_search_do_not_show(generator, monkeypatch):
    vectors, codes = torch.randn(300, 8, generator=generator), torch.randn(500, 8, generator=generator)
    expected = torch.cdist(vectors.double(), codes.double()).argmin(-1)
    for block in [(64, 128), (7, 13), (300, 500), (1024, 1024)]:
        monkeypatch.setattr(nearest, "_CPU_BLOCK", block)
        assert torch.equal(nearest.nearest_codes(vectors, codes), expected)


def test_no_matrix_of_vectors_by_codes_is_ever_formed(generator):
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    num_codes, num_vectors = 4096, 4096
    quantizer = ResidualQuantizer(4, num_levels=2, codebook_size=num_codes)
    quantizer.codebooks.initialized.fill_(True)
    latents = torch.randn(4, 4, 32, 32, generator=generator, requires_grad=True)
    with Watch():
        quantized = quantizer(latents)
        (quantized.latents.sum() + quantized.commitment).backward()
        quantizer.update_codebooks()
    assert largest <= num_codes * num_vectors / 8


def test_the_first_batch_starts_codes_that_are_all_used(generator):
    quantizer = ResidualQuantizer(8, num_levels=4, codebook_size=64, level_dropout=0.0)
    latents = 3 * torch.randn(16, 8, 8, 8, generator=generator) + 1
    tokens = quantizer(latents).tokens
    assert bool(quantizer.codebooks.initialized)
    assert all(tokens[:, k].unique().numel() >= 60 for k in range(4))


def test_unused_codes_restart_at_vectors_of_their_level(generator):
    quantizer = ResidualQuantizer(4, num_levels=2, codebook_size=32, level_dropout=0.0, decay=0.5)
    latents = torch.randn(8, 4, 8, 8, generator=generator)
    quantizer(latents)
    quantizer.update_codebooks()
    quantizer.codebooks.codes[0, :8] = 100.0
    for _ in range(12):
        tokens = quantizer(latents).tokens
        quantizer.update_codebooks()
    assert quantizer.codebooks.codes.abs().max() < 10
    assert quantizer(latents).tokens[:, 0].unique().numel() >= 31
    assert tokens.max() < 32


def test_restarts_can_be_stopped_for_good(generator):
    quantizer = ResidualQuantizer(4, num_levels=2, codebook_size=32, level_dropout=0.0, decay=0.5)
    quantizer(torch.randn(8, 4, 8, 8, generator=generator))
    quantizer.codebooks.codes[0, :8] = 100.0
    quantizer.stop_restarts()
    twin = ResidualQuantizer(4, num_levels=2, codebook_size=32, level_dropout=0.0, decay=0.5)
    twin.load_state_dict(quantizer.state_dict())
    for _ in range(12):
        twin(torch.randn(8, 4, 8, 8, generator=generator))
        twin.update_codebooks()
    assert (twin.codebooks.codes[0, :8] == 100.0).all()


@pytest.mark.parametrize(("num_codes", "per_step"), [(16, 2048), (256, 256), (1024, 64), (1024, 16)])
def test_evenly_used_codes_never_restart(num_codes, per_step, generator):
    quantizer = ResidualQuantizer(2, num_levels=1, codebook_size=num_codes, decay=0.9, restart_below=0.03)
    # Codes far apart, each with its own place on a circle, and vectors on top of codes drawn evenly.
    angle = torch.arange(num_codes) / num_codes * 2 * torch.pi
    places = 1000 * torch.stack([angle.cos(), angle.sin()], -1)
    quantizer.codebooks.codes.copy_(places[None])
    quantizer.codebooks.counts.fill_(per_step / num_codes)
    quantizer.codebooks.initialized.fill_(True)
    for _ in range(100):
        drawn = torch.randint(num_codes, (per_step,), generator=generator)
        quantizer(places[drawn].t().reshape(1, 2, 1, per_step))
        quantizer.update_codebooks()
    torch.testing.assert_close(quantizer.codebooks.codes[0], places, rtol=0, atol=0.01)  # neighbours: 6 apart


def test_codes_keep_up_with_an_encoder_that_moves(generator):
    quantizer = ResidualQuantizer(8, num_levels=2, codebook_size=64, level_dropout=0.0)
    latents = torch.randn(32, 8, 8, 8, generator=generator)
    for step in range(60):
        moving = latents * (1 + step / 10) + step / 5
        tokens = quantizer(moving).tokens
        quantizer.update_codebooks()
    assert all(tokens[:, k].unique().numel() >= 0.9 * 64 for k in range(2))


def test_level_dropout_shows_prefixes_of_some_samples_and_tells_all_tokens(generator):
    quantizer = ResidualQuantizer(8, num_levels=4, codebook_size=16, level_dropout=0.5)
    latents = torch.randn(64, 8, 4, 4, generator=generator)
    quantized = quantizer(latents)
    prefixes = torch.stack([quantizer.decode(quantized.tokens[:, : k + 1]) for k in range(4)])
    fits = ((prefixes - quantized.latents).abs() < 1e-5).flatten(2).all(-1)  # level, sample
    assert fits.any(0).all()
    assert 0.3 < fits[-1].float().mean() < 0.7
    assert all(fits[k].any() for k in range(4))
    assert torch.equal(quantizer.eval().encode(latents), quantized.tokens)


def test_the_state_moves_between_processes_that_train(generator):
    quantizer = ResidualQuantizer(8, num_levels=4, codebook_size=16)
    assert {name for name, _ in quantizer.named_buffers()} == set(quantizer.state_dict())


def test_a_multi_scale_token_is_one_for_its_square(generator):
    quantizer = MultiScaleResidualQuantizer(8, strides=[4, 2, 1], codebook_size=16)
    tokens = quantizer(torch.randn(4, 8, 8, 8, generator=generator)).tokens
    for k, stride in enumerate([4, 2, 1]):
        coarse = tokens[:, k, ::stride, ::stride]
        assert torch.equal(tokens[:, k], coarse.repeat_interleave(stride, -1).repeat_interleave(stride, -2))


def test_a_multi_scale_candidate_is_what_its_level_coded(generator):
    quantizer = MultiScaleResidualQuantizer(3, strides=[4, 2, 1], codebook_size=64)
    latents = torch.randn(4, 3, 8, 8, generator=generator)
    quantized = quantizer(latents)
    candidates = quantizer.codebooks._lessons.candidates(16)
    residual = latents
    for k, stride in enumerate([4, 2, 1]):
        pooled = torch.nn.functional.avg_pool2d(residual, stride).movedim(1, -1).reshape(-1, 3)
        assert torch.cdist(candidates[k].double(), pooled.double()).amin(-1).max() < 1e-5
        residual = residual - quantizer.level_latents(quantized.tokens)[:, k]


def test_grids_larger_than_a_block_of_the_search_work(generator, monkeypatch):
    quantizer = MultiScaleResidualQuantizer(3, strides=[4, 2, 1], codebook_size=128, level_dropout=0.0)
    latents = torch.randn(3, 3, 16, 16, generator=generator)
    quantizer(latents)
    expected = quantizer.eval()(latents)
    monkeypatch.setattr(nearest, "_CPU_BLOCK", (100, 128))
    blocked = quantizer(latents)
    assert torch.equal(blocked.tokens, expected.tokens)
    torch.testing.assert_close(blocked.commitment, expected.commitment)


def test_a_grid_that_the_strides_do_not_divide_is_refused(generator):
    quantizer = MultiScaleResidualQuantizer(4, strides=[4, 1], codebook_size=16)
    with pytest.raises(ValueError, match="multiples of the strides"):
        quantizer(torch.randn(1, 4, 6, 8, generator=generator))


@pytest.mark.parametrize(
    "make",
    [
        partial(ResidualFSQQuantizer, 4, num_levels=3, bins=[4, 4, 4, 4]),
        partial(ResidualFSQQuantizer, 3, num_levels=3, bins=[8, 5, 5]),
        partial(ResidualLFQQuantizer, 8, num_levels=3, codebook_size=256),
    ],
)
def test_every_level_of_a_lattice_is_used_from_the_first_step(make, generator):
    quantizer = make(level_dropout=0.0)
    scale = torch.linspace(0.01, 30, quantizer.latent_dim).view(1, -1, 1, 1)
    latents = (torch.randn(256, quantizer.latent_dim, 8, 8, generator=generator) + 0.7) * scale
    tokens = quantizer(latents).tokens
    assert all(tokens[:, k].unique().numel() >= 0.9 * quantizer.codebook_size for k in range(3))


def test_a_lattice_counts_in_integers():
    quantizer = ResidualLFQQuantizer(16, num_levels=1, codebook_size=65_536).eval()
    tokens = torch.tensor([0, 1, 255, 257, 32_767, 65_535]).view(1, 1, 2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(quantizer.encode(quantizer.decode(tokens)), tokens)


def test_the_map_of_simvq_learns_from_the_commitment(generator):
    quantizer = ResidualSimVQQuantizer(8, num_levels=2, codebook_size=64, level_dropout=0.0)
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-2)
    latents = torch.randn(16, 8, 4, 4, generator=generator) * torch.linspace(0.1, 3, 8).view(1, -1, 1, 1)
    losses = []
    for _ in range(40):
        loss = quantizer(latents).commitment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert quantizer(latents).commitment < latents.var()


def _train_on_two(rank, address, results, early):
    torch.set_num_threads(1)
    makers = {
        "residual": partial(ResidualQuantizer, 4, num_levels=3, codebook_size=24, decay=0.7, level_dropout=0.3),
        "multi_scale": partial(MultiScaleResidualQuantizer, 4, strides=[2, 1], codebook_size=24, decay=0.7),
        "fsq": partial(ResidualFSQQuantizer, 4, num_levels=2, bins=[3, 3, 3, 3]),
        "simvq": partial(ResidualSimVQQuantizer, 4, num_levels=2, codebook_size=24),
    }
    quantizers = {name: make() for name, make in makers.items()} if early else None
    distributed.init_process_group("gloo", init_method=f"file://{address}", rank=rank, world_size=2)
    quantizers = quantizers or {name: make() for name, make in makers.items()}
    generator = torch.Generator().manual_seed(rank)
    restarted = False
    for step in range(20):
        for name, quantizer in quantizers.items():
            # the processes see unlike data, and at the end unlike numbers of it
            batch = 8 if step < 15 else 8 - 3 * rank
            latents = (1 + 3 * rank) * torch.randn(batch, 4, 4, 4, generator=generator) + 2 * rank
            if step == 5 and name == "residual":
                quantizer.codebooks.codes[:, :12] = 50.0
            quantizer(latents)
            quantizer.update_codebooks()
            if step % 5 == 4:  # evaluation talks to nobody: only one process does it
                quantizer.eval()
                if rank == 0:
                    quantizer(latents)
                quantizer.train()
    restarted = bool((quantizers["residual"].codebooks.codes < 49).all())
    state = {f"{name}.{key}": each for name, q in quantizers.items() for key, each in q.state_dict().items()}
    torch.save({"state": state, "restarted": restarted}, f"{results}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("early", [True, False], ids=["model first", "group first"])
def test_codebooks_are_the_same_on_all_processes(early, tmp_path):
    multiprocessing.spawn(_train_on_two, args=(tmp_path / "group", tmp_path, early), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert first["restarted"]
    for name, each in first["state"].items():
        assert torch.equal(each, second["state"][name]), name
    # both processes' data count: the second's is three times as wide
    assert first["state"]["residual.codebooks.codes"].abs().max() > 5
