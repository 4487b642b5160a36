"""Files of labels: every way of writing them is read right or refused with line and column."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from zoo.facs import AUS, name_of
from zoo.facs.allocation import aus_of, constructs_of
from zoo.facs.composer import Composer
from zoo.facs.label_files import FileSummary, describe_file, described_lines
from zoo.facs.parsing import parse
from zoo.facs.policy import LabelError, LabelWarning

HEADER = [f"AU{number}" for number in AUS]


def line(aus=(), *, unknown=(), front=()):
    cells = ["1" if number in aus else "9" if number in unknown else "0" for number in AUS]
    return ",".join([*front, *cells])


@pytest.fixture
def described(tmp_path):
    """Describe the content of a file; give the rows that come out."""

    def run(content, **arguments):
        labels, output = tmp_path / "in.csv", tmp_path / "out.csv"
        labels.write_bytes(content if isinstance(content, bytes) else content.encode())
        summary = describe_file(labels, output, composer=Composer(**arguments), overwrite=True)
        with output.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert summary.num_rows == len(rows)
        return rows

    return run


def test_every_set_is_repeated_and_described(described):
    sets = [aus_of(code) for code in range(0, 4096, 7)]
    lines = [line(aus, front=[f"{place}.jpg"]) for place, aus in enumerate(sets)]
    rows = described("\n".join([",".join(["image", *HEADER]), *lines]) + "\n", seed=5)
    texts = Composer(seed=5).prompts(np.array([[number in aus for number in AUS] for aus in sets]))
    for place, (aus, row) in enumerate(zip(sets, rows, strict=True)):
        assert list(row) == ["image", *HEADER, "constructs", "description"]
        assert list(row.values())[:-2] == lines[place].split(",")
        assert row["constructs"] == ";".join(map(name_of, constructs_of(aus)))
        assert row["description"] == texts[place]
        assert parse(row["description"]) == set(aus)


def test_pandas_reads_what_is_written_and_writes_what_is_read(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (50, 12)).astype(float), columns=HEADER)
    frame.iloc[3, 5] = np.nan  # so pandas writes 1.0 and 0.0 in this column
    frame["note"] = ['a "quoted" one, with comma', "two\nlines"] * 25
    frame.to_csv(tmp_path / "in.csv", index=False)
    describe_file(tmp_path / "in.csv", tmp_path / "out.csv", composer=Composer(unknown="resolve"))
    back = pd.read_csv(tmp_path / "out.csv")
    pd.testing.assert_frame_equal(back[frame.columns], frame)
    for row in back.to_dict("records"):
        present = {number for number in AUS if row[f"AU{number}"] == 1}
        assert parse(row["description"]) == present


@pytest.mark.parametrize(
    "content",
    [
        "\r\n".join([",".join(HEADER), line({6, 12}), ""]).encode(),
        ("\ufeff" + "\n".join([",".join(HEADER), line({6, 12})])).encode(),
        "\n".join([",".join(f'"{name}"' for name in HEADER), line({6, 12}).replace("1", '"1"')]).encode(),
        "\n".join([";".join(HEADER), line({6, 12}).replace(",", ";")]).encode(),
        "\n".join(["\t".join(HEADER), line({6, 12}).replace(",", "\t")]).encode(),
        "\n".join([",".join(HEADER), line({6, 12}).replace(",", " , "), "", ""]).encode(),
        "\r".join([",".join(HEADER), line({6, 12}), ""]).encode(),
    ],
    ids=["CRLF", "byte order mark", "quoted", "semicolons", "tabs", "spaces, blank lines", "CR"],
)
def test_forms_of_csv(content, tmp_path):
    (tmp_path / "in.csv").write_bytes(content)
    lines = described_lines(tmp_path / "in.csv", composer=Composer(variant=1), summary=FileSummary())
    header, row = "".join(lines).splitlines()
    delimiter = next(each for each in ",;\t" if each in header)
    assert next(csv.reader([header], delimiter=delimiter)) == [*HEADER, "constructs", "description"]
    cells = next(csv.reader([row], delimiter=delimiter))
    assert cells[-2:] == ["6+12", Composer(variant=1).describe({6, 12})]
    assert [cell.strip() for cell in cells[:12]] == line({6, 12}).split(",")


def test_lists_of_constructs_are_quoted_where_semicolons_separate(tmp_path):
    (tmp_path / "in.csv").write_text("\n".join([";".join(HEADER), line({2, 4}).replace(",", ";")]))
    text = "".join(described_lines(tmp_path / "in.csv", composer=Composer(), summary=FileSummary()))
    assert next(csv.DictReader(io.StringIO(text), delimiter=";"))["constructs"] == "2;4"


def test_columns_stand_in_any_order_among_others(described):
    order = HEADER[::-1]
    cells = dict(zip(HEADER, line({1, 4}).split(","), strict=True))
    content = ",".join(["AU5", *order, "subject"]) + "\n" + ",".join(["1", *(cells[name] for name in order), "F001"])
    row = described(content)[0]
    assert (row["constructs"], row["AU5"], row["subject"]) == ("1+4", "1", "F001")


class TestUnknown:
    CONTENT = "\n".join([",".join(HEADER), line({1}), line({6}, unknown={7, 12}), line({2}).replace("0", "")])

    def test_is_told_once_with_line_and_count(self, described):
        with pytest.warns(LabelWarning) as told:
            rows = described(self.CONTENT)
        assert [row["constructs"] for row in rows] == ["1", "6", "2"]
        assert len(told) == 1
        assert "in.csv, line 3: AU7 is unknown, and 12 more labels: it is not stated." in str(told[0].message)

    def test_is_rejected_with_its_line(self, described):
        with pytest.raises(LabelError, match=r"in\.csv, line 3: AU7 is unknown"):
            described(self.CONTENT, unknown="reject")


def test_conflicts_are_counted_over_the_whole_file(described):
    content = "\n".join([",".join(HEADER), *[line({12, 15})] * 20_000])
    with pytest.warns(LabelWarning, match=r"line 2: AU12 and AU15 .*, and 19,999 more rows"):
        described(content, conflicts="warn")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line({1}), line({1}).replace("1", "yes")], "line 3: AU1 must be 0, 1, 9 or empty, got 'yes'"),
        ([line(), "2" + line()[1:]], "line 3: AU1 must be 0, 1, 9 or empty, got '2'"),
        ([line(), "", line()[:-1] + "0.5"], r"line 4: AU24 must be 0, 1, 9 or empty, got '0\.5'"),
        ([line(), line()[:-2]], "line 3: there must be 12 cells as in the header, got 11"),
        ([line() + ",1"], "line 2: there must be 12 cells as in the header, got 13"),
        ([line(), line() + ',"'], "the file must be CSV"),
    ],
)
def test_malformed_lines_are_refused_with_line_and_column(described, lines, message):
    with pytest.raises(LabelError, match=message):
        described("\n".join([",".join(HEADER), *lines]))


def test_lines_within_cells_are_counted(described):
    content = "\n".join(
        [",".join(["note", *HEADER]), '"one\ntwo\nthree",' + line(), "x," + line().replace("0", "x", 1)]
    )
    with pytest.raises(LabelError, match=r"in\.csv, line 5: AU1 must be"):
        described(content)


def test_lines_far_down_are_named_too(described):
    lines = [line()] * 20_000
    lines[17_777] = line()[:-1] + "7"
    with pytest.raises(LabelError, match=r"in\.csv, line 17779: AU24 must be .* got '7'"):
        described("\n".join([",".join(HEADER), *lines]))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER[:-1], "a column for each of the twelve AUs, missing: AU24"),
        (["a", "b"], r"missing: AU1, AU2, .* \(given: a, b\)"),
        ([], "missing: AU1"),
        ([*HEADER, "AU1"], "each column must be there once, got 'AU1' twice"),
        (["AU01", *HEADER[1:]], "got 'AU01'. Name it AU1"),
        (["au_1", *HEADER[1:]], "got 'au_1'. Name it AU1"),
        ([" AU1", *HEADER[1:]], "got ' AU1'. Name it AU1"),
        ([*HEADER, "AU1_intensity", "Intensity AU06"], "got 'Intensity AU06'. Name it intensity_AU6"),
        ([*HEADER, "description"], "no column named description"),
    ],
)
def test_headers_that_would_be_misread_are_refused(described, header, message):
    with pytest.raises(LabelError, match=message):
        described(",".join(header) + "\n" + ",".join(["0"] * len(header)))


def test_a_file_without_lines_gives_a_header(described, tmp_path):
    assert described(",".join(HEADER)) == []
    assert (tmp_path / "out.csv").read_text() == ",".join([*HEADER, "constructs", "description"]) + "\n"


def test_text_that_is_not_utf8_is_refused(described):
    with pytest.raises(LabelError, match="must be UTF-8 text"):
        described((",".join(["name", *HEADER]) + "\nJos\xe9," + line()).encode("latin-1"))


class TestIntensityAndSide:
    HEADER = ",".join([*HEADER, "intensity_AU6", "intensity_AU12", "side_AU14"])

    def test_are_worded_where_asked_for(self, described):
        content = f"{self.HEADER}\n{line({6, 12, 14})},B,3,L\n{line({6, 12, 14})},,9,\n{line()},0,0,\n"
        rows = described(content, word_intensity=True, word_side=True, variant=1)
        plain = described(content, variant=1)
        added = [one["description"].removeprefix(two["description"]) for one, two in zip(rows, plain, strict=True)]
        assert added == [
            " In strength, the raising of the cheeks is slight; the upward pull on the lip corners is marked or "
            "pronounced. Only the left side shows the dimpling of the lip corners.",
            "",
            "",
        ]

    @pytest.mark.parametrize(
        ("cells", "message"),
        [
            ("F,3,L", "line 2: intensity_AU6 must be from 0 to 5, A to E, 9 or empty, got 'F'"),
            ("2,6,L", "line 2: intensity_AU12 must be from 0 to 5, A to E, 9 or empty, got '6'"),
            ("2,3,both", "line 2: side_AU14 must be L, R or empty, got 'both'"),
        ],
    )
    def test_malformed_cells_are_refused_where_they_are_read(self, described, cells, message):
        content = f"{self.HEADER}\n{line({6, 12, 14})},{cells}\n"
        assert described(content)
        with pytest.raises(LabelError, match=message):
            described(content, word_intensity=True, word_side=True)

    def test_contradictions_are_impossible(self, described):
        content = f"{self.HEADER}\n{line({6})},B,3,\n"
        with pytest.raises(LabelError, match="line 2: AU12 is absent and has an intensity"):
            described(content, word_intensity=True)
        assert "cheeks is slight." in described(content, word_intensity=True, impossible="resolve")[0]["description"]

    def test_without_such_columns_there_is_nothing_to_word(self, described):
        with pytest.raises(LabelError, match="there must be columns intensity_AU1"):
            described(",".join(HEADER) + "\n" + line(), word_intensity=True)


class TestOutput:
    CONTENT = ",".join(HEADER) + "\n" + line({1}) + "\n"

    def test_is_whole_or_not_there(self, described, tmp_path):
        with pytest.raises(LabelError):
            described(self.CONTENT * 2)
        assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]

    def test_is_not_replaced_unasked(self, tmp_path):
        labels, output = tmp_path / "in.csv", tmp_path / "out.csv"
        labels.write_text(self.CONTENT)
        output.write_text("mine")
        with pytest.raises(FileExistsError, match=r"out\.csv exists"):
            describe_file(labels, output, composer=Composer())
        assert output.read_text() == "mine"
        describe_file(labels, output, composer=Composer(), overwrite=True)
        assert output.read_text() != "mine"

    def test_is_never_the_input(self, tmp_path):
        (tmp_path / "in.csv").write_text(self.CONTENT)
        with pytest.raises(LabelError, match="output must be another file than labels"):
            describe_file(tmp_path / "in.csv", tmp_path / "in.csv", composer=Composer(), overwrite=True)
        assert (tmp_path / "in.csv").read_text() == self.CONTENT

    def test_a_missing_input_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nix\.csv', which does not exist"):
            describe_file(tmp_path / "nix.csv", tmp_path / "out.csv", composer=Composer())
        assert not (tmp_path / "out.csv").exists()
