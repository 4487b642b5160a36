"""Untrained models, small faces, and the command on both."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import cli
from datamodules.manifest import ManifestFacesDataModule
from lightning_modules.evaluation.evaluation_set import EvaluationSet
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.facs import AUS
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.generators.depth import DepthGenerator
from zoo.pipelines.au_face import AUFacePipeline
from zoo.quantizers.residual import ResidualQuantizer
from zoo.recognizers.mefarg import MEFARGRecognizer
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_recognizers.perceptron import PerceptronTextRecognizer

SIZE = 32


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Two untrained models of stage II and three untrained judges, as bundles."""
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("models")
    for name in ("one", "other"):
        codec = ResidualVQGANCodec(
            ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8),
            channels=8,
            channel_multipliers=[1],
            num_residual_blocks=1,
            patch_size=8,
            attention=False,
        )
        codec(torch.rand(8, 3, SIZE, SIZE) * 2 - 1)  # codebooks start from data
        pipeline = AUFacePipeline(
            codec,
            text_encoder=CompactTextEncoder(dim=8, num_layers=1, num_heads=2, num_hashes=64),
            fusion=AUCrossAttentionFusion(text_dim=8, appearance_dim=8, dim=8, num_heads=2),
            generator=DepthGenerator(
                rows=4, cols=4, num_levels=2, codebook_size=8, context_dim=8, dim=16, num_layers=1, num_heads=2
            ),
            appearance=CompactAppearanceFaceEncoder(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8),
            image_size=SIZE,
            prompt_style="short",
        )
        save_bundle(pipeline, place / name, card="untrained")
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    save_bundle(recognizer, place / "recognizer", card="untrained")
    identity = CompactAppearanceFaceEncoder(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    save_bundle(identity, place / "identity", card="untrained")
    texts = PerceptronTextRecognizer(CompactTextEncoder(dim=8, num_layers=1, num_heads=2, num_hashes=64), hidden_dim=8)
    save_bundle(texts, place / "text_recognizer", card="untrained")
    save_bundle(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), place / "features", card="untrained")
    return place


@pytest.fixture(scope="session")
def data_yaml(tmp_path_factory):
    """Six pictures of noise that a manifest says to be faces of three people: quick to read, and all judges need."""
    folder = tmp_path_factory.mktemp("data")
    noise = np.random.default_rng(0)
    lines = [",".join(["image", "subject", "reference", "split", *(f"AU{au}" for au in AUS)])]
    for number, aus in enumerate([(), (6, 12), (12, 15), (1, 4), (17,), (10, 17, 23)]):
        for name in (f"face{number}.png", f"reference{number % 3}.png"):
            pixels = noise.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name)
        labels = [str(int(au in aus)) for au in AUS]
        lines.append(",".join([f"face{number}.png", f"p{number % 3}", f"reference{number % 3}.png", "test", *labels]))
    (folder / "manifest.csv").write_text("\n".join(lines))
    arguments = {"manifest": str(folder / "manifest.csv"), "image_size": SIZE, "batch_size": 4}
    content = {"class_path": "datamodules.manifest.ManifestFacesDataModule", "init_args": arguments}
    (folder / "data.yaml").write_text(json.dumps(content))
    return folder / "data.yaml"


@pytest.fixture(scope="session")
def data(data_yaml):
    """The data that they make."""
    return ManifestFacesDataModule(str(data_yaml.with_name("manifest.csv")), image_size=SIZE, batch_size=4)


@pytest.fixture(scope="session")
def frames(data):
    """All of them."""
    return EvaluationSet("seen", data)


@pytest.fixture
def evaluate(models, data_yaml, tmp_path):
    """Call the command on these faces with these judges; pictures are kept beside the output."""

    def call(*words, output=None):
        fixed = ["--data", data_yaml, "--steps", "1", "--device", "cpu", "--pictures", tmp_path / "pictures"]
        fixed += ["--recognizer", models / "recognizer", "--identity", models / "identity"]
        fixed += ["--text-recognizer", models / "text_recognizer"]
        fixed += ["--features", models / "features", "--output", output or tmp_path / "out"]
        return cli.main(["evaluate", *map(str, [*fixed, *words])])

    return call
