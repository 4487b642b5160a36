"""The transformer: memories, positions, compilation."""

import subprocess
import sys

import pytest
import torch

from zoo.fusion.base import Context
from zoo.generators.masked.memory import Memory
from zoo.generators.masked.trunk import Trunk

SIZES = {"num_layers": 2, "num_heads": 2, "context_dim": 6, "rows": 3, "cols": 4}


def trunk_and_inputs(generator, batch=3, **changes):
    torch.manual_seed(0)
    trunk = Trunk(16, **{**SIZES, **changes})
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    text = torch.randn(batch, 5, 6, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3], [1]])[:batch]
    context = Context(text, mask, torch.randn(batch, 12, 6, generator=generator), text, None)
    sites = torch.randn(batch, 12 * changes.get("copies", 1), 16, generator=generator)
    return trunk, sites, context, {"ratio": torch.rand(batch, generator=generator), "kind": torch.zeros(batch).long()}


def run(trunk, sites, memory, **state):
    return trunk.conclude(*trunk(sites, memory, **state))


def test_a_fresh_trunk_changes_nothing_but_the_scale(generator):
    trunk = Trunk(16, **SIZES)
    _, sites, context, state = trunk_and_inputs(generator)
    found = run(trunk, sites, trunk.read(context), **state)
    shown = sites + trunk.read(context).spatial
    torch.testing.assert_close(found, torch.nn.functional.layer_norm(shown, (16,), eps=1e-6))


def test_joined_memories_are_read_as_single_ones(generator):
    trunk, sites, context, state = trunk_and_inputs(generator)
    memories = [
        trunk.read(Context(context.features[:, :n], context.mask[:, :n], context.spatial, context.action, None))
        for n in (5, 2)
    ]
    joined = Memory.joined(memories)
    both = run(trunk, sites.repeat(2, 1, 1), joined, ratio=state["ratio"].repeat(2), kind=state["kind"].repeat(2))
    for rows, memory in zip(both.split(3), memories, strict=True):
        torch.testing.assert_close(rows, run(trunk, sites, memory, **state), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(run(trunk, sites, joined.first(3), **state), both[:3], atol=1e-5, rtol=1e-4)


def test_sites_know_where_they_are(generator):
    trunk, sites, context, state = trunk_and_inputs(generator)
    memory = trunk.read(Context(context.features, context.mask, None, context.action, None))
    order = torch.randperm(12, generator=generator)
    moved = run(trunk, sites[:, order], memory, **state)
    assert not torch.allclose(moved, run(trunk, sites, memory, **state)[:, order], atol=1e-3)


def test_copies_of_the_grid_stand_at_the_same_places(generator):
    trunk, sites, context, state = trunk_and_inputs(generator, copies=2)
    memory = trunk.read(context)
    swapped = torch.cat(sites.chunk(2, 1)[::-1], 1)
    expected = torch.cat(run(trunk, sites, memory, **state).chunk(2, 1)[::-1], 1)
    torch.testing.assert_close(run(trunk, swapped, memory, **state), expected, atol=1e-5, rtol=1e-4)


def test_the_hidden_share_and_the_kind_of_pass_matter(generator):
    trunk, sites, context, state = trunk_and_inputs(generator, num_kinds=2)
    memory = trunk.read(context)
    plain = run(trunk, sites, memory, **state)
    assert not torch.allclose(run(trunk, sites, memory, ratio=1 - state["ratio"], kind=state["kind"]), plain, atol=1e-3)
    assert not torch.allclose(run(trunk, sites, memory, ratio=state["ratio"], kind=1 - state["kind"]), plain, atol=1e-3)


def test_only_some_sites_may_be_asked_for(generator):
    trunk, sites, context, state = trunk_and_inputs(generator)
    memory = trunk.read(context)
    index = torch.tensor([30, 2, 11, 2])
    found = trunk.conclude(*trunk(sites, memory, **state), index=index)
    every = run(trunk, sites, memory, **state)
    torch.testing.assert_close(found, every.flatten(0, 1)[index], atol=1e-5, rtol=1e-4)
    asked = torch.tensor([[11, 0], [3, 3], [5, 7]])
    expected = torch.stack([rows[places] for rows, places in zip(every, asked, strict=True)])
    torch.testing.assert_close(run(trunk, sites, memory, **state, asked=asked), expected, atol=1e-5, rtol=1e-4)


COMPILED = """
import torch
from zoo.fusion.base import Context
from zoo.generators.depth import DepthGenerator

torch.manual_seed(0)
sizes = {"rows": 4, "cols": 4, "num_levels": 2, "codebook_size": 8, "context_dim": 6}
component = DepthGenerator(**sizes, dim=16, num_layers=2, num_heads=2, dropout=0.0, corruption=0.0)
for parameter in component.parameters():
    parameter.data.add_(0.3 * torch.randn_like(parameter))
tokens, text = torch.randint(8, (4, 2, 4, 4)), torch.randn(4, 5, 6)
context = Context(text, torch.ones(4, 5, dtype=torch.bool), torch.randn(4, 16, 6), text, None)


def step():
    component.zero_grad()
    loss = component(tokens, context, generator=torch.Generator().manual_seed(1)).loss
    loss.backward()
    return [loss.detach(), *(each.grad.clone() for each in component.parameters())]


plain = step()
component.trunk.compile(fullgraph=True, backend="aot_eager")
for left, right in zip(plain, step(), strict=True):
    torch.testing.assert_close(left, right)
assert not [name for name in component.state_dict() if "_orig_mod" in name]
"""


@pytest.mark.slow
def test_it_compiles_as_one_graph_and_gives_the_same():
    # on its own: under the hook that checks shapes, compilation fails for no reason of ours
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
