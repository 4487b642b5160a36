"""Cells are read as pandas reads them, and what is no number is said to be none."""

import io

import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.builders.sources.base import DatasetError
from datamodules.builders.sources.tables import read_table

whole_numbers = st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=whole_numbers, separator=st.sampled_from(",;\t"), newline=st.sampled_from(["\n", "\r\n", "\r"]))
def test_numbers_are_those_that_pandas_reads(rows, separator, newline, tmp_path):
    text = newline.join(separator.join(map(str, row)) for row in rows)
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    expected = pandas.read_csv(io.StringIO(text.replace("\r", "\n")), sep=separator, header=None)
    table = read_table(path)
    assert len(table) == len(rows)
    for column in range(3):
        values, whole = table.numbers(column)
        assert whole.all()
        np.testing.assert_array_equal(values, expected[column])


@pytest.mark.parametrize("cell", [" 7", "7 ", '"7"', "7.0", "007", "+7", "7e0"])
def test_a_number_may_be_written_otherwise(cell, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"1,{cell},2\n")
    values, whole = read_table(path).numbers(1)
    assert whole[0]
    assert values[0] == 7


@pytest.mark.parametrize("cell", ["", " ", "x", "7.5", "nan", "inf", "1_0", "7 8", "1e999"])
def test_what_is_no_whole_number_is_not_taken_for_one(cell, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"1,{cell},2\n3,4,5\n", encoding="utf-8")
    values, whole = read_table(path).numbers(1)
    assert whole.tolist() == [False, True]
    assert values.tolist() == [0, 4]


def test_rows_know_their_lines_and_empty_ones_are_passed_over(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n\n1,2\n  \n3,4,5\n6")
    table = read_table(path)
    assert table.lines.tolist() == [1, 3, 5, 6]
    assert table.widths.tolist() == [2, 2, 3, 1]
    assert table.texts(0) == ["a", "b"]
    assert table.texts(3) == ["6"]


@pytest.mark.parametrize("content", ["1,2\n".encode("utf-16"), b"PK\x03\x04\0\0\0"])
def test_what_is_no_text_is_refused(content, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"table\.csv.*must be text"):
        read_table(path)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="must be readable"):
        read_table(tmp_path / "table.csv")


def test_an_empty_file_has_no_rows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"")
    assert len(read_table(path)) == 0
