"""Parts of a face on the token grid."""

from typing import get_args

import pytest

from zoo.pipelines.editing import Part, kept_cells


@pytest.mark.parametrize("part", get_args(Part))
@pytest.mark.parametrize("rows", [8, 16])
def test_a_part_is_some_rows_of_the_grid(part, rows):
    kept = kept_cells(part, rows=rows, cols=5)
    assert kept.shape == (rows, 5)
    assert 0 < kept[:, 0].sum() < rows
    assert (kept == kept[:, :1]).all()


def test_upper_and_lower_are_the_whole_face():
    assert not (kept_cells("upper", rows=16, cols=1) & kept_cells("lower", rows=16, cols=1)).any()
