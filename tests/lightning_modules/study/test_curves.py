"""Learning curves from TensorBoard's files."""

import csv
from itertools import pairwise

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from lightning_modules.study.curves import draw, points, write_csv


def log(folder, entries, *, suffix):
    """Write (step, time, value) of val/loss as one session."""
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for step, when, value in entries:
        summary = Summary(value=[Summary.Value(tag="val/loss", simple_value=value)])
        writer.add_event(Event(step=step, wall_time=when, summary=summary))
    writer.close()


@pytest.fixture
def run(tmp_path):
    """A run that was interrupted after step 3 for an hour, and went on from step 2."""
    log(tmp_path, [(0, 1000.0, 4.0), (1, 1060.0, 3.0), (2, 1120.0, 99.0)], suffix=".first")
    log(tmp_path, [(2, 5000.0, 2.0), (3, 5060.0, float("nan")), (4, 5120.0, 1.0)], suffix=".second")
    return tmp_path


def test_the_later_session_counts_and_interruptions_do_not(run):
    found = list(points(run, name="large", seed=0, tags=["val/loss", "nothing"]))
    assert [(each.step, each.value) for each in found] == [(1, 4.0), (2, 3.0), (3, 2.0), (5, 1.0)]
    assert [each.minutes for each in found] == pytest.approx([0.0, 1.0, 2.0, 4.0])


def test_a_run_without_a_log_has_no_curve(tmp_path):
    assert list(points(tmp_path, name="large", seed=0, tags=["val/loss"])) == []


def test_the_csv_has_every_point(run, tmp_path):
    found = list(points(run, name="large", seed=7, tags=["val/loss"]))
    with write_csv(found, tmp_path / "curves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["value"]) for row in rows] == [4.0, 3.0, 2.0, 1.0]
    assert {(row["variant"], row["seed"], row["tag"]) for row in rows} == {("large", "7", "val/loss")}


def test_a_picture_has_a_line_for_each_variant(run, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    seen = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **_: (seen.append(figure), file.touch()))
    found = [point for seed in (0, 1) for point in points(run, name="large", seed=seed, tags=["val/loss"])]
    file = draw(found, tmp_path / "curves.png", labels={"large": "Large", "other": "never ran"})
    assert file.is_file()
    by_steps = seen[0].axes[0]
    assert by_steps.get_legend_handles_labels()[1] == ["Large"]
    assert len(by_steps.lines) == 3  # two seeds and their mean
    assert all(first <= second for first, second in pairwise(by_steps.lines[-1].get_xdata()))
    assert draw([], tmp_path / "none.png", labels={}) is None
