"""A study from beginning to end, with processes that only pretend."""

import json
from pathlib import Path

import pytest
import yaml

from lightning_modules.cli.errors import UserError
from lightning_modules.study.processes import BusyError, locked
from lightning_modules.study.results import gather

from .conftest import PretendingProcesses


def options(words):
    return dict(zip(words[1::2], words[2::2], strict=True))


def test_parts_come_first_and_are_trained_once(work, do):
    made = work()
    outcomes = do(made)
    assert {each.kind for each in outcomes.values()} == {"done"}
    assert made.processes.trained() == ["codec/seed_0", "large/seed_0", "small/seed_0", "large/seed_1", "small/seed_1"]
    assert [each[0] for each in made.processes.commands].count("evaluate") == 4


def test_a_run_gets_its_part_its_seed_and_its_budget(work, do):
    made = work()
    do(made)
    fit = options(made.processes.commands[-2])
    assert fit["--model.codec"] == "out/runs/codec/seed_0"
    assert fit["--seed_everything"] == "1"
    assert fit["--ckpt_path"] == "last"
    assert (fit["--trainer.max_steps"], fit["--trainer.max_epochs"]) == ("100", "-1")
    assert (fit["--trainer.val_check_interval"], fit["--trainer.check_val_every_n_epoch"]) == ("10", "null")


def test_validations_are_counted_in_batches(work, do):
    made = work("base: {set: {trainer.accumulate_grad_batches: 4}}")
    do(made)
    fit = options(made.processes.commands[-2])
    assert (fit["--trainer.max_steps"], fit["--trainer.val_check_interval"]) == ("100", "40")


def test_a_config_lays_overlays_over_the_base_without_what_they_extend(work, do, folder):
    do(work())
    written = yaml.safe_load(Path("out/sources/small.yaml").read_text())
    assert written == {"extends": [str(folder / "base.yaml")], "model.size": 3}  # the variant's own value is the last
    part = yaml.safe_load(Path("out/sources/codec.yaml").read_text())
    assert part == {"extends": [str(folder / "codec.yaml")]}


def test_each_seed_can_have_a_part_of_its_own(work, do):
    made = work("parts: {codec: {per_seed: true}}")
    do(made)
    assert {"codec/seed_0", "codec/seed_1"} <= set(made.processes.trained())
    assert options(made.processes.commands[-2])["--model.codec"] == "out/runs/codec/seed_1"


def test_what_is_complete_is_left_as_it_is(work, do):
    do(work())
    again = work()
    outcomes = do(again)
    assert {each.kind for each in outcomes.values()} == {"there"}
    assert again.processes.commands == []


def test_what_was_interrupted_goes_on_and_the_rest_is_left(work, do):
    first = work()
    first.processes.failing = {"small/seed_0"}
    outcomes = do(first)
    assert outcomes["small/seed_0"].kind == "failed"
    assert "out of wheels" in outcomes["small/seed_0"].reason
    assert outcomes["small/seed_0/seen"].kind == "left out"
    assert outcomes["small/seed_1/seen"].kind == "done"
    again = work()
    outcomes = do(again)
    assert again.processes.trained() == ["small/seed_0"]
    assert outcomes["small/seed_0/seen"].kind == "done"


def test_a_failing_part_takes_its_variants_with_it(work, do):
    made = work("variants: {small: {set: {model.codec: null}}}")
    made.processes.failing = {"codec/seed_0"}
    outcomes = do(made)
    assert {key: each.kind for key, each in outcomes.items() if key.startswith("large")} == {
        "large/seed_0": "left out",
        "large/seed_0/seen": "left out",
        "large/seed_1": "left out",
        "large/seed_1/seen": "left out",
    }
    assert outcomes["small/seed_1/seen"].kind == "done"


def test_a_study_goes_on_with_the_configs_of_its_first_call(work, do, folder):
    first = work()
    first.processes.failing = {"small/seed_1"}
    do(first)
    (folder / "smaller.yaml").write_text("model.weight: 7")
    again = work()
    run = again.run(again.study.variants["small"], 0)
    assert run.write_config() == ["model.weight: None then, 7 now"]
    assert "weight" not in run.content()["model"]
    outcomes = do(again)
    assert outcomes["small/seed_0"].kind == "there"
    assert again.processes.trained() == ["small/seed_1"]
    Path("out/configs/small.yaml").unlink()  # the way out that the message names
    run.write_config()
    assert run.content()["model"]["weight"] == 7


def test_before_anything_is_trained_configs_may_change(work, do, folder):
    made = work()
    run = made.run(made.study.variants["small"], 0)
    run.write_config()
    (folder / "smaller.yaml").write_text("model.weight: 7")
    assert run.write_config() == []
    assert run.content()["model"]["weight"] == 7


def test_a_variant_that_says_something_else_is_refused(work, do):
    do(work())
    outcomes = do(work("seeds: [0, 2]\nvariants: {small: {set: {model.size: 9}}}"))
    assert outcomes["large/seed_0"].kind == "there"
    for seed in (0, 2):  # also a seed that has not begun
        assert outcomes[f"small/seed_{seed}"].kind == "failed"
        assert "recipe.set.model.size: 3 then, 9 now" in outcomes[f"small/seed_{seed}"].reason


def test_another_budget_is_another_config(work, do):
    do(work())
    outcomes = do(work("budget: {max_steps: 200}"))
    assert "steps: 100 then, 200 now" in outcomes["large/seed_0"].reason


def test_new_weights_are_measured_anew(work, do):
    do(work())
    Path("out/runs/large/seed_0/checkpoints/best.ckpt").write_text("better")
    again = work()
    do(again)
    assert [options(each)["--model"] for each in again.processes.commands] == ["out/runs/large/seed_0"]


def test_minutes_become_steps_that_the_schedule_can_end_with(work, do):
    made = work("budget: {max_steps: null, max_minutes: 2, validations: 7}")
    do(made)
    # 2 minutes of 0.2 s are 600 steps; the last of 7 validations is of the last step
    fits = [options(each) for each in made.processes.commands if "--trainer.max_steps" in each]
    trained = [each for each in fits if each["--run"] != "clocked"]
    assert {each["--trainer.max_steps"] for each in trained} == {"595"}
    assert {each["--trainer.val_check_interval"] for each in trained} == {"85"}
    assert [each["--config"] for each in fits if each["--run"] == "clocked"] == [
        "out/configs/large.yaml",
        "out/configs/small.yaml",
    ]
    again = work("budget: {max_steps: null, max_minutes: 2, validations: 7}")
    do(again)
    assert again.processes.commands == []
    longer = work("budget: {max_steps: null, max_minutes: 3}")
    with pytest.raises(UserError, match="max_minutes must stay what it was"):
        longer.steps(longer.study.variants["large"])


def test_what_is_trained_already_is_only_measured(work, do):
    for seed in (0, 1):
        checkpoints = Path(f"elsewhere/large/seed_{seed}/checkpoints")
        checkpoints.mkdir(parents=True)
        (checkpoints / "best.ckpt").touch()
    made = work("variants: {large: {trained: 'elsewhere/large/seed_{seed}'}, small: null}")
    do(made)
    assert [options(each)["--model"] for each in made.processes.commands if each[0] == "evaluate"] == [
        "elsewhere/large/seed_0",
        "elsewhere/large/seed_1",
    ]
    assert "large/seed_0" not in made.processes.trained()


def test_a_part_with_weights_of_others_becomes_a_bundle_and_is_measured(work, do, folder):
    weights = folder / "trained" / "model.safetensors"
    weights.parent.mkdir()
    weights.touch()
    (folder / "added_up.yaml").write_text("class_path: toys.AddedUp\ninit_args: {pipeline: trained, number: 2}")
    overlay = "seeds: [0]\nvariants: {large: {trained: added_up.yaml}, small: null}"
    made = work(overlay)
    do(made)
    codec, exported, measured = made.processes.commands
    assert codec[0] == "fit"
    assert exported == [
        "export",
        "--checkpoint",
        "added_up.yaml",
        "--output",
        "out/runs/large/seed_0",
        "--overwrite",
        "true",
    ]
    assert options(measured)["--model"] == "out/runs/large/seed_0"
    again = work(overlay)
    do(again)
    assert again.processes.commands == []
    weights.write_text("other weights")
    do(again)
    assert [each[0] for each in again.processes.commands] == ["export", "evaluate"]


def test_a_variant_can_have_a_judge_of_its_own(work, do):
    overlay = "parts: {judge: {configs: [codec.yaml]}}\nvariants: {small: {measured_with: {judge: part:judge}}}"
    made = work(overlay)
    do(made)
    judges = [options(each).get("--judge") for each in made.processes.commands if each[0] == "evaluate"]
    assert judges == [None, "out/runs/judge/seed_0", None, "out/runs/judge/seed_0"]


def test_only_some_are_done_with_what_they_need(work, do):
    made = work(only=("small",))
    do(made)
    assert made.processes.trained() == ["codec/seed_0", "small/seed_0", "small/seed_1"]
    made = work(only=("codec",))
    assert set(do(made)) == {"codec/seed_0"}


def test_a_config_for_the_machine_is_laid_over_every_run(work, do, folder):
    (folder / "fast.yaml").write_text("trainer.precision: bf16-mixed")
    made = work(machine=("fast.yaml",))
    do(made)
    fits = [each for each in made.processes.commands if each[0] == "fit"]
    assert all(each[each.index("fast.yaml") - 1] == "--config" for each in fits)
    assert json.loads(Path("out/state/large/seed_0.json").read_text())["said"]["machine"] == ["fast.yaml"]
    assert made.run(made.study.variants["large"], 0).content()["trainer"]["precision"] == "bf16-mixed"


def test_what_another_process_is_at_is_left_to_it(work):
    made = work()
    run = made.run(made.study.parts["codec"], 0)
    with locked(made.folder.lock("codec", "seed_0")), pytest.raises(BusyError):
        made.train(run, None)


def test_figures_come_from_this_study_only(work, do):
    """A file of figures that no measurement of ours wrote does not count."""
    made = work()
    target = Path("out/measured/seen/large/seed_0/metrics.json")
    target.parent.mkdir(parents=True)
    target.write_text('{"f1": 0.99}')
    rows = {row.variant: row for row in gather(made, {}).rows}
    assert rows["large"].num_missing == 2


def test_a_stopped_study_starts_nothing_more(work, do):
    processes = PretendingProcesses()
    processes.stopped_by = 15
    outcomes = do(work(processes=processes))
    assert {each.kind for each in outcomes.values()} == {"stopped"}
    assert processes.commands == []
