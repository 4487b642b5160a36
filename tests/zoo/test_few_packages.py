"""What loading and running a bundle needs: six packages, whatever else is installed."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

from zoo.bundles import find

NEEDED = ("torch", "safetensors", "numpy", "pillow", "einops", "jaxtyping")
PROGRAM = """
import hashlib, importlib.abc, json, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)

blocked = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Blocked())
import torch, zoo
torch.set_num_threads(1)
from zoo.verification import findings
from zoo.bundles import find
for name in sys.argv[2:]:
    wrong = [each.text for each in findings(find(name)) if not each.passed]
    assert not wrong, (name, wrong)
codec = zoo.load("models/codec")
images = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
assert codec.detokenize(codec.tokenize(images)).shape == images.shape
from zoo.sampling import Sampling
prompt = "The lip corners go up and outwards."
made = zoo.load("models/vq_auface").synthesize(images, [prompt], sampling=Sampling(steps=2))
for each in (made.tokens, made.images):
    print(hashlib.sha256(each.contiguous().numpy().tobytes()).hexdigest())
from zoo.facs.composer import Composer
try:
    Composer()
except ModuleNotFoundError as error:
    assert "pip install pyyaml" in str(error), error
print("ran", *sorted(blocked & set(sys.modules)))
"""


def needed_distributions():
    """The six and all that they need in turn, as a fresh virtual environment would hold."""
    found, queue = set(), [normalized(each) for each in NEEDED]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        queue += [normalized(re.match(r"[\w.-]+", each)[0]) for each in required if "extra ==" not in each]
    return found


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.slow
def test_bundles_are_checked_loaded_and_run_with_six_packages():
    needed = needed_distributions()
    blocked = [
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if not {normalized(each) for each in distributions} & needed and module not in ("zoo", "sitecustomize")
    ]
    assert {"pytorch_lightning", "jsonargparse", "huggingface_hub", "timm", "yaml", "pytest"} <= set(blocked)
    bundles = [
        "models/codec",
        "models/recognizer",
        "models/text_recognizer",
        "models/vq_auface",
        "models/face_identity",
    ]
    few, all_there = run(blocked, bundles), run([], [])
    assert few.splitlines()[-1] == "ran"
    assert few == all_there, "tokens and pixels must be the same to the bit"


def run(blocked, bundles):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(blocked), *bundles],
        cwd=find("models").parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
