"""Pictures of systems, a small survey, and answers to it."""

import numpy as np
import pytest
from PIL import Image

from zoo.survey.blinding import Survey, Trial

SYSTEMS = ("ours", "theirs", "others")


@pytest.fixture
def draw():
    """Write a picture of noise."""

    def write(file, *, seed=0, size=(40, 40), **options):
        file.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, **options)
        return file

    return write


@pytest.fixture
def systems(tmp_path, draw):
    """Folders of three systems, with two cases of two of the paper's combinations each."""
    folders = {name: tmp_path / "pictures" / name for name in SYSTEMS}
    for place, folder in enumerate(folders.values()):
        for number, name in enumerate(("face0_12+15", "face1_12+15", "face0_1+4", "face1_1+4")):
            draw(folder / f"{name}.png", seed=10 * place + number)
    return folders


@pytest.fixture(scope="session")
def survey():
    """Two combinations, of two trials and of one."""
    trials = []
    for name, combination in (("12+15_1", "12+15"), ("12+15_2", "12+15"), ("1+4_1", "1+4")):
        items = {f"i{name}{place}": system for place, system in enumerate(SYSTEMS)}
        trials.append(Trial(name, combination, f"case {name}", items))
    return Survey("s1", 0, SYSTEMS, tuple(trials))


@pytest.fixture
def answer(tmp_path, survey):
    """Write the answers of a rater: trial to the ranks of the systems, in their order."""

    def write(rater, ranks, *, name=None, survey_id=survey.id, delimiter=","):
        lines = [delimiter.join(("survey", "rater", "trial", "shown", "item", "place", "rank", "seconds"))]
        for shown, (trial_name, given) in enumerate(ranks.items(), 1):
            trial = next(each for each in survey.trials if each.name == trial_name)
            for place, (item, rank) in enumerate(zip(trial.items, given, strict=True), 1):
                row = (survey_id, rater, trial_name, shown, item, place, rank, 2.5)
                lines.append(delimiter.join(map(str, row)))
        file = tmp_path / "answers" / f"{name or rater}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
        return file

    return write
