"""Bundles: whole or not at all, checked when loaded, and unable to bring code."""

import errno
import json

import pytest
import safetensors.torch
import torch

import zoo
from zoo.bundle_files import read_weights
from zoo.bundles import BundleError, WeightsNotFoundError, load, metadata_of, save_bundle
from zoo.components import component_class, families


@pytest.fixture
def component(generator):
    discriminator = component_class("discriminators/patch")(channels=4)
    for parameter in discriminator.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return discriminator.eval()


@pytest.fixture
def bundle(component, tmp_path):
    return save_bundle(component, tmp_path / "bundle", card="# Card", metadata={"steps": 3})


def test_a_loaded_bundle_computes_what_was_saved(component, bundle, generator):
    images = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    loaded = zoo.load(bundle)
    assert not loaded.training
    assert torch.equal(loaded(images), component(images))
    assert metadata_of(bundle) == {"steps": 3}


def test_loading_draws_no_global_numbers(bundle):
    before = torch.get_rng_state()
    load(bundle)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_bundle_records_its_class_as_family_and_name(bundle):
    config = json.loads((bundle / "config.json").read_text())
    assert config["component"] == "discriminators/patch"
    assert config["arguments"]["channels"] == 4


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md", "SHA256SUMS"])
def test_a_changed_file_is_refused(bundle, name):
    content = bytearray((bundle / name).read_bytes())
    content[-2] ^= 129  # no longer text, where it was
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=r"must match its line|must be text in UTF-8"):
        load(bundle)


def test_a_missing_file_is_refused(bundle):
    (bundle / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"must hold model\.safetensors"):
        load(bundle)


@pytest.mark.parametrize(
    "name", ["os/system", "discriminators/../bundles", "discriminators/base", "patch", "builtins/eval"]
)
def test_only_members_of_the_families_are_ever_built(bundle, name):
    config = json.loads((bundle / "config.json").read_text()) | {"component": name}
    (bundle / "config.json").write_text(json.dumps(config))
    _rewrite_sums(bundle)
    with pytest.raises(BundleError, match="must be a member of the zoo's families"):
        load(bundle)


def test_weights_of_other_arguments_are_refused(bundle):
    config = json.loads((bundle / "config.json").read_text())
    config["arguments"]["channels"] = 8
    (bundle / "config.json").write_text(json.dumps(config))
    _rewrite_sums(bundle)
    with pytest.raises(BundleError, match="size mismatch"):
        load(bundle)


def test_an_older_bundle_is_replaced_and_a_foreign_folder_is_not(component, bundle, tmp_path):
    save_bundle(component, bundle, card="# Second", metadata={})
    assert (bundle / "README.md").read_text() == "# Second\n"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match="must be empty, new or a bundle"):
        save_bundle(component, foreign, card="")
    assert (foreign / "thesis.tex").exists()
    with pytest.raises(BundleError, match="must be empty, new or a bundle"):
        save_bundle(component, foreign / "thesis.tex", card="")


def test_a_failed_save_leaves_the_older_bundle_and_no_debris(component, bundle, monkeypatch):
    before = (bundle / "model.safetensors").read_bytes()
    monkeypatch.setattr("zoo.bundles.sums_of", _full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(component, bundle, card="# Second")
    assert (bundle / "model.safetensors").read_bytes() == before
    assert [each.name for each in bundle.parent.iterdir()] == ["bundle"]


def test_a_full_disk_is_said_in_the_systems_words(component, bundle, monkeypatch):
    def full(*_):
        message = "Error while serializing: I/O error: No space left on device (os error 28)"
        raise safetensors.SafetensorError(message)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError, match=r"No space left on device; the bundle was not written: .*bundle") as raised:
        save_bundle(component, bundle, card="# New")
    assert raised.value.errno == errno.ENOSPC
    assert (bundle / "README.md").read_text() == "# Card\n"
    assert [each.name for each in bundle.parent.iterdir()] == ["bundle"]


def test_nothing_at_a_path_says_where_it_looked(tmp_path):
    with pytest.raises(WeightsNotFoundError, match="which does not exist"):
        load("models/no_such_bundle")
    with pytest.raises(BundleError, match=r"must hold config\.json"):
        load(tmp_path)
    with pytest.raises(BundleError, match="found neither file nor folder"):
        load("/dev/null")


def test_weights_whose_length_looks_like_a_pickle_are_read(tmp_path):
    file = tmp_path / "model.safetensors"
    for length in range(300):
        safetensors.torch.save_file({"weight": torch.ones(2)}, file, metadata={"padding": "x" * length})
        if file.read_bytes()[0] == 0x80:
            break
    assert file.read_bytes()[0] == 0x80
    assert torch.equal(read_weights(file)["weight"], torch.ones(2))


def test_a_pickle_is_never_opened(tmp_path):
    torch.save({"zoo": print}, tmp_path / "evil.ckpt")
    with pytest.raises(BundleError, match="can't be read as one"):
        load(tmp_path / "evil.ckpt")


@pytest.mark.parametrize(
    "content",
    [
        {"zoo": {"format_version": 1}, "state_dict": {}},
        {"zoo": {"format_version": 1, "prefix": ""}},
        {"zoo": {"format_version": 1, "prefix": "", "component": 3, "arguments": {}}, "state_dict": {}},
        {"state_dict": {}},
    ],
)
def test_an_incomplete_checkpoint_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "odd.ckpt")
    with pytest.raises(BundleError, match=r"odd\.ckpt must"):
        load(tmp_path / "odd.ckpt")


def test_families_are_the_folders_with_a_base():
    assert {"quantizers", "codecs", "discriminators", "recognizers", "backbones", "losses"} <= set(families())


def _rewrite_sums(bundle):
    import hashlib

    names = ("model.safetensors", "config.json", "README.md")
    lines = (f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (bundle / "SHA256SUMS").write_text("".join(lines))


def _full_disk(_):
    raise OSError(28, "No space left on device")
