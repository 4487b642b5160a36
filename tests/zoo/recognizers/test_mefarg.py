"""MEFARG against its description, pair by pair and cell by cell."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from zoo.backbones.base import Backbone
from zoo.backbones.compact import CompactBackbone
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
