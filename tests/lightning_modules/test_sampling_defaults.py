"""Every command, callback and page draws tokens the same way where nobody says otherwise."""

import inspect

import pytest

from lightning_modules.callbacks.synthesis_pictures import SynthesisPictures
from lightning_modules.callbacks.synthesis_report import SynthesisReport
from lightning_modules.callbacks.synthesis_samples import SynthesisSamples
from lightning_modules.cli.evaluate import evaluate
from lightning_modules.cli.functions import call
from lightning_modules.cli.synthesize import synthesize
from lightning_modules.demo.requests import LIMITS, read_request
from zoo.sampling import Sampling

DEFAULTS = vars(Sampling())


@pytest.mark.parametrize("place", [SynthesisPictures, SynthesisReport, SynthesisSamples, evaluate, synthesize])
def test_defaults_are_those_of_sampling(place):
    parameters = inspect.signature(place).parameters
    shared = set(DEFAULTS) & set(parameters)
    assert shared >= {"steps", "temperature", "text_guidance"}
    assert {name: parameters[name].default for name in shared} == {name: DEFAULTS[name] for name in shared}


def test_a_request_that_says_nothing_gets_the_defaults():
    assert read_request({"aus": "12"}).sampling == Sampling()
    for name in set(LIMITS) & set(DEFAULTS):
        least, greatest, default = LIMITS[name]
        assert least <= default <= greatest


@pytest.mark.parametrize("command", [synthesize, evaluate])
def test_help_shows_the_values(command, capsys):
    call(command, ["--help"], program="cli.py test")
    page = " ".join(capsys.readouterr().out.split())
    for name in ("steps", "temperature", "text_guidance", "reference_guidance"):
        told = page.partition(f"--{name.replace('_', '-')} ")[2].partition(" --")[0]
        assert f"Default: {DEFAULTS[name]}" in told
