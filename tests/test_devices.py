"""Everything works where it is moved: on a pretended GPU, as there is none here to try it on."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
from pathlib import Path
from types import ModuleType

import pytest
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.strategies import SingleDeviceStrategy

import cli
from lightning_modules.callbacks.best_weights import best_weights_in
from lightning_modules.cli.config_files import CONFIGS
from tests.pretended_device import DEVICE, Moving, PretendedDevice, is_moved, moved
from tests.zoo.contract import ComponentContract, from_config, tensors_of
from zoo.components import component_class, families
from zoo.faces import FaceRenderer, sample_faces
from zoo.generators.base import GuidedContext
from zoo.sampling import Sampling

ZOO = Path(__file__).parent / "zoo"
TOLERANCE = {"atol": 2e-4, "rtol": 2e-3}  # sums of another order


def _contract(family: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"contract_of_{family}", ZOO / family / "test_contract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONTRACTS = {family: _contract(family) for family in families()}
OF_FAMILY = {
    family: next(
        each()
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, ComponentContract) and each is not ComponentContract
    )
    for family, module in CONTRACTS.items()
}
MEMBERS = [
    f"{family}/{member}"
    for family, members in families().items()
    for member in members
    if member not in OF_FAMILY[family].too_large
]


def numbers() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def compare(there, here):
    """All of it is on the device, and the same as on the CPU; but tokens, where two codes may be equally near."""
    assert [is_moved(each) for each in tensors_of(there)] == [True] * len(tensors_of(here))
    for ours, theirs in zip(tensors_of(there), tensors_of(here), strict=True):
        if theirs.is_floating_point():
            torch.testing.assert_close(ours.cpu(), theirs, **TOLERANCE)


def test_the_pretended_device_refuses_what_a_real_one_does():
    with PretendedDevice():
        there, here = torch.ones(2, device=DEVICE), torch.ones(2)
        assert there.is_cuda
        assert bool((there + torch.tensor(1.0) == 2).all())
        assert float(there[torch.tensor([0])]) == 1
        for refused in (
            lambda: there + here,
            lambda: here[there.long()],
            lambda: torch.stack([there, here]),
            lambda: torch.rand(2, device=DEVICE, generator=numbers()),
        ):
            with pytest.raises(RuntimeError, match=r"one device|generator"):
                refused()
        with pytest.raises(TypeError, match=r"\.cpu\(\) is missing"):
            there.numpy()
    assert torch.equal(there.here, here)


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_works_on_the_device_that_it_is_moved_to(name):
    family, _, member = name.partition("/")
    contract = OF_FAMILY[family]
    component = contract.make(member).eval()
    expected = contract.outcome(component, numbers())
    with PretendedDevice():
        outcome = contract.outcome(Moving(component.to(DEVICE)), numbers())
        compare(outcome, expected)
        learnt = [each for each in tensors_of(outcome) if each.requires_grad]
        if learnt:
            sum(each.float().square().mean() for each in learnt).backward()
            assert all(each.grad is None or is_moved(each.grad) for each in component.parameters())


@pytest.mark.parametrize("member", families()["quantizers"])
def test_codebooks_learn_on_a_device_what_they_learn_on_the_cpu(member):
    latents_for = CONTRACTS["quantizers"].latents_for
    # fewer codes than vectors, so that every level has something left over
    taken = inspect.signature(component_class(f"quantizers/{member}")).parameters
    few = {"codebook_size": 16} if "codebook_size" in taken else {}

    def learnt(place):
        quantizer = from_config(f"quantizers/{member}", **few).to(place).train()
        source = numbers()
        for _ in range(3):
            quantized = quantizer(latents_for(quantizer, source).to(place).requires_grad_())
            (quantized.latents.square().mean() + quantized.commitment).backward()
            quantizer.update_codebooks()
        quantizer.stop_restarts()
        tokens = quantizer.eval().encode(latents_for(quantizer, source).to(place))
        return quantizer.decode(tokens), quantizer.level_latents(tokens), quantizer.decode(tokens[:, :1]), quantized

    torch.manual_seed(0)
    expected = learnt("cpu")
    with PretendedDevice():
        torch.manual_seed(0)
        compare(learnt(DEVICE), expected)


WAYS = [
    Sampling(steps=3, order=order, temperature=temperature, text_guidance=2.0, reference_guidance=1.5, revise_rounds=1)
    for order, temperature in (("confidence", 0.0), ("halton", 0.7))
]


@pytest.mark.parametrize(("member", "sampling"), [*itertools.product(families()["generators"], WAYS)])
def test_generators_draw_on_a_device_what_they_draw_on_the_cpu(member, sampling):
    contract = CONTRACTS["generators"]
    generator = contract.generator_of(member)
    full, without = contract.context_of(3, padding=1), contract.context_of(3, seed=1, length=2)
    given = GuidedContext(full, without, without)
    seeds, fixed = torch.arange(3), contract.fixed_of(3)
    expected = generator.sample(given, seeds=seeds, sampling=sampling, fixed=fixed)
    with PretendedDevice():
        try:
            made = Moving(generator.to(DEVICE)).sample(given, seeds=seeds, sampling=sampling, fixed=fixed)
        finally:
            generator.to("cpu")  # it is kept for other tests
        assert is_moved(made)
        assert torch.equal(made.cpu(), expected)


@pytest.mark.parametrize("member", families()["pipelines"])
def test_pipelines_synthesise_on_a_device(member):
    contract = CONTRACTS["pipelines"]
    pipeline = OF_FAMILY["pipelines"].make(member).eval()
    references = contract._references(numbers())
    with PretendedDevice():
        made = Moving(pipeline.to(DEVICE)).synthesize(
            references,
            contract.PROMPTS,
            occurrence=contract.LABELS,
            intensity=contract.LABELS * 3.0,
            sampling=contract.SAMPLING,
            keep=torch.ones(3, 8, 8, dtype=torch.bool),
        )
        assert is_moved(made.images)


@pytest.mark.parametrize("interaction", [1.0, 0.5])
def test_faces_are_rendered_where_their_parameters_are(interaction):
    seeds = torch.arange(2)
    faces = sample_faces(seeds, seeds + 1, seeds + 2)
    renderer = FaceRenderer(32, interaction=interaction)
    expected = renderer(faces)
    with PretendedDevice():
        compare(renderer(faces.to(DEVICE)), expected)


def test_reports_after_training_measure_where_it_was_trained():
    """Lightning has moved the module back to the CPU by then, and moves batches to the device."""

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

    class Trainer:
        checkpoint_callback = None

        class strategy:  # noqa: N801
            root_device = DEVICE

    module = Module()
    before = module.layer.weight.clone()
    with PretendedDevice():
        with best_weights_in(module, Trainer()) as source:
            assert source == "last step"
            assert module.device == DEVICE
            assert is_moved(module.layer(moved(torch.ones(1, 2))))
        assert module.device == torch.device("cpu")
    assert torch.equal(module.layer.weight, before)


@pytest.mark.slow
@pytest.mark.parametrize("config", sorted(file.stem for file in (CONFIGS / "tiny").glob("*.yaml")))
def test_every_module_trains_reports_and_predicts_on_a_device(config, tmp_path, monkeypatch):
    if config == "evaluate":
        pytest.skip("trains nothing")
    if config.startswith("stable_diffusion"):
        for package in ("diffusers", "peft"):
            pytest.importorskip(package)
    init = SingleDeviceStrategy.__init__
    monkeypatch.setattr(
        SingleDeviceStrategy,
        "__init__",
        lambda self, device="cpu", *args, **kwargs: init(self, DEVICE, *args, **kwargs),
    )
    monkeypatch.setattr(CPUAccelerator, "setup_device", lambda self, device: None)
    monkeypatch.chdir(tmp_path)
    words = ["--config", f"tiny/{config}.yaml", "--trainer.accelerator", "cpu", "--trainer.inference_mode", "false"]
    with PretendedDevice():
        assert cli.main(["fit", *words, "--run", "mine"]) == 0
        assert cli.main(["predict", *words, "--ckpt_path", f"runs/tiny/{config}/mine"]) == 0
