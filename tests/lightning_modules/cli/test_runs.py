"""Runs: where they land, that a saved config runs again, how they go on, how they stop."""

import errno
import inspect
import signal
from pathlib import Path

import pytest
import torch
import yaml

FIT = ("fit", "--config", "cart")


def saved(run="version_0", config="cart"):
    return yaml.safe_load((Path("runs") / config / run / "config.yaml").read_text())


def checkpoint(run="version_0", name="last", config="cart"):
    return torch.load(Path("runs") / config / run / "checkpoints" / f"{name}.ckpt", weights_only=True)


def test_a_run_has_its_folder(call):
    result = call(*FIT)
    assert result.code == 0
    run = Path("runs/cart/version_0")
    names = {each.name for each in run.iterdir()}
    assert {"config.yaml", "checkpoints"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert {each.name for each in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert "Done: runs/cart/version_0" in result.out
    assert "Tip" not in result.out + result.err
    assert "callback says hello" in result.out


def test_runs_are_numbered_or_named(call):
    assert [call(*FIT).code for _ in range(2)] == [0, 0]
    call(*FIT, "--run", "mine")
    assert {each.name for each in Path("runs/cart").iterdir()} == {"version_0", "version_1", "mine"}
    again = call(*FIT, "--run", "mine")
    assert again.code == 2
    assert "'mine' has checkpoints already" in again.err


def test_overlays_merge_and_options_win(call, write):
    write("over.yaml", "trainer: {max_epochs: 2, limit_train_batches: 1}\nmodel.learning_rate: 0.5")
    call("fit", "--trainer.max_epochs", "1", "--config", "cart", "--config", "over")
    config = saved()
    assert config["trainer"]["max_epochs"] == 1
    assert config["trainer"]["limit_train_batches"] == 1
    assert config["model"]["init_args"]["learning_rate"] == 0.5
    assert config["model"]["init_args"]["cart"]["init_args"]["wheel"]["class_path"] == "toys.RoundWheel"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["--model.cart.wheel", "wheels/square.yaml"]),
        ("", ["--model.cart.wheel=wheels/square.yaml"]),
        ("model.cart.wheel: wheels/square.yaml", []),
        ("model: {init_args: {cart: {init_args: {wheel: wheels/square.yaml}}}}", []),
        ("model: {init_args: {cart: carts/square.yaml}}", []),
        ("model: {init_args: {cart: {init_args: {wheel: {class_path: toys.SquareWheel, init_args: {width: 5}}}}}}", []),
    ],
)
def test_a_part_is_swapped_at_depth(call, write, text, words):
    write("carts/square.yaml", "class_path: toys.Cart\ninit_args: {wheel: ../wheels/square.yaml}")
    write("x.yaml", f"extends: cart\n{text}")
    assert call("fit", "--config", "x", *words, "--trainer.limit_train_batches", "1").code == 0
    wheel = saved(config="x")["model"]["init_args"]["cart"]["init_args"]["wheel"]
    assert wheel == {"class_path": "toys.SquareWheel", "init_args": {"width": 5, "depth": 2}}
    assert checkpoint(config="x")["hyper_parameters"]["cart"]["init_args"]["wheel"] == wheel


def test_a_callback_is_changed_or_left_out_by_its_name(call, write):
    write("two.yaml", "extends: cart\ncallbacks: {second: {class_path: toys.PrintCallback, init_args: {text: two}}}")
    write("off.yaml", "callbacks.greeting: null")
    assert {"callback says hello", "callback says two"} <= set(call("fit", "--config", "two").out.splitlines())
    changed = call("fit", "--config", "two", "--callbacks.second.text", "2", "--callbacks.greeting", "null").out
    assert "callback says 2" in changed
    assert "hello" not in changed
    off = call("fit", "--config", "two", "--config", "off").out
    assert "callback says two" in off
    assert "hello" not in off
    assert "greeting" not in saved("version_2", "two")["callbacks"]
    write("none.yaml", "callbacks: null")
    assert "callback says" not in call("fit", "--config", "two", "--config", "none").out


def test_a_saved_config_runs_again_from_anywhere(call, write, monkeypatch, tmp_path):
    write("x.yaml", "extends: cart\nmodel.cart.wheel: wheels/square.yaml")
    call("fit", "--config", "x")
    config = (tmp_path / "runs/x/version_0/config.yaml").resolve()
    first = checkpoint(config="x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = call("fit", "--config", config)
    assert result.code == 0, result.err
    assert saved(config="x") == yaml.safe_load(config.read_text())
    again = checkpoint(config="x")
    assert all(torch.equal(first["state_dict"][name], again["state_dict"][name]) for name in first["state_dict"])


def test_what_was_taken_out_stays_out_of_a_saved_config(call):
    call(
        *FIT, "--model.label", "null", "--trainer.check_val_every_n_epoch", "null", "--trainer.val_check_interval", "8"
    )
    assert call("fit", "--config", "runs/cart/version_0/config.yaml").code == 0
    config = saved("version_1")
    assert config["model"]["init_args"]["label"] is None
    assert config["trainer"]["check_val_every_n_epoch"] is None
    assert "gradient_clip_val" not in config["trainer"]


def test_last_starts_afresh_where_there_is_none_and_goes_on_where_there_is(call):
    words = (*FIT, "--ckpt_path", "last")
    call(*words)
    assert checkpoint()["global_step"] == 8
    result = call(*words, "--trainer.max_epochs", "2")
    assert "Goes on from: runs/cart/version_0/checkpoints/last.ckpt" in result.out
    assert [each.name for each in Path("runs/cart").iterdir()] == ["version_0"]
    assert checkpoint()["global_step"] == 16
    named = call(*words, "--run", "other")
    assert "Goes on" not in named.out
    assert checkpoint("other")["global_step"] == 8


def test_the_config_wins_over_the_checkpoint(call):
    call(*FIT)
    call(*FIT, "--ckpt_path", "last", "--trainer.max_epochs", "2", "--model.learning_rate", "0.25")
    assert checkpoint()["hyper_parameters"]["learning_rate"] == 0.25


def test_another_checkpoint_can_start_a_new_run(call):
    call(*FIT)
    call(*FIT, "--ckpt_path", "runs/cart/version_0", "--trainer.max_epochs", "2")
    assert checkpoint("version_0")["global_step"] == 8
    assert checkpoint("version_1")["global_step"] == 16


def test_a_checkpoint_of_another_config_is_refused_with_what_differs(call):
    call(*FIT)
    config = saved()
    result = call(*FIT, "--ckpt_path", "last", "--model.cart.wheel", "wheels/square.yaml")
    assert result.code == 2
    assert "Traceback" not in result.err
    assert "cart.wheel.class_path: 'toys.RoundWheel' in the checkpoint, 'toys.SquareWheel' here" in result.err
    assert saved() == config


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_run_is_measured_in_its_own_folder(call, command):
    call(*FIT)
    config = Path("runs/cart/version_0/config.yaml").read_text()
    for given in ("runs/cart/version_0", "runs/cart/version_0/checkpoints/last.ckpt", "best"):
        result = call(command, "--config", "cart", "--ckpt_path", given)
        assert result.code == 0, result.err
        assert f"Done: runs/cart/version_0/{command}" in result.out
    assert Path("runs/cart/version_0/config.yaml").read_text() == config
    assert [each.name for each in Path("runs/cart").iterdir()] == ["version_0"]


def test_a_dry_run_leaves_nothing(call):
    assert call(*FIT, "--config", "trainer/debug").code == 0
    assert not Path("runs").exists()


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C; test workers turn it off for themselves."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_stopped_run_leaves_its_last_state_and_a_code(call, write, name, code, ctrl_c):
    write(
        "x.yaml",
        f"extends: cart\ncallbacks.stop: {{class_path: toys.SignalCallback, init_args: {{name: {name}, step: 11}}}}",
    )
    words = ("fit", "--config", "x", "--trainer.max_epochs", "2")
    stopped = call(*words)
    assert stopped.code == code
    assert checkpoint(config="x")["global_step"] == 11
    assert checkpoint(config="x", name="best")["global_step"] == 8
    assert "runs/x/version_0/checkpoints/last.ckpt" in stopped.out
    finished = call(*words, "--ckpt_path", "last", "--callbacks.stop", "null")
    assert finished.code == 0
    whole = call("fit", "--config", "cart", "--trainer.max_epochs", "2")
    assert whole.code == 0
    state, expected = checkpoint(config="x")["state_dict"], checkpoint()["state_dict"]
    assert all(torch.equal(state[each], expected[each]) for each in expected)


def test_a_run_that_ends_between_validations_saves_its_last_step(call):
    words = (*FIT, "--trainer.max_epochs", "2")
    assert call(*words, "--trainer.max_steps", "11").code == 0
    assert checkpoint()["global_step"] == 11
    assert checkpoint(name="best")["global_step"] == 8
    assert call(*words, "--ckpt_path", "last").code == 0
    assert call(*words, "--run", "whole").code == 0
    state, expected = checkpoint()["state_dict"], checkpoint("whole")["state_dict"]
    assert all(torch.equal(state[each], expected[each]) for each in expected)
    call(*words, "--run", "epochs", "--trainer.max_epochs", "3", "--trainer.check_val_every_n_epoch", "2")
    assert checkpoint("epochs")["global_step"] == 24
    assert checkpoint("epochs", name="best")["global_step"] == 16


def test_the_last_validation_still_chooses_the_best(call):
    assert call(*FIT, "--trainer.max_steps", "8").code == 0
    assert checkpoint(name="best")["global_step"] == checkpoint()["global_step"] == 8


@pytest.mark.slow
def test_a_process_exits_with_the_code_of_its_end(process, write):
    write("x.yaml", "extends: cart\ncallbacks.stop: {class_path: toys.SignalCallback, init_args: {step: 3}}")
    assert process("fit", "--config", "x").code == 143


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path):
    from lightning_modules.cli.checkpoints import AtomicCheckpointIO

    file, checkpoint = tmp_path / "last.ckpt", {"state_dict": {"a": torch.ones(2)}, "pytorch-lightning_version": "2"}
    io = AtomicCheckpointIO()
    io.save_checkpoint(checkpoint, file)
    with pytest.raises(AttributeError):  # what can't be pickled fails halfway
        io.save_checkpoint({**checkpoint, "b": lambda: None}, file)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.equal(io.load_checkpoint(file)["state_dict"]["a"], torch.ones(2))


def test_what_a_killed_process_left_of_a_checkpoint_is_swept_up(tmp_path):
    from lightning_modules.cli.checkpoints import AtomicCheckpointIO

    other = tmp_path / ".best.ckpt.0123abcd.unfinished"
    for file in (tmp_path / ".last.ckpt.0123abcd.unfinished", other):
        file.write_bytes(b"half")
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(2)}, tmp_path / "last.ckpt")
    assert {each.name for each in tmp_path.iterdir()} == {"last.ckpt", other.name}


def test_a_full_disk_is_named_and_leaves_no_part_of_a_checkpoint(tmp_path, monkeypatch):
    from lightning_modules.cli import checkpoints

    def full(content, stream):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:  # torch's own words then hide what happened
            message = "[enforce fail] . unexpected pos 704 vs 598"
            raise RuntimeError(message) from error

    monkeypatch.setattr(checkpoints.torch, "save", full)
    with pytest.raises(OSError, match=r"No space left on device; the checkpoint was not written.*last\.ckpt"):
        checkpoints.AtomicCheckpointIO().save_checkpoint({}, tmp_path / "last.ckpt")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("module", "unused"), [("toys.CartModule", False), ("toys.ManualCartModule", True)])
def test_the_same_config_runs_on_two_processes(process, module, unused):
    words = ("--model", module, "--callbacks.ranks", "toys.RankCallback")
    result = process(*FIT, "--config", "trainer/ddp", "--trainer.devices", "2", *words)
    assert result.code == 0, result.err
    assert f"world 2 same True unused {unused}" in result.out
    assert [each.name for each in Path("runs/cart").iterdir()] == ["version_0"]
    assert checkpoint()["global_step"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_stop_together(process, write, rank):
    write(
        "x.yaml",
        "extends: [cart, trainer/ddp]\nmodel.pause_s: 0.01\n"
        f"callbacks.stop: {{class_path: toys.SignalCallback, init_args: {{step: 6, rank: {rank}}}}}",
    )
    result = process("fit", "--config", "x", "--trainer.devices", "2", "--trainer.max_epochs", "3", timeout=60)
    assert result.code == 143, result.err
    assert checkpoint(config="x")["global_step"] == 6


def test_the_private_hooks_that_this_relies_on_are_there():
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loops import training_epoch_loop
    from pytorch_lightning.trainer.connectors import signal_connector

    loop = inspect.getsource(training_epoch_loop._TrainingEpochLoop.advance)
    assert "self._broadcast_sigterm_tensor()" in loop
    connector = inspect.getsource(signal_connector._SignalConnector)
    assert "self._sigterm_notifier_fn" in connector
    assert "self.received_sigterm" in connector
    exception = inspect.getsource(ModelCheckpoint.on_exception)
    for name in ("_should_save_on_exception", "_save_last_checkpoint", "_monitor_candidates"):
        assert f"self.{name}(" in exception
    assert "self._last_global_step_saved == " in inspect.getsource(ModelCheckpoint._should_skip_saving_checkpoint)
    assert hasattr(Trainer, "interrupted")
