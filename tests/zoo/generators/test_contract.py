"""What every generator must do, found by the files of the family."""

import dataclasses
import functools
import math
from collections import Counter

import pytest
import torch

from tests.zoo.contract import ComponentContract
from zoo.components import component_class, families
from zoo.fusion.base import Context
from zoo.generators.base import Fixed, GuidedContext
from zoo.sampling import Sampling

MEMBERS = families()["generators"]
SIZES = {"rows": 4, "cols": 4, "num_levels": 2, "codebook_size": 8, "context_dim": 6}
NETWORK = {"dim": 16, "num_layers": 2, "num_heads": 2, "dropout": 0.0, "label_smoothing": 0.0, "corruption": 0.0}
PLAIN = Sampling(steps=4, text_guidance=1.0)


def stir(component, scale=0.3):
    """Move every parameter, as training does: a fresh generator has its gates closed, and nothing would matter."""
    numbers = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in component.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=numbers))
    return component


@functools.cache
def generator_of(member, **changes):
    torch.manual_seed(0)
    generator = component_class(f"generators/{member}")(**{**SIZES, **NETWORK, **changes})
    return stir(generator).double().eval()


def context_of(batch, *, seed=0, length=3, padding=0, dtype=torch.float64, dim=6, positions=16):
    numbers = torch.Generator().manual_seed(seed)
    text = torch.randn(batch, length, dim, generator=numbers, dtype=dtype)
    spatial = torch.randn(batch, positions, dim, generator=numbers, dtype=dtype)
    noise = 9 * torch.randn(batch, padding, dim, generator=numbers, dtype=dtype)
    features = torch.cat([text, spatial, noise], 1)
    mask = torch.arange(features.shape[1]).expand(batch, -1) < length + positions
    return Context(features=features, mask=mask, spatial=spatial, action=text, attention=None)


def rows_of(context, rows):
    fields = {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}
    return Context(**{name: None if value is None else value[rows] for name, value in fields.items()})


def tokens_of(batch, *, seed=0):
    numbers = torch.Generator().manual_seed(seed)
    shape = batch, SIZES["num_levels"], SIZES["rows"], SIZES["cols"]
    return torch.randint(SIZES["codebook_size"], shape, generator=numbers)


def fixed_of(batch, *, seed=1):
    """Fix another number of positions in each sample: none in the first, all in the last."""
    numbers = torch.Generator().manual_seed(seed)
    place = torch.rand(batch, 16, generator=numbers).argsort(1).argsort(1)
    count = torch.linspace(0, 16, batch).long()
    return Fixed(tokens_of(batch, seed=seed), (place < count[:, None]).unflatten(1, (4, 4)))


def is_legal(tokens):
    return bool(((tokens >= 0) & (tokens < SIZES["codebook_size"])).all())


class TestGenerators(ComponentContract):
    family = "generators"

    def arguments(self, member):
        return {**SIZES, **NETWORK, "dropout": 0.1, "label_smoothing": 0.1, "corruption": 0.1}

    def make(self, member):
        return stir(super().make(member))

    def outcome(self, component, generator):
        dtype = next(component.parameters()).dtype
        return component(tokens_of(6), context_of(6, dtype=dtype), generator=generator)


def test_the_family_has_its_members():
    assert {"depth", "coarse_to_fine", "parallel", "flat"} <= set(MEMBERS)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_fresh_generator_finds_all_codes_equally_likely(member, generator):
    torch.manual_seed(0)
    fresh = component_class(f"generators/{member}")(**SIZES, **{**NETWORK, "label_smoothing": 0.1})
    loss = fresh(tokens_of(6), context_of(6, dtype=torch.float32), generator=generator)
    assert abs(loss.loss.item() - math.log(8)) < 0.05


@pytest.mark.parametrize("member", MEMBERS)
def test_the_loss_is_a_mean_over_what_is_due_and_adds_up(member, generator):
    loss = generator_of(member)(tokens_of(6), context_of(6), generator=generator)
    total, count = loss.by_ratio.sum(0)
    assert count == loss.num_supervised
    torch.testing.assert_close(total / count, loss.loss.detach())
    assert loss.correct.shape == (2,)
    assert bool(((loss.correct >= 0) & (loss.correct <= 1)).all())


def judged(component, tokens, context, seed):
    """Give what the classifier reads and the truth that it is told, for one choice of what is hidden."""
    found = {}
    judge = component.classifier.judge

    def spy(features, truth, **others):
        found.update(features=features, truth=truth, of_level=others["of_level"])
        return judge(features, truth, **others)

    component.classifier.judge = spy
    try:
        component(tokens, context, generator=torch.Generator().manual_seed(seed))
    finally:
        del component.classifier.judge
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("member", MEMBERS)
def test_a_masked_step_never_sees_what_it_must_predict(member, seed):
    # every token is a number of its own, so that the truth says where it comes from
    batch, levels, positions = 4, 2, 16
    component = generator_of(member, codebook_size=2 * batch * levels * positions)
    names = torch.arange(batch * levels * positions).reshape(batch, levels, 4, 4)
    context = context_of(batch)
    before = judged(component, names, context, seed)
    level_of_row = torch.arange(levels).repeat_interleave(torch.tensor(before["of_level"]))
    due = torch.zeros_like(names, dtype=torch.bool)
    due.view(-1)[before["truth"]] = True
    assert due.any(), "something is due"
    assert not due.all(), "something is shown"
    for lowest in range(levels):
        # what is due from this level on is replaced, and so is all that is finer than what is due
        finer = torch.zeros_like(due)
        if member == "coarse_to_fine":
            level_of_sample = (due.flatten(2).any(2).float().argmax(1))[:, None, None, None]
            finer = (torch.arange(levels)[None, :, None, None] > level_of_sample).expand_as(due)
        changed = (due | finer) & (torch.arange(levels)[None, :, None, None] >= lowest)
        after = judged(component, torch.where(changed, names + names.numel(), names), context, seed)
        blind = level_of_row <= lowest if member == "depth" else torch.ones_like(level_of_row, dtype=torch.bool)
        assert torch.equal(after["features"][blind], before["features"][blind])
        if member == "depth" and lowest == 0:
            assert (after["features"][level_of_row == 1] != before["features"][level_of_row == 1]).any(1).all()
    shown = judged(component, torch.where(due, names, names + names.numel()), context, seed)
    assert not torch.equal(shown["features"], before["features"]), "what is shown matters"


@pytest.mark.parametrize("member", MEMBERS)
def test_it_learns_one_batch_by_heart(member, generator):
    torch.manual_seed(0)
    component = component_class(f"generators/{member}")(**SIZES, **{**NETWORK, "dim": 32})
    tokens, context = tokens_of(4), context_of(4, dtype=torch.float32)
    optimizer = torch.optim.AdamW(component.parameters(), 1.5e-2, betas=(0.9, 0.96))
    losses = []
    for _ in range(60):
        loss = component(tokens, context, generator=generator)
        optimizer.zero_grad()
        loss.loss.backward()
        optimizer.step()
        losses.append(loss.loss.item())
    assert sum(losses[-10:]) / 10 < 0.25 * losses[0]
    drawn = component.sample(GuidedContext(context), seeds=torch.arange(4), sampling=PLAIN)
    assert (drawn == tokens).float().mean() > 0.85


@pytest.mark.parametrize("order", ["confidence", "halton"])
@pytest.mark.parametrize("member", MEMBERS)
def test_every_site_gets_a_legal_token_whatever_the_steps(member, order):
    component = generator_of(member)
    context = GuidedContext(context_of(2))
    for steps in (1, 2, 7, 16, 20):
        sampling = Sampling(steps=steps, order=order, text_guidance=1.0)
        assert is_legal(component.sample(context, seeds=torch.arange(2), sampling=sampling)), f"{steps} steps"


@pytest.mark.parametrize("sampling", [PLAIN, Sampling(steps=3, order="halton", text_guidance=1.0, revise_rounds=2)])
@pytest.mark.parametrize("member", MEMBERS)
def test_fixed_tokens_stay_and_nothing_else_of_the_given_ones_matters(member, sampling):
    component, context, fixed = generator_of(member), GuidedContext(context_of(5)), fixed_of(5)
    seeds = torch.arange(5)
    drawn = component.sample(context, seeds=seeds, sampling=sampling, fixed=fixed)
    stays = fixed.mask[:, None].expand_as(drawn)
    assert torch.equal(drawn[stays], fixed.tokens[stays])
    assert is_legal(drawn)
    others = torch.where(stays, fixed.tokens, SIZES["codebook_size"] - 1 - fixed.tokens)
    again = component.sample(context, seeds=seeds, sampling=sampling, fixed=Fixed(others, fixed.mask))
    assert torch.equal(again, drawn)
    free = component.sample(context, seeds=seeds, sampling=sampling)
    assert not torch.equal(free[~stays], drawn[~stays]), "what is fixed matters to the rest"


@pytest.mark.parametrize("schedule", ["constant", "ramp"])
@pytest.mark.parametrize("member", MEMBERS)
def test_guidance_of_1_is_none_and_more_changes_the_result(member, schedule):
    component, seeds = generator_of(member), torch.arange(4)
    full, without = context_of(4), context_of(4, seed=9, length=1)

    def drawn(context, **guidance):
        sampling = Sampling(steps=4, guidance_schedule=schedule, **{"text_guidance": 1.0, **guidance})
        return component.sample(context, seeds=seeds, sampling=sampling)

    plain = drawn(GuidedContext(full))
    every = GuidedContext(full, without_text=without, without_reference=context_of(4, seed=10))
    assert torch.equal(drawn(every), plain)
    # going away from where one already is leads nowhere
    assert torch.equal(drawn(GuidedContext(full, without_text=full), text_guidance=5.0), plain)
    by_text, by_reference = drawn(every, text_guidance=4.0), drawn(every, reference_guidance=4.0)
    by_both = drawn(every, text_guidance=4.0, reference_guidance=4.0)
    results = [plain, by_text, by_reference, by_both]
    assert not any(torch.equal(a, b) for i, a in enumerate(results) for b in results[:i])


@pytest.mark.parametrize("member", MEMBERS)
def test_guidance_asks_for_the_context_that_it_lacks(member):
    with pytest.raises(ValueError, match="without_text"):
        generator_of(member).sample(GuidedContext(context_of(1)), seeds=torch.zeros(1).long(), sampling=Sampling())


HARD = (
    Sampling(steps=5, text_guidance=3.0, reference_guidance=2.0, revise_rounds=1),
    Sampling(steps=5, text_guidance=3.0, order="halton", guidance_schedule="ramp", temperature=0.7),
    Sampling(steps=5, text_guidance=1.0, temperature=0.0),
)


def draw_in_company(component, rows, sampling, dtype):
    contexts = [
        rows_of(context_of(8, seed=seed, length=length, dtype=dtype), rows) for seed, length in ((0, 3), (1, 1))
    ]
    fixed = fixed_of(8)
    seeds = torch.tensor([3, -1, 2**62, 0, 17, 18, 19, 5])
    return component.sample(
        GuidedContext(contexts[0], without_text=contexts[1], without_reference=contexts[1]),
        seeds=seeds[rows],
        sampling=sampling,
        fixed=Fixed(fixed.tokens[rows], fixed.mask[rows]),
    )


@pytest.mark.parametrize("sampling", HARD)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_sample_depends_on_its_seed_and_not_on_its_batch(member, sampling, record_property):
    component = generator_of(member)
    together = draw_in_company(component, list(range(8)), sampling, torch.float64)
    for rows in ([5], [2, 7, 1]):
        assert torch.equal(draw_in_company(component, rows, sampling, torch.float64), together[rows])
    # in single precision rounding may decide a draw; seldom
    component = generator_of(member, dropout=1e-9).float()
    together = draw_in_company(component, list(range(8)), sampling, torch.float32)
    pairs = torch.cat([draw_in_company(component, [row, row + 1], sampling, torch.float32) for row in (0, 2, 4, 6)])
    share = (together == pairs).float().mean().item()
    record_property("equal_in_float32", share)
    assert share > 0.95


@pytest.mark.parametrize("member", MEMBERS)
def test_another_seed_gives_another_sample(member):
    context = rows_of(context_of(1), [0] * 6)
    drawn = generator_of(member).sample(GuidedContext(context), seeds=torch.arange(6), sampling=PLAIN)
    assert len({tuple(each.flatten().tolist()) for each in drawn}) == 6


@pytest.mark.parametrize("member", MEMBERS)
def test_padding_of_the_context_does_not_matter(member):
    component, tokens = generator_of(member), tokens_of(4)
    bare, padded = context_of(4), context_of(4, padding=5)
    losses = [component(tokens, each, generator=torch.Generator().manual_seed(2)) for each in (bare, padded)]
    torch.testing.assert_close(losses[0].by_ratio, losses[1].by_ratio)
    drawn = [component.sample(GuidedContext(each), seeds=torch.arange(4), sampling=PLAIN) for each in (bare, padded)]
    assert torch.equal(*drawn)
    without = context_of(4, seed=4, length=1)
    assert component.trunk.read(bare).mask is None
    assert component.trunk.read(padded).mask is not None
    guided = [GuidedContext(each, without_text=without) for each in (bare, padded)]
    assert torch.equal(*(component.sample(each, seeds=torch.arange(4), sampling=Sampling()) for each in guided))


@pytest.mark.parametrize("member", MEMBERS)
def test_a_context_without_a_spatial_part_is_taken(member, generator):
    component, context = generator_of(member), dataclasses.replace(context_of(3), spatial=None)
    assert component(tokens_of(3), context, generator=generator).loss.isfinite()
    assert is_legal(component.sample(GuidedContext(context), seeds=torch.arange(3), sampling=PLAIN))


@pytest.mark.parametrize("member", MEMBERS)
def test_one_level_is_a_plain_maskgit(member, generator):
    component, context = generator_of(member, num_levels=1), context_of(3)
    tokens = tokens_of(3)[:, :1]
    assert component(tokens, context, generator=generator).num_supervised > 0
    drawn = component.sample(GuidedContext(context), seeds=torch.arange(3), sampling=PLAIN)
    assert drawn.shape == tokens.shape
    assert is_legal(drawn)


@pytest.mark.parametrize("member", MEMBERS)
def test_contexts_are_read_once_however_many_passes(member):
    component, calls = generator_of(member), Counter()
    hooks = [
        component.trunk.key_value.register_forward_hook(lambda *_: calls.update(read=1)),
        component.trunk.register_forward_hook(lambda *_: calls.update(passes=1)),
    ]
    told = []
    component.sample(
        GuidedContext(context_of(2), without_text=context_of(2, seed=3)),
        seeds=torch.arange(2),
        sampling=Sampling(steps=6, revise_rounds=1),
        progress=lambda done, total: told.append((done, total)),
    )
    for hook in hooks:
        hook.remove()
    assert calls["read"] == 2
    assert calls["passes"] == len(told)
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


@pytest.mark.parametrize("member", MEMBERS)
def test_revision_draws_again_what_is_not_fixed(member):
    component, context = generator_of(member), GuidedContext(context_of(4))
    plain, revised = (
        component.sample(context, seeds=torch.arange(4), sampling=dataclasses.replace(PLAIN, revise_rounds=rounds))
        for rounds in (0, 1)
    )
    assert 0 < (plain != revised).float().mean() < 1
    assert is_legal(revised)


@pytest.mark.parametrize("member", MEMBERS)
def test_sampling_neither_drops_out_nor_changes_the_mode(member):
    component = generator_of(member, dropout=0.5, corruption=0.5)
    context, seeds = GuidedContext(context_of(2)), torch.arange(2)
    expected = component.eval().sample(context, seeds=seeds, sampling=PLAIN)
    assert torch.equal(component.train().sample(context, seeds=seeds, sampling=PLAIN), expected)
    assert component.training
    component.eval()


@pytest.mark.parametrize("member", MEMBERS)
def test_dropout_smoothing_and_corruption_are_for_training_alone(member):
    tokens, context = tokens_of(6), context_of(6)
    for changes in ({"dropout": 0.3}, {"label_smoothing": 0.3}, {"corruption": 0.9}):
        component = generator_of(member, **changes)

        def loss(*, training, component=component):
            torch.manual_seed(0)
            component.train(training)
            return component(tokens, context, generator=torch.Generator().manual_seed(1)).loss.item()

        plain = generator_of(member)(tokens, context, generator=torch.Generator().manual_seed(1)).loss.item()
        assert loss(training=False) == pytest.approx(plain, rel=1e-9)
        assert loss(training=True) != pytest.approx(plain, rel=1e-4)
        component.eval()


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"temperature": -1.0},
        {"choice_temperature": float("nan")},
        {"order": "raster"},
        {"guidance_schedule": "cosine"},
        {"revise_rounds": -1},
    ],
)
@pytest.mark.parametrize("member", MEMBERS)
def test_sampling_that_cannot_be_meant_is_refused_by_name(member, changes):
    sampling = dataclasses.replace(PLAIN, **changes)
    with pytest.raises(ValueError, match=rf"{next(iter(changes))} must be"):
        generator_of(member).sample(GuidedContext(context_of(1)), seeds=torch.zeros(1).long(), sampling=sampling)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_generator_in_bfloat16_learns_and_draws(member, generator):
    torch.manual_seed(0)
    narrow = component_class(f"generators/{member}")(**SIZES, **NETWORK).bfloat16()
    context = context_of(3, dtype=torch.bfloat16)
    loss = narrow(tokens_of(3), context, generator=generator).loss
    loss.backward()
    assert abs(loss.item() - math.log(8)) < 0.05
    assert is_legal(narrow.sample(GuidedContext(context), seeds=torch.arange(3), sampling=PLAIN))
