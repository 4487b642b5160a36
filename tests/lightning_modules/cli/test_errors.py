"""A mistake gives one short message: the key, the value, the nearest right names, the file; exit code 2."""

import datetime
from pathlib import Path

import pytest
import torch

WHEEL = "--model.cart.wheel"


def refused(result):
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.err.count("error: ") == 1
    assert "usage:" not in result.out + result.err
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) <= 4
    return result.err.removeprefix("error: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            [f"{WHEEL}.dept", "4"],
            "model.cart.wheel.dept: RoundWheel has no such argument (given: 4). Did you mean 'depth'?\n"
            "  RoundWheel takes: depth, scale.\n  From: the command line\n",
        ),
        (
            [WHEEL, "toys.SquareWheele"],
            "model.cart.wheel: there is no class 'toys.SquareWheele'. Did you mean 'SquareWheel'?\n"
            "  Known here: RoundWheel, SquareWheel.\n  From: the command line\n",
        ),
        (
            [WHEEL, "Squarewheel"],
            "model.cart.wheel: there is no class 'Squarewheel'. Did you mean 'SquareWheel'?\n"
            "  Known here: RoundWheel, SquareWheel.\n  From: the command line\n",
        ),
        ([WHEEL, "toys.Cart"], "model.cart.wheel: Cart is no Wheel.\n  Known here: RoundWheel, SquareWheel."),
        ([WHEEL, "nowhere.Wheel"], "model.cart.wheel: there is no class 'nowhere.Wheel'."),
        ([f"{WHEEL}.depth", "many"], "model.cart.wheel.depth: must be int, got 'many'.\n  From: the command line\n"),
        ([WHEEL, "toys.SquareWheel"], "model.cart.wheel.width: required by SquareWheel, and not given.\n"),
        (
            [f"{WHEEL}.depth", "0"],
            "model.cart.wheel: RoundWheel: depth must be at least 1, got 0.\n  From: the command line\n",
        ),
        (["--data.batch_size", "0"], "data: NumbersDataModule: batch_size must be at least 1, got 0.\n"),
        (["--model", "CartModul"], "model: there is no class 'CartModul'."),
        (["--model.help", "toys.Cart"], "model: Cart is no TrainingModule.\n  Known here: "),
        (["--model.help", "CartModul"], "model: there is no class 'CartModul'."),
        (["--data", "toys.CartModule"], "data: CartModule is no FaceDataModule.\n  Known here: "),
        (["--trainer.max_epoch", "3"], "trainer.max_epoch: there is no such option. Did you mean 'trainer.max_epochs'"),
        (["--trainer.max_epochs", "few"], "trainer.max_epochs: must be int, got 'few'.\n  From: the command line\n"),
        (["--trainer.precision", "17"], "trainer.precision: must be one of '64', '32', '16', 'bf16', "),
        (["--trainer.accelerator", "tpu"], "trainer: "),
        (["--modle.cart", "x"], "modle: there is no such option. Did you mean 'model'"),
        (["--checkpoint.monitr", "x"], "checkpoint.monitr: there is no such option. Did you mean 'checkpoint.monitor'"),
        (["--seed_everything", "abc"], "seed_everything: must be bool or int, got 'abc'."),
        (["--trainer.max_epochs"], "--trainer.max_epochs: a value must follow."),
        (["loose"], "'loose' stands alone"),
        (
            ["--callbacks.greting", "null"],
            "callbacks.greting: no config has such a callback. Did you mean 'greeting'?\n  There are: greeting.\n",
        ),
        (
            ["--callbacks.greeting.txt", "x"],
            "callbacks.greeting.txt: PrintCallback has no such argument (given: 'x'). ",
        ),
        (["--callbacks.more", "toys.Cart"], "callbacks.more: Cart is no Callback.\n  Known here: "),
        (
            ["--model.cart.whel", "wheels/square.yaml"],
            "model.cart.whel: Cart has no such argument (given: 'wheels/square.yaml'). Did you mean 'wheel'?\n",
        ),
        ([WHEEL, "carts/plain.yaml"], "model.cart.wheel: Cart is no Wheel.\n  Known here: RoundWheel, SquareWheel.\n"),
        (
            ["--model.wheel", "x.yaml"],
            "model.wheel: CartModule has no such argument (given: 'x.yaml'). Did you mean 'model.cart.wheel'?",
        ),
        ([WHEEL], "--model.cart.wheel: a value must follow."),
        (
            ["--trainer.val_check_interval", "1000"],
            "trainer: `val_check_interval` (1000) must be less than or equal to the number of the training batches",
        ),
        (["--ckpt_path", "text.ckpt"], "ckpt_path: text.ckpt must be a checkpoint of tensors and plain data"),
        (["--ckpt_path", "pickled.ckpt"], "ckpt_path: pickled.ckpt must be a checkpoint of tensors and plain data"),
        (["--ckpt_path", "others.ckpt"], "ckpt_path: others.ckpt must be a checkpoint that `python cli.py fit` wrote"),
        ([f"{WHEEL}.help", "RoundWhel"], "model.cart.wheel: there is no class 'RoundWhel'. Did you mean 'RoundWheel'?"),
        (["--callbacks.help", "EMA"], "callbacks.help: name a callback, too"),
        (["--run", "../cart"], "run: must be a name without folders, got '../cart'. The run is runs/cart/NAME;"),
        (["--checkpoint.mode", "up"], "checkpoint: `mode` can be min, max but got up\n"),
        (
            ["--callbacks.a", "EMA", "--callbacks.b", "EMA"],
            "trainer: Found more than one stateful callback of type `EMA`.",
        ),
        (["--config", "crat"], "there is no config 'crat'; looked in the working directory and in configs/."),
        ([WHEEL, "wheels/sqare.yaml"], "model.cart.wheel: there is no config 'wheels/sqare.yaml'"),
        (["--ckpt_path", "runs/cart/none.ckpt"], "ckpt_path: there is no checkpoint 'runs/cart/none.ckpt'."),
        (["--ckpt_path", "best"], "ckpt_path: there is no best.ckpt in runs/cart."),
    ],
)
def test_a_mistake_on_the_command_line(call, write, words, said):
    write("carts/plain.yaml", "class_path: toys.Cart\ninit_args: {wheel: {class_path: toys.RoundWheel}}")
    write("x.yaml", "class_path: toys.RoundWheel")
    write("text.ckpt", "nonsense")
    torch.save({"state_dict": {}}, "others.ckpt")
    torch.save({"state_dict": {}, "date": datetime.datetime(2020, 1, 1)}, "pickled.ckpt")
    assert refused(call("fit", "--config", "cart", *words)).startswith(said)
    assert not list(Path("runs").glob("cart/*"))  # nothing is left of a run that never began


def test_arguments_without_a_class_are_no_class_name(call, write):
    write("x.yaml", "extends: cart\nmodel.spare: {init_args: {depth: 4}}")
    message = refused(call("fit", "--config", "x"))
    assert message.startswith("model.spare: arguments without a class_path (given: {'depth': 4}).")


def test_help_without_a_class_lists_what_there_is(call):
    result = call("fit", "--config", "cart", f"{WHEEL}.help")
    assert result.code == 0
    assert result.out.startswith("model.cart.wheel takes one of\n  RoundWheel\n  SquareWheel\n")
    assert "ResidualVQGANModule" in call("fit", "--model.help").out


@pytest.mark.parametrize(("command", "step"), [("predict", "predict_step"), ("test", "test_step")])
def test_a_module_without_the_step_is_refused(call, command, step, monkeypatch):
    import toys

    if step in vars(toys.CartModule):
        monkeypatch.delattr(toys.CartModule, step)
    assert (
        refused(call(command, "--config", "cart")) == f"{command}: CartModule has no {step}, so it can't {command}.\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "model: {init_args: {cart: {init_args: {wheel: {init_args: {dept: 4}}}}}}",
            "model.cart.wheel.dept: RoundWheel has no such argument (given: 4). Did you mean 'depth'?\n"
            "  RoundWheel takes: depth, scale.\n  From: x.yaml\n",
        ),
        (
            "model.cart.wheel.depth: 0",
            "model.cart.wheel: RoundWheel: depth must be at least 1, got 0.\n  From: x.yaml\n",
        ),
        ("modle: {class_path: x}", "modle: there is no such key (given: {'class_path': 'x'}). Did you mean 'model'?"),
        (
            "trainer: {max_epoch: 3}",
            "trainer.max_epoch: there is no such key (given: 3). Did you mean 'trainer.max_epochs'",
        ),
        ("model.cart.wheel: bent.yaml", "model.cart.wheel.depht: RoundWheel has no such argument (given: 4). "),
        ("model.cart.wheel.class_path: toys.RoundWheele", "model.cart.wheel: there is no class 'toys.RoundWheele'. "),
        ("callbacks: {more: {class_path: EMAs}}", "callbacks.more: there is no class 'EMAs'. Did you mean 'EMA'?"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(call, write, text, said):
    write("bent.yaml", "class_path: toys.RoundWheel\ninit_args: {depht: 4}")
    write("x.yaml", f"extends: cart\n{text}")
    message = refused(call("fit", "--config", "x"))
    assert message.startswith(said)
    assert message.endswith("From: bent.yaml\n" if "bent" in text else "From: x.yaml\n")


def test_nothing_at_all(call):
    assert refused(call("fit")) == (
        "model and data are required. Name a config, as in: python cli.py fit --config stage1.yaml\n"
    )


@pytest.mark.parametrize("key", ["gradient_clip_val", "accumulate_grad_batches"])
def test_what_manual_optimization_would_ignore_is_refused(call, key):
    message = refused(call("fit", "--config", "cart", "--model", "toys.ManualCartModule", f"--trainer.{key}", "2"))
    assert message.startswith(f"trainer.{key}: ManualCartModule steps its optimisers itself")
    assert f"Set model.{key} to 2 instead" in message


def test_a_part_is_no_config(call):
    message = refused(call("fit", "--config", "wheels/square.yaml"))
    assert message.startswith("wheels/square.yaml is one part, and no config of a run. Name it as a value")


def test_unknown_commands_list_the_known_ones(call):
    assert refused(call("fti")).startswith("there is no command 'fti'. Did you mean 'fit'?")
    message = refused(call("dataset", "face"))
    assert message.startswith("there is no dataset 'face'. Did you mean 'faces'? There are: ")


def test_a_tool_says_its_mistakes_in_the_same_way(call):
    assert refused(call("list", "--famly", "codecs")).startswith(
        "famly: there is no such option. Did you mean 'family'?"
    )
    assert refused(call("list", "--family", "codec")).startswith("family: must be one of ")
    assert refused(call("list", "codecs")) == (
        "'codecs' stands alone: it must follow an option. See python cli.py list parts --help\n"
    )
    assert refused(call("export", "--output", "x")) == "--checkpoint must be given. See python cli.py export --help\n"


def test_a_misspelt_metric_is_seen_at_once(call):
    with pytest.warns(UserWarning, match="sanity check has logged no 'validation/los'. Did you mean 'validation/loss'"):
        result = call("fit", "--config", "cart", "--checkpoint.monitor", "validation/los")
    message = refused(result)
    assert message.startswith(
        "checkpoint.monitor: no metric 'validation/los' is logged. Did you mean 'validation/loss'"
    )


def test_a_full_disk_is_no_traceback(call, write):
    write("x.yaml", "extends: cart\ncallbacks.broken: {class_path: toys.BreakCallback, init_args: {kind: disk}}")
    assert refused(call("fit", "--config", "x")).startswith("[Errno 28] No space left on device")


def test_our_own_bugs_keep_their_traceback(call, write):
    write("x.yaml", "extends: cart\ncallbacks.broken: {class_path: toys.BreakCallback, init_args: {kind: bug}}")
    with pytest.raises(RuntimeError, match="a bug"):
        call("fit", "--config", "x")


def test_a_traceback_is_shown_on_request(call):
    result = call("fit", "--config", "cart", "--trainer.max_epoch", "3", "--traceback")
    assert result.code == 2
    assert "Traceback" in result.err
