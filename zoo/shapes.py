"""The words for tensor shapes that signatures throughout the zoo use.

Legend of the letters in einops patterns: b batch, k level, h rows, w cols, d dim, n length.
Checked by beartype under pytest, free of cost otherwise. In one call the same word is the same size.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

Images = Float[Tensor, "batch 3 height width"]
"""RGB in [-1, 1]."""
Latents = Float[Tensor, "batch dim rows cols"]
"""What a codec's encoder gives and its decoder takes."""
Tokens = Int[Tensor, "batch level rows cols"]
"""Indices of codes, ``0 <= token < codebook_size``, levels coarse to fine."""
Features = Float[Tensor, "batch length dim"]
"""Continuous vectors from face, text or AU encoders."""
Occurrence = Bool[Tensor, "batch au"]
"""Whether each AU is present, in the order of ``zoo.facs.AUS``."""
Probability = Float[Tensor, "batch au"]
"""Probability of each AU, in [0, 1]."""
Intensity = Float[Tensor, "batch au"]
"""AU intensity from 0 (absent) to 5 (E), NaN where unknown."""
Landmarks = Float[Tensor, "batch point 2"]
"""Points as (x, y) in pixels; the centre of the top-left pixel is (0.5, 0.5)."""
Regions = Int[Tensor, "batch height width"]
"""Index of the face region at each pixel."""
Scalar = Float[Tensor, ""]
"""A loss or another single number."""
