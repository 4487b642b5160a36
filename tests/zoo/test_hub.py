"""The hub's habits, without a network: a local folder, and a hub that only writes down what it is asked."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch

import zoo
from tests.zoo.bundle_attacks import small_codec
from zoo.bundles import BundleError
from zoo.components import Component, component_class
from zoo.hub import fetch
from zoo.verification import findings

Codec = component_class("codecs/residual_vqgan")


@pytest.fixture
def codec():
    return small_codec()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub in a folder."""
    calls = []
    store = tmp_path / "store"

    class Api:
        def __init__(self, token=None):
            calls.append(("login", token))

        def create_repo(self, repo_id, *, private, exist_ok):
            calls.append(("create", repo_id, private, exist_ok))

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, store / repo_id)
            return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")

    def download(repo_id, *, revision, allow_patterns):
        calls.append(("download", repo_id, revision, allow_patterns))
        if not (store / repo_id).is_dir():
            message = "no such repository\nmore"
            raise huggingface_hub.errors.LocalEntryNotFoundError(message)
        return str(store / repo_id)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return calls


def same(first, second):
    return all(torch.equal(each, second.state_dict()[name]) for name, each in first.state_dict().items())


def test_a_saved_component_comes_back_from_its_folder(codec, tmp_path):
    folder = codec.save_pretrained(tmp_path / "codec", metadata={"steps": 5})
    assert all(each.passed for each in findings(folder))
    assert "- Steps: 5" in (folder / "README.md").read_text()
    for cls in (Codec, Component):
        loaded = cls.from_pretrained(folder)
        assert not loaded.training
        assert same(codec, loaded)


def test_another_class_is_refused(codec, tmp_path):
    folder = codec.save_pretrained(tmp_path / "codec")
    with pytest.raises(BundleError, match="must hold one, and holds a ResidualVQGANCodec"):
        component_class("discriminators/patch").from_pretrained(folder)


def test_what_was_pushed_is_fetched_by_its_name(codec, hub):
    assert codec.push_to_hub("ours/codec", token="t") == "https://hub/ours/codec/commit/1"
    assert hub == [("login", "t"), ("create", "ours/codec", True, True)]
    assert same(codec, zoo.load("hf://ours/codec"))
    assert same(codec, zoo.load("hf://ours/codec@v1"))
    assert same(codec, Codec.from_pretrained("ours/codec", revision="v2"))
    assert [call[2] for call in hub[2:]] == [None, "v1", "v2"]
    assert all("pickle" not in " ".join(call[3]) and "*" not in "".join(call[3]) for call in hub[2:])


def test_a_path_that_does_not_exist_is_never_looked_for_on_the_hub(hub):
    with pytest.raises(FileNotFoundError, match="hf://owner/name"):
        zoo.load("models/no_such_bundle")
    assert not hub


@pytest.mark.parametrize("name", ["codec", "a/b/c", "../x", "a/..", "", "a/b c", "hf://", "/etc/passwd"])
def test_what_is_no_repository_is_refused_before_asking(hub, name):
    with pytest.raises(BundleError, match="must be owner/name"):
        fetch(name)
    assert not hub


def test_what_the_hub_does_not_have_is_said_in_one_line(hub):
    with pytest.raises(BundleError, match=r"could not be fetched from the Hugging Face hub: no such repository$"):
        zoo.load("hf://ours/none")


def test_without_the_hubs_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ModuleNotFoundError, match="pip install huggingface_hub"):
        zoo.load("hf://ours/codec")


def test_a_tampered_repository_is_refused(codec, hub, tmp_path):
    codec.push_to_hub("ours/codec")
    weights = Path(tmp_path / "store/ours/codec/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleError, match="must match its line"):
        zoo.load("hf://ours/codec")
