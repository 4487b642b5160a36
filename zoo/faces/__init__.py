"""Procedural faces that act after FACS: an embedded world to try everything on, not a data set of people.

Three layers: ``rules`` (AUs to movements), geometry (``controls``, ``heights``, ``curves``, ``wrinkles``,
``features``, ``pose``, ``landmarks``) and light (``shading``, ``scene``); ``identity`` and ``sampling`` draw
the parameters, ``renderer`` puts all together. Numbers obtained on these faces say whether a mechanism
works, never how good it is on photographs.
"""

from zoo.faces.identity import IDENTITY_RANGES
from zoo.faces.parameters import FaceParameters
from zoo.faces.renderer import REGIONS, FaceRenderer, RenderedFaces
from zoo.faces.sampling import intensity_of, sample_faces

__all__ = [
    "IDENTITY_RANGES",
    "REGIONS",
    "FaceParameters",
    "FaceRenderer",
    "RenderedFaces",
    "intensity_of",
    "sample_faces",
]
