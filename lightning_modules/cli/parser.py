"""The parser of ``fit``, ``validate``, ``test`` and ``predict``: raises where jsonargparse prints a page of usage."""

from __future__ import annotations

from typing import NoReturn

from pytorch_lightning.cli import LightningArgumentParser


class RefusalError(Exception):
    """What jsonargparse says is wrong, in its own words.

    Args:
        message: Its words.
        options: Every key that the parser knows.
    """

    def __init__(self, message: str, options: list[str]) -> None:
        super().__init__(message)
        self.options = options


class Parser(LightningArgumentParser):
    """Raise what is wrong instead of printing a page of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise it.

        Raises:
            RefusalError: Always, but in parsers that jsonargparse makes for itself.
        """
        if not self.exit_on_error:
            super().error(message, ex)
        options = [name.lstrip("-") for action in self._actions for name in action.option_strings]
        raise RefusalError(message, [name for name in options if not name.endswith(".help")]) from ex
