"""A bundle is checked through and through, and what is wrong is said in one line."""

import json
import pickle
import shutil
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

import cli
from tests.zoo.bundle_attacks import nothing_is_run, repair_sums, small_bundle
from zoo.bundles import BundleError, load, save_bundle
from zoo.components import component_class
from zoo.fingerprints import differences, fingerprint
from zoo.verification import findings, record


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return small_bundle(tmp_path_factory.mktemp("bundles") / "codec")


@pytest.fixture
def bundle(original, tmp_path):
    return shutil.copytree(original, tmp_path / "codec")


def failures(directory):
    with nothing_is_run():
        return {each.check: each.text for each in findings(directory) if not each.passed}


def edit_config(bundle, **changes):
    config = json.loads((bundle / "config.json").read_text())
    (bundle / "config.json").write_text(json.dumps(config | changes))
    repair_sums(bundle)


def edit_arguments(bundle, **changes):
    config = json.loads((bundle / "config.json").read_text())
    edit_config(bundle, arguments=config["arguments"] | changes)


def edit_weights(bundle, edit):
    state = load_file(bundle / "model.safetensors")
    edit(state)
    save_file(state, bundle / "model.safetensors")
    repair_sums(bundle)


def test_a_sound_bundle_has_nothing_wrong(bundle):
    found = list(findings(bundle))
    assert all(each.passed for each in found)
    checks = ["files", "checksums", "weights", "numbers", "classes", "card", "forward pass"]
    assert [each.check for each in found] == checks


class Evil:
    def __reduce__(self):
        return print, ("run",)


def pickled(bundle):
    (bundle / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    repair_sums(bundle)


def archived(bundle):
    with zipfile.ZipFile(bundle / "model.safetensors", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Evil()))
    repair_sums(bundle)


def truncated(bundle):
    content = (bundle / "model.safetensors").read_bytes()
    (bundle / "model.safetensors").write_bytes(content[: len(content) // 2])


def truncated_and_summed(bundle):
    truncated(bundle)
    repair_sums(bundle)


def tampered(bundle):
    content = bytearray((bundle / "model.safetensors").read_bytes())
    content[-40] ^= 1
    (bundle / "model.safetensors").write_bytes(content)


def with_other_weights(bundle):
    other = small_bundle(bundle.parent / "other", seed=1)
    shutil.copy(other / "model.safetensors", bundle / "model.safetensors")
    repair_sums(bundle)


def nested(bundle):
    (bundle / "config.json").write_text("[" * 100_000)
    repair_sums(bundle)


def twice(bundle):
    text = (bundle / "config.json").read_text()
    (bundle / "config.json").write_text(text.replace("{", '{"component": "discriminators/patch",', 1))
    repair_sums(bundle)


def leading_out(bundle):
    (bundle.parent / "secret").write_text("x")
    with (bundle / "SHA256SUMS").open("a") as stream:
        stream.write("0" * 64 + "  ../secret\n")


CODE = {"class_path": "os.system", "init_args": {"command": "false"}}

ATTACKS = {
    "tampered": (tampered, "checksums", "must match its line in SHA256SUMS"),
    "truncated": (truncated, "checksums", "must match its line in SHA256SUMS"),
    "truncated_and_summed": (truncated_and_summed, "weights", "can't be read as one"),
    "mixed_up_weights": (with_other_weights, "forward pass", "differs from what was recorded"),
    "mixed_up_config": (
        lambda bundle: edit_config(bundle, component="discriminators/patch", arguments={}),
        "weights",
        "must hold the weights of discriminators/patch",
    ),
    "pickled": (pickled, "weights", "is a pickle or an archive"),
    "archived": (archived, "weights", "is a pickle or an archive"),
    "dropped_in": (lambda bundle: (bundle / "extra.pkl").write_bytes(b""), "files", "'extra.pkl' in the folder"),
    "sums_lead_out": (leading_out, "checksums", "must name each file of its own folder once"),
    "argument_leads_out": (
        lambda bundle: edit_arguments(bundle, quantizer="../../etc/passwd"),
        "weights",
        "must not lead out of the project",
    ),
    "absolute_path": (
        lambda bundle: edit_arguments(bundle, quantizer="/etc/passwd"),
        "weights",
        "must not lead out of the project",
    ),
    "code": (lambda bundle: edit_arguments(bundle, quantizer=CODE), "weights", "names code by"),
    "code_on_top": (lambda bundle: edit_config(bundle, class_path="os.system"), "checksums", "has ['class_path']"),
    "foreign_component": (
        lambda bundle: edit_config(bundle, component="os/system"),
        "weights",
        "must be a member of the zoo's families",
    ),
    "unknown_argument": (lambda bundle: edit_arguments(bundle, hook=1), "weights", "does not take 'hook'"),
    "other_family": (
        lambda bundle: edit_arguments(bundle, quantizer={"component": "discriminators/patch", "arguments": {}}),
        "weights",
        "quantizer must be Quantizer",
    ),
    "other_kind": (lambda bundle: edit_arguments(bundle, channels=8.5), "weights", "channels must be int, got 8.5"),
    "gigantic": (lambda bundle: edit_arguments(bundle, channels=2**20), "weights", "far more than its weights fill"),
    "endless": (lambda bundle: edit_arguments(bundle, num_residual_blocks=2**20), "weights", "far more than"),
    "beyond_all": (lambda bundle: edit_arguments(bundle, channels=10**30), "weights", "must be at most"),
    "nested": (nested, "checksums", "must be readable JSON"),
    "twice": (twice, "checksums", "comes twice"),
    "newer": (lambda bundle: edit_config(bundle, format_version=2), "checksums", "newer auface-zoo: update yours"),
    "older": (lambda bundle: edit_config(bundle, format_version=0), "checksums", "Export it again"),
    "other_dtype": (
        lambda bundle: edit_weights(bundle, lambda state: state.update({k: v.double() for k, v in state.items()})),
        "weights",
        "by the arguments, torch.float64 in the file",
    ),
    "tensor_missing": (lambda bundle: edit_weights(bundle, lambda state: state.popitem()), "weights", "missing"),
    "tensor_added": (
        lambda bundle: edit_weights(bundle, lambda state: state.update(more=torch.zeros(1))),
        "weights",
        "more unknown",
    ),
    "not_a_number": (
        lambda bundle: edit_weights(bundle, lambda state: [each.fill_(float("nan")) for each in _floats(state)]),
        "numbers",
        "infinite numbers or none",
    ),
}


def _floats(state):
    return [each for each in state.values() if each.is_floating_point()]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_told_in_one_line(bundle, attack):
    make, check, said = ATTACKS[attack]
    make(bundle)
    failed = failures(bundle)
    assert said in failed[check]
    assert all("\n" not in text and len(text) < 600 for text in failed.values())
    if check in ("checksums", "weights"):
        with pytest.raises(BundleError):
            load(bundle)


@pytest.mark.parametrize("section", ["# codecs/residual_vqgan", "## Figures", "## Licence, limits, consent"])
def test_a_card_without_what_it_must_say_is_told(bundle, section):
    card = (bundle / "README.md").read_text().replace(section, "something else")
    (bundle / "README.md").write_text(card)
    repair_sums(bundle)
    assert list(failures(bundle)) == ["card"]
    assert section in failures(bundle)["card"]


def test_aus_that_are_none_are_told(tmp_path):
    recognizer = component_class("recognizers/mefarg")(
        backbone=component_class("backbones/compact")(widths=[8, 8, 8]), aus=[1, 2, 4, 6], dim=8, num_neighbors=2
    )
    bundle = save_bundle(recognizer, tmp_path / "recognizer", card="", fingerprint=True)
    assert "classes" not in failures(bundle)
    edit_arguments(bundle, aus=[1, 2, 4, 99])
    assert "must be" in "".join(failures(bundle).values())


def test_a_bundle_without_a_fingerprint_fails_until_one_is_recorded(bundle):
    (bundle / "fingerprint.json").unlink()
    repair_sums(bundle)
    assert "verify --record" in failures(bundle)["forward pass"]
    before = load(bundle).state_dict()
    assert record(bundle)
    assert not failures(bundle)
    assert all(torch.equal(each, load(bundle).state_dict()[name]) for name, each in before.items())


@pytest.mark.parametrize(
    "edit",
    [
        lambda outputs: outputs.popitem(),
        lambda outputs: outputs["images"].update(size=None),
        lambda outputs: outputs["images"].update(values=[float("1e9")] * 24),
        lambda outputs: outputs["images"].update(values="all"),
        lambda outputs: outputs["latents"].update(shape=[1]),
        lambda outputs: outputs.update(latents=None),
        lambda outputs: outputs["tokens"].update(values=[-1] * 24),
    ],
)
def test_another_fingerprint_is_told(bundle, edit):
    recorded = json.loads((bundle / "fingerprint.json").read_text())
    edit(recorded["outputs"])
    (bundle / "fingerprint.json").write_text(json.dumps(recorded))
    repair_sums(bundle)
    assert list(failures(bundle)) == ["forward pass"]


def test_rounding_is_forgiven_and_more_is_not(bundle):
    codec = load(bundle)
    recorded = fingerprint(codec)
    assert not differences(recorded, fingerprint(codec.double().float()))
    for scale, expected in ((1e-6, False), (0.1, True)):
        with torch.no_grad():
            other = load(bundle)
            for each in other.parameters():
                each.mul_(1 + scale)
        assert bool(differences(recorded, fingerprint(other))) == expected


def test_the_command_says_what_is_wrong_and_ends_with_1(bundle, capsys):
    assert cli.main(["verify", str(bundle)]) == 0
    assert "Everything is as it must be." in capsys.readouterr().out
    tampered(bundle)
    assert cli.main(["verify", str(bundle.parent)]) == 1
    assert "FAILED checksums" in capsys.readouterr().out
    assert cli.main(["verify", str(bundle / "none")]) == 2
    assert cli.main(["verify", str(bundle / "config.json")]) == 2
