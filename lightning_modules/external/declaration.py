"""What a system of the comparison declares of itself: what it takes, what it needs, how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.config_files import CONFIGS, find_config, read, shown
from lightning_modules.cli.errors import UserError, did_you_mean
from zoo.facs import AUS

KINDS = {
    "command": "commands, run anew for each case",
    "worker": "a command that stays and is told one case after another",
    "pictures": "a folder of pictures that were made elsewhere",
    "model": "a model of this zoo, which evaluate and synthesize ask themselves",
}
"""The keys of which a declaration has one: how the system is asked."""
PAPER_ORDER = ("glm4", "midjourney", "uniportrait", "anyface", "stable_diffusion", "ganimation")
"""The rows of the paper's Table 1."""
TRAINING = ("none", "fine-tuned", "retrained", "ours")
EVALUATION = ("qualitative", "both")


class MissingError(UserError):
    """An installation, its weights or its pictures are not there."""


@dataclass(frozen=True)
class Takes:
    """What a system can be given.

    Attributes:
        reference: Whether it is shown a reference face.
        text: Whether it reads a description.
        aus: AUs that it can be asked for as labels.
        max_words: Longer descriptions are cut; None where it reads any.
    """

    reference: bool = False
    text: bool = False
    aus: tuple[int, ...] = ()
    max_words: int | None = None

    @property
    def says(self) -> str:
        """Say it as Table 1 of the paper does."""
        words = ["AU" if self.aus else "", "Text" if self.text else "", "Ref." if self.reference else ""]
        return "+".join(filter(None, words))


@dataclass(frozen=True)
class Needed:
    """A file without which a system can't work.

    Attributes:
        path: From its installation; may have wildcards.
        what: What it is.
        get: Where it comes from and where it goes.
    """

    path: str
    what: str
    get: str


@dataclass(frozen=True)
class Declaration:
    """A system as its YAML in ``configs/external/`` declares it.

    Attributes:
        key: The YAML's name, which also names folders.
        file: The YAML.
        name: What tables call it.
        kind: One of ``KINDS``.
        call: The commands, the folder, or the model.
        takes: What it can be given.
        training: One of ``TRAINING``, on our data.
        evaluation: One of ``EVALUATION``: in which part of the paper's comparison it stands.
        cuda: Whether it needs a GPU by NVIDIA.
        licence: Of its code.
        source: Where it is published.
        home: Its installation, from the working directory or the project.
        python: The Python of its environment.
        working_dir: Where its commands run, from its installation.
        environment: Variables for its process.
        needs: Files that must be there.
        result: Where a command leaves its picture, from its scratch folder; may have wildcards.
        written: How an AU is written in a command.
        joined: What stands between AUs.
        intensity: The intensity of every AU that is asked for, where a command says one.
        style: Style of descriptions; None takes that of the data.
        image_size: Side of its pictures in pixels; None takes any, as long as they are square.
        timeout_s: How long a case may take.
        startup_s: How long a worker may take before its first answer, besides.
    """

    key: str
    file: Path
    name: str
    kind: str
    call: tuple[str, ...]
    takes: Takes
    training: str = "none"
    evaluation: str = "both"
    cuda: bool = False
    licence: str = ""
    source: str = ""
    home: str = "."
    python: str = "python"
    working_dir: str = "."
    environment: dict[str, str] = field(default_factory=dict)
    needs: tuple[Needed, ...] = ()
    result: str = "picture.png"
    written: str = "{au}"
    joined: str = ","
    intensity: int = 3
    style: str | None = None
    image_size: int | None = None
    timeout_s: float = 300.0
    startup_s: float = 600.0

    @property
    def place(self) -> Path:
        """The folder of its installation."""
        given = Path(self.home).expanduser()
        return given if given.is_absolute() or given.exists() else PROJECT / given

    def missing(self) -> Needed | None:
        """Give the first file that it needs and that isn't there."""
        if self.kind == "model":
            model = Path(self.call[0])
            there = model.exists() or (PROJECT / model).exists()
            return None if there else Needed(self.call[0], "its weights", f"python cli.py fit --config {self.source}")
        return next((each for each in self.needs if not any(self.place.glob(each.path))), None)

    def refuse_if_missing(self) -> None:
        """Raise where something that it needs isn't there.

        Raises:
            MissingError: With what it is and where it comes from.
        """
        missing = self.missing()
        if missing is not None:
            message = (
                f"{self.name}: {missing.what} must be at {shown(self.place / missing.path)}, which is not there. "
                f"{missing.get} Another place: --home.{self.key} DIR."
            )
            raise MissingError(message)


def declarations() -> list[Declaration]:
    """Read every declaration of ``configs/external/``, in the order of the paper's Table 1, then by name."""
    found = [read_declaration(str(file)) for file in sorted((CONFIGS / "external").glob("*.yaml"))]
    place = {key: number for number, key in enumerate(PAPER_ORDER)}
    return sorted(found, key=lambda each: (place.get(each.key, len(place)), each.key))


def read_declaration(name: str, **changes: Any) -> Declaration:
    """Read a declaration.

    Args:
        name: Of its YAML, searched as any config's.
        changes: Attributes that differ from what it says, such as ``home``.

    Raises:
        UserError: There is no such file, or it says what can't be meant.
    """
    file = find_config(name)
    body = {**read(file), **{key: value for key, value in changes.items() if value is not None}}
    try:
        return _declaration(file, body)
    except UserError as error:
        message = f"{shown(file)}: {error}"
        raise UserError(message) from error


def _declaration(file: Path, body: dict[str, Any]) -> Declaration:
    own = {each.name for each in fields(Declaration)} - {"key", "file", "kind", "call"}
    _refuse_unknown(body, [*own, *KINDS], "")
    kinds = [kind for kind in KINDS if kind in body]
    if len(kinds) != 1:
        message = f"must have one of {', '.join(KINDS)}, got {', '.join(kinds) or 'none'}."
        raise UserError(message)
    call = body.pop(kinds[0])
    takes = dict(body.pop("takes", None) or {})
    _refuse_unknown(takes, [each.name for each in fields(Takes)], "takes.")
    aus = tuple(takes.pop("aus", None) or ())
    if unknown := [au for au in aus if au not in AUS]:
        message = f"takes.aus must be of {', '.join(map(str, AUS))}, got {unknown[0]!r}."
        raise UserError(message)
    needs = []
    for each in body.pop("needs", None) or []:
        if not isinstance(each, dict) or set(each) != {"path", "what", "get"}:
            message = f"needs must be a list of path, what and get, got {each!r}."
            raise UserError(message)
        needs.append(Needed(**each))
    for key, known in (("training", TRAINING), ("evaluation", EVALUATION)):
        if body.get(key, known[0]) not in known:
            message = f"{key} must be one of {', '.join(known)}, got {body[key]!r}."
            raise UserError(message)
    rest: dict[str, Any] = {"name": file.stem, **body}
    return Declaration(
        key=file.stem,
        file=file,
        kind=kinds[0],
        call=tuple([call] if isinstance(call, str) else call),
        takes=Takes(aus=aus, **takes),
        needs=tuple(needs),
        **rest,
    )


def _refuse_unknown(body: dict[str, Any], known: list[str], where: str) -> None:
    for key in body:
        if key not in known:
            message = f"{where}{key} is not known.{did_you_mean(key, known)} There are: {', '.join(sorted(known))}."
            raise UserError(message)
