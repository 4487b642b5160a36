"""Random edits of a bundle: it is refused, or what it says is what is loaded; nothing is run, nothing else raised."""

import json
import random
import shutil

import pytest
import safetensors.torch
import torch

from tests.zoo.bundle_attacks import nothing_is_run, repair_sums, small_bundle
from zoo.bundles import BundleError, load
from zoo.components import portable, specification
from zoo.verification import findings

FILES = ("model.safetensors", "config.json", "README.md", "fingerprint.json", "SHA256SUMS")
EDITS = 25
BLOCKS = pytest.mark.parametrize("block", [0, *(pytest.param(at, marks=pytest.mark.slow) for at in range(1, 80))])
VALUES = (
    *(None, True, False, -1, 0, 1, 2, 3, 5, 16, 100, 2**20, 2**40, 2**70, -(2**63), 0.5, -1.5, 1e308, float("nan")),
    *("", "x", "..", "../../etc/passwd", "/etc/passwd", "~/x", "a\0b", "é" * 50, "zoo.bundles.load", "__import__"),
    *([], {}, [1, 2, 3], [[[]]], ["x"], [2**40], {"a": {"b": []}}, {"component": "codecs/residual_vqgan"}),
    {"class_path": "os.system", "init_args": {"command": "false"}},
    {"component": "os/system", "arguments": {"command": "false"}},
    {"component": "quantizers/vq", "arguments": {"latent_dim": 4}},
    {"component": "codecs/residual_vqgan", "arguments": {"quantizer": None}},
    {"component": ["quantizers/vq"], "arguments": []},
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return small_bundle(tmp_path_factory.mktemp("bundles") / "codec")


@pytest.fixture(scope="module")
def expected(original):
    return load(original)


@pytest.fixture
def attempts(original, tmp_path):
    """Gives, for each seed of a block, a fresh copy, in a folder of the seed's name, and a source of chance."""

    def each(block):
        for seed in range(EDITS * block, EDITS * (block + 1)):
            bundle = shutil.copytree(original, tmp_path / str(seed))
            yield bundle, random.Random(seed)
            shutil.rmtree(bundle)

    return each


def attempt(bundle):
    """Verify and load; give the component, or None where it was refused."""
    before = torch.get_rng_state()
    with nothing_is_run():
        found = list(findings(bundle))
        try:
            loaded = load(bundle)
        except BundleError as error:
            refusal = str(error)
        else:
            refusal = None
    if refusal is not None:
        assert "\n" not in refusal
        assert not all(each.passed for each in found)
        return None
    assert torch.equal(torch.get_rng_state(), before)
    return loaded


def same_tensors(first, second):
    return set(first) == set(second) and all(
        torch.equal(each.nan_to_num(), second[name].nan_to_num()) for name, each in first.items()
    )


def edited(content, chance):
    """A few bytes changed, cut out, put in, doubled or lost at the end."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at, length = chance.randrange(len(content) or 1), chance.choice([1, 1, 2, 8, 64])
        match chance.randrange(6):
            case 0:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = chance.randbytes(length)
            case 3:
                content[at:at] = content[at : at + length]
            case 4:
                del content[at:]
            case 5:
                content[at : at + 1] = chance.choice([b"\0", b"\n", b"\r", b'"', b"{", b"/", b"9", b"\x0b", b"\x80"])
    return bytes(content)


@BLOCKS
def test_changed_bytes_are_refused_or_change_nothing(attempts, expected, block):
    for bundle, chance in attempts(block):
        file = bundle / chance.choice(FILES)
        file.write_bytes(edited(file.read_bytes(), chance))
        loaded = attempt(bundle)
        if loaded is not None:
            assert same_tensors(loaded.state_dict(), expected.state_dict())
            assert specification(loaded) == specification(expected)


@BLOCKS
def test_weights_with_fitting_checksums_are_refused_or_are_what_the_file_says(attempts, expected, block):
    for bundle, chance in attempts(block):
        file = bundle / "model.safetensors"
        content = file.read_bytes()
        header = 8 + int.from_bytes(content[:8], "little")
        start, end = (0, header) if chance.random() < 0.7 else (header, len(content))
        changed = content[:start] + edited(content[start:end], chance) + content[end:]
        file.write_bytes(changed)
        repair_sums(bundle)
        loaded = attempt(bundle)
        if loaded is not None:
            assert same_tensors(loaded.state_dict(), safetensors.torch.load(changed))
            assert specification(loaded) == specification(expected)


@BLOCKS
def test_configs_with_fitting_checksums_are_refused_or_are_what_is_built(attempts, expected, block):
    for bundle, chance in attempts(block):
        config = json.loads((bundle / "config.json").read_text())
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            change_somewhere(config, chance)
        (bundle / "config.json").write_text(json.dumps(config))
        repair_sums(bundle)
        loaded = attempt(bundle)
        if loaded is not None:
            assert same_tensors(loaded.state_dict(), expected.state_dict())
            assert_said(config, portable(specification(loaded)))


@BLOCKS
def test_changed_fingerprints_with_fitting_checksums_never_raise(attempts, block):
    for bundle, chance in attempts(block):
        recorded = json.loads((bundle / "fingerprint.json").read_text())
        change_somewhere(recorded, chance)
        (bundle / "fingerprint.json").write_text(json.dumps(recorded))
        repair_sums(bundle)
        assert attempt(bundle) is not None


def change_somewhere(table, chance):
    """Change, rename, add or drop one entry of nested tables and lists."""
    places = [(table, key) for key in table]
    for parent, key in places:
        inner = parent[key]
        if isinstance(inner, dict | list):
            places.extend((inner, each) for each in (inner if isinstance(inner, dict) else range(len(inner))))
    parent, key = chance.choice(places)
    value = json.loads(json.dumps(chance.choice(VALUES)))
    match chance.randrange(5):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[chance.choice(["class_path", "_target_", "hook", "seed", "arguments", "", "__init__"])] = value
        case 2 if isinstance(parent[key], int | float):
            parent[key] = parent[key] * chance.choice([2, -1, 10, 0.5]) + chance.choice([0, 1])
        case _:
            parent[key] = value


def assert_said(said, built):
    """Whatever the file says stands in what was built; what it leaves out may be a default."""
    assert built["component"] == said["component"]
    for key, value in said["arguments"].items():
        if isinstance(value, dict):
            assert_said(value, built["arguments"][key])
        else:
            assert built["arguments"][key] == value
            assert type(built["arguments"][key]) is type(value)
