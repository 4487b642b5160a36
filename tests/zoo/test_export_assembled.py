"""Parts that have their weights from others become bundles; what is to be trained does not."""

import json

import pytest
import torch

import zoo
from zoo.bundles import save_bundle
from zoo.export import export
from zoo.facs import AUS
from zoo.pipelines.ganimation import GANimationPipeline

LINEAR = "zoo.pipelines.linear_superposition.LinearSuperpositionPipeline"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the YAML of a part beside a small trained pipeline, in the working directory."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    pipeline = GANimationPipeline(image_size=32, channels=4, num_halvings=1, num_residual_blocks=1)
    save_bundle(pipeline, tmp_path / "trained", card="untrained")

    def call(**content):
        file = tmp_path / "part.yaml"
        file.write_text(json.dumps(content))
        return str(file)

    return call


def test_a_part_with_weights_of_others_becomes_a_bundle(write, tmp_path, generator):
    export(write(class_path=LINEAR, init_args={"pipeline": "trained"}), str(tmp_path / "linear"))
    one = zoo.load(tmp_path / "linear")
    assert type(one).__name__ == LINEAR.rpartition(".")[2]
    for name, weights in zoo.load(tmp_path / "trained").state_dict().items():
        assert torch.equal(one.state_dict()[f"pipeline.{name}"], weights)
    faces = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    occurrence = torch.tensor([[au in (6, 12) for au in AUS]] * 2)
    assert one.synthesize(faces, ["", ""], occurrence=occurrence).images.shape == faces.shape


@pytest.mark.parametrize(
    "content",
    [
        {"class_path": "zoo.quantizers.vq.VQQuantizer", "init_args": {"latent_dim": 4}},
        {"class_path": LINEAR, "init_args": {"pipeline": "no/such"}},
        {"pipeline": "trained"},
    ],
)
def test_a_part_without_weights_is_refused(write, tmp_path, content):
    with pytest.raises(ValueError, match="must be a class_path with weights of others"):
        export(write(**content), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
