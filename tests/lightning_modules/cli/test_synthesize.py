"""The command that makes faces: cases, files, resuming, refusals."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

import cli
import zoo
from lightning_modules.cli import synthesize as command
from lightning_modules.cli.studio import Studio
from lightning_modules.cli.synthesis_cases import SynthesisCase, read_cases
from lightning_modules.cli.synthesis_intensity import intensity_reading
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.generators.depth import DepthGenerator
from zoo.pipelines.au_face import AUFacePipeline
from zoo.quantizers.residual import ResidualQuantizer
from zoo.recognizers.mefarg import MEFARGRecognizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder
from zoo.text_encoders.compact import CompactTextEncoder


def make_pipeline(text_encoder):
    """Give an untrained model of stage II; the same weights but for its text encoder's."""
    torch.manual_seed(0)
    codec = ResidualVQGANCodec(
        ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8),
        channels=8,
        channel_multipliers=[1],
        num_residual_blocks=1,
        patch_size=8,
        attention=False,
    )
    codec(torch.rand(8, 3, 32, 32) * 2 - 1)  # codebooks start from data
    backbone = CompactBackbone(widths=[4, 8], num_blocks=[1, 1])
    pipeline = AUFacePipeline(
        codec,
        text_encoder=text_encoder,
        fusion=AUCrossAttentionFusion(text_dim=8, appearance_dim=8, dim=8, num_heads=2),
        generator=DepthGenerator(
            rows=4, cols=4, num_levels=2, codebook_size=8, context_dim=8, dim=16, num_layers=1, num_heads=2
        ),
        appearance=CompactAppearanceFaceEncoder(backbone, dim=8),
        image_size=32,
        prompt_style="short",
    )
    with torch.no_grad():  # what starts at zero would keep the text from the picture
        for weights in (*pipeline.fusion.parameters(), *pipeline.generator.parameters()):
            weights += torch.randn_like(weights)
    return pipeline


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Untrained models of stage II and an untrained recogniser, as bundles.

    ``model`` knows no intensities, ``words`` says of its data that prompts have them, ``numbers`` reads them as labels.
    """
    place = tmp_path_factory.mktemp("models")
    pipeline = make_pipeline(CompactTextEncoder(dim=8, num_layers=1, num_heads=2, num_hashes=64))
    save_bundle(pipeline, place / "model", card="untrained")
    prompts = {"class_path": "zoo.facs.composer.Composer", "init_args": {"style": "short", "word_intensity": True}}
    data = {"class_path": "datamodules.procedural_faces.ProceduralFacesDataModule", "init_args": {"prompts": prompts}}
    save_bundle(pipeline, place / "words", card="untrained", metadata={"data": data})
    labels = make_pipeline(AULabelsTextEncoder(dim=8, length=4, hidden_dim=8, with_intensity=True))
    save_bundle(labels, place / "numbers", card="untrained")
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    save_bundle(recognizer, place / "recognizer", card="untrained")
    return place


@pytest.fixture
def run(models):
    """Call the command with these models."""

    def call(*words, model="model"):
        options = ["--model", str(models / model), "--recognizer", str(models / "recognizer"), "--steps", "2"]
        return cli.main(["synthesize", *options, *map(str, words)])

    return call


def pixels(file):
    return np.asarray(Image.open(file))


def test_a_picture_and_what_is_known_of_it(run, tmp_path, capsys):
    assert run("--aus", "6,12", "--output", tmp_path / "a.png") == 0
    record = json.loads((tmp_path / "a.json").read_text())
    assert pixels(tmp_path / "a.png").shape == (32, 32, 3)
    assert record["aus"] == ["AU6", "AU12"]
    assert record["prompt"] in capsys.readouterr().out
    assert set(record["read_back"]) >= {"AU6", "AU12"}
    assert record["asked"] == {"reference_seed": 0, "aus": "6,12", "seed": 0}


def test_a_picture_says_itself_that_it_was_synthesised(run, tmp_path):
    run("--aus", "6,12", "--output", tmp_path / "a.png")
    record = json.loads((tmp_path / "a.json").read_text())
    with Image.open(tmp_path / "a.png") as picture:
        written = dict(picture.text)
    kinds = [
        value for each in ElementTree.fromstring(written["XML:com.adobe.xmp"]).iter() for value in each.attrib.values()
    ]
    assert "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" in kinds
    assert written["synthetic"] == "true"
    assert written["model_sha256"] == record["model_sha256"]
    assert written["prompt"] == record["prompt"]
    assert str(tmp_path) not in str(written)  # nobody's file names


def test_the_same_request_gives_the_same_picture_alone_and_in_company(run, tmp_path):
    run("--aus", "6,12", "--seed", "5", "--output", tmp_path / "a.png")
    job = tmp_path / "job.csv"
    job.write_text('name,aus,seed\nfirst,1,1\nsame,"6,12",5\n')
    run("--job", job, "--output", tmp_path / "many")
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "many" / "same.png"))


def test_a_job_goes_on_where_it_stopped(run, tmp_path, capsys):
    job = tmp_path / "job.yaml"
    job.write_text("- {aus: '6,12'}\n- {aus: '15', reference_seed: 1}\n- {text: The brows are drawn together.}\n")
    run("--job", job, "--output", tmp_path, "--grid")
    names = sorted(file.name for file in tmp_path.glob("*.png"))
    assert "face0_6+12.png" in names
    assert "grid.png" in names
    (tmp_path / "face1_15.png").unlink()
    before = (tmp_path / "face0_6+12.png").stat().st_mtime_ns
    capsys.readouterr()
    run("--job", job, "--output", tmp_path)
    assert "1 faces made, 2 there already" in capsys.readouterr().out
    assert (tmp_path / "face0_6+12.png").stat().st_mtime_ns == before


def test_a_picture_of_another_request_is_not_replaced_unasked(run, tmp_path, capsys):
    file = tmp_path / "a.png"
    run("--aus", "6,12", "--output", file)
    before = pixels(file)
    assert run("--aus", "15", "--seed", "3", "--output", file) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert np.array_equal(pixels(file), before)
    assert run("--aus", "15", "--seed", "3", "--output", file, "--overwrite") == 0
    assert not np.array_equal(pixels(file), before)


def test_only_a_part_is_drawn_anew(models):
    from lightning_modules.cli.synthesis_references import procedural_reference
    from zoo.pipelines.editing import kept_cells

    pipeline = zoo.load(models / "model")
    references = procedural_reference(0, size=32)[None]
    keep = kept_cells("lower", rows=4, cols=4)[None]
    tokens = pipeline.synthesize(references, ["The lip corners are lowered."], keep=keep).tokens
    own = pipeline.codec.tokenize(references)
    assert torch.equal(tokens[:, :, :2], own[:, :, :2])
    assert not torch.equal(tokens[:, :, 2:], own[:, :, 2:])


def test_drawing_a_part_anew_is_another_request(run, tmp_path):
    run("--aus", "15", "--output", tmp_path / "whole.png")
    run("--aus", "15", "--only", "lower", "--output", tmp_path / "part.png")
    assert json.loads((tmp_path / "part.json").read_text())["asked"]["only"] == "lower"
    assert not np.array_equal(pixels(tmp_path / "whole.png"), pixels(tmp_path / "part.png"))


def test_a_reference_picture_is_cropped_to_its_face(run, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "who.png")
    assert run("--aus", "6", "--reference", tmp_path / "who.png", "--output", tmp_path / "a.png") == 0
    assert "reference_sha256" in json.loads((tmp_path / "a.json").read_text())["asked"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "a.png"], "either aus or text, got neither"),
        (["--aus", "6", "--text", "x", "--output", "a.png"], "either aus or text, got both"),
        (["--aus", "6", "--output", "a.jpg"], "output must be a .png file"),
        (["--aus", "6,99", "--output", "a.png"], "99"),
        (["--aus", "6", "--reference", "none.png", "--output", "a.png"], "got 'none.png', which is no file"),
        (["--aus", "6", "--reference", ".", "--output", "a.png"], "got '.', which is no file"),
        (["--aus", "6", "--device", "tpu", "--output", "a.png"], "device: must be auto or one of cpu"),
        (["--aus", "6", "--reference", "flat.png", "--output", "a.png"], "must show a face"),
        (["--aus", "6", "--detector", "nobody", "--output", "a.png"], "must be one of"),
        (["--aus", "6", "--steps", "0", "--output", "a.png"], "steps"),
        (["--aus", "6", "--intensity", "6", "--output", "a.png"], "intensity must be from 0 to 5"),
        (["--aus", "6", "--intensity", "1..9", "--output", "a"], "intensity must be from 0 to 5"),
        (
            ["--aus", "6", "--intensity", "strong", "--output", "a.png"],
            "or several such as 0..5 or 1,3,5, got 'strong'",
        ),
        (["--aus", "6", "--intensity", "0..5", "--output", "a.png"], "a folder for several intensities"),
        (["--text", "x", "--intensity", "2", "--output", "a.png"], "intensity goes with aus"),
        (["--aus", "6", "--intensity", "2", "--output", "a.png"], "got 2: it was trained on which AUs act"),
        (["--aus", "6,12:C", "--output", "a.png"], "got AU12:C: it was trained on which AUs act"),
        (["--job", "none.csv", "--output", "many"], "does not exist"),
        (["--job", "none.csv", "--aus", "6", "--output", "many"], "a job's cases bring their own"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(run, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), "grey").save("flat.png")
    assert run(*words) == 2
    assert message in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["flat.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("aus,when\n6,now\n", "line 2: fields must be among .*'when'"),
        ("aus,seed\n6,x\n", "line 2: .*'x'"),
        ("aus\n6\n99\n", "line 3: .*got 99"),
        ("aus\n6\n6\n", "line 3: name must be a case's own"),
        ("aus\n", "at least one case"),
        ("aus,only\n6,nose\n", "line 2: only must be one of"),
        ("aus,name\n6,../x\n", "line 2: name must be a file's name"),
        ("name,aus,text\nx,6,words\n", "line 2: .*got both"),
        ("aus,intensity\n6,7\n", "line 2: intensity must be from 0 to 5, got 7"),
        ("aus,intensity\n6,C\n", "line 2: .*'C'"),
    ],
)
def test_mistakes_in_a_job_name_the_line(tmp_path, content, message):
    job = tmp_path / "job.csv"
    job.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_cases(job)


def test_references_of_a_job_are_beside_it(tmp_path):
    job = tmp_path / "job.csv"
    job.write_text("aus,reference\n6,who.png\n,\n")
    first, rest = read_cases(job)
    assert first.reference == str(tmp_path / "who.png")
    assert rest == SynthesisCase(name="face0_neutral", aus="")


def test_intensities_in_words_make_a_picture_each(run, tmp_path):
    assert run("--aus", "12", "--intensity", "0..5", "--output", tmp_path, "--grid", model="words") == 0
    names = [f"face0_12_intensity{grade}" for grade in range(6)]
    assert sorted(file.stem for file in tmp_path.glob("*.png")) == [*names, "grid"]
    records = [json.loads((tmp_path / f"{name}.json").read_text()) for name in names]
    assert [record["aus"] for record in records] == [[], *([f"AU12:{grade}"] for grade in "ABCDE")]
    prompts = [record["prompt"] for record in records]
    assert len(set(prompts)) == 6
    for prompt, words in zip(prompts[1:], ("a trace", "slight", "marked", "severe", "at its maximum"), strict=True):
        assert prompt.partition(" In strength, ")[0] == prompts[1].partition(" In strength, ")[0]
        assert words in prompt.partition(" In strength, ")[2]
    assert len({pixels(tmp_path / f"{name}.png").tobytes() for name in names}) > 1


def test_intensities_as_numbers_may_lie_between_the_grades(run, tmp_path):
    assert run("--aus", "6,12:E", "--intensity", "0.5", "--output", tmp_path / "a.png", model="numbers") == 0
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["asked"]["intensity"] == 0.5
    assert record["aus"] == ["AU6", "AU12:E"]
    strongly = ("--text-guidance", "4")  # the model is untrained
    assert run("--aus", "12:E", *strongly, "--output", tmp_path / "letter.png", model="numbers") == 0
    assert run("--aus", "12", "--intensity", "5", *strongly, "--output", tmp_path / "number.png", model="numbers") == 0
    assert run("--aus", "12", "--intensity", "0", *strongly, "--output", tmp_path / "none.png", model="numbers") == 0
    assert run("--aus", "", *strongly, "--output", tmp_path / "rest.png", model="numbers") == 0
    assert np.array_equal(pixels(tmp_path / "letter.png"), pixels(tmp_path / "number.png"))
    assert np.array_equal(pixels(tmp_path / "none.png"), pixels(tmp_path / "rest.png"))
    assert not np.array_equal(pixels(tmp_path / "number.png"), pixels(tmp_path / "rest.png"))


def test_what_words_cannot_say_is_refused(run, tmp_path, capsys):
    assert run("--aus", "12", "--intensity", "0.5", "--output", tmp_path / "a.png", model="words") == 2
    assert "intensity must be a whole number" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_says_itself_what_its_prompts_had(models, tmp_path):
    pipeline = zoo.load(models / "model")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.parent.mkdir(parents=True)
    last.touch()
    assert intensity_reading(str(last), pipeline) is None
    config = "data: {class_path: x, init_args: {prompts: {class_path: y, init_args: {word_intensity: true}}}}"
    (tmp_path / "run" / "config.yaml").write_text(config)
    assert intensity_reading(str(last), pipeline) == intensity_reading(str(tmp_path / "run"), pipeline) == "words"
    (tmp_path / "run" / "config.yaml").write_text("data: {class_path: x, init_args: {prompts: null}}")
    assert intensity_reading(str(tmp_path / "run"), pipeline) is None


def test_a_job_may_mix_intensities(run, tmp_path):
    job = tmp_path / "job.csv"
    job.write_text("aus,intensity\n12,1\n12,5\n12:C,\n,\n")
    assert run("--job", job, "--output", tmp_path / "faces", "--grid", model="words") == 0
    records = [json.loads(file.read_text()) for file in sorted((tmp_path / "faces").glob("*.json"))]
    assert sorted(str(record["aus"]) for record in records) == ["['AU12:A']", "['AU12:C']", "['AU12:E']", "[]"]


def test_ctrl_c_ends_with_one_line_and_the_same_command_goes_on(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_BATCH", 1)
    job = tmp_path / "job.yaml"
    job.write_text("- {aus: '1'}\n- {aus: '2'}\n- {aus: '4'}\n")
    make = Studio.make

    def stopped(self, cases, folder, **options):
        if cases[0].aus == "2":
            raise KeyboardInterrupt
        make(self, cases, folder, **options)

    monkeypatch.setattr(Studio, "make", stopped)
    assert run("--job", job, "--output", tmp_path / "faces") == 130
    said = capsys.readouterr()
    assert said.err == "Interrupted: 1 of 3 faces were made. The same command makes the rest.\n"
    monkeypatch.setattr(Studio, "make", make)
    assert run("--job", job, "--output", tmp_path / "faces") == 0
    assert "2 faces made, 1 there already" in capsys.readouterr().out


def test_a_record_without_its_picture_is_made_again(run, tmp_path, monkeypatch):
    import lightning_modules.cli.studio as module

    def full(image, file, **_):
        message = "No space left on device"
        raise OSError(message)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_save", full)
        assert run("--aus", "6", "--output", tmp_path / "a.png") == 2
    assert not (tmp_path / "a.png").exists()
    assert run("--aus", "6", "--output", tmp_path / "a.png") == 0
    assert (tmp_path / "a.png").exists()


def test_ctrl_c_of_any_command_ends_with_one_line(monkeypatch, capsys):
    def stopped():
        """Stop.

        Args:
        """
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "synthesize", stopped)
    assert cli.main(["synthesize"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
