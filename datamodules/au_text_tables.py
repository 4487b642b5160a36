"""Tables of labelled faces: columns as NumPy arrays, kept as parquet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.image_storage import ImagePlaces
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
UNKNOWN = 9
"""How an AU that could not be coded is written."""
QUALITIES = ("detector_score", "crop_scale", "crop_inside", "landmark_error")
"""How well a face was found and cropped; see :class:`FaceTable`."""


class TableError(ValueError):
    """A table of faces is not as it must be."""


@dataclass(repr=False)
class FaceTable:
    """Labelled faces, one entry in each column for every face.

    Attributes:
        source: Where a face comes from, such as ``bp4d/F001/T1/2440``; no two are equal.
        subject: Who it is, with the data set in front, such as ``bp4d/F001``.
        sequence: Task or video, such as ``T1``; may be empty.
        frame: Its number there.
        occurrence: (face, au) int8: 0, 1, or 9 where unknown.
        intensity: (face, au) float32 from 0 to 5, NaN where unknown.
        places: Where the images are.
        side: (face, au) of ``""``, ``"L"`` or ``"R"``; None where no sides are known.
        split: ``train``, ``validation`` or ``test``; None in a table of references.
        reference: The row of each face's reference face in the table of references; None in that table.
        constructs: Which constructs of the lexicon describe it, such as ``6+12+15;10+17``; None for references.
        description: Their texts, one fixed variant of each; None for references.
        landmarks: (face, 5 or 68, 2) points of the crop in pixels, NaN where unknown; None where none are known.
        quality: Float32 columns, NaN where they don't apply: ``detector_score`` in [0, 1]; ``crop_scale``, pixels of
            the crop per pixel of the original; ``crop_inside``, the share of the crop that the original covers;
            ``landmark_error``, the root mean square distance of the five aligned points from where a canonical
            face has them, as a share of the crop's size.
    """

    source: NDArray[np.object_]
    subject: NDArray[np.object_]
    sequence: NDArray[np.object_]
    frame: NDArray[np.int64]
    occurrence: NDArray[np.int8]
    intensity: NDArray[np.float32]
    places: ImagePlaces
    side: NDArray[np.object_] | None = None
    split: NDArray[np.object_] | None = None
    reference: NDArray[np.int64] | None = None
    constructs: NDArray[np.object_] | None = None
    description: NDArray[np.object_] | None = None
    landmarks: NDArray[np.float32] | None = None
    quality: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def index(self) -> NDArray[np.int64]:
        """The number of each face, its row."""
        return np.arange(len(self))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where occurrence is known."""
        return self.occurrence != UNKNOWN

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which AUs are known to be present."""
        return self.occurrence == 1

    def save(self, path: str | Path) -> None:
        """Write it as a parquet file."""
        pyarrow = import_pyarrow()

        pyarrow.parquet.write_table(self._columns(pyarrow), path, compression="zstd")

    @classmethod
    def load(cls, path: str | Path) -> FaceTable:
        """Read a parquet file.

        Raises:
            TableError: It is missing, damaged or not such a table.
        """
        pyarrow = import_pyarrow()

        try:
            table = pyarrow.parquet.read_table(path)
        except (OSError, pyarrow.ArrowException) as error:
            message = f"FaceTable: {path} must be a whole parquet file, got: {error}. Copy or build the folder again."
            raise TableError(message) from error
        try:
            return cls._of_columns(table)
        except (KeyError, ValueError, pyarrow.ArrowException) as error:
            message = (
                f"FaceTable: {path} must have the columns of labelled faces, got: {error}. Build the folder again."
            )
            raise TableError(message) from error

    def _columns(self, pyarrow: Any) -> Any:
        columns: dict[str, Any] = {"index": self.index, "source": self.source}
        for name in ("subject", "sequence"):
            columns[name] = pyarrow.array(getattr(self, name), pyarrow.string()).dictionary_encode()
        columns["frame"] = self.frame
        if self.split is not None:
            columns["split"] = pyarrow.array(self.split, pyarrow.string()).dictionary_encode()
        columns["image"] = pyarrow.array(self.places.image, pyarrow.string())
        if self.places.shard is not None:
            columns["shard"] = pyarrow.array(self.places.shard, pyarrow.string()).dictionary_encode()
            columns["offset"] = self.places.offset
        columns["size"] = self.places.size
        if self.reference is not None:
            columns["reference"] = self.reference
        columns |= {f"AU{au}": self.occurrence[:, place] for place, au in enumerate(AUS)}
        columns |= {f"intensity_AU{au}": _nullable(pyarrow, self.intensity[:, place]) for place, au in enumerate(AUS)}
        if self.side is not None:
            for place, au in enumerate(AUS):
                columns[f"side_AU{au}"] = pyarrow.array(self.side[:, place], pyarrow.string()).dictionary_encode()
        for name in ("constructs", "description"):
            if (texts := getattr(self, name)) is not None:
                columns[name] = pyarrow.array(texts, pyarrow.string()).dictionary_encode()
        if self.landmarks is not None:
            flat = np.ascontiguousarray(self.landmarks, dtype=np.float32).reshape(len(self), -1)
            columns["landmarks"] = pyarrow.FixedSizeListArray.from_arrays(flat.ravel(), flat.shape[1])
        columns |= {name: _nullable(pyarrow, values) for name, values in self.quality.items()}
        return pyarrow.table(columns)

    @classmethod
    def _of_columns(cls, table: Any) -> FaceTable:
        names = set(table.column_names)

        def numbers(name: str, dtype: str) -> NDArray[Any]:
            values: NDArray[Any] = table[name].to_numpy()
            return values.astype(dtype)

        def of_aus(front: str, dtype: str) -> NDArray[Any]:
            return np.stack([numbers(f"{front}AU{au}", dtype) for au in AUS], axis=1)

        occurrence = of_aus("", "int8")
        if not np.isin(occurrence, (0, 1, UNKNOWN)).all():
            message = f"occurrence must be 0, 1 or {UNKNOWN}"
            raise ValueError(message)
        shard = _texts(table["shard"]) if "shard" in names else None
        offset = numbers("offset", "int64") if "shard" in names else np.zeros(len(table), np.int64)
        landmarks = None
        if "landmarks" in names:
            flat = table["landmarks"].combine_chunks()
            landmarks = flat.flatten().to_numpy().reshape(len(table), -1, 2)
        return cls(
            source=_texts(table["source"]),
            subject=_texts(table["subject"]),
            sequence=_texts(table["sequence"]),
            frame=numbers("frame", "int64"),
            occurrence=occurrence,
            intensity=of_aus("intensity_", "float32"),
            places=ImagePlaces(_texts(table["image"]), numbers("size", "int64"), shard, offset),
            side=np.stack([_texts(table[f"side_AU{au}"]) for au in AUS], 1) if f"side_AU{AUS[0]}" in names else None,
            split=_texts(table["split"]) if "split" in names else None,
            reference=numbers("reference", "int64") if "reference" in names else None,
            constructs=_texts(table["constructs"]) if "constructs" in names else None,
            description=_texts(table["description"]) if "description" in names else None,
            landmarks=landmarks,
            quality={name: numbers(name, "float32") for name in QUALITIES if name in names},
        )


def import_pyarrow() -> Any:
    """Import pyarrow, or say how to get it."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        message = 'AU text folders need pyarrow, which is not installed. Install it: pip install "auface-zoo[data]"'
        raise ModuleNotFoundError(message) from error
    return pyarrow


def _nullable(pyarrow: Any, values: NDArray[np.float32]) -> Any:
    return pyarrow.array(values.astype(np.float32), mask=np.isnan(values))


def _texts(column: Any) -> NDArray[np.object_]:
    """Turn strings into an array in which equal ones are one object."""
    import pyarrow

    column = column.combine_chunks()
    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    distinct: Sequence[str] = column.dictionary.to_pylist()
    if column.null_count:
        message = "texts must not be null"
        raise ValueError(message)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = distinct
    return texts[column.indices.to_numpy()] if len(column) else np.empty(0, dtype=object)
