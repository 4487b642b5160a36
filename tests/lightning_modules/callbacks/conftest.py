"""A small run of stage II: untrained parts, 32 px, faces that are smooth random pictures."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from datamodules.base import FaceDataModule
from lightning_modules.maskgit import MaskGITModule
from lightning_modules.optimizers import AdamW
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.facs.composer import Composer
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.generators.depth import DepthGenerator
from zoo.quantizers.residual import ResidualQuantizer
from zoo.recognizers.mefarg import MEFARGRecognizer
from zoo.text_encoders.compact import CompactTextEncoder

FRAMES_OF_A_PERSON = 2


class Frames(torch.utils.data.Dataset):
    """Two frames of each person, with a reference, labels and landmarks."""

    def __init__(self, size: int, composer: Composer) -> None:
        generator = torch.Generator().manual_seed(size)
        coarse = torch.rand(3, size, 3, 4, 4, generator=generator) * 2 - 1
        self.pictures = [torch.nn.functional.interpolate(each, (32, 32), mode="bilinear") for each in coarse]
        self.occurrence = torch.rand(size, 12, generator=generator) < 0.3
        self.landmarks = torch.rand(size, 68, 2, generator=generator) * 32
        self.prompts = composer.prompts(self.occurrence.numpy())

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, request):
        rows = request.indices
        image, reference, truth = (each[rows] for each in self.pictures)
        return {
            "image": image,
            "reference": reference,
            "truth": truth,
            "occurrence": self.occurrence[rows],
            "known": torch.ones(len(rows), 12, dtype=torch.bool),
            "intensity": torch.full((len(rows), 12), torch.nan),
            "landmarks": self.landmarks[rows],
            "prompt": [self.prompts[row] for row in rows],
            "subject": [f"people/{row // FRAMES_OF_A_PERSON}" for row in rows],
            "source": [f"people/{row}" for row in rows],
            "index": torch.tensor(rows),
        }


class People(FaceDataModule):
    def __init__(self, *, validation: int = 12) -> None:
        super().__init__(batch_size=8, augment=False, prompts=Composer(style="short", conflicts="reject"))
        self.sizes = {"train": 16, "validation": validation, "test": 6}
        self.composer = Composer(style="short")

    @property
    def image_size(self) -> int:
        return 32

    def dataset(self, split):
        return Frames(self.sizes[split], self.composer)


def make_module() -> MaskGITModule:
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
    return MaskGITModule(
        codec,
        text_encoder=CompactTextEncoder(dim=8, num_layers=1, num_heads=2, num_hashes=64),
        fusion=partial(AUCrossAttentionFusion, dim=8, num_heads=2),
        generator=partial(DepthGenerator, dim=16, num_layers=1, num_heads=2),
        appearance=CompactAppearanceFaceEncoder(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8),
        image_size=32,
        prompt_style="short",
        optimizer=AdamW(1e-2),
    )


@pytest.fixture(scope="session")
def stage2(tmp_path_factory):
    """The parts of the run, and untrained networks that judge."""
    torch.manual_seed(1)
    place = tmp_path_factory.mktemp("judges")
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    identity = CompactAppearanceFaceEncoder(CompactBackbone(widths=[4, 8], num_blocks=[1, 1]), dim=8)
    return SimpleNamespace(
        make_module=make_module,
        People=People,
        recognizer=str(save_bundle(recognizer, place / "recognizer", card="Untrained.")),
        identity=str(save_bundle(identity, place / "identity", card="Untrained.")),
    )
