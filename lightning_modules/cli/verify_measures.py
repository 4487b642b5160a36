"""What a bundle's kind reaches on data, measured as its run did, and why the rest can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from datamodules.batch import IMAGES
from datamodules.progress import progress_bar
from zoo.backbones.base import Backbone
from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.images import from_uint8, to_uint8
from zoo.pipelines.base import Pipeline
from zoo.recognizers.base import Recognizer
from zoo.text_recognizers.base import TextRecognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from zoo.components import Component

JUDGES = {"recognizer": "models/recognizer_independent", "identity": "models/face_identity_independent"}
"""Who measured, where a bundle does not say."""
_KINDS: dict[str, type[Any]] = {"recognizer": Recognizer, "identity": FaceEncoder}


class Measuring:
    """How figures are measured again.

    Args:
        data: The data module that the bundle names.
        recorded: What it recorded.
        judges: Paths of the networks that measure synthesised faces, by what they judge.
        num_images: Take no more samples of a split than this; None takes as many as the run did.
        tell: Called with a line before each split.
    """

    def __init__(
        self,
        data: Any,
        recorded: Mapping[str, Any],
        judges: Mapping[str, str],
        *,
        num_images: int | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.data = data
        self.recorded = recorded
        self.judges = judges
        self.num_images = num_images
        self.num_taken = 0
        """Samples of the split of which the fewest were taken."""
        self.is_whole = True
        """Whether as many were taken of every split as the run took."""
        self._tell = tell or (lambda _: None)

    def batches(self, split: str, *, limit: int | None = None) -> Iterator[Any]:
        """Give batches as modules see them in training: pixels become floats."""
        self._render_what_is_taken(split)
        loader = self.data.test_dataloader() if split == "test" else self.data.val_dataloader()
        count = len(loader.dataset) if limit is None else min(limit, len(loader.dataset))
        left = taken = count if self.num_images is None else min(self.num_images, count)
        self.num_taken = min(taken, self.num_taken or taken)
        self.is_whole = self.is_whole and taken == count
        self._tell(f"{'all' if taken == count else f'the first {taken:,} of'} {count:,} samples of the {split} split")
        finish = getattr(self.data, "on_after_batch_transfer", None)
        with progress_bar("Measuring", taken) as advance:
            for loaded in loader:
                if left <= 0:
                    return
                whole = loaded if finish is None else finish(loaded, 0)
                size = min(left, len(whole["subject"]) if "subject" in whole else len(whole["occurrence"]))
                batch = {name: each[:size] for name, each in whole.items()}
                yield _as_stored(batch) if getattr(self.data, "on_the_fly", False) else batch
                left -= size
                advance(size)

    def splits(self, figure: str) -> list[str]:
        """Name the splits for which a figure was recorded."""
        return [split for split in ("val", "test") if f"{split}/{figure}" in self.recorded]

    def _render_what_is_taken(self, split: str) -> None:
        """Where procedural faces are in no store yet, render those alone that are looked at, and keep none."""
        stores = getattr(self.data, "stores", None)
        if stores is not None:
            store = stores["test" if split == "test" else "validation"]
            self.data.on_the_fly = not store.folder(self.data.root).is_dir()


def _as_stored(batch: dict[str, Any]) -> dict[str, Any]:
    """Round pixels as a store does: the faces are then those of the run to the bit."""
    return {name: from_uint8(to_uint8(each)) if name in IMAGES else each for name, each in batch.items()}


@torch.no_grad()
def measured(component: Component, how: Measuring) -> dict[str, Any]:
    """Measure what there is a measure for; figures with an interval have it under ``NAME_interval``."""
    match component:
        case Recognizer():
            return _f1(component, how, lambda batch: component(batch["image"]).probability)
        case TextRecognizer():
            return _f1(component, how, lambda batch: component(batch["prompt"]).probability)
        case Codec():
            return _pixels(component, how)
        case FaceEncoder() if component.state_dict():
            return _verification(component, how)
        case Pipeline():
            return _synthesis(component, how)
    return {}


def why_not(component: Component) -> str:
    """Say why figures of a kind of component can't be measured again."""
    match component:
        case Recognizer():
            return "the codec whose reconstructions its run showed it is no part of the bundle"
        case TextRecognizer():
            return "it is of the texts alone, whatever is trained"
        case Codec():
            return "the run's loss and judge are no part of the bundle"
        case FaceEncoder():
            return "what it was trained against, such as a reader of texts, is no part of the bundle"
        case Backbone():
            return "the heads that were trained on it are no part of the bundle"
        case Pipeline():
            return "it needs a judge that is not there, or data that does not have it"
    return "there is no measure for this kind of component"


def _f1(component: Any, how: Measuring, recognize: Callable[[Any], torch.Tensor]) -> dict[str, Any]:
    from zoo.facs import AUS
    from zoo.metrics.occurrence_f1 import OccurrenceF1

    columns = [AUS.index(au) for au in component.aus]
    found: dict[str, Any] = {}
    for split in how.splits("f1"):
        metric = OccurrenceF1(aus=component.aus)
        for batch in how.batches(split):
            metric.update(recognize(batch), batch["occurrence"][:, columns], batch["known"][:, columns])
        found[f"{split}/f1"] = float(metric.macro())
        named = zip(component.aus, metric.compute().tolist(), strict=True)
        found |= {f"{split}_f1/AU{au}": value for au, value in named}
    return found


def _pixels(codec: Codec, how: Measuring) -> dict[str, Any]:
    from lightning_modules.codec_figures import pixel_figures

    totals, count = {"l1": 0.0, "psnr": 0.0}, 0
    for batch in how.batches("test" if how.recorded.get("split") == "test" else "val"):
        images = batch["image"]
        figures = pixel_figures(codec.detokenize(codec.tokenize(images)), images)
        totals = {name: total + float(figures[name]) * len(images) for name, total in totals.items()}
        count += len(images)
    return {name: total / count for name, total in totals.items()}


def _verification(encoder: FaceEncoder, how: Measuring) -> dict[str, Any]:
    """As FaceIdentityModule does; other encoders have recorded no such figures."""
    from zoo.metrics.verification import Verification

    found: dict[str, Any] = {}
    for split in how.splits("auc"):
        metric = Verification()
        for batch in how.batches(split):
            metric.update(functional.normalize(encoder(batch["image"]).float().mean(1), dim=1), batch["subject"])
        auc, rank_one = metric.compute()
        found |= {f"{split}/auc": float(auc), f"{split}/rank_one": float(rank_one)}
    return found


def _synthesis(pipeline: Pipeline, how: Measuring) -> dict[str, Any]:
    """As SynthesisReport does: the same faces, seeds and sampling."""
    from lightning_modules.callbacks.synthesis_figures import SynthesisFigures
    from zoo.sampling import Sampling

    recorded = how.recorded
    sampling = Sampling(**recorded["sampling"]) if isinstance(recorded.get("sampling"), dict) else Sampling()
    limit = recorded.get("num_images")
    figures = SynthesisFigures(**{name: _judge(name, path) for name, path in how.judges.items()})
    codec = getattr(pipeline, "codec", None)
    split = "test" if recorded.get("split") == "test" else "val"
    for batch in how.batches(split, limit=limit if type(limit) is int else None):
        made = pipeline.synthesize(
            batch["reference"],
            batch["prompt"],
            occurrence=batch["occurrence"],
            intensity=batch["intensity"],
            seeds=batch["index"],
            sampling=sampling,
        )
        truth = batch.get("truth", batch["image"])
        coded = None if codec is None else codec.detokenize(codec.tokenize(truth))
        figures.update(batch, made.images, truth=truth, coded=coded)
    return figures.compute()


def _judge(name: str, path: str) -> Any:
    from zoo.bundles import find, load

    judge, kind = load(find(path)), _KINDS[name]  # found first: what a bundle names is not fetched from elsewhere
    if not isinstance(judge, kind):
        message = f"its judge {name} must be a {kind.__name__}, got {type(judge).__name__} of {path}"
        raise ValueError(message)
    return judge
