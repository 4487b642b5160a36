"""Building blocks of the AUFace Zoo in pure torch; importing anything here never imports Lightning.

Each sub-package is a family: an abstract base in ``base.py`` and one file per member. ``zoo.load(path)``
brings back a trained component from a bundle, a run's folder or a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.bundles import load as load
    from zoo.bundles import save_bundle as save_bundle

__all__ = ["load", "save_bundle"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # `import zoo.facs` must not cost a torch import, so the loaders come on first use.
    if name in __all__:
        from zoo import bundles

        return getattr(bundles, name)
    message = f"module 'zoo' has no attribute {name!r}"
    raise AttributeError(message)
