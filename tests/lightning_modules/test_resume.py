"""A resumed run is the uninterrupted one, to the bit: adversarial, averaged, delayed and with noise, all at once."""

from __future__ import annotations

import itertools

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")


@pytest.mark.parametrize("saved_at", [5, 12, 20])
def test_one_process(small, tmp_path, saved_at):
    whole = small.run(folder=str(tmp_path), save_every=saved_at)
    resumed = small.run(folder=str(tmp_path), ckpt_path=str(tmp_path / f"step={saved_at}.ckpt"))
    assert resumed["losses"] == whole["losses"][saved_at:]
    assert resumed["indices"] == whole["indices"][saved_at:]
    assert resumed["steps"] == whole["steps"][saved_at:]
    for key in ("global_step", "delayed_started_at", "parameters", "buffers"):
        assert resumed[key] == whole[key]


def test_one_process_with_accumulation(small, tmp_path):
    whole = small.run(folder=str(tmp_path), save_every=3, accumulate=5)
    resumed = small.run(folder=str(tmp_path), ckpt_path=str(tmp_path / "step=3.ckpt"), accumulate=5)
    assert resumed["losses"] == whole["losses"][12:]
    assert resumed["parameters"] == whole["parameters"]


def test_no_sample_is_repeated_or_skipped(small, tmp_path):
    whole = small.run(folder=str(tmp_path), save_every=5, max_epochs=1)
    resumed = small.run(folder=str(tmp_path), ckpt_path=str(tmp_path / "step=5.ckpt"), max_epochs=1)
    seen = list(itertools.chain(*whole["indices"][:5], *resumed["indices"]))
    assert sorted(seen) == list(range(48))


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes(in_processes, tmp_path, accumulate):
    arguments = {"accumulate": accumulate, "delayed": "metric"}
    whole = in_processes(tmp_path, save_every=2, **arguments)
    resumed = in_processes(tmp_path, ckpt_path=str(tmp_path / "step=4.ckpt"), **arguments)
    done = 4 * accumulate
    for before, after in zip(whole, resumed, strict=True):
        assert after["losses"] == before["losses"][done:]
        assert after["indices"] == before["indices"][done:]
        for key in ("global_step", "delayed_started_at", "parameters", "buffers"):
            assert after[key] == before[key]
    first, second = whole
    for key in ("steps", "delayed_started_at", "parameters", "buffers", "codes"):
        assert first[key] == second[key]
    assert first["losses"] != second["losses"]
    seen = list(itertools.chain(*first["indices"][:6], *second["indices"][:6]))
    assert sorted(seen) == list(range(48))
