"""What is wrong with a data set or with how its builder is called: counted, named or refused."""

import csv
import os

import pytest
from PIL import Image

from datamodules.au_text_folder import AUTextFolder
from datamodules.builders import building
from datamodules.builders.au_text import build_bp4d
from datamodules.builders.output_folder import OutputFolderError
from datamodules.builders.sources.base import DatasetError
from tests.datamodules.builders.builds import build, content


@pytest.mark.usefixtures("quick")
def test_corrupt_and_missing_images_are_counted_and_named(plain, tmp_path, capsys):
    root, expected = plain
    build(root, tmp_path / "out")
    with (tmp_path / "out" / "problems.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["where"] for row in rows if row["kind"] == "unreadable image"} == expected["bp4d"].corrupt
    assert any("1083" in row["where"] for row in rows if row["kind"] == "missing image")
    assert "1 (unreadable image)" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_problems_are_refused_where_asked(trees, tmp_path):
    trees.make_bp4d(tmp_path / "BP4D", landmarks=False)
    with pytest.raises(DatasetError, match=r"there must be no \w+ \w+, got"):
        build(tmp_path, tmp_path / "out", on_problem="refuse")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("quick")
def test_a_corrupt_image_ends_a_strict_build_that_goes_on_when_it_is_repaired(tmp_path):
    for name, color in (("a", 50), ("b", 90), ("c", 130)):
        Image.new("RGB", (40, 40), (color, 0, 0)).save(tmp_path / f"{name}.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "labels.csv").write_text("image,subject,AU12\na.png,x,0\na.png,x,1\nb.png,x,1\nc.png,x,1\n")
    (tmp_path / "b.png").write_bytes(whole[:60])
    from datamodules.builders.au_text import build_manifest

    options = {"output": str(tmp_path / "out"), "size": 32, "detector": "whole_image", "workers": 1}
    with pytest.raises(DatasetError, match=r"/x/2: there must be no unreadable image.*b\.png"):
        build_manifest(str(tmp_path / "labels.csv"), on_problem="refuse", **options)
    (tmp_path / "b.png").write_bytes(whole)
    build_manifest(str(tmp_path / "labels.csv"), on_problem="refuse", **options)
    assert len(AUTextFolder(tmp_path / "out")) == 3


@pytest.mark.usefixtures("quick")
def test_other_arguments_are_refused_before_and_after_the_build_is_done(plain, tmp_path, monkeypatch, capsys):
    root, _ = plain
    real = building._crop

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "_crop", stop)
    with pytest.raises(KeyboardInterrupt):
        build(root, tmp_path / "out")
    monkeypatch.setattr(building, "_crop", real)
    with pytest.raises(OutputFolderError, match=r"out\.partial must be an unfinished data set of the same arguments"):
        build(root, tmp_path / "out", seed=1)
    build(root, tmp_path / "out")
    before = content(tmp_path / "out")
    with pytest.raises(OutputFolderError, match="holds a data set of other arguments"):
        build(root, tmp_path / "out", quality=90)
    capsys.readouterr()
    build(root, tmp_path / "out")
    assert "nothing to do" in capsys.readouterr().out
    assert content(tmp_path / "out") == before
    build(root, tmp_path / "out", quality=90, overwrite=True)
    assert content(tmp_path / "out") != before


@pytest.mark.usefixtures("quick")
def test_a_data_set_without_landmarks_asks_for_a_detector(plain, tmp_path):
    root, _ = plain
    with pytest.raises(DatasetError, match=r"neither landmarks nor boxes.*--detector mtcnn"):
        build(root, tmp_path / "out", detector=None)


@pytest.mark.usefixtures("quick")
def test_landmarks_that_are_no_face_are_problems(trees, tmp_path):
    trees.make_bp4d(tmp_path / "BP4D")  # plain colours come with a grid of points
    with pytest.raises(DatasetError, match="there must be frames whose face can be cropped"):
        build_bp4d(str(tmp_path / "BP4D"), output=str(tmp_path / "out"), size=32, workers=1)


@pytest.mark.usefixtures("quick")
def test_wrong_options_are_refused_before_anything_is_written(plain, tmp_path):
    root, _ = plain
    for options, reason in (
        ({"workers": 0}, "workers must be at least 1"),
        ({"size": 0}, "size must be at least 1"),
        ({"quality": 101}, "quality must be from 1 to 100"),
        ({"detector": "viola"}, "name must be one of mtcnn"),
        ({"validation_share": 0.6, "test_share": 0.4}, "together below 1"),
    ):
        with pytest.raises(ValueError, match=reason):
            build(root, tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(plain, tmp_path):
    root, _ = plain
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFolderError, match="must be where files can be written"):
        build(root, tmp_path / "out")
