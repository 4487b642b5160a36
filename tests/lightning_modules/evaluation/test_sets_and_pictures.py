"""Frames of a test set, pictures of others, systems: chosen, found, refused."""

from __future__ import annotations

import shutil

import pytest
import torch
from PIL import Image

from lightning_modules.evaluation.data import data_config
from lightning_modules.evaluation.evaluation_set import EvaluationSet
from lightning_modules.evaluation.invented import invent, shown_sets
from lightning_modules.evaluation.outside import PicturesError, found_files, read_manifest
from lightning_modules.evaluation.pictures import requested_files
from lightning_modules.evaluation.systems import find_systems
from zoo.facs.allocation import aus_of, code_of, codes_of
from zoo.facs.composer import Composer
from zoo.facs.parsing import read


def test_more_frames_are_the_same_ones_and_more(data):
    few, many = (EvaluationSet("seen", data, num_images=count, seed=3) for count in (2, 5))
    assert set(few.names) < set(many.names)
    assert len(many) == 5
    assert few.rows == sorted(few.rows)
    assert EvaluationSet("seen", data, num_images=5, seed=4).rows != many.rows


def test_batches_are_the_frames_that_the_labels_are_of(frames):
    seen = [
        (place, source)
        for places, batch in frames.batches(4)
        for place, source in zip(places, batch["source"], strict=True)
    ]
    assert seen == list(enumerate(frames.labels.source))
    ((places, batch),) = frames.batches(4, [5, 1])
    assert batch["source"] == [frames.labels.source[place] for place in places]


def test_groups_are_what_facs_says(frames):
    groups = {name: torch.nonzero(mask)[:, 0].tolist() for name, mask in frames.groups().items()}
    # at rest, 6+12, 12+15, 1+4, 17, 10+17+23
    assert groups == {
        "all": [0, 1, 2, 3, 4, 5],
        "conflicting": [2, 3, 5],
        "compatible": [1],
        "interacting": [1, 2, 3, 5],
    }


def test_invented_sets_are_none_that_the_data_shows(data, frames):
    shown = shown_sets(data)
    assert shown == {code_of(aus) for aus in [(), (6, 12), (12, 15), (1, 4), (17,), (10, 17, 23)]}
    found = invent(frames.labels, shown, frames.composer, seed=1)
    codes = codes_of(found.occurrence.numpy()).tolist()
    assert not shown & set(codes)
    assert len(set(codes)) == 6
    # as many AUs as the frames have; at rest is shown, so one AU at least
    assert sorted(found.occurrence.sum(1).tolist()) == [1, 1, 2, 2, 2, 3]
    assert found.subject == frames.labels.subject
    assert [tuple(label.number for label in read(text).labels) for text in found.prompt] == list(map(aus_of, codes))
    assert invent(frames.labels, shown, frames.composer, seed=1).prompt == found.prompt


def test_where_every_set_is_shown_none_can_be_invented(frames):
    with pytest.raises(ValueError, match="shows every set"):
        invent(frames.labels, set(range(4096)), frames.composer)


def test_a_stranger_is_somebody_else(frames):
    people = frames.labels.subject
    assert all(people[other] != people[place] for place, other in enumerate(frames.strangers().tolist()))


def test_prompts_are_in_the_style_that_is_asked_for(frames):
    short, full = (frames.prompts(Composer(style=style)) for style in ("short", "full"))
    assert len(short) == 6
    assert sum(map(len, short)) < sum(map(len, full))
    assert frames.prompts(frames.composer) == frames.labels.prompt


def test_the_file_of_a_picture_tells_the_request(frames, tmp_path):
    prompts = frames.labels.prompt
    files = requested_files(tmp_path, frames, prompts)
    assert len(set(files)) == 6
    other = requested_files(tmp_path, frames, ["Another text.", *prompts[1:]])
    assert other[0] != files[0]
    assert other[1:] == files[1:]


@pytest.fixture
def made(frames, tmp_path):
    """A grey picture for each frame."""
    for name in frames.names:
        Image.new("RGB", (40, 40), "grey").save(tmp_path / f"{name}.png")
    return tmp_path


def test_pictures_are_found_by_name_and_by_manifest(frames, made):
    by_name = found_files(made, frames)
    lines = [f"{name},{name}.png" for name in reversed(frames.names)]
    (made / "manifest.csv").write_text("\n".join(["frame,image", *lines]))
    assert found_files(made, frames) == found_files(made / "manifest.csv", frames) == by_name


def test_missing_pictures_are_named(frames, made):
    (made / f"{frames.names[1]}.png").unlink()
    with pytest.raises(PicturesError, match=f"1 are missing: {frames.names[1]}"):
        found_files(made, frames)


def test_pictures_of_mixed_sizes_are_refused(frames, made):
    Image.new("RGB", (41, 41)).save(made / f"{frames.names[2]}.png")
    with pytest.raises(PicturesError, match=r"of one size, got 40 x 40 .* and 41 x 41"):
        found_files(made, frames)


def test_pictures_that_are_not_square_are_refused(frames, made):
    for name in frames.names:
        Image.new("RGB", (40, 50)).save(made / f"{name}.png")
    with pytest.raises(PicturesError, match="must be square, got 40 x 50"):
        found_files(made, frames)


def test_what_is_no_picture_is_refused(frames, made):
    (made / f"{frames.names[0]}.png").write_text("no picture")
    with pytest.raises(PicturesError, match="must be a picture that can be read"):
        found_files(made, frames)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,image\na,b.png\n", "must have a column 'frame'"),
        ("frame,image\na,\n", "line 2: frame and image must not be empty"),
        ("frame,image\na,b.png\na,c.png\n", "line 3: frame 'a' must be named once"),
        ("", "got none"),
    ],
)
def test_a_wrong_manifest_is_told(tmp_path, text, said):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(PicturesError, match=said):
        read_manifest(tmp_path / "manifest.csv")


def test_systems_without_names_are_named_as_briefly_as_tells_them_apart(models, tmp_path):
    for name in ("x/run", "y/run"):
        shutil.copytree(models / "one", tmp_path / name)
    names = [system.name for system in find_systems([str(tmp_path / "x/run"), str(tmp_path / "y/run")])]
    assert names == ["x/run", "y/run"]


def test_wildcards_are_one_system(models, tmp_path):
    for seed in range(3):
        shutil.copytree(models / "one", tmp_path / f"text_{seed}")
    (system,) = find_systems({"text": str(tmp_path / "text_*")})
    assert [member.path.name for member in system.members] == ["text_0", "text_1", "text_2"]


def test_models_and_pictures_are_no_one_system(models, made):
    with pytest.raises(ValueError, match="got some of each"):
        find_systems({"a": [str(models / "one"), str(made)]})


def test_an_empty_folder_is_no_system(tmp_path):
    with pytest.raises(ValueError, match="has neither"):
        find_systems({"a": str(tmp_path)})


def test_the_data_is_that_of_the_first_run_by_default(models, tmp_path):
    shutil.copytree(models / "one", tmp_path / "run" / "checkpoints")
    (tmp_path / "run" / "config.yaml").write_text("data: {class_path: a.B, init_args: {interaction: 0.0}}")
    config, said_in = data_config(None, find_systems({"a": str(models / "one"), "b": str(tmp_path / "run")}))
    assert config == {"class_path": "a.B", "init_args": {"interaction": 0.0}}
    assert "config.yaml" in said_in
    config, _ = data_config(None, find_systems({"a": str(models / "one")}))
    assert config["class_path"].endswith("ProceduralFacesDataModule")
