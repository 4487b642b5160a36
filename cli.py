"""The command line of the AUFace Zoo: ``python cli.py --help``.

Thin on purpose: it looks at the first word and imports what that word needs. A subcommand of one's own is one line in
``COMMANDS``: the typed function's arguments become the options.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from pathlib import Path

# word, or word and second word -> "module:function"
COMMANDS: dict[str, str | dict[str, str]] = {
    "demo": "lightning_modules.cli.demo:demo",
    "describe": "zoo.facs.describe:describe",
    "dataset": {
        "bp4d": "datamodules.builders.au_text:build_bp4d",
        "bp4dplus": "datamodules.builders.au_text:build_bp4dplus",
        "disfa": "datamodules.builders.au_text:build_disfa",
        "disfaplus": "datamodules.builders.au_text:build_disfaplus",
        "manifest": "datamodules.builders.au_text:build_manifest",
        "faces": "datamodules.builders.faces:build_faces",
    },
    "evaluate": "lightning_modules.cli.evaluate:evaluate",
    "export": "zoo.export:export",
    "external": {
        "list": "lightning_modules.cli.external:list_systems",
        "make": "lightning_modules.cli.external:make",
    },
    "figure": "lightning_modules.cli.figure:figure",
    "import": {"mefarg": "zoo.foreign.mefarg:import_mefarg"},
    "list": {
        "parts": "lightning_modules.cli.listing:list_parts",
        "models": "lightning_modules.cli.model_listing:list_models",
    },
    "survey": {"make": "lightning_modules.cli.survey:make", "score": "lightning_modules.cli.survey:score"},
    "study": "lightning_modules.cli.study:study",
    "synthesize": "lightning_modules.cli.synthesize:synthesize",
    "verify": "lightning_modules.cli.verify:verify",
}

DEFAULT_KINDS = {"list": "parts"}  # of groups that need no second word


def main(argv: list[str] | None = None) -> int:
    """Run one command; give the exit code.

    Args:
        argv: The words after ``cli.py``; those of the process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    show_traceback = bool(os.environ.get("DEBUG")) or "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    from lightning_modules.cli.errors import UserError

    before = sys.argv
    # processes that Lightning launches run this file with the same words, whoever called
    sys.argv = [str(Path(__file__).resolve()), *words]
    try:
        return _dispatch(words)
    except UserError as error:
        if show_traceback:
            traceback.print_exc()
        rank = os.environ.get("LOCAL_RANK", "0")
        print(f"error: {'' if rank == '0' else f'rank {rank}: '}{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # fit says more: it has saved something
        if show_traceback:
            traceback.print_exc()
        print("Interrupted.", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as stop:  # argparse, after printing what was asked for
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.argv = before


def _dispatch(words: list[str]) -> int:
    from lightning_modules.cli import help_pages
    from lightning_modules.cli.errors import UserError, did_you_mean

    first, rest = (words[0], words[1:]) if words else ("--help", [])
    if first in ("-h", "--help", "help"):
        print(help_pages.overview())
        return 0
    if first == "--version":
        from zoo import __version__

        print(__version__)
        return 0
    if first in help_pages.TRAINER_COMMANDS:
        if any(word in ("-h", "--help") for word in rest):
            print(help_pages.trainer_page(first))
            return 0
        from lightning_modules.cli.composition import compose

        composition = compose(rest)  # a misspelt config is told at once, before Lightning is imported
        if first == "cache":
            from lightning_modules.cli import cache

            return cache.run(composition)
        from lightning_modules.cli.trainer_cli import run

        return run(first, composition)
    if first not in COMMANDS:
        known = [*help_pages.TRAINER_COMMANDS, *COMMANDS]
        message = f"there is no command {first!r}.{did_you_mean(first, known)} There are: {', '.join(known)}."
        raise UserError(message)
    target, program = COMMANDS[first], f"cli.py {first}"
    if first in DEFAULT_KINDS and rest[:1] not in (["-h"], ["--help"]) and not (rest and rest[0] in target):
        rest = [DEFAULT_KINDS[first], *rest]
    if isinstance(target, dict):
        if not rest or rest[0] in ("-h", "--help"):
            print(help_pages.group_page(first, target))
            return 0
        if rest[0] not in target:
            message = f"there is no {first} {rest[0]!r}.{did_you_mean(rest[0], target)} There are: {', '.join(target)}."
            raise UserError(message)
        target, program, rest = target[rest[0]], f"{program} {rest[0]}", rest[1:]
    from lightning_modules.cli.functions import call

    module, _, name = target.partition(":")
    return call(getattr(importlib.import_module(module), name), rest, program=program)


if __name__ == "__main__":
    sys.exit(main())
