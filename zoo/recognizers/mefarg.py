"""MEFARG, the recogniser of ME-GraphAU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional

from zoo.backbones.base import Backbone
from zoo.facs import AUS
from zoo.recognizers.base import Recognition, Recognizer
from zoo.shapes import Images, Probability

_MOMENTUM = 0.1  # torch's default for batch norms


class MEFARGRecognizer(Recognizer):
    """Recognise AUs as nodes of a graph, optionally with features for every ordered pair of them.

    Luo et al. 2022, https://arxiv.org/abs/2205.01782. Stage 1 links each AU to its nearest neighbours; stage 2
    (``pairs``) lets every pair attend to each other and updates nodes and pairs by gated graph convolution. The
    probability is the cosine of an AU's node and its learned vector, neither negative: in [0, 1] without a sigmoid.
    No differences in what is computed, but the pairs' feature maps are never made: see ``_PairAttention``.

    Args:
        backbone: Its last feature map is looked at.
        aus: Numbers of the AUs.
        dim: Channels of the nodes; the original takes a quarter of a ResNet's channels, half of a Swin's.
        num_neighbors: Stage 1: neighbours of each AU, itself included; the original takes 3 for DISFA.
        pairs: Stage 2 in place of stage 1.
        feature_tap: What ``features`` gives, ``batch ...``: ``nodes`` (au dim), ``maps`` (au cell dim), ``edges``
            (pair dim; stage 2) or ``pooled`` (the backbone's channels).

    Example:
        >>> from zoo.backbones.compact import CompactBackbone
        >>> recognizer = MEFARGRecognizer(CompactBackbone(), dim=16)
        >>> recognizer(torch.zeros(2, 3, 64, 64)).probability.shape
        torch.Size([2, 12])
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        aus: Sequence[int] = AUS,
        dim: int = 512,
        num_neighbors: int = 4,
        pairs: bool = False,
        feature_tap: Literal["nodes", "maps", "edges", "pooled"] = "nodes",
    ) -> None:
        super().__init__()
        if dim < 1:
            message = f"MEFARGRecognizer: dim must be at least 1, got {dim}."
            raise ValueError(message)
        if not 1 <= num_neighbors <= len(aus):
            message = f"MEFARGRecognizer: num_neighbors must be from 1 to {len(aus)} (the AUs), got {num_neighbors}."
            raise ValueError(message)
        if feature_tap == "edges" and not pairs:
            message = "MEFARGRecognizer: feature_tap must be nodes, maps or pooled without pairs, got 'edges'."
            raise ValueError(message)
        self.backbone = backbone
        self.aus = tuple(aus)
        self.feature_tap = feature_tap
        self.global_linear = _LinearBlock(backbone.channels[-1], dim)
        self.au_linear = _LinearBlock(dim, dim, num_heads=len(aus))
        self.pair_attention = _PairAttention(len(aus), dim) if pairs else None
        self.graph = (
            nn.ModuleList(_GatedGraph(len(aus), dim) for _ in range(2))
            if pairs
            else _NeighborGraph(len(aus), dim, num_neighbors)
        )
        self.pair_classifier = nn.Linear(dim, 4) if pairs else None
        self.au_vectors = nn.Parameter(torch.empty(len(aus), dim))
        nn.init.xavier_uniform_(self.au_vectors)
        if self.pair_classifier is not None:
            nn.init.xavier_uniform_(self.pair_classifier.weight)

    def forward(self, images: Images) -> Recognition:
        """Recognise; images of any size, the backbone resizes as it needs."""
        nodes, edges = self._relate(*self._look(self.backbone(images)[-1]))
        logits = None if self.pair_classifier is None else self.pair_classifier(edges)
        return Recognition(self._compare(nodes), nodes, logits)

    def features(self, images: Images) -> Tensor:
        """Give what ``feature_tap`` names."""
        deepest = self.backbone(images)[-1]
        if self.feature_tap == "pooled":
            return reduce(deepest, "b d h w -> b d", "mean")
        context, maps = self._look(deepest)
        if self.feature_tap == "maps":
            return rearrange(maps, "b l n d -> b n l d")
        nodes, edges = self._relate(context, maps)
        return nodes if edges is None or self.feature_tap == "nodes" else edges

    def _look(self, deepest: Tensor) -> tuple[Tensor, Tensor]:
        """Give features of the whole face (b l d) and of each AU (b l n d)."""
        context = self.global_linear(rearrange(deepest, "b d h w -> b (h w) d"))
        return context, rearrange(self.au_linear(context), "b l (n d) -> b l n d", n=len(self.aus))

    def _relate(self, context: Tensor, maps: Tensor) -> tuple[Tensor, Tensor | None]:
        """Let the AUs exchange what they know; nodes (b n d) and pairs (b pair d)."""
        nodes = maps.mean(dim=1)
        if self.pair_attention is None:
            return self.graph(nodes), None
        edges = self.pair_attention(rearrange(maps, "b l n d -> b n l d"), context)
        for layer in self.graph:  # type: ignore[union-attr]
            nodes, edges = layer(nodes, edges)
        return nodes, edges

    def _compare(self, nodes: Tensor) -> Probability:
        vectors = functional.normalize(functional.relu(self.au_vectors), dim=-1)
        # the clamp takes off what rounding puts above 1
        return (functional.normalize(nodes, dim=-1) * vectors).sum(dim=-1).clamp(0, 1)


class _LinearBlock(nn.Module):
    """Linear, batch norm, ReLU; the original's one block per AU is one block with as many heads."""

    def __init__(self, dim_in: int, dim_out: int, num_heads: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(dim_in, num_heads * dim_out)
        self.norm = nn.BatchNorm1d(num_heads * dim_out)
        nn.init.normal_(self.linear.weight, std=(2 / dim_out) ** 0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, cells: Tensor) -> Tensor:
        norm = self.norm
        if self.training:
            batch = len(cells)
            hidden = norm(self.linear(rearrange(cells, "b l d -> (b l) d")))
            return functional.relu(rearrange(hidden, "(b l) d -> b l d", b=batch))
        # the norm is affine here: as part of the linear map it costs no pass over memory
        mean, variance = _running(norm)
        scale = norm.weight * (variance + norm.eps).rsqrt()
        bias = (self.linear.bias - mean) * scale + norm.bias
        return functional.relu(functional.linear(cells, self.linear.weight * scale[:, None], bias))


class _NeighborGraph(nn.Module):
    """Stage 1: one graph convolution over each AU's nearest neighbours."""

    def __init__(self, num_nodes: int, dim: int, num_neighbors: int) -> None:
        super().__init__()
        self.num_neighbors = num_neighbors
        self.own, self.neighbor = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm = nn.BatchNorm1d(num_nodes)
        for linear in (self.own, self.neighbor):
            nn.init.normal_(linear.weight, std=(2 / dim) ** 0.5)

    def forward(self, nodes: Tensor) -> Tensor:
        with torch.no_grad():
            likeness = nodes @ nodes.mT
            nearest = likeness.topk(self.num_neighbors, dim=-1).values[..., -1:]
            links = (likeness >= nearest).to(nodes.dtype)  # ties may give more neighbours
            degree = links.sum(dim=-1).rsqrt()
            links = links * degree[:, :, None] * degree[:, None, :]
        return functional.relu(nodes + self.norm(links @ self.neighbor(nodes) + self.own(nodes)))


class _GatedGraph(nn.Module):
    """Stage 2: a residual gated graph convolution over all pairs (Bresson and Laurent 2017, arXiv 1711.07553).

    The pair (end, start) is row ``end * num_nodes + start``.
    """

    def __init__(self, num_nodes: int, dim: int) -> None:
        super().__init__()
        self.own, self.neighbor, self.end, self.start, self.edge = (nn.Linear(dim, dim, bias=False) for _ in range(5))
        self.node_norm, self.edge_norm = nn.BatchNorm1d(num_nodes), nn.BatchNorm1d(num_nodes**2)
        for linear in (self.own, self.neighbor, self.end, self.start, self.edge):
            nn.init.normal_(linear.weight, std=(2 / dim) ** 0.5)

    def forward(self, nodes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        count = nodes.shape[1]
        ends = (self.end(nodes)[:, :, None] + self.start(nodes)[:, None, :]).flatten(1, 2)
        edges = edges + functional.relu(self.edge_norm(ends + self.edge(edges)))
        gates = rearrange(edges.sigmoid(), "b (end start) d -> b end start d", end=count).softmax(dim=2)
        gathered = torch.einsum("besd,bsd->bed", gates, self.neighbor(nodes)) / count
        return functional.relu(nodes + self.node_norm(self.own(nodes) + gathered)), edges


class _PairAttention(nn.Module):
    """Stage 2: features of every ordered pair of AUs, averaged over cells.

    As published: every AU's cells attend to the whole face; then, for each pair, the cells of the *start* attend to
    those of the *end*; a linear map and a batch norm over the n^2 pairs; the average over cells. Linear maps pass
    through attention, whose weights sum to one, and so does the average: here each map runs on cells before they are
    spread over pairs, and the norm's statistics follow from the weights and the values' inner products. The result is
    the same; the tensor ``batch n^2 cell dim`` and the product of its size are never made.
    """

    def __init__(self, num_nodes: int, dim: int) -> None:
        super().__init__()
        self.scale = (dim // 2) ** -0.5
        self.context_query, self.context_key = nn.Linear(dim, dim // 2), nn.Linear(dim, dim // 2)
        self.pair_query, self.pair_key = nn.Linear(dim, dim // 2), nn.Linear(dim, dim // 2)
        self.context_value, self.pair_value, self.projection = (nn.Linear(dim, dim) for _ in range(3))
        self.norm = nn.BatchNorm2d(num_nodes**2)
        for linear in (self.context_query, self.context_key, self.pair_query, self.pair_key):
            nn.init.normal_(linear.weight, std=(2 / (dim // 2)) ** 0.5)
        for linear in (self.context_value, self.pair_value, self.projection):
            nn.init.normal_(linear.weight, std=(2 / dim) ** 0.5)

    def forward(self, maps: Tensor, context: Tensor) -> Tensor:
        count = maps.shape[1]
        keys = self.context_key(context)[:, None]
        attention = (self.context_query(maps) @ keys.mT * self.scale).softmax(dim=-1)
        value, projection = self.pair_value, self.projection
        cells = self.context_value(context)[:, None]
        queries = attention @ self.pair_query(cells)
        keys = attention @ self.pair_key(cells)
        values = attention @ functional.linear(
            cells, projection.weight @ value.weight, projection.weight @ value.bias + projection.bias
        )
        likeness = rearrange(queries, "b n l d -> b (n l) d") @ rearrange(keys, "b n l d -> b d (n l)")
        likeness = rearrange(likeness, "b (s q) (e k) -> b e s q k", s=count, e=count)
        attention = (likeness * self.scale).softmax(dim=-1)
        edges = reduce(attention, "b e s q k -> b e s k", "mean") @ values
        return self._normalize(rearrange(edges, "b e s d -> b (e s) d"), attention, values)

    def _normalize(self, edges: Tensor, attention: Tensor, values: Tensor) -> Tensor:
        norm = self.norm
        mean, variance = _running(norm)
        if self.training:
            running = mean, variance
            with torch.autocast(edges.device.type, enabled=False):
                mean, variance, size = _moments(edges.float(), attention.float(), values.float())
            with torch.no_grad():
                for old, new in zip(running, (mean, variance * (size / (size - 1))), strict=True):
                    old.lerp_(new.to(old.dtype), _MOMENTUM)
                norm.num_batches_tracked += 1  # type: ignore[operator, assignment]
        scale = norm.weight * (variance + norm.eps).rsqrt()
        return edges * scale[:, None] + (norm.bias - mean * scale)[:, None]


def _running(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def _moments(edges: Tensor, attention: Tensor, values: Tensor) -> tuple[Tensor, Tensor, int]:
    """Give mean and variance over batch, cells and channels of the unpooled pairs, and how many values they are of."""
    batch, _, starts, queries, _ = attention.shape
    size = batch * queries * values.shape[-1]
    # weights sum to one: a shift of the values shifts the pairs; without it the squares would cancel badly
    shift = values.mean(dim=(0, 2, 3)).detach()
    shifted = values - shift[:, None, None]
    products = shifted @ shifted.mT
    weights = rearrange(attention, "b e s q k -> b e (s q) k")
    squares = ((weights @ products) * weights).sum(dim=-1)
    square = reduce(squares, "b e (s q) -> (e s)", "sum", s=starts) / size
    mean = reduce(edges, "b n d -> n", "mean")
    shift = shift.repeat_interleave(starts)
    return mean, square - (mean - shift) ** 2, size
