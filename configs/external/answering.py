"""What a worker does: read a case, make its picture, answer. Run by the Python of a foreign installation.

It needs nothing but the standard library; what makes a picture gives something with ``save(file)``, as Pillow's images.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def answer(generate: Callable[[dict[str, Any]], Any]) -> None:
    """Make a picture for each case that the standard input tells, until it ends."""
    for line in sys.stdin:
        case = json.loads(line)
        try:
            generate(case).save(case["picture"])
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"failed {case['name']}: {reason}", flush=True)
        else:
            print(f"done {case['name']}", flush=True)
