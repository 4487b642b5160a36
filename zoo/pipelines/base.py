"""What every pipeline offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from zoo.components import Component
from zoo.sampling import Sampling
from zoo.shapes import Images, Intensity, Occurrence, Tokens


@dataclass(frozen=True)
class Synthesis:
    """What a pipeline gives.

    Attributes:
        images: The faces.
        tokens: Their tokens; None for pipelines that have none.
    """

    images: Images
    tokens: Tokens | None


class Pipeline(Component):
    """Synthesise faces: who it is from a reference, what it does from a prompt.

    Attributes:
        image_size: Height and width of references and results in pixels.
        prompt_style: Style of the lexicon that it was trained on, and reads best.
        settings: What of the seed and of :class:`zoo.sampling.Sampling` its faces depend on.
        sees_reference: Whether who it is comes from the reference.
    """

    image_size: int
    prompt_style: str
    settings: tuple[str, ...] = ("seed", "steps", "temperature", "text_guidance", "reference_guidance")
    sees_reference: bool = True

    @property
    def reads_labels(self) -> bool:
        """Whether it goes by the labels, and not by the prompts."""
        return False

    @abstractmethod
    def synthesize(
        self,
        references: Images,
        prompts: Sequence[str],
        *,
        occurrence: Occurrence | None = None,
        intensity: Intensity | None = None,
        seeds: Int[Tensor, " batch"] | None = None,
        sampling: Sampling | None = None,
        keep: Bool[Tensor, "batch rows cols"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Synthesis:
        """Synthesise one face for each reference.

        Args:
            references: Faces that give the identity.
            prompts: What they are to do.
            occurrence: The same as labels, for models that read labels.
            intensity: The intensities of these, NaN where unknown, for models that read them.
            seeds: One for each face; 0, 1, 2 ... by default. A face depends on its own seed alone.
            sampling: How tokens are drawn.
            keep: Cells of the token grid, where there is one, or of any other, where the face stays the reference's.
            progress: Told after each pass of the generator how many are done, and of how many.
        """
