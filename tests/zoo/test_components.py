"""Components say how they were built, and can be rebuilt from what they said."""

import subprocess
import sys

import pytest
from torch import nn

from zoo.components import (
    Component,
    Recorded,
    build,
    component_class,
    component_name,
    families,
    portable,
    specification,
)


class Inner(Component):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(width, 1)


class Outer(Component):
    def __init__(self, inner: Inner, *, names: tuple[str, ...] = ("a",)) -> None:
        super().__init__()
        self.inner = inner
        self.names = names


def test_arguments_are_recorded_with_their_defaults_and_recursively():
    spec = specification(Outer(Inner(5)))
    assert spec["init_args"]["inner"]["init_args"] == {"width": 5}
    assert spec["init_args"]["names"] == ["a"]
    assert spec["class_path"].endswith(".Outer")


def test_recording_registers_no_part_twice():
    assert [name for name, _ in Outer(Inner()).named_parameters()] == ["inner.layer.weight", "inner.layer.bias"]


def test_what_cannot_be_said_as_plain_data_is_refused():
    class Odd(Recorded):
        def __init__(self, thing: object) -> None:
            self.thing = thing

    with pytest.raises(TypeError, match="must be numbers, text, lists or zoo parts"):
        specification(Odd(object()))


@pytest.mark.parametrize("name", [f"{family}/{member}" for family, members in families().items() for member in members])
def test_every_member_is_found_by_its_name_and_named_after_its_file(name):
    cls = component_class(name)
    family, member = name.split("/")
    assert component_name(cls) == name
    singular = {"losses": "loss"}.get(family, family.removesuffix("s"))
    assert cls.__name__.lower() == f"{member}_{singular}".replace("_", "")


def test_foreign_classes_are_neither_said_nor_built():
    with pytest.raises(ValueError, match="must be a member"):
        portable(specification(Inner()))
    with pytest.raises(ValueError, match="must be a member"):
        build({"component": "os/path", "arguments": {}})


def test_a_class_of_another_package_is_not_taken_for_the_zoos_of_the_same_name():
    spec = {"class_path": "plugin.discriminators.patch.PatchDiscriminator", "init_args": {}}
    with pytest.raises(ValueError, match=r"must be a member.*got 'plugin\.discriminators\.patch'"):
        portable(spec)
    assert portable(spec | {"class_path": "zoo.discriminators.patch.PatchDiscriminator"})


def test_unknown_arguments_are_named():
    with pytest.raises(ValueError, match=r"does not take \['wings'\]"):
        build({"component": "discriminators/patch", "arguments": {"wings": 2}})


def test_the_science_loads_without_torch():
    code = "import sys, zoo.facs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
