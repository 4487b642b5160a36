"""MEFARG against its description, pair by pair and cell by cell; the checkpoints of others."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import zoo
from zoo.backbones.base import Backbone
from zoo.backbones.compact import CompactBackbone
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

DIM, COUNT, CELLS = 6, 4, (3, 3)


class _Backbone(Backbone):
    channels = (5,)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1)

    def forward(self, images):
        return (functional.adaptive_avg_pool2d(self.conv(images), CELLS),)


def _small(**arguments):
    torch.manual_seed(0)
    recognizer = MEFARGRecognizer(
        _Backbone(), aus=(1, 2, 4, 6), dim=DIM, **{"num_neighbors": 2, "pairs": False, **arguments}
    )
    with torch.no_grad():  # norms that do something, statistics that are not the initial ones
        for name, tensor in recognizer.state_dict().items():
            if "norm" in name and tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape) + 0.5)
    return recognizer


def _naive_norm(values, norm, axis, training):
    """Batch norm with one mean and variance for each index of ``axis``, over all else."""
    moved = values.movedim(axis, 0)
    result = []
    for index, part in enumerate(moved):
        mean = part.mean() if training else norm.running_mean[index]
        variance = part.var(unbiased=False) if training else norm.running_var[index]
        result.append((part - mean) / (variance + norm.eps).sqrt() * norm.weight[index] + norm.bias[index])
    return torch.stack(result).movedim(0, axis)


def _naive_attention(queries, keys, values, to_query, to_key, to_value):
    weights = (to_query(queries) @ to_key(keys).mT * (DIM // 2) ** -0.5).softmax(dim=-1)
    return weights @ to_value(values)


def _naive(recognizer, images, training):
    """What the papers describe, with a tensor for each pair of AUs and no algebra."""
    cells = recognizer.backbone(images)[-1].flatten(2).mT
    block = recognizer.global_linear
    context = functional.relu(_naive_norm(block.linear(cells), block.norm, 2, training))
    block, maps = recognizer.au_linear, []
    hidden = functional.relu(_naive_norm(block.linear(context), block.norm, 2, training))
    maps = [hidden[..., au * DIM : (au + 1) * DIM] for au in range(COUNT)]
    nodes = torch.stack([each.mean(1) for each in maps], dim=1)
    edges = None
    if recognizer.pair_attention is None:
        nodes = _naive_neighbors(recognizer.graph, nodes, training)
    else:
        part = recognizer.pair_attention
        seen = [
            _naive_attention(each, context, context, part.context_query, part.context_key, part.context_value)
            for each in maps
        ]
        pairs = [
            part.projection(_naive_attention(start, end, end, part.pair_query, part.pair_key, part.pair_value))
            for end in seen
            for start in seen
        ]
        edges = _naive_norm(torch.stack(pairs, dim=1), part.norm, 1, training).mean(dim=2)
        for layer in recognizer.graph:
            nodes, edges = _naive_gated(layer, nodes, edges, training)
    vectors = functional.normalize(functional.relu(recognizer.au_vectors), dim=-1)
    return functional.cosine_similarity(nodes, vectors[None], dim=-1), nodes, edges


def _naive_neighbors(graph, nodes, training):
    adjacency = torch.zeros(len(nodes), COUNT, COUNT)
    for batch, each in enumerate(nodes):
        likeness = each @ each.T
        for row in range(COUNT):
            least = likeness[row].sort(descending=True).values[graph.num_neighbors - 1]
            adjacency[batch, row] = (likeness[row] >= least).float()
    degree = adjacency.sum(2)
    for batch in range(len(nodes)):
        scale = torch.diag(degree[batch] ** -0.5)
        adjacency[batch] = scale @ adjacency[batch] @ scale
    update = _naive_norm(adjacency @ graph.neighbor(nodes) + graph.own(nodes), graph.norm, 1, training)
    return functional.relu(nodes + update)


def _naive_gated(layer, nodes, edges, training):
    updated = [
        layer.end(nodes[:, end]) + layer.start(nodes[:, start]) + layer.edge(edges[:, end * COUNT + start])
        for end in range(COUNT)
        for start in range(COUNT)
    ]
    edges = edges + functional.relu(_naive_norm(torch.stack(updated, dim=1), layer.edge_norm, 1, training))
    gathered = []
    for end in range(COUNT):
        gates = edges[:, end * COUNT : (end + 1) * COUNT].sigmoid().softmax(dim=1)
        terms = [gates[:, start] * layer.neighbor(nodes[:, start]) for start in range(COUNT)]
        gathered.append(sum(terms) / COUNT)
    update = _naive_norm(layer.own(nodes) + torch.stack(gathered, dim=1), layer.node_norm, 1, training)
    return functional.relu(nodes + update), edges


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pairs", [False, True])
def test_it_computes_what_is_described(pairs, training, generator):
    recognizer = _small(pairs=pairs).train(training)
    images = torch.rand(3, 3, 9, 9, generator=generator)
    probability, nodes, edges = _naive(recognizer, images, training)
    recognition = recognizer(images)
    torch.testing.assert_close(recognition.nodes, nodes)
    torch.testing.assert_close(recognition.probability, probability)
    if pairs:
        torch.testing.assert_close(recognition.pair_logits, recognizer.pair_classifier(edges))


@pytest.mark.parametrize("pairs", [False, True])
def test_gradients_are_those_of_the_description(pairs, generator):
    images = torch.rand(3, 3, 9, 9, generator=generator)
    towards = torch.rand(3, COUNT, generator=generator)
    ours, theirs = _small(pairs=pairs).double(), _small(pairs=pairs).double()
    (ours(images.double()).probability * towards).sum().backward()
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        (_naive(theirs, images.double(), training=True)[0] * towards).sum().backward()
    finally:
        torch.set_default_dtype(previous)
    for (name, own), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if not name.startswith("pair_classifier"):
            # the moments of pairs are in float32 under every precision
            torch.testing.assert_close(
                own.grad, other.grad, atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
            )


def test_running_statistics_of_pairs_are_those_of_a_batch_norm(generator):
    recognizer = _small(pairs=True)
    part = recognizer.pair_attention
    maps = torch.rand(3, COUNT, 9, DIM, generator=generator)
    context = torch.rand(3, 9, DIM, generator=generator)
    seen = _naive_attention(
        maps, context[:, None], context[:, None], part.context_query, part.context_key, part.context_value
    )
    pairs = torch.stack(
        [
            part.projection(
                _naive_attention(seen[:, s], seen[:, e], seen[:, e], part.pair_query, part.pair_key, part.pair_value)
            )
            for e in range(COUNT)
            for s in range(COUNT)
        ],
        dim=1,
    )
    reference = nn.BatchNorm2d(COUNT**2)
    reference.load_state_dict(part.norm.state_dict())
    reference(pairs)
    part(maps, context)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(part.norm.state_dict()[name], value)


def test_a_large_common_offset_leaves_the_variance_of_pairs_right(generator):
    """Squares far above the variance would cancel in float32."""
    part = _small(pairs=True).pair_attention
    maps = torch.rand(3, COUNT, 9, DIM, generator=generator)
    context = torch.rand(3, 9, DIM, generator=generator)
    with torch.no_grad():
        plain = part(maps, context)
        part.projection.bias += 1000.0
        torch.testing.assert_close(part(maps, context), plain, atol=2e-3, rtol=1e-3)


def test_each_tap_has_its_shape(generator):
    images = torch.rand(2, 3, 9, 9, generator=generator)
    shapes = {"nodes": (2, COUNT, DIM), "maps": (2, COUNT, 9, DIM), "edges": (2, COUNT**2, DIM), "pooled": (2, 5)}
    for tap, shape in shapes.items():
        assert _small(pairs=True, feature_tap=tap).features(images).shape == shape
    recognizer = _small().eval()
    torch.testing.assert_close(recognizer.features(images), recognizer(images).nodes)


def test_impossible_combinations_are_refused():
    with pytest.raises(ValueError, match="num_neighbors must be from 1 to 4"):
        _small(num_neighbors=5)
    with pytest.raises(ValueError, match="feature_tap must be"):
        _small(feature_tap="edges")


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


def test_it_learns_to_tell_two_kinds_of_images(generator):
    torch.manual_seed(0)
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[8, 8], num_blocks=[1, 1]), aus=(1, 2), dim=8, num_neighbors=1)
    images = torch.rand(16, 3, 16, 16, generator=generator) * 0.1
    labels = torch.arange(16) % 2 == 0
    images[labels, :, 4:8] += 0.8
    occurrence = torch.stack([labels, ~labels], dim=1).float()
    optimizer = torch.optim.Adam(recognizer.parameters(), 1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        functional.binary_cross_entropy(recognizer(images).probability, occurrence).backward()
        optimizer.step()
    assert torch.equal(recognizer(images).probability >= 0.5, occurrence.bool())
