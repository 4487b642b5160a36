"""What synthesised faces are worth, beside what copying the reference and shuffled descriptions would be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.callbacks.synthesis_regions import NUM_LANDMARKS, acting_pixels
from zoo.facs import AUS
from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.metrics.occurrence_f1 import THRESHOLD, f1_of_counts

if TYPE_CHECKING:
    from zoo.face_encoders.base import FaceEncoder
    from zoo.recognizers.base import Recognizer

_CHANGED = 0.1
"""Pixels (of a range of 2) that the true face changes by more than this count as changed."""


class SynthesisFigures:
    """Gather figures over batches, and over ranks when they are computed.

    ``au_f1_*`` is the macro F1 of what the recogniser sees, against the AUs that were asked for: on the
    ``synthesised`` faces; on the ``true`` ones and on what the ``codec`` makes of these, which bound it from above; on
    a ``copied`` reference and on synthesised faces against the AUs of another face (``shuffled``), which bound it from
    below.

    ``au_change_f1_*`` counts changes: an AU is to change where it is asked for and the recogniser doesn't see it on
    the reference, or the other way round; it did where the recogniser sees it on one of reference and face alone. F1
    of each AU over that, then their mean: what a reference shows already earns nothing, and copying has 0.

    ``identity`` is (s - impostor) / (same - impostor) of cosines to the reference: 1 as alike as the true face, 0 as
    a stranger. ``l1_*`` is the distance to the true face in [-1, 1].

    Mean change from the reference, in [-1, 1]: ``change_where_due`` and ``change_elsewhere`` are of synthesised faces
    where the true face changes and where it doesn't; ``change_in_regions_*`` and ``change_beside_regions_*``, for data
    with 68 landmarks, where the AUs asked for act
    (:func:`~lightning_modules.callbacks.synthesis_regions.acting_pixels`) and beside it.

    Intervals are 95 % over subjects. What can't be said of so few faces is None.

    Args:
        recognizer: The judge of AUs.
        identity: The judge of identity.
    """

    def __init__(self, recognizer: Recognizer | None = None, identity: FaceEncoder | None = None) -> None:
        self.recognizer = recognizer
        self.identity = identity
        self.num_images = 0
        self._subjects: list[str] = []
        self._sums: dict[str, list[Tensor]] = {}

    @torch.no_grad()
    def update(self, batch: Any, images: Tensor, *, truth: Tensor, coded: Tensor | None) -> None:
        """Measure a batch.

        Args:
            batch: A :class:`datamodules.batch.FaceBatch`.
            images: The synthesised faces.
            truth: What should have come out.
            coded: What the codec makes of that; None leaves its figures out, the same for every batch.
        """
        self.num_images += len(images)
        self._subjects += batch["subject"]
        by_codec = {} if coded is None else {"codec": coded}
        reference, shown = batch["reference"], {"synthesised": images, "true": truth, **by_codec}
        if self.recognizer is not None:
            columns = [AUS.index(au) for au in self.recognizer.aus]
            occurrence, known = batch["occurrence"][:, columns], batch["known"][:, columns]
            seen = {name: self._recognise(faces) for name, faces in shown.items()}
            at_first = self._recognise(reference)
            for name, recognised in seen.items():
                self._add_f1(f"au_f1_{name}", recognised, occurrence, known)
            self._add_f1("au_f1_copied", at_first, occurrence, known)
            other = strangers(batch["subject"])
            self._add_f1("au_f1_shuffled", seen["synthesised"], occurrence[other], known[other])
            for name, recognised in seen.items():
                self._add_f1(f"au_change_f1_{name}", recognised ^ at_first, occurrence ^ at_first, known)
        if self.identity is not None:
            faces = torch.cat([reference, images, truth])
            own, made, true = functional.normalize(self.identity(faces).float().mean(1), dim=-1).chunk(3)
            stranger = own[strangers(batch["subject"])]
            cosines = {"made": (own * made).sum(1), "same": (own * true).sum(1), "impostor": (own * stranger).sum(1)}
            self._add("identity", torch.stack(list(cosines.values()), 1))
        for name, faces in {"synthesised": images, "copied": reference, **by_codec}.items():
            error = (faces - truth).abs().mean((1, 2, 3))
            self._add(f"l1_{name}", torch.stack([error, torch.ones_like(error)], 1))
        due = (truth - reference).abs().mean(1) > _CHANGED
        change = (images - reference).abs().mean(1)
        for name, where in (("change_where_due", due), ("change_elsewhere", ~due)):
            self._add_change(name, change, where)
        landmarks = batch.get("landmarks")
        if landmarks is not None and landmarks.shape[1] == NUM_LANDMARKS:
            acting = acting_pixels(batch["occurrence"], landmarks, image_size=images.shape[-1])
            for name, faces in shown.items():
                change = (faces - reference).abs().mean(1)
                self._add_change(f"change_in_regions_{name}", change, acting)
                self._add_change(f"change_beside_regions_{name}", change, ~acting)

    def compute(self) -> dict[str, Any]:
        """Give the figures as plain data; on every rank, since the ranks put together what they have."""
        sums = {name: torch.cat(parts).cpu().double() for name, parts in self._sums.items()}
        subjects = self._subjects
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            gathered: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(gathered, (sums, subjects))
            parts = [each for each, _ in gathered if each]  # a rank may have had no faces
            sums = {name: torch.cat([each[name] for each in parts]) for name in parts[0]} if parts else {}
            subjects = [subject for each in gathered for subject in each[1]]
        found: dict[str, Any] = {"num_images": len(subjects), "num_subjects": len(set(subjects))}
        for name, each in sums.items():
            statistic = _identity if name == "identity" else (_macro_f1 if name.startswith("au_") else _ratio)
            found[name] = _plain(statistic(each.sum(0, keepdim=True)))
            found[f"{name}_interval"] = [_plain(end) for end in bootstrap_over_subjects(each, subjects, statistic)]
        if "au_f1_true" in sums:
            found["au_num_frames_each"] = self._by_au(sums["au_f1_true"].sum(0)[:, [0, 2]].sum(1).int())
            for name in ("synthesised", "true", "codec"):
                if f"au_f1_{name}" in sums:
                    found[f"au_f1_{name}_each"] = self._by_au(f1_of_counts(sums[f"au_f1_{name}"].sum(0)))
            changes = sums["au_change_f1_synthesised"].sum(0)
            found["au_change_f1_synthesised_each"] = self._by_au(f1_of_counts(changes))
        return found

    def _by_au(self, values: Tensor) -> dict[str, Any]:
        assert self.recognizer is not None
        return {str(au): _plain(value) for au, value in zip(self.recognizer.aus, values, strict=True)}

    def _recognise(self, faces: Tensor) -> Tensor:
        assert self.recognizer is not None
        return self.recognizer(faces).probability >= THRESHOLD

    def _add_f1(self, name: str, recognised: Tensor, occurrence: Tensor, known: Tensor) -> None:
        told = [recognised & occurrence, recognised & ~occurrence, ~recognised & occurrence, ~recognised & ~occurrence]
        self._add(name, (torch.stack(told, -1) & known[..., None]).float())

    def _add_change(self, name: str, change: Tensor, where: Tensor) -> None:
        self._add(name, torch.stack([(change * where).sum((1, 2)), where.sum((1, 2)).to(change)], 1))

    def _add(self, name: str, contribution: Tensor) -> None:
        self._sums.setdefault(name, []).append(contribution)


def strangers(subjects: list[str]) -> list[int]:
    """Give for each face the place of one that shows somebody else; its own where all show the same person."""
    count = len(subjects)
    found = []
    for place, subject in enumerate(subjects):
        others = ((place + step) % count for step in range(1, count))
        found.append(next((other for other in others if subjects[other] != subject), place))
    return found


def _macro_f1(counts: Tensor) -> Tensor:
    return f1_of_counts(counts).nanmean(-1)


def _ratio(sums: Tensor) -> Tensor:
    return sums[:, 0] / sums[:, 1]


def _identity(sums: Tensor) -> Tensor:
    made, same, impostor = sums.unbind(1)
    return (made - impostor) / (same - impostor)


def _plain(value: Any) -> float | int | None:
    number = float(value)
    if not math.isfinite(number):  # JSON knows no NaN
        return None
    return int(value) if isinstance(value, Tensor) and not value.is_floating_point() else round(number, 4)
