"""Labels of a batch: masks, prompts and draws."""

import pickle

import numpy as np
import torch

from datamodules.augmentation import is_mirrored
from datamodules.labelling import Labelling
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.facs.wording import read_sentences
from zoo.randomness import uniform


def _codes(count=40, seed=0):
    return np.random.default_rng(seed).choice(np.array([0, 0, 1, 9], dtype=np.int8), (count, 12))


def _label(labelling, codes, *, epoch=0, index=None, **given):
    index = np.arange(len(codes)) if index is None else index
    given = {"intensity": np.full(codes.shape, np.nan, dtype=np.float32), **given}
    return labelling(codes, index=index, epoch=epoch, **given)


def test_unknown_aus_are_absent_and_masked():
    codes = _codes()
    batch = _label(Labelling(Composer(), fresh_prompts=True, augment_seed=None), codes)
    assert torch.equal(batch["occurrence"], torch.from_numpy(codes == 1))
    assert torch.equal(batch["known"], torch.from_numpy(codes != 9))
    assert batch["prompt"] == Composer().prompts(codes == 1, index=np.arange(40))
    assert set(batch) == {"occurrence", "known", "intensity", "prompt", "index"}


def test_a_sample_does_not_depend_on_its_batch():
    codes = _codes()
    labelling = Labelling(Composer(), fresh_prompts=True, augment_seed=5)
    whole = _label(labelling, codes, epoch=3)
    part = _label(labelling, codes[7:9], epoch=3, index=np.array([7, 8]))
    assert part["prompt"] == whole["prompt"][7:9]
    assert torch.equal(part["draws"], whole["draws"][7:9])
    assert np.array_equal(whole["draws"].numpy(), uniform(5, 3, np.arange(40), count=5))


def test_prompts_word_the_side_of_the_mirrored_image_and_labels_stay_for_the_device():
    codes = np.ones((64, 12), dtype=np.int8)
    side = np.random.default_rng(1).integers(0, 3, (64, 12)).astype(np.int8)
    composer = Composer(word_side=True, variant=1)
    batch = _label(Labelling(composer, fresh_prompts=False, augment_seed=0), codes, side=side)
    assert torch.equal(batch["side"], torch.from_numpy(side))  # the device mirrors it with the image
    plain = Composer(variant=1).describe(AUS)
    for row, (text, flipped) in enumerate(zip(batch["prompt"], is_mirrored(batch["draws"]), strict=True)):
        _, sides = read_sentences(text.removeprefix(plain))
        seen = {au: {1: "R", 2: "L"} if flipped else {1: "L", 2: "R"} for au in AUS}
        assert sides == {au: seen[au][number] for au, number in zip(AUS, side[row].tolist(), strict=True) if number}


def test_only_known_intensities_of_present_aus_are_worded():
    codes = np.array([[1, 1, 1, 0, 9] + [0] * 7], dtype=np.int8)
    intensity = np.array([[3, 0, np.nan, 4, 2] + [0] * 7], dtype=np.float32)
    composer = Composer(word_intensity=True, variant=1)
    labelling = Labelling(composer, fresh_prompts=True, augment_seed=None)
    text = _label(labelling, codes, intensity=intensity)["prompt"][0]
    plain = Composer(variant=1).prompts(codes == 1)[0]
    assert read_sentences(text.removeprefix(plain)) == ({1: 3}, {})


def test_another_process_can_have_it():
    labelling = pickle.loads(pickle.dumps(Labelling(Composer(), fresh_prompts=True, augment_seed=1)))
    assert _label(labelling, _codes())["prompt"] == Composer().prompts(_codes() == 1, index=np.arange(40))
