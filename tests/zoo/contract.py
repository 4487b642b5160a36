"""What every component of every family must do. A family's ``test_contract.py`` says how its members are called:

    class TestDiscriminators(ComponentContract):
        family = "discriminators"

        def outcome(self, discriminator, generator):
            return discriminator(torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1)

and all tests below run for each member that the folder has. What only this family promises stands beside it.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml

from lightning_modules.cli.composition import compose
from zoo.components import Component, build, component_class, component_name, families, portable, specification

CONFIGS = Path(__file__).parents[2] / "configs"


def from_config(name: str, **arguments: Any) -> Component:
    """Build ``family/member`` from its YAML, as ``--model.<part> family/member.yaml`` would; arguments go before it."""
    (text,) = compose(["--part", str(CONFIGS / f"{name}.yaml")]).arguments[1:]
    contents = yaml.safe_load(text)
    return _built({**contents, "init_args": {**(contents.get("init_args") or {}), **arguments}})


def tensors_of(outcome: Any) -> list[torch.Tensor]:
    """List the tensors in what a component gives, however deep, in order."""
    if isinstance(outcome, torch.Tensor):
        return [outcome]
    if dataclasses.is_dataclass(outcome):
        return [each for field in dataclasses.fields(outcome) for each in tensors_of(getattr(outcome, field.name))]
    if isinstance(outcome, dict):
        return [each for value in outcome.values() for each in tensors_of(value)]
    if isinstance(outcome, list | tuple):
        return [each for value in outcome for each in tensors_of(value)]
    return []


class ComponentContract:
    """Tests of every member of a family.

    Attributes:
        family: Folder of ``zoo`` that holds the members.
        too_large: Members whose networks are so large that they are only built on the meta device, and not run.
        zero_is_fine: Whole numbers that may be 0, besides seeds.
    """

    family: str
    too_large: tuple[str, ...] = ()
    zero_is_fine: tuple[str, ...] = ()

    def arguments(self, member: str) -> dict[str, Any]:
        """Give what a member is built with in place of its YAML's values, where these are too large or missing."""
        return {}

    def outcome(self, component: Any, generator: torch.Generator) -> Any:
        """Call a component with inputs from a seeded generator, so that each of its parameters matters.

        Gives tensors, or dataclasses, dicts or lists of them; gradients flow to what has any.
        """
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test for each member."""
        runs = "generator" in metafunc.fixturenames  # what draws inputs calls the component
        members = [each for each in families()[self.family] if not (runs and each in self.too_large)]
        if "member" in metafunc.fixturenames:
            metafunc.parametrize("member", members)

    def make(self, member: str) -> Any:
        """Build a member, small enough for a test; the same one each time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            with torch.device("meta" if member in self.too_large else "cpu"):
                return from_config(f"{self.family}/{member}", **self.arguments(member))

    def test_file_class_and_config_share_their_name(self, member):
        cls = component_class(f"{self.family}/{member}")
        singular = {"losses": "loss", "fusion": "fusion"}.get(self.family, self.family.removesuffix("s"))
        assert cls.__name__.lower() == f"{member}_{singular}".replace("_", "")
        contents = yaml.safe_load((CONFIGS / self.family / f"{member}.yaml").read_text())
        assert contents["class_path"] == f"{cls.__module__}.{cls.__qualname__}"
        bases = vars(importlib.import_module(f"zoo.{self.family}.base")).values()
        assert any(inspect.isclass(base) and base is not Component and issubclass(cls, base) for base in bases)

    def test_it_is_said_as_plain_data_and_rebuilt_from_it(self, member):
        component = self.make(member)
        spec = json.loads(json.dumps(portable(specification(component))))
        assert spec["component"] == component_name(component) == f"{self.family}/{member}"
        with torch.device("meta" if member in self.too_large else "cpu"):
            twin = build(spec)
        assert type(twin) is type(component)
        assert json.loads(json.dumps(portable(specification(twin)))) == spec
        own, others = component.state_dict(), twin.state_dict()
        assert {name: (each.shape, each.dtype) for name, each in own.items()} == {
            name: (each.shape, each.dtype) for name, each in others.items()
        }

    def test_arguments_that_it_does_not_take_are_named(self, member):
        spec = portable(specification(self.make(member)))
        spec["arguments"]["wings"] = 2
        with pytest.raises(ValueError, match=r"does not take \['wings'\]"):
            build(spec)

    def test_sizes_of_nothing_are_refused_by_name(self, member):
        component = self.make(member)
        arguments = specification(component)["init_args"]
        faults = []
        for name, parameter in inspect.signature(type(component)).parameters.items():
            if not re.search(r"\bint\b", str(parameter.annotation)) or name == "seed":
                continue
            if name in self.zero_is_fine or not isinstance(arguments[name], int):
                continue
            with torch.device("meta"), warnings.catch_warnings(action="ignore"):  # of tensors without elements
                try:
                    self._with(component, **{name: 0})
                except Exception as error:
                    if not (isinstance(error, ValueError) and re.search(rf"\b{name}\b.* must ", str(error))):
                        faults.append(f"{name}: {type(error).__name__}: {error}")
                else:
                    faults.append(f"{name}: taken")
        assert not faults

    def test_its_state_makes_a_twin_give_the_same(self, member, generator, tmp_path):
        component = self.make(member).eval()
        seed = generator.get_state()
        with torch.no_grad():
            expected = tensors_of(self.outcome(component, generator))
        # as bundles do: no tensor is shared, none depends on a pickle
        state = {name: each.contiguous().clone() for name, each in component.state_dict().items()}
        safetensors.torch.save_file(state, tmp_path / "state")
        twin = build(portable(specification(component))).eval()
        twin.load_state_dict(safetensors.torch.load_file(tmp_path / "state"), strict=True)
        with torch.no_grad():
            found = tensors_of(self.outcome(twin, generator.set_state(seed)))
            repeated = tensors_of(self.outcome(copy.deepcopy(component), generator.set_state(seed)))
        assert len(expected) == len(found) == len(repeated) > 0
        for left, middle, right in zip(expected, found, repeated, strict=True):
            assert torch.equal(left, middle)
            assert torch.equal(left, right), "a copy gives something else"

    def test_evaluation_changes_nothing_and_draws_no_global_numbers(self, member, generator):
        component = self.make(member).eval()
        before = {name: each.clone() for name, each in component.state_dict().items()}
        numbers = torch.get_rng_state()
        with torch.no_grad():
            outcome = tensors_of(self.outcome(component, generator))
        assert torch.equal(torch.get_rng_state(), numbers)
        assert all(torch.equal(each, before[name]) for name, each in component.state_dict().items())
        assert all(each.isfinite().all() for each in outcome if each.is_floating_point())

    def test_the_gradient_reaches_every_parameter(self, member, generator):
        component = self.make(member).train()
        with torch.no_grad():  # gates that start closed let nothing through before their first step
            for each in component.parameters():
                each.add_(torch.randn(each.shape, generator=generator), alpha=0.02)
        self._backward(self.outcome(component, generator))
        trained = [(name, each) for name, each in component.named_parameters() if each.requires_grad]
        assert not [name for name, each in trained if each.grad is None or not each.grad.any()]

    def test_it_trains_under_bfloat16(self, member, generator):
        component = self.make(member).train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outcome = self.outcome(component, generator)
        self._backward(outcome)
        gradients = [each.grad for each in component.parameters() if each.grad is not None]
        assert all(each.isfinite().all() for each in gradients)

    def test_no_tensor_lies_on_itself(self, member):
        # expanded ones can't be written to in place, which DDP does to begin with the same on all ranks
        component = self.make(member)
        named = (*component.named_parameters(), *component.named_buffers())
        assert not [name for name, each in named if each.numel() > 1 and 0 in each.stride()]

    def test_nothing_is_left_behind_when_it_moves(self, member):
        component = self.make(member)
        kept = {id(each) for each in (*component.parameters(), *component.buffers())}
        for name, module in component.named_modules():
            strays = [key for key, value in vars(module).items() if isinstance(value, torch.Tensor)]
            assert not strays, f"{name or type(component).__name__} holds tensors outside its buffers: {strays}"
        component.to(torch.float64)
        floats = [each for each in (*component.parameters(), *component.buffers()) if each.is_floating_point()]
        assert all(each.dtype == torch.float64 for each in floats)
        component.to("meta")
        assert all(each.device.type == "meta" for each in (*component.parameters(), *component.buffers()))
        assert len(kept) == len([*component.parameters(), *component.buffers()])

    def _with(self, component: Component, **changes: Any) -> Any:
        """Build what the component is with other arguments."""
        arguments = {**specification(component)["init_args"], **changes}
        return _built({"class_path": _path(component), "init_args": arguments})

    def _backward(self, outcome: Any) -> None:
        tensors = [each for each in tensors_of(outcome) if each.requires_grad]
        if tensors:
            torch.stack([each.float().square().mean() for each in tensors]).sum().backward()


def _path(component: Component) -> str:
    return f"{type(component).__module__}.{type(component).__qualname__}"


def _built(contents: Any) -> Any:
    if isinstance(contents, dict) and "class_path" in contents:
        module, _, name = contents["class_path"].rpartition(".")
        arguments = {key: _built(value) for key, value in (contents.get("init_args") or {}).items()}
        return getattr(importlib.import_module(module), name)(**arguments)
    if isinstance(contents, dict):
        return {key: _built(value) for key, value in contents.items()}
    return [_built(each) for each in contents] if isinstance(contents, list) else contents
