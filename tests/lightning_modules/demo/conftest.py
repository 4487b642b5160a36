"""Untrained models of a few thousand weights, and a page of them on a port of its own."""

from __future__ import annotations

import contextlib
import threading

import pytest
import torch

from lightning_modules.demo.api import Demo
from lightning_modules.demo.model import DemoModel
from lightning_modules.demo.server import DemoServer
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.generators.depth import DepthGenerator
from zoo.pipelines.au_face import AUFacePipeline
from zoo.pipelines.ganimation import GANimationPipeline
from zoo.quantizers.residual import ResidualQuantizer
from zoo.recognizers.mefarg import MEFARGRecognizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder
from zoo.text_encoders.compact import CompactTextEncoder


def make_pipeline(text_encoder, *, seed):
    torch.manual_seed(seed)
    codec = ResidualVQGANCodec(
        ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8),
        channels=8,
        channel_multipliers=[1],
        num_residual_blocks=1,
        patch_size=8,
        attention=False,
    )
    codec(torch.rand(8, 3, 32, 32) * 2 - 1)  # codebooks start from data
    pipeline = AUFacePipeline(
        codec,
        text_encoder=text_encoder,
        fusion=AUCrossAttentionFusion(text_dim=8, appearance_dim=8, dim=8, num_heads=2),
        generator=DepthGenerator(
            rows=4, cols=4, num_levels=2, codebook_size=8, context_dim=8, dim=16, num_layers=1, num_heads=2
        ),
        appearance=CompactAppearanceFaceEncoder(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8),
        image_size=32,
        prompt_style="short",
    )
    with torch.no_grad():  # what starts at zero would keep the text from the picture
        for weights in (*pipeline.fusion.parameters(), *pipeline.generator.parameters()):
            weights += torch.randn_like(weights)
    return pipeline


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    """Bundles: ``words`` reads text, ``numbers`` and ``edits`` labels with intensities, ``recognizer`` reads faces."""
    place = tmp_path_factory.mktemp("models")
    words = make_pipeline(CompactTextEncoder(dim=8, num_layers=1, num_heads=2, num_hashes=64), seed=0)
    save_bundle(words, place / "words", card="untrained")
    numbers = make_pipeline(AULabelsTextEncoder(dim=8, length=4, hidden_dim=8, with_intensity=True), seed=1)
    save_bundle(numbers, place / "numbers", card="untrained")
    torch.manual_seed(2)
    edits = GANimationPipeline(32, channels=4, num_halvings=1, num_residual_blocks=1, normalization="group")
    save_bundle(edits, place / "edits", card="untrained")
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    save_bundle(recognizer, place / "recognizer", card="untrained")
    return place


@pytest.fixture(scope="session")
def demo(places):
    """Both models and the recogniser."""
    import zoo

    device = torch.device("cpu")
    models = [DemoModel(str(places / name), name=name, device=device) for name in ("words", "numbers")]
    return Demo(models, recognizer=zoo.load(places / "recognizer"), recognizer_path="recognizer")


@pytest.fixture(scope="session")
def edits(places):
    """A model that has no seed, no steps and no text encoder, and the recogniser."""
    import zoo

    model = DemoModel(str(places / "edits"), name="edits", device=torch.device("cpu"))
    return Demo([model], recognizer=zoo.load(places / "recognizer"), recognizer_path="recognizer")


@pytest.fixture(scope="session")
def served(demo):
    """The page, on a port that was free."""
    with serving(demo) as server:
        yield server


@contextlib.contextmanager
def serving(demo):
    server = DemoServer(0, demo=demo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
