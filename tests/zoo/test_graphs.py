"""Graphs for other runtimes compute what the component does, for any number of samples; foreign ones stay closed."""

import json
import pickle

import jaxtyping
import pytest
import torch

import cli
from tests.zoo.bundle_attacks import nothing_is_run, repair_sums, small_codec
from zoo.bundles import load, save_bundle
from zoo.components import component_class
from zoo.export import model_card
from zoo.graph_files import compared, save_graphs
from zoo.graphs import graphs
from zoo.verification import graph_findings


@pytest.fixture
def unchecked():
    """While a graph is traced, sizes are symbols, which the checks of signatures that tests add take for no int."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def recognizer():
    backbone = component_class("backbones/compact")(widths=[8, 8], num_blocks=[1, 1], contrast_window=3)
    return component_class("recognizers/mefarg")(backbone=backbone, dim=8, num_neighbors=2).eval()


def text_encoder():
    return component_class("text_encoders/compact")(dim=16, num_layers=1, num_heads=2, num_hashes=64).eval()


def bundle_of(component, folder):
    return save_bundle(component, folder, card=model_card(component, {}), metadata={}, fingerprint=True)


KINDS = {"codec": (small_codec, 2), "recognizer": (recognizer, 1), "text_encoder": (text_encoder, 1)}
FORMATS = [
    pytest.param("onnx", marks=pytest.mark.slow),
    pytest.param("pt2", marks=pytest.mark.slow),
]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's exporters, of themselves
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_graph_computes_what_the_component_does(kind, format, tmp_path):
    if format == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    make, count = KINDS[kind]
    report = save_graphs(make(), tmp_path, format=format)
    assert len(report) == count
    assert json.loads((tmp_path / "parity.json").read_text()) == report
    for name, figures in report.items():
        assert (tmp_path / name).is_file()
        assert figures["passed"]
        assert max(value for key, value in figures.items() if key.startswith("largest")) < 1e-4


@pytest.mark.usefixtures("unchecked")
@pytest.mark.slow
def test_another_components_graph_is_told(tmp_path):
    save_graphs(small_codec(), tmp_path, format="pt2")
    other = {graph.name: graph for graph in graphs(small_codec(seed=1))}
    for name, graph in other.items():
        assert not compared(graph, tmp_path / f"{name}.pt2")["passed"]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.slow
def test_a_bundle_is_exported_with_graphs_and_verified(tmp_path, capsys):
    bundle_of(text_encoder(), tmp_path / "plain")
    output = tmp_path / "with_graphs"
    assert (
        cli.main(["export", "--checkpoint", str(tmp_path / "plain"), "--output", str(output), "--format", "pt2"]) == 0
    )
    assert "encoder.pt2: largest difference random" in capsys.readouterr().out
    assert cli.main(["verify", str(output)]) == 0
    assert "not opened" in capsys.readouterr().out
    assert cli.main(["verify", str(output), "--trust"]) == 0
    assert "not opened" not in capsys.readouterr().out


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_a_foreign_graph_stays_closed(tmp_path):
    bundle = bundle_of(text_encoder(), tmp_path / "bundle")
    for name in ("encoder.pt2", "other.onnx"):
        (bundle / name).write_bytes(pickle.dumps(Evil()))
    repair_sums(bundle)
    with nothing_is_run():
        found = {each.text.split()[0]: each for each in graph_findings(load(bundle), bundle)}
    assert "not opened" in found["encoder.pt2"].text
    assert not found["other.onnx"].passed


def test_a_component_without_graphs_is_refused(tmp_path):
    discriminator = component_class("discriminators/patch")(channels=4)
    with pytest.raises(ValueError, match="must be of a kind with graphs of its own, got PatchDiscriminator"):
        save_graphs(discriminator, tmp_path, format="pt2")
    with pytest.raises(ValueError, match="format must be one of onnx, pt2"):
        save_graphs(discriminator, tmp_path, format="torchscript")


def test_the_text_encoder_reads_ids_as_it_reads_prompts():
    encoder = text_encoder()
    prompts = ["The lip corners are pulled up.", "Up."]
    expected, found = encoder(prompts), encoder.read(encoder.ids(prompts))
    assert torch.equal(expected.features, found.features)
    assert torch.equal(expected.mask, found.mask)
