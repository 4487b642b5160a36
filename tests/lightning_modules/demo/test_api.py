"""Answers: the same faces as the command makes, what is explained, and what is refused."""

from __future__ import annotations

import base64
import io
import json
import shlex

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import cli
from lightning_modules.cli.synthesis_references import procedural_reference
from lightning_modules.demo.api import Demo
from lightning_modules.demo.model import DemoModel
from lightning_modules.demo.requests import RequestError, read_request
from zoo.facs import AUS
from zoo.images import to_uint8

QUICK = {"steps": 2}


def image_of(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def pixels_of(uri):
    return np.asarray(image_of(uri).convert("RGB"))


def as_pixels(image):
    return to_uint8(image).permute(1, 2, 0).numpy()


def a_picture(size=(48, 40), *, kind="PNG", mode="RGB"):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise, mode).save(stream, format=kind)
    return stream.getvalue()


def sent(file):
    return {"picture": base64.b64encode(file).decode()}


def test_a_pipeline_without_a_text_encoder_is_asked_for_what_it_takes(edits):
    about = edits.about()
    assert about["settings"] == []
    assert {"singles", "intensities"} <= set(about["grids"])
    assert "seeds" not in about["grids"]
    (model,) = about["models"]
    assert (model["reads"], model["intensity"]) == ("labels", "numbers")
    (described,) = edits.describe({"aus": "6,12:C"})["prompts"]
    assert described["prompt"] == "AU6,AU12:C"
    (described,) = edits.describe({"text": "The lip corners are drawn down."})["prompts"]
    assert described["prompt"] == "AU15"
    assert "reads AUs, not texts" in described["notes"][0]


def test_a_pipeline_without_a_generator_makes_faces_and_parts_of_faces(edits, tmp_path):
    def pixels(**content):
        return pixels_of(edits.synthesize({"aus": "12:E", "reference": {"face": 3}, **content})["faces"][0]["image"])

    whole, rest = pixels(), as_pixels(procedural_reference(3, size=32))
    assert np.array_equal(whole, pixels(seed=5))
    assert not np.array_equal(whole, pixels(aus="12:A"))
    part = pixels(only="mouth")
    assert np.array_equal(part[:16], rest[:16])
    assert np.array_equal(part[24:], whole[24:])
    face = edits.synthesize({"aus": "12:E", "only": "mouth", "reference": {"face": 3}})["faces"][0]
    words = shlex.split(face["command"])
    words[words.index("--output") + 1] = str(tmp_path / "face.png")
    assert cli.main([*words[2:], "--recognizer", "null"]) == 0
    assert np.array_equal(part, np.asarray(Image.open(tmp_path / "face.png")))


def test_linear_superposition_goes_by_labels(tmp_path, demo):
    from zoo.bundles import save_bundle
    from zoo.pipelines.linear_superposition import LinearSuperpositionPipeline

    save_bundle(LinearSuperpositionPipeline(demo.models[0].pipeline), tmp_path / "sum", card="untrained")
    model = DemoModel(str(tmp_path / "sum"), name="sum", device=torch.device("cpu"))
    assert model.about["settings"] == demo.models[0].about["settings"]
    answer = Demo([model]).synthesize({"aus": "6,12", "only": "mouth", **QUICK})
    assert answer["faces"][0]["gets"] == "AU6,AU12"


def test_stable_diffusion_tells_that_it_sees_nobody(tmp_path):
    pytest.importorskip("diffusers")
    from zoo.bundles import save_bundle
    from zoo.pipelines.stable_diffusion import StableDiffusionPipeline

    save_bundle(StableDiffusionPipeline(size="tiny"), tmp_path / "tiny", card="untrained")
    model = DemoModel(str(tmp_path / "tiny"), name="tiny", device=torch.device("cpu"))
    answer = Demo([model]).synthesize({"aus": "12", **QUICK})
    assert "never sees the person" in answer["faces"][0]["notes"][0]
    assert Demo([model]).about()["settings"] == ["seed", "steps", "text_guidance"]


def test_what_makes_no_faces_is_refused_with_what_does(places):
    with pytest.raises(ValueError, match=r"must be a pipeline, .* a MEFARGRecognizer") as refusal:
        DemoModel(str(places / "recognizer"), name="recognizer", device=torch.device("cpu"))
    assert all(str(places / name) in str(refusal.value) for name in ("words", "numbers", "edits"))
    assert "\n" not in str(refusal.value)


def test_every_model_can_be_tried_out(demo, edits):
    for model in (*demo.models, *edits.models):
        model.try_out()


@pytest.mark.parametrize(
    "content",
    [
        {"aus": "6,12", "reference": {"face": 3}, "seed": 5},
        {"text": "The lip corners are drawn down.", "seed": 1, "temperature": 1.0, "text_guidance": 1.5},
        {"aus": "12:C,L14", "only": "lower", "reference": {"face": 1}},
    ],
)
def test_faces_are_those_of_the_command_that_is_given(demo, content, tmp_path):
    answer = demo.synthesize({**QUICK, **content})
    for face in answer["faces"]:
        words = shlex.split(face["command"])
        assert words[:2] == ["python", "cli.py"]
        words[words.index("--output") + 1] = str(tmp_path / f"{face['model']}.png")
        assert cli.main([*words[2:], "--recognizer", str(demo.models[0].path).replace("words", "recognizer")]) == 0
        made = np.asarray(Image.open(tmp_path / f"{face['model']}.png"))
        assert np.array_equal(pixels_of(face["image"]), made)
        record = json.loads((tmp_path / f"{face['model']}.json").read_text())
        assert record["prompt"] == face["prompt"]
        assert record["read_back"] == pytest.approx(face["read_back"], abs=2e-3)


def test_a_procedural_face_comes_with_the_truth(demo):
    answer = demo.synthesize({"aus": "12", "reference": {"face": 7}, **QUICK})
    neutral = as_pixels(procedural_reference(7, size=32))
    assert np.array_equal(pixels_of(answer["reference"]["image"]), neutral)
    truth = pixels_of(answer["truth"]["image"])
    mouth, forehead = slice(20, 28), slice(0, 6)
    moved = np.abs(truth.astype(int) - neutral).mean((1, 2))
    assert moved[mouth].mean() > 5 * moved[forehead].mean()
    assert set(answer["faces"][0]["differences"]) == {"reference", "truth"}
    at_rest = demo.synthesize({"aus": "", "reference": {"face": 7}, **QUICK})
    assert np.array_equal(pixels_of(at_rest["truth"]["image"]), neutral)


def test_a_picture_is_cropped_and_has_no_truth(demo):
    file = a_picture((64, 32), mode="RGB")
    answer = demo.synthesize({"aus": "12", "reference": sent(file), **QUICK})
    assert answer["truth"] is None
    assert set(answer["faces"][0]["differences"]) == {"reference"}
    middle = np.asarray(Image.open(io.BytesIO(file)))[:, 16:48]
    assert np.array_equal(pixels_of(answer["reference"]["image"]), middle)
    assert "picture" not in json.dumps(answer["asked"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_kinds_of_pictures_that_are_read(demo, kind):
    assert demo.synthesize({"aus": "", "reference": sent(a_picture(kind=kind)), **QUICK})["faces"]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (b"", "whole PNG"),
        (b"<svg/>", "whole PNG"),
        (a_picture(kind="GIF"), "whole PNG"),
        (a_picture()[:200], "whole PNG"),
        (a_picture((10, 200)), "at least 16"),
        (b"x" * 1_500_001, "at most 1.5 MB"),
    ],
)
def test_pictures_that_are_refused(demo, file, told):
    with pytest.raises(RequestError, match=told):
        demo.synthesize({"aus": "", "reference": sent(file), **QUICK})


def test_pictures_with_very_many_pixels_are_refused_unread(demo):
    stream = io.BytesIO()
    Image.new("1", (6000, 6000)).save(stream, format="PNG")
    with pytest.raises(RequestError, match="at most 20 million pixels"):
        demo.synthesize({"aus": "", "reference": sent(stream.getvalue()), **QUICK})


def test_a_picture_of_one_colour_is_no_face(demo):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(stream, format="PNG")
    with pytest.raises(RequestError, match="one colour"):
        demo.synthesize({"aus": "", "reference": sent(stream.getvalue()), **QUICK})


def test_files_say_that_they_are_synthetic(demo):
    face = demo.synthesize({"aus": "6", **QUICK})["faces"][0]
    notes = image_of(face["image"]).text
    assert notes["synthetic"] == "true"
    assert notes["model_sha256"] == face["model_sha256"]
    assert json.loads(notes["asked"])["aus"] == "AU6"


def test_conflicts_are_explained(demo):
    answer = demo.describe({"aus": "6,12,15"})
    assert [each["pair"] for each in answer["conflicts"]] == [[12, 15]]
    assert "combination 6 + 12 + 15" in answer["conflicts"][0]["text"]
    assert demo.describe({"aus": "6,12"})["conflicts"] == []
    apart = demo.describe({"aus": "2,4,12,23"})["conflicts"]
    assert [each["pair"] for each in apart] == [[2, 4], [12, 23]]


def test_a_text_is_read_and_its_doubts_are_told(demo):
    answer = demo.describe({"text": "The lip corners are drawn down and the jaw drops."})
    assert answer["aus"] == "AU15"
    assert answer["reading"]["findings"]
    nothing = demo.describe({"text": "Lorem ipsum."})
    assert nothing["aus"] == ""
    assert "No AU can be read" in nothing["reading"]["how"]
    assert demo.synthesize({"text": "Lorem ipsum.", **QUICK})["truth"] is None


def test_a_model_without_intensities_says_so(demo):
    first, second = demo.describe({"aus": "12:C"})["prompts"]
    assert "not how strongly" in first["notes"][0]
    assert second["notes"] == []
    plain = demo.synthesize({"aus": "12", **QUICK})["faces"]
    strong = demo.synthesize({"aus": "12:E", **QUICK})["faces"]
    assert np.array_equal(pixels_of(plain[0]["image"]), pixels_of(strong[0]["image"]))


def test_one_of_two_models_can_be_asked(demo):
    assert [face["model"] for face in demo.synthesize({"aus": "", "models": ["numbers"], **QUICK})["faces"]] == [
        "numbers"
    ]
    with pytest.raises(RequestError, match="There are: words, numbers"):
        demo.synthesize({"aus": "", "models": ["other"], **QUICK})


def test_without_a_recogniser_nothing_is_read_back(demo):
    answer = Demo(demo.models[:1]).synthesize({"aus": "12", **QUICK})
    assert answer["recognizer"] is None
    assert answer["faces"][0]["read_back"] is None


@pytest.mark.parametrize(
    ("kind", "aus", "captions"),
    [
        ("singles", "6", ["at rest", *(f"AU{au}" for au in AUS)]),
        ("toggles", "6,12:C", ["as set", *(f"{'without' if au in (6, 12) else 'with'} AU{au}" for au in AUS)]),
        ("seeds", "6", [f"seed {seed}" for seed in range(8)]),
        ("intensities", "6", ["at rest", *(f"intensity {letter}" for letter in "ABCDE")]),
    ],
)
def test_grids(demo, kind, aus, captions):
    answer = demo.grid({"aus": aus, "kind": kind, "models": ["words"], "steps": 1})
    assert [cell["caption"] for cell in answer["cells"]] == captions
    assert all(cell["truth"] and len(cell["faces"]) == 1 for cell in answer["cells"])


def test_a_cell_of_a_grid_is_the_face_itself(demo):
    cells = demo.grid({"aus": "6,12:C", "kind": "toggles", "reference": {"face": 2}, "seed": 3, **QUICK})["cells"]
    for cell in (cells[1], cells[7]):
        alone = demo.synthesize({"aus": cell["aus"], "reference": {"face": 2}, "seed": 3, **QUICK})
        for one, other in zip(cell["faces"], alone["faces"], strict=True):
            assert np.array_equal(pixels_of(one["image"]), pixels_of(other["image"]))
        assert np.array_equal(pixels_of(cell["truth"]), pixels_of(alone["truth"]["image"]))


def test_the_grid_of_two_dimensions_has_every_pair(demo):
    cells = demo.grid({"aus": "", "kind": "upper_lower", "models": ["words"], "steps": 1})["cells"]
    assert len({(cell["row"], cell["column"]) for cell in cells}) == len(cells) == 30
    assert (
        next(cell for cell in cells if (cell["row"], cell["column"]) == ("AU1 + 4", "AU12 + 15"))["aus"]
        == "AU1,AU4,AU12,AU15"
    )


def test_a_grid_over_intensities_needs_an_au(demo):
    with pytest.raises(RequestError, match="needs an AU"):
        demo.grid({"aus": "", "kind": "intensities"})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "either AUs"),
        ({"aus": "12", "text": "x"}, "either AUs"),
        ({"aus": 12}, "aus must be text"),
        ({"aus": "99"}, "99"),
        ({"aus": "twelve"}, "twelve"),
        ({"aus": "12:C,12:D"}, "one intensity"),
        ({"text": " \x00\u200b "}, "empty"),
        ({"text": "x" * 2001}, "at most 2000"),
        ({"aus": "", "seed": -1}, "seed must be"),
        ({"aus": "", "seed": 1.5}, "seed must be a whole number"),
        ({"aus": "", "seed": True}, "seed must be"),
        ({"aus": "", "steps": 10**400}, "steps must be"),
        ({"aus": "", "temperature": float("nan")}, "temperature must be"),
        ({"aus": "", "text_guidance": "2"}, "text guidance must be"),
        ({"aus": "", "only": "nose"}, "brows, eyes"),
        ({"aus": "", "only": ["mouth"]}, "brows, eyes"),
        ({"aus": "", "models": []}, "list of names"),
        ({"aus": "", "kind": {}}, "singles"),
        ({"aus": "", "ticket": "../x"}, "ticket"),
        ({"aus": "", "reference": {"face": -1}}, "from 0 to"),
        ({"aus": "", "reference": {"face": 0.5}}, "from 0 to"),
        ({"aus": "", "reference": {"picture": "%%"}}, "base64"),
        ({"aus": "", "reference": {"path": "/etc/passwd"}}, "either face"),
        ({"aus": "", "reference": []}, "JSON object"),
        ({"aus": "", "colour": 1}, "means nothing here"),
        ([], "JSON object"),
    ],
)
def test_nonsense_is_refused_politely(content, told):
    with pytest.raises(RequestError, match=told):
        read_request(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["aus", "text", "reference", "seed", "steps", "temperature", "only", "models", "ticket", "kind"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS | st.text(max_size=5), JSON, max_size=5) | JSON)
def test_whatever_comes_is_read_or_refused(content):
    try:
        request = read_request(content)
    except RequestError as error:
        json.dumps({"error": str(error)}, ensure_ascii=False).encode()  # it can be told
    else:
        assert 0 <= request.seed < 2**31


def test_grades_of_the_truth_are_those_of_the_world():
    from lightning_modules.demo.truth import activation_of
    from zoo.faces import intensity_of
    from zoo.facs.labels import AULabel

    for grade in range(1, 6):
        activation = activation_of([AULabel(12, intensity=grade), AULabel(14, intensity=grade, side="L")])
        intensity = intensity_of(activation)
        assert intensity[:, AUS.index(12)].tolist() == [grade, grade]
        assert intensity[:, AUS.index(14)].tolist() == [0, grade]  # the person's left is the image's right


def test_maps_of_differences_are_black_where_nothing_differs():
    from lightning_modules.demo.pictures import difference, mean_difference

    one = torch.zeros(3, 4, 4)
    other = one.clone()
    other[1, 0, 0] = 1.0
    other[1, 0, 1] = 0.25
    found = np.asarray(Image.open(io.BytesIO(difference(one, other)))).astype(int).sum(-1)
    assert found[0, 0] == 252 + 255 + 190
    assert 0 < found[0, 1] < found[0, 0]
    assert found[1:].max() == 0
    assert mean_difference(one, other) == pytest.approx(1.25 / 48 / 2)
