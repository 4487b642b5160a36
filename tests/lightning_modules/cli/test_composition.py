"""Configs extend each other, are laid over each other, and name parts at any depth; needs no torch."""

import pytest

from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import find_config
from lightning_modules.cli.errors import UserError
from lightning_modules.cli.origins import COMMAND_LINE


def test_a_file_can_extend_another_of_its_own_name(write):
    base = write("cart.yaml", "seed_everything: 1")
    child = write("tiny/cart.yaml", "extends: cart.yaml\nseed_everything: 2")
    assert find_config("cart.yaml", child).samefile(base)
    assert compose(["--config", "tiny/cart"]).layers == [{"seed_everything": 1}, {"seed_everything": 2}]


def test_bases_come_before_what_extends_them(write):
    write("a.yaml", "seed_everything: 1")
    write("b.yaml", "extends: a\ntrainer: {max_steps: 2}")
    write("c.yaml", "trainer: {max_steps: 3}")
    write("d.yaml", "extends: [b, c.yaml]\nmodel.cart.wheel.depth: 4")
    assert compose(["-c", "d"]).layers == [
        {"seed_everything": 1},
        {"trainer": {"max_steps": 2}},
        {"trainer": {"max_steps": 3}},
        {"model": {"cart": {"wheel": {"depth": 4}}}},
    ]


def test_options_are_laid_over_configs_wherever_they_stand():
    composed = compose(["--trainer.max_steps", "1", "--config=trainer/cpu.yaml"])
    assert composed.arguments == ["--trainer.max_steps", "1"]
    assert composed.layers[0]["trainer"]["accelerator"] == "cpu"


def test_yaml_files_named_as_values_are_read_at_any_depth(write):
    write("carts/plain.yaml", "class_path: toys.Cart\ninit_args: {wheel: wheels/square.yaml}")
    write("x.yaml", "model: {class_path: toys.CartModule, init_args: {cart: carts/plain.yaml}}")
    wheel = compose(["--config", "x"]).layers[0]["model"]["init_args"]["cart"]["init_args"]["wheel"]
    assert wheel == {"class_path": "toys.SquareWheel", "init_args": {"width": 5}}


def test_a_yaml_that_is_no_part_stays_a_path(write):
    file = write("words.yaml", "au1: [inner brow raiser]")
    composed = compose(["--data.lexicon", "words.yaml"])
    assert composed.arguments == ["--data.lexicon", str(file)]


def test_a_class_may_be_named_without_its_path(write):
    write("x.yaml", "data: {class_path: ProceduralFacesDataModule}\nmodel: PerceptualNetworkModule")
    composed = compose(["--config", "x"])
    assert "." in composed.layers[0]["data"]["class_path"]
    assert composed.modules == {"lightning_modules.perceptual_network"}


def test_the_last_one_who_gave_a_key_is_remembered(write):
    write("a.yaml", "model: {init_args: {cart: {init_args: {wheel: wheels/square.yaml}}}}")
    origins = compose(["--config", "a", "--model.cart.names", "x"]).origins
    assert origins.of("model.cart.wheel.width").source == "wheels/square.yaml"
    assert origins.of("model.cart.names").source == COMMAND_LINE
    assert not origins.of("model.cart.wheel.nothing").exact
    assert origins.of("trainer.max_steps") is None


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("extends: x", "a config must not extend itself: x.yaml -> y.yaml -> x.yaml"),
        ("extends: y", "a config must not extend or name itself: y.yaml"),
        ("extends: {a: 1}", "extends: must be the name of a config or a list of names"),
        ("extends: crat.yaml", "no config 'crat.yaml'.*Did you mean cart.yaml.*\n  From: y.yaml"),
        (
            "model.cart.wheel: wheels/sqare.yaml",
            "model.cart.wheel: there is no config.*Did you mean wheels/square.yaml",
        ),
        ("model.cart.wheel: square.yaml", "Did you mean wheels/square.yaml"),
        ("trainer: {a: 1", "y.yaml must be valid YAML: line 1, column 15"),
        ("trainer: 1\ntrainer: 2", "y.yaml must be valid YAML: line 2, column 1: the key 'trainer' is there twice"),
        ("- 1", "y.yaml must hold keys and values, got list"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(write, text, constraint):
    write("x.yaml", "extends: y")
    write("y.yaml", text)
    with pytest.raises(UserError, match=constraint):
        compose(["--config", "x"])


def test_an_unknown_config_lists_the_nearest_ones(folder):
    with pytest.raises(UserError, match=r"no config 'trainer/dpd'.*Did you mean trainer/ddp\.yaml"):
        compose(["--config", "trainer/dpd"])


def test_a_config_without_a_name_is_refused():
    with pytest.raises(UserError, match="the name of a config must follow"):
        compose(["--config"])
