"""What every reader gives, whichever data set it reads."""

import numpy as np
import pytest
from jsonargparse import ArgumentError, ArgumentParser

from datamodules.builders.sources.base import DatasetError, Problems, Source
from datamodules.builders.sources.bp4d import BP4D
from datamodules.builders.sources.bp4dplus import BP4DPlus
from datamodules.builders.sources.disfa import DISFA
from datamodules.builders.sources.disfaplus import DISFAPlus
from zoo.facs import AUS

READERS = [BP4D, BP4DPlus, DISFA, DISFAPlus]
each_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@each_reader
def test_a_reader_gives_what_the_contract_says(reader, trees, tmp_path):
    expected = getattr(trees, f"make_{reader.name}")(tmp_path)
    frames = reader(str(tmp_path)).read()
    count = len(expected.occurrence)
    assert len(frames) == len(frames.sequence) == len(frames.images) == count
    assert frames.name == reader.name
    assert (frames.frame.dtype, frames.frame.shape) == (np.int64, (count,))
    assert (frames.occurrence.dtype, frames.occurrence.shape) == (np.int8, (count, len(AUS)))
    assert (frames.intensity.dtype, frames.intensity.shape) == (np.float32, (count, len(AUS)))
    assert set(np.unique(frames.occurrence)) <= {0, 1, 9}
    known = frames.intensity[np.isfinite(frames.intensity)]
    assert ((known >= 0) & (known <= 5)).all()
    assert len({frames.source(place) for place in range(count)}) == count
    for parts in frames.folds.values():
        assert set(frames.subject) <= frozenset().union(*parts)
    for place, points in (frames.landmarks or {}).items():
        assert points.shape == (5, 2)
        height, width = frames.images[place].read().shape[:2] if place == 0 else (trees.HEIGHT, trees.WIDTH)
        assert (points > 0).all()
        assert (points < [width, height]).all()


@each_reader
def test_a_reader_is_made_by_a_parser(reader):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(reader)
    parsed = parser.parse_args(["--root=here", "--on_problem=refuse"])
    built = reader(**parsed.as_dict())
    assert isinstance(built, Source)
    assert (built.root, built.on_problem) == ("here", "refuse")
    with pytest.raises(ArgumentError, match="on_problem"):
        parser.parse_args(["--root=here", "--on_problem=shrug"])


def test_problems_are_counted_and_refused():
    problems = Problems()
    problems.add("missing image", "bp4d/F001/T1/3-5", count=3)
    problems.add("missing image", "bp4d/F001/T1/9")
    problems.note("missing subject", "bp4d/F002")
    assert problems.counts() == {"missing image": 4, "missing subject": 1}
    strict = Problems(refuse=True)
    strict.note("missing subject", "bp4d/F002")  # a part of a data set is a data set
    with pytest.raises(DatasetError, match=r"bp4d/F001/T1/9: there must be no missing image.*on_problem"):
        strict.add("missing image", "bp4d/F001/T1/9")
