"""Remember how a part was built, so that it can be said as plain data; needs no torch."""

from __future__ import annotations

import functools
import inspect
from typing import Any


class Recorded:
    """Remember the arguments of the constructor, whoever called it."""

    _arguments: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" not in cls.__dict__:
            return
        init, signature = cls.__init__, inspect.signature(cls.__init__)

        @functools.wraps(init)
        def recording(self: Recorded, *args: Any, **kwargs: Any) -> None:
            if type(self) is cls:
                bound = signature.bind(self, *args, **kwargs)
                bound.apply_defaults()
                # past nn.Module.__setattr__, which would register parts a second time
                object.__setattr__(self, "_arguments", dict(list(bound.arguments.items())[1:]))
            init(self, *args, **kwargs)

        cls.__init__ = recording  # type: ignore[method-assign, assignment]
