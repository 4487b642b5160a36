"""Configs are found from anywhere and read as the parser reads them; needs no torch."""

import pytest

from lightning_modules.cli.config_files import CONFIGS, config_name, find_config, read


@pytest.mark.parametrize("name", ["cart", "cart.yaml", "./cart.yaml"])
def test_a_config_is_found_with_and_without_suffix(folder, name):
    assert find_config(name).samefile(folder / "cart.yaml")


def test_configs_of_the_project_are_found_from_any_folder(folder):
    assert find_config("trainer/ddp") == CONFIGS / "trainer" / "ddp.yaml"


def test_the_working_directory_comes_before_the_project(write):
    own = write("trainer/ddp.yaml", "trainer: {devices: 3}")
    assert find_config("trainer/ddp.yaml").samefile(own)


def test_a_name_in_a_file_is_searched_beside_it_first(write):
    write("base.yaml", "data: far")
    near = write("deep/base.yaml", "data: near")
    child = write("deep/child.yaml", "extends: base.yaml")
    assert find_config("base.yaml", child).samefile(near)


def test_numbers_are_read_as_the_parser_reads_them(write):
    file = write("x.yaml", "a: 1e-3\nb: 2024-01-01\nc: 1_000\nd: .inf\ne: on")
    assert read(file) == {"a": 1e-3, "b": "2024-01-01", "c": 1000, "d": float("inf"), "e": True}


def test_runs_are_named_after_their_config(folder, write):
    assert config_name(CONFIGS / "trainer" / "ddp.yaml") == "trainer/ddp"
    assert config_name(folder / "cart.yaml") == "cart"
    assert config_name(folder / "runs" / "tiny" / "cart" / "version_0" / "config.yaml") == "tiny/cart"
