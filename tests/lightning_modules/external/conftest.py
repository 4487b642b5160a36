"""A system of others, played by a script: it copies references, and crashes, hangs and lies where it is told to."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_modules.external.base import ExternalCase
from zoo.facs import AUS

SIZE = 32
SCRIPT = """
import json, os, shutil, subprocess, sys, time

home = os.environ["HOME_OF_SYSTEM"]
with open(os.path.join(home, "starts.txt"), "a") as file:
    file.write("start\\n")

def generate(case):
    with open(os.path.join(home, "calls.txt"), "a") as file:
        file.write(json.dumps(case) + "\\n")
    with open(os.path.join(home, "mood.json")) as file:
        mood = json.load(file).get(case["name"], "well")
    print("noise that is no answer", flush=True)
    if mood == "crash":
        print("out of paint", file=sys.stderr, flush=True)
        os._exit(3)
    if mood == "hang":
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        with open(os.path.join(home, "child.txt"), "w") as file:
            file.write(str(child.pid))
        time.sleep(600)
    if mood == "refuse":
        raise ValueError("no such\\nface")
    if mood == "nothing":
        return
    if mood == "half":
        with open(case["reference"], "rb") as whole, open(case["picture"], "wb") as part:
            part.write(whole.read()[:200])
        return
    shutil.copy(mood if os.path.exists(mood) else case["reference"], case["picture"])

if len(sys.argv) > 1:
    generate(dict(zip(("name", "reference", "aus", "intensities", "text", "seed", "picture"), sys.argv[1:])))
else:
    for line in sys.stdin:
        case = json.loads(line)
        try:
            generate(case)
        except Exception as error:
            print("failed", case["name"] + ":", str(error).replace("\\n", " "), flush=True)
        else:
            print("done", case["name"], flush=True)
"""
COMMAND = "{python} -S {home}/play.py {name} {reference} {aus} {intensities} {text} {seed} {picture}"
WORKER = "{python} -S {home}/play.py"


class Played:
    """The installation of the played system.

    Attributes:
        home: Its folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        (home / "play.py").write_text(SCRIPT)
        (home / "weights.bin").touch()
        self.feel()

    def feel(self, **moods):
        """Say how it takes a case, by the case's name."""
        (self.home / "mood.json").write_text(json.dumps(moods))

    @property
    def calls(self):
        """What it was told, in order."""
        file = self.home / "calls.txt"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []

    @property
    def num_starts(self):
        """How many processes it had."""
        return len((self.home / "starts.txt").read_text().splitlines())

    def declare(self, key="played", **changes):
        """Write its declaration; give its file."""
        body = {
            "name": "Played",
            "command": COMMAND,
            "takes": {"reference": True, "text": True, "aus": list(AUS)},
            "home": str(self.home),
            "python": sys.executable,
            "environment": {"HOME_OF_SYSTEM": "{home}"},
            "needs": [{"path": "weights.bin", "what": "its weights", "get": "Ask whoever trained it."}],
            "timeout_s": 300,
            **changes,
        }
        file = self.home.parent / f"{key}.yaml"
        file.write_text(json.dumps({key: value for key, value in body.items() if value is not None}))
        return str(file)


@pytest.fixture
def played(tmp_path):
    """An installation of it."""
    return Played(tmp_path / "installation")


def noise(seed, *, width=SIZE, height=SIZE):
    """A picture that looks like nothing."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def cases(tmp_path):
    """Four cases."""
    found = []
    for number, aus in enumerate([(6, 12), (12, 15), (1, 4), ()]):
        reference = tmp_path / f"reference_{number}.png"
        noise(number).save(reference)
        found.append(ExternalCase(f"case_{number}", reference, aus, f"Description {number}.", number, f"p{number}"))
    return found


@pytest.fixture
def data_yaml(tmp_path):
    """Four pictures of noise that a manifest says to be faces of two people."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = [",".join(["image", "subject", "reference", "split", *(f"AU{au}" for au in AUS)])]
    for number, aus in enumerate([(6, 12), (12, 15), (1, 4), (17,)]):
        noise(number).save(folder / f"face{number}.png")
        noise(100 + number % 2).save(folder / f"reference{number % 2}.png")
        labels = [str(int(au in aus)) for au in AUS]
        lines.append(",".join([f"face{number}.png", f"p{number % 2}", f"reference{number % 2}.png", "test", *labels]))
    (folder / "manifest.csv").write_text("\n".join(lines))
    arguments = {"manifest": str(folder / "manifest.csv"), "image_size": SIZE, "batch_size": 4}
    content = {"class_path": "datamodules.manifest.ManifestFacesDataModule", "init_args": arguments}
    (folder / "data.yaml").write_text(json.dumps(content))
    return folder / "data.yaml"
