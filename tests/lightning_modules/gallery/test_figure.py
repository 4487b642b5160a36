"""Figures: what their YAMLs say, where faces and words come to lie, and what is left out."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

import cli
from lightning_modules.cli.config_files import CONFIGS
from lightning_modules.cli.errors import UserError
from lightning_modules.gallery.layout import SIDE, Faces, _lines, draw
from lightning_modules.gallery.plan import read_figure
from zoo.bundles import save_bundle
from zoo.facs.constructs import name_of
from zoo.facs.explanation import explain
from zoo.pipelines.ganimation import GANimationPipeline

FILES = sorted(file.relative_to(CONFIGS) for file in (CONFIGS / "figures").glob("*.yaml"))
COLOURS = {name: Image.new("RGB", (8, 8), name) for name in ("red", "lime", "blue", "yellow", "magenta", "cyan")}


def fired(aus):
    numbers = [int(number) for number in re.findall(r"AU(\d+)", aus)]
    return {name_of(construct) for construct in explain(numbers).constructs}


def place_of(picture, colour):
    """The left and top of the faces of a colour, from top to bottom."""
    pixels = np.asarray(picture).astype(int)
    wanted = np.array(COLOURS[colour].getpixel((0, 0)))
    rows, columns = np.nonzero((pixels == wanted).all(-1))
    assert len(rows) % SIDE**2 == 0, "faces are whole"
    tops = [top for top in np.unique(rows) if top - 1 not in rows]
    return [(int(columns[rows == top].min()), int(top)) for top in tops]


@pytest.fixture
def figure_yaml(tmp_path):
    def write(**changes):
        body = {"systems": {"Model": "model"}, "cases": [{"aus": "6,12"}, {"aus": "1", "reference_seed": 1}], **changes}
        file = tmp_path / "figure.yaml"
        file.write_text(json.dumps(body))
        return str(file)

    return write


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "model"
    torch.manual_seed(0)
    save_bundle(GANimationPipeline(image_size=32, channels=4, num_residual_blocks=1), place, card="untrained")
    return place


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_figure_of_ours_reads_and_says_its_command(file):
    figure = read_figure(str(file))
    assert f"python cli.py figure --config {file} --output" in (CONFIGS / file).read_text()
    assert "models/vq_auface" in figure.systems.values()
    assert all(case.description for case in figure.cases)


def test_figure_4_has_the_papers_cases():
    """Appendix H: what its texts are made of, by Algorithm 1."""
    cases = [fired(case.aus) for case in read_figure("figures/figure4.yaml").cases]
    assert cases == [
        {"6+7+12", "10+15", "10+14"}, {"1+2", "10", "12"}, {"1"}, {"14"}, {"17+23", "17+24", "4"},
    ]  # fmt: skip


def test_appendix_i_has_three_people_with_seven_cases_each():
    figures = [read_figure(f"figures/appendix_individual_{number}.yaml") for number in (1, 2, 3)]
    assert [len(figure.cases) for figure in figures] == [7, 7, 7]
    assert len({figure.cases[0].case.reference_seed for figure in figures}) == 3
    assert fired(figures[2].cases[0].aus) == {"14+17", "14+23", "17+23", "17+24"}
    assert fired(figures[0].cases[4].aus) == {"7+12", "14"}


def test_sadness_is_three_sets_of_aus_on_each_person():
    figure = read_figure("figures/sadness.yaml")
    wishes = [(case.label, case.aus) for case in figure.cases]
    assert wishes[:3] == [("Melancholy", "AU15"), ("Distress", "AU4+AU7+AU15"), ("Suppression", "AU15+AU17")]
    assert wishes == wishes[:3] * 3
    assert [case.case.reference_seed for case in figure.cases] == [0] * 3 + [5] * 3 + [9] * 3


def test_systems_stand_beside_each_other_and_cases_below(figure_yaml):
    figure = read_figure(figure_yaml())
    faces = Faces(
        [COLOURS["red"], COLOURS["lime"]],
        {"A": [COLOURS["blue"], COLOURS["yellow"]], "B": [COLOURS["magenta"], None]},
    )
    drawn = draw(figure, faces)
    (reference,), (below,) = place_of(drawn, "red"), place_of(drawn, "lime")
    (first,), (second,), (other,) = (place_of(drawn, colour) for colour in ("blue", "yellow", "magenta"))
    assert reference[0] == below[0] < first[0] == second[0] < other[0]
    assert reference[1] == first[1] == other[1] < below[1] == second[1]
    assert below[1] - reference[1] >= SIDE


def test_words_need_room_and_can_be_left_out(figure_yaml):
    faces = Faces([COLOURS["red"]] * 2, {"A": [COLOURS["blue"]] * 2})
    with_words = draw(read_figure(figure_yaml()), faces)
    without = draw(read_figure(figure_yaml(words=False)), faces)
    assert without.width < with_words.width
    assert (np.asarray(with_words) < 128).any(-1).sum() > (np.asarray(without) < 128).any(-1).sum()


def test_people_stand_below_each_other(figure_yaml):
    file = figure_yaml(layout="people", reference_seed=[3, 4], cases=[{"aus": "15"}, {"aus": "15,17"}])
    figure = read_figure(file)
    faces = Faces(
        [COLOURS["red"], COLOURS["red"], COLOURS["lime"], COLOURS["lime"]],
        {"A": [COLOURS[name] for name in ("blue", "yellow", "magenta", "cyan")]},
    )
    drawn = draw(figure, faces)
    places = {name: place_of(drawn, name) for name in COLOURS}
    assert all(len(each) == 1 for each in places.values())
    assert places["red"][0][1] == places["blue"][0][1] == places["yellow"][0][1] < places["lime"][0][1]
    assert places["blue"][0][0] == places["magenta"][0][0] < places["yellow"][0][0] == places["cyan"][0][0]


def test_tiles_begin_with_the_reference_and_break_into_rows(figure_yaml):
    figure = read_figure(figure_yaml(layout="tiles", columns=2, cases=[{"aus": "7"}, {"aus": "7,10"}]))
    drawn = draw(figure, Faces([COLOURS["red"]] * 2, {"A": [COLOURS["blue"], COLOURS["lime"]]}))
    (reference,), (first,), (second,) = (place_of(drawn, name) for name in ("red", "blue", "lime"))
    assert reference[1] == first[1] < second[1]
    assert reference[0] == second[0] < first[0]


@pytest.mark.parametrize("width", [60, 120, 330])
def test_no_line_is_wider_than_its_column(width):
    font = ImageFont.load_default(15)
    text = "AU6+AU7+AU10+AU12+AU14+AU15 The corners of the lips are pulled back and up, and the cheeks are raised."
    lines = _lines(text, width, font)
    words = max(font.getlength(word) for word in re.split(r"[ +]", text)) + font.getlength("+")
    assert all(font.getlength(line) <= max(width, words) for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_figure_is_made_of_models_folders_and_truth_and_goes_on(figure_yaml, model, tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    COLOURS["blue"].save(tmp_path / "pictures" / "case_01.png")
    systems = {"Away": "no/such/model", "Model": str(model), "Theirs": str(tmp_path / "pictures"), "True": "truth"}
    words = ["figure", "--config", figure_yaml(systems=systems), "--output", str(tmp_path / "drawn.png")]
    assert cli.main(words) == 0
    error = capsys.readouterr().err
    assert "Away is left out: " in error
    assert "Theirs has no picture of 1 of 2 cases." in error
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert len(place_of(drawn.convert("RGB"), "blue")) == 1
        wide = drawn.width
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "drawn" / "model").glob("*.png")}
    assert len(made) == 2
    assert cli.main([*words, "--systems.Theirs", "null"]) == 0
    assert {file: file.stat().st_mtime_ns for file in made} == made
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.width == wide - SIDE - 10


def test_a_system_of_others_takes_part(figure_yaml, tmp_path):
    import sys

    (tmp_path / "copy.py").write_text("import shutil, sys; shutil.copy(*sys.argv[1:])")
    declared = {
        "name": "Copier", "command": "{python} -S {home}/copy.py {reference} {picture}", "home": str(tmp_path),
        "python": sys.executable, "takes": {"reference": True, "text": True},
    }  # fmt: skip
    (tmp_path / "copier.yaml").write_text(json.dumps(declared))
    file = figure_yaml(systems={"Copier": str(tmp_path / "copier.yaml"), "Copied": "reference"})
    assert cli.main(["figure", "--config", file, "--output", str(tmp_path / "drawn.png")]) == 0
    folder = tmp_path / "drawn" / "copier"
    for name in ("case_01.png", "case_02.png"):
        with Image.open(folder / name) as made, Image.open(folder / "references" / name) as reference:
            assert np.array_equal(np.asarray(made), np.asarray(reference))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layout": "rows"}, "layout must be one of systems, people, tiles, got 'rows'"),
        ({"systems": {}}, "systems must name one at least"),
        ({"cases": []}, "cases must be a list of one at least"),
        ({"cases": [{"aus": 12}]}, "aus must be text"),
        ({"cases": [{"aus": "6,12", "refrence": "x"}]}, "Did you mean 'reference'"),
        ({"cases": [{"aus": "99"}]}, "99"),
        ({"colums": 3}, "Did you mean 'columns'"),
    ],
)
def test_what_can_not_be_meant_is_refused(figure_yaml, changes, said):
    with pytest.raises(UserError, match=r"figure\.yaml") as raised:
        read_figure(figure_yaml(**changes))
    assert said in str(raised.value)


def test_nothing_at_hand_is_an_error(figure_yaml, tmp_path, capsys):
    words = ["figure", "--config", figure_yaml(systems={"Away": "no/such"}), "--output", str(tmp_path / "drawn.png")]
    assert cli.main(words) == 2
    assert "one at least, and none is" in capsys.readouterr().err
    assert cli.main([*words[:-1], "drawn.jpg"]) == 2
    assert "output must be a .png file" in capsys.readouterr().err
