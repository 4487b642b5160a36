"""Drawing a part of a face anew."""

from zoo.pipelines.editing.parts import Part, kept_cells

__all__ = ["Part", "kept_cells"]
