"""With the graphs of a pipeline, a loop in another language draws what ours does."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from tests.zoo.test_graphs import FORMATS, unchecked
from zoo.components import component_class
from zoo.fusion.base import Context
from zoo.generators.base import GuidedContext
from zoo.generators.masked.noise import Purpose, uniform
from zoo.graph_files import save_graphs
from zoo.graphs import graphs
from zoo.pipeline_graphs import without_graph
from zoo.sampling import Sampling

__all__ = ["unchecked"]
DOCS = Path(__file__).parents[2] / "docs" / "bundles.md"
NAMES = {"codec_encoder", "codec_decoder", "text_encoder", "latent_encoder", "fusion", "generator_step"}
ROWS, LEVELS, CODES = 4, 3, 16


def small_pipeline(generator="depth", text_encoder="compact", *, latent=True, encoders=False):
    def make(name, *args, **arguments):
        return component_class(name)(*args, **arguments)

    quantizer = make("quantizers/residual", latent_dim=4, num_levels=LEVELS, codebook_size=CODES)
    codec = make(
        "codecs/residual_vqgan",
        quantizer=quantizer,
        channels=8,
        channel_multipliers=[1],
        num_residual_blocks=1,
        patch_size=8,
        attention=False,
    )
    sizes = {"num_layers": 1, "num_heads": 2, "num_hashes": 64} if text_encoder == "compact" else {"length": 3}
    face = make("face_encoders/latent") if latent else None
    if face is not None:
        face.connect(codec)
    faces = {}
    if encoders:
        backbone = {"widths": [4, 8], "num_blocks": [1, 1]}
        faces = {
            name: make(f"face_encoders/compact_{name}", make("backbones/compact", **backbone), dim=8)
            for name in ("appearance", "structure")
        }
    tokens = {"rows": ROWS, "cols": ROWS, "num_levels": LEVELS, "codebook_size": CODES}
    pipeline = make(
        "pipelines/au_face",
        codec,
        text_encoder=make(f"text_encoders/{text_encoder}", dim=16, **sizes),
        fusion=make(
            "fusion/au_cross_attention",
            text_dim=16,
            latent_dim=face.dim if latent else None,
            **{f"{name}_dim": 8 for name in faces},
            num_positions=ROWS * ROWS,
            dim=16,
            num_heads=2,
        ),
        generator=make(f"generators/{generator}", **tokens, context_dim=16, dim=16, num_layers=2, num_heads=2),
        latent=face,
        **faces,
        image_size=8 * ROWS,
    )
    source = torch.Generator().manual_seed(0)
    for parameter in pipeline.parameters():
        parameter.data = 0.4 * torch.randn(parameter.shape, generator=source)
    return pipeline.requires_grad_(False).eval()


def named(pipeline):
    return {graph.name: graph for graph in graphs(pipeline)}


@pytest.fixture(scope="module")
def step():
    return named(small_pipeline())["generator_step"]


def run(step, **changes):
    with torch.no_grad():
        return step.module(**{**step.real(3), **changes})


HOT, COLD = {"temperature": 0.7, "choice_temperature": 1.0}, {"temperature": 0.0}


@pytest.mark.parametrize(
    ("generator", "latent", "order"), [("depth", True, HOT), ("depth", False, COLD), ("parallel", True, COLD)]
)
def test_the_loop_in_the_docs_draws_what_the_generator_draws(generator, latent, order):
    scope = {}
    exec(code_of_docs("import math"), scope)
    pipeline = small_pipeline(generator, latent=latent)
    step, inputs = named(pipeline)["generator_step"], named(pipeline)["generator_step"].real(3)
    names = [name for name in ("features", "mask", "spatial") if name in inputs]
    seeds, calls = torch.tensor([5, 6, 7]), []

    def random(shape):
        number, purpose = divmod(len(calls), 2)
        calls.append(shape)
        sites = torch.arange(ROWS * ROWS)[None]
        kind = Purpose.CHOICE if purpose else Purpose.TOKEN
        levels = [()] if purpose else [(level,) for level in range(LEVELS)]
        drawn = [uniform(seeds, kind, number, sites.expand(3, -1), *level) for level in levels]
        return torch.stack(drawn, 1).reshape(shape).numpy()

    def look(given):
        with torch.no_grad():
            outputs = step.module(**{name: torch.as_tensor(each) for name, each in given.items()})
        return [each.numpy() for each in outputs]

    contexts = {name: inputs[name].numpy() for name in names}
    shape = (3, LEVELS, ROWS, ROWS)
    drawn = scope["draw"](look, contexts, shape=shape, random=random, steps=5, guidance=3.0, **order)

    contexts = [
        Context(features, mask, inputs["spatial"][at] if latent else None, action=features, attention=None)
        for at, (features, mask) in enumerate(zip(inputs["features"], inputs["mask"], strict=True))
    ]
    sampling = Sampling(steps=5, text_guidance=3.0, **{"choice_temperature": 1.0, **order})
    expected = pipeline.generator.sample(GuidedContext(*contexts), seeds=seeds, sampling=sampling)
    assert np.array_equal(drawn, expected.numpy())
    assert len(calls) == 10


def code_of_docs(beginning):
    return re.search(rf"```python\n({beginning}.*?)```", DOCS.read_text(), re.DOTALL)[1]


def test_the_recipe_of_the_docs_makes_a_face_of_graphs_and_numpy_alone(tmp_path, monkeypatch):
    """Our modules stand for the files that ONNX Runtime would open."""
    from zoo.images import to_uint8

    pipeline = small_pipeline(encoders=True)
    known = named(pipeline)

    class Session:
        def __init__(self, file, *, providers):
            self.graph = known[Path(file).stem]

        def get_outputs(self):
            return [SimpleNamespace(name=name) for name in self.graph.outputs]

        def run(self, names, inputs):
            assert all(type(each) is np.ndarray for each in inputs.values())  # scalars are refused there
            with torch.no_grad():
                outputs = self.graph.module(**{name: torch.as_tensor(each) for name, each in inputs.items()})
            return [each.numpy() for each in ([outputs] if isinstance(outputs, torch.Tensor) else outputs)]

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))
    loop = ModuleType("draw")
    exec(code_of_docs("import math"), loop.__dict__)
    monkeypatch.setitem(sys.modules, "draw", loop)
    monkeypatch.chdir(tmp_path)
    size = pipeline.image_size
    facts = {"codec_encoder.onnx": {"inputs": {"images": f"float32 [batch, 3, {size}, {size}]"}}}
    facts["text_encoder.onnx"] = known["text_encoder"].numbers
    Path("with_graphs").mkdir()
    Path("with_graphs/parity.json").write_text(json.dumps(facts))
    reference = to_uint8(known["codec_encoder"].real(1)["images"])[0].permute(1, 2, 0)
    Path("reference.ppm").write_bytes(f"P6 {size} {size} 255\n".encode() + reference.numpy().tobytes())
    scope = {}
    exec(code_of_docs("import hashlib"), scope)
    text, num_hashes = scope["TEXT"] + " It's  a well-known 7th é!", known["text_encoder"].numbers["num_hashes"]
    assert np.array_equal(scope["word_ids"](text, num_hashes), pipeline.text_encoder.ids([text]).numpy())
    with torch.no_grad():
        expected = to_uint8(pipeline.codec.detokenize(torch.as_tensor(scope["drawn"])))[0].permute(1, 2, 0)
    header, pixels = Path("face.ppm").read_bytes().split(b"\n", 1)
    assert header == f"P6 {size} {size} 255".encode()
    found = np.frombuffer(pixels, np.uint8).reshape(size, size, 3).astype(int)
    assert np.abs(found - expected.numpy()).max() <= 1


def test_a_step_leaves_what_is_shown(step):
    inputs = step.real(3)
    drawn, sureness = run(step)
    shown = ~inputs["hidden"]
    assert torch.equal(drawn.movedim(1, -1)[shown], inputs["tokens"].movedim(1, -1)[shown])
    assert bool((sureness[shown] == 0).all())
    assert bool((sureness[~shown] < 0).all())
    assert bool(((drawn >= 0) & (drawn < CODES)).all())


def test_what_stands_at_hidden_positions_is_not_looked_at(step):
    inputs = step.real(3)
    other = torch.where(inputs["hidden"][:, None], (inputs["tokens"] + 5) % CODES, inputs["tokens"])
    assert all(map(torch.equal, run(step), run(step, tokens=other)))


def test_lots_decide_unless_the_likeliest_are_taken(step):
    lots = torch.full_like(step.real(3)["lots"], 0.999)
    assert not torch.equal(run(step)[0], run(step, lots=lots)[0])
    cold = {"temperature": torch.tensor(0.0)}
    assert all(map(torch.equal, run(step, **cold), run(step, **cold, lots=lots)))


def test_a_guidance_of_one_never_asks_the_second_context(step):
    inputs, one = step.real(3), torch.tensor(1.0)
    for name in ("features", "spatial"):
        other = torch.stack([inputs[name][0], inputs[name][1] + 1])
        assert torch.equal(run(step, guidance=one)[0], run(step, guidance=one, **{name: other})[0])
        assert not torch.equal(run(step)[1], run(step, **{name: other})[1])


def test_codes_are_drawn_as_often_as_their_probability_says():
    from zoo.generators.masked.step import _chosen

    logits = torch.tensor([[0.0, 1.0, -1.0, 0.5]]).expand(4000, -1)
    lots = (torch.arange(4000) + 0.5) / 4000
    tokens, chance = _chosen(logits, lots, torch.tensor(0.5))
    shares = torch.tensor([0.0, 2.0, -2.0, 1.0]).softmax(0)
    assert torch.allclose(torch.bincount(tokens, minlength=4) / 4000, shares, atol=1e-3)
    assert torch.allclose(chance.exp(), shares[tokens], atol=1e-5)


def test_all_parts_have_a_graph_or_are_named():
    assert set(named(small_pipeline())) == NAMES
    assert without_graph(small_pipeline()) == []
    assert set(named(small_pipeline(text_encoder="au_labels", latent=False))) == NAMES - {"latent_encoder"}
    for generator in ("flat", "coarse_to_fine"):
        (missing,) = without_graph(small_pipeline(generator))
        assert missing.startswith("generator (")


@pytest.mark.parametrize("text_encoder", ["compact", "au_labels"])
def test_the_graphs_one_after_another_give_the_context(text_encoder):
    """What a team without our code does, with the modules in the place of their files."""
    from zoo.graphs import PROMPTS, faces, labels

    pipeline = small_pipeline(text_encoder=text_encoder)
    known = named(pipeline)

    def through(name, **inputs):
        with torch.no_grad():
            outputs = known[name].module(**inputs)
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        return dict(zip(known[name].outputs, outputs, strict=True))

    images = faces(8 * ROWS, count=2)
    read = {"ids": pipeline.text_encoder.ids(PROMPTS[:2])} if text_encoder == "compact" else labels(2)
    text = through("text_encoder", **read)
    latent = through("latent_encoder", **through("codec_encoder", images=images))["features"]
    nobody = torch.zeros(2, dtype=torch.bool)
    found = through(
        "fusion",
        text_features=text["features"],
        text_mask=text["mask"],
        latent=latent,
        without_text=nobody,
        without_reference=nobody,
    )
    with torch.no_grad():
        encoded = pipeline.text_encoder(PROMPTS[:2], **labels(2))
        expected = pipeline.context(encoded, pipeline.reference_features(images))
    for name in ("features", "mask", "spatial"):
        assert torch.equal(found[name], getattr(expected, name))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's exporters, of themselves
@pytest.mark.parametrize("format", FORMATS)
def test_every_graph_of_a_pipeline_computes_what_its_part_does(format, tmp_path):
    if format == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    report = save_graphs(small_pipeline(), tmp_path, format=format)
    assert set(report) == {f"{name}.{format}" for name in NAMES}
    assert all(each["passed"] for each in report.values())
    step = json.loads((tmp_path / "parity.json").read_text())[f"generator_step.{format}"]
    assert step["inputs"]["features"] == "float32 [2, batch, length, 16]"
    assert step["inputs"]["temperature"] == "float32 []"
    assert "hidden" in step["about"]
    assert step["same_tokens_real"] == 1
