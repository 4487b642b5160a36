"""What holds for every component of every family, whatever it does; what it does is each family's own contract."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from tests.zoo.contract import ComponentContract
from zoo.components import component_class, families

HERE = Path(__file__).parent
MEMBERS = [f"{family}/{member}" for family, members in families().items() for member in members]
each_member = pytest.mark.parametrize("name", MEMBERS)
MOST_ARGUMENTS = 8


def _parameters(name):
    return list(inspect.signature(component_class(name)).parameters.values())


@pytest.mark.parametrize("family", families())
def test_every_family_has_its_contract(family):
    file = HERE / family / "test_contract.py"
    assert file.is_file(), f"{file} must say how the members of {family} are called; see tests/zoo/contract.py"
    spec = importlib.util.spec_from_file_location(f"contract_of_{family}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    contracts = [each for each in vars(module).values() if inspect.isclass(each) and each is not ComponentContract]
    assert [each for each in contracts if issubclass(each, ComponentContract) and each.family == family]


@each_member
def test_members_are_final(name):
    members = {f"zoo.{each.replace('/', '.')}" for each in MEMBERS}
    assert not [base for base in component_class(name).__mro__[1:] if base.__module__ in members]


@each_member
def test_arguments_are_given_by_name_but_the_first(name):
    free = [each.name for each in _parameters(name) if each.kind is not each.KEYWORD_ONLY]
    assert len(free) <= 1, f"{free[1:]} must be keyword-only"
    assert not [each.name for each in _parameters(name) if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]


@each_member
def test_there_are_not_too_many_arguments_to_choose(name):
    # sizes that follow from other parts have no default, or none but None
    chosen = [each.name for each in _parameters(name) if each.default not in (each.empty, None)]
    assert len(chosen) <= MOST_ARGUMENTS, f"take parts that have arguments of their own: {chosen}"


@each_member
def test_defaults_are_not_shared(name):
    assert not [each.name for each in _parameters(name) if isinstance(each.default, list | dict | set)]


@each_member
def test_every_argument_is_documented_and_no_other(name):
    docstring = inspect.getdoc(component_class(name)) or ""
    section = re.search(r"^Args:\n((?:    .*\n|\n)*)", f"{docstring}\n", re.MULTILINE)
    documented = re.findall(r"^    (\w+): ", section[1], re.MULTILINE) if section else []
    assert documented == [each.name for each in _parameters(name)]
