"""The command ``python cli.py demo``: a page on this machine on which one tries a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_modules.demo.api import Demo


def demo(
    *,
    model: str = "models/vq_auface",
    compare: str | None = None,
    recognizer: str | None = "models/recognizer_independent",
    port: int = 7860,
    open: bool = False,
    device: str = "auto",
) -> None:
    """Open a page in which one picks a face, sets AUs or types a description, and sees what a model makes of it.

    It needs no network, and answers this machine alone. Pictures that are given to it stay in memory, and only for as
    long as an answer takes.

    Args:
        model: A bundle, a run's folder or a checkpoint of a pipeline: one of stage II, GANimation, Stable Diffusion.
        compare: Another one, shown beside it.
        recognizer: What reads AUs back from the results; null for none.
        port: Where the page is; 0 takes any that is free.
        open: Whether the page is also opened in the browser.
        device: cpu, cuda, or auto.
    """
    import threading

    from lightning_modules.demo.server import DemoServer  # torch comes with it

    server = DemoServer(port)  # a port that is taken is told at once, before models are read
    try:
        server.demo = _made([model] if compare is None else [model, compare], recognizer, device)
        print(f"The page is at {server.url} and answers this machine alone. Ctrl-C ends it.", flush=True)
        if open:
            import webbrowser

            webbrowser.open(server.url)
        threading.Thread(target=server.demo.warm, daemon=True).start()
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.finish()


def _made(paths: list[str], recognizer: str | None, device: str) -> Demo:
    from lightning_modules.cli.devices import device_of
    from lightning_modules.demo.api import Demo
    from lightning_modules.demo.model import DemoModel, names_of
    from zoo import bundles
    from zoo.recognizers.base import Recognizer

    place = device_of(device)
    models = [DemoModel(path, name=name, device=place) for path, name in zip(paths, names_of(paths), strict=True)]
    for model in models:
        model.try_out()
    reader = None if recognizer is None else bundles.load(recognizer, device=place)
    if reader is not None and not isinstance(reader, Recognizer):
        message = f"demo: recognizer must be a recognizer, got {recognizer!r}, a {type(reader).__name__}."
        raise ValueError(message)
    return Demo(models, recognizer=reader, recognizer_path=recognizer)
