"""The published checkpoints of ME-GraphAU: their names and sizes, there and back, and what is refused."""

import pytest
import torch

import zoo
from zoo.backbones.resnet import ResNetBackbone
from zoo.backbones.swin import SwinBackbone
from zoo.foreign.mefarg import (
    DISFA_AUS,
    ForeignCheckpointError,
    convert_official,
    import_mefarg,
    load_official,
    official_state,
)
from zoo.recognizers.mefarg import MEFARGRecognizer

# figures of the published code: tensors of the state and parameters, first and second stage
PUBLISHED = {
    "resnet101": (lambda: ResNetBackbone(depth=101), 512, (725, 767), (47.25, 50.66)),
    "swin_tiny": (lambda: SwinBackbone(size="tiny"), 384, (289, 331), (29.90, 31.82)),
    "swin_small": (lambda: SwinBackbone(size="small"), 384, (463, 505), (51.22, 53.14)),
    "swin_base": (lambda: SwinBackbone(size="base"), 512, (463, 505), (90.96, 94.38)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name):
    make, dim, tensors, parameters = PUBLISHED[name]
    with torch.device("meta"):
        backbone = make()
        for stage, pairs in enumerate((False, True)):
            recognizer = MEFARGRecognizer(backbone, dim=dim, pairs=pairs)
            assert len(official_state(recognizer)) == tensors[stage]
            assert sum(each.numel() for each in recognizer.parameters()) / 1e6 == pytest.approx(
                parameters[stage], abs=0.005
            )


def _heads():
    linear = [f"head.class_linears.{au}." for au in range(12)]
    blocks = [f"{each}fc.{tensor}" for each in [*linear, "global_linear."] for tensor in ("weight", "bias")]
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    blocks += [f"{each}bn.{tensor}" for each in [*linear, "global_linear."] for tensor in norm]
    first = [f"head.gnn.{layer}.{tensor}" for layer in "UV" for tensor in ("weight", "bias")]
    first += [f"head.gnn.bnv.{tensor}" for tensor in norm]
    second = [f"head.gnn.{layer}{number}.weight" for layer in "UVABE" for number in (1, 2)]
    second += [f"head.gnn.{layer}{number}.{tensor}" for layer in ("bnv", "bne") for number in (1, 2) for tensor in norm]
    second += [
        f"head.edge_extractor.{part}.linear_{role}.{tensor}"
        for part in ("FAM", "ARM")
        for role in "qkv"
        for tensor in ("weight", "bias")
    ]
    second += [f"head.edge_extractor.edge_proj.{tensor}" for tensor in ("weight", "bias")]
    second += [f"head.edge_extractor.bn.{tensor}" for tensor in norm]
    second += ["head.edge_fc.weight", "head.edge_fc.bias"]
    return {*blocks, "head.sc", *first}, {*blocks, "head.sc", *second}


def test_names_are_the_published_ones():
    from torchvision.models import resnet101

    with torch.device("meta"):
        backbone = ResNetBackbone(depth=101)
        bones = {f"backbone.{name}" for name in resnet101(weights=None).state_dict() if not name.startswith("fc.")}
        for pairs, heads in zip((False, True), _heads(), strict=True):
            assert official_state(MEFARGRecognizer(backbone, pairs=pairs)).keys() == bones | heads


def test_names_of_swin_are_the_published_ones():
    with torch.device("meta"):
        state = official_state(MEFARGRecognizer(SwinBackbone(size="tiny"), dim=384))
    names = {name for name in state if name.startswith("backbone.")}
    # Microsoft's names: a stage merges patches at its end
    assert state["backbone.layers.0.downsample.reduction.weight"].shape == (192, 384)
    assert state["backbone.layers.0.blocks.1.attn_mask"].shape == (64, 49, 49)
    assert state["backbone.layers.3.blocks.0.attn.relative_position_index"].shape == (49, 49)
    assert not any(name.startswith("backbone.layers.3.downsample") for name in names)
    assert sum(name.endswith("attn_mask") for name in names) == 5
    assert {"backbone.patch_embed.proj.weight", "backbone.patch_embed.norm.bias", "backbone.norm.weight"} <= names


def _official(pairs=True, aus=DISFA_AUS):
    torch.manual_seed(0)
    recognizer = MEFARGRecognizer(
        ResNetBackbone(depth=18, image_size=32), aus=aus, dim=16, num_neighbors=3, pairs=pairs
    )
    return recognizer.eval(), {f"module.{name}": value for name, value in official_state(recognizer).items()}


@pytest.mark.parametrize("pairs", [False, True])
def test_a_published_checkpoint_gives_the_same_results(pairs, tmp_path, generator):
    recognizer, state = _official(pairs)
    torch.save(
        {"epoch": 3, "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}, tmp_path / "fold1.pth"
    )
    loaded = load_official(tmp_path / "fold1.pth")
    assert (loaded.aus, loaded.graph is None, loaded.pair_attention is not None) == (DISFA_AUS, False, pairs)
    images = torch.rand(2, 3, 224, 224, generator=generator) * 2 - 1
    recognizer.backbone.image_size = 64
    loaded.backbone.image_size = 64
    with torch.no_grad():
        assert torch.equal(loaded(images).probability, recognizer(images).probability)


def test_a_published_checkpoint_becomes_a_bundle(tmp_path):
    recognizer, state = _official()
    torch.save({"state_dict": state}, tmp_path / "fold1.pth")
    import_mefarg(str(tmp_path / "fold1.pth"), str(tmp_path / "bundle"))
    loaded = zoo.load(tmp_path / "bundle")
    assert loaded.aus == DISFA_AUS
    assert torch.equal(loaded.au_vectors, recognizer.au_vectors)
    assert "fold1.pth" in (tmp_path / "bundle" / "README.md").read_text()


def test_swin_goes_there_and_back():
    torch.manual_seed(0)
    recognizer = MEFARGRecognizer(SwinBackbone(size="tiny"), dim=384)
    twin = convert_official(official_state(recognizer))
    assert all(torch.equal(value, twin.state_dict()[name]) for name, value in recognizer.state_dict().items())


def test_partial_checkpoints_are_refused_with_what_is_missing():
    _, state = _official(pairs=False)
    del state["module.head.gnn.V.bias"]
    state["module.head.extra"] = torch.zeros(1)
    state["module.global_linear.bn.bias"] = torch.zeros(3)
    with pytest.raises(ForeignCheckpointError, match="must be whole") as raised:
        convert_official(state)
    message = str(raised.value)
    assert "1 missing ['head.gnn.V.bias']" in message
    assert "1 unexpected ['head.extra']" in message
    assert "global_linear.bn.bias (3,) instead of (16,)" in message


def test_what_is_no_recogniser_is_refused(tmp_path):
    with pytest.raises(ForeignCheckpointError, match=r"without 'head\.sc'"):
        convert_official({"conv1.weight": torch.zeros(1)})
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ForeignCheckpointError, match="must hold a state_dict"):
        load_official(tmp_path / "list.pth")
    (tmp_path / "half.pth").write_bytes((tmp_path / "list.pth").read_bytes()[:300])
    with pytest.raises(ForeignCheckpointError, match=r"half\.pth' can't be read"):
        load_official(tmp_path / "half.pth")
    with pytest.raises(FileNotFoundError):
        load_official(tmp_path / "nothing.pth")
    _, state = _official(aus=(1, 2, 4, 6, 7))
    with pytest.raises(ForeignCheckpointError, match="must name the 5 AUs"):
        convert_official(state)
