"""The order of training and evaluation, and resuming in the middle of it."""

import itertools

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset

from datamodules.loading import EvaluationSampler, ResumableLoader, ResumableSampler


class Numbers(Dataset):
    """Answers a request with epoch and indices."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, request):
        return {"epoch": request.epoch, "index": torch.tensor(request.indices)}


def _order(loader, epoch):
    loader.sampler.set_epoch(epoch)
    return [batch["index"].tolist() for batch in loader]


def _loader(count=22, rank=0, ranks=1, num_workers=0, seed=0, batch_size=3, lengths=None):
    data = Numbers(count)
    sampler = ResumableSampler(data, batch_size=batch_size, seed=seed, lengths=lengths, num_replicas=ranks, rank=rank)
    return ResumableLoader(data, sampler=sampler, num_workers=num_workers)


def test_order_is_a_function_of_seed_and_epoch():
    first, second = _order(_loader(), 0), _order(_loader(), 1)
    assert first != second
    assert first == _order(_loader(), 0)
    assert first != _order(_loader(seed=1), 0)
    assert _order(_loader(seed=1), 0) != second  # seed + epoch, as torch has it, would make these the same


def test_each_sample_comes_once_in_an_epoch():
    seen = list(itertools.chain(*_order(_loader(), 0)))
    assert len(seen) == 21
    assert len(set(seen)) == 21


def test_ranks_share_the_batches_that_one_rank_would_have():
    whole = _order(_loader(batch_size=6), 2)
    ranks = [_order(_loader(rank=rank, ranks=2), 2) for rank in (0, 1)]
    assert [first + second for first, second in zip(*ranks, strict=True)] == whole


@pytest.mark.parametrize("num_workers", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_resumed_epoch_repeats_and_skips_nothing(rank, num_workers):
    whole = _order(_loader(rank=rank, ranks=2), 1)
    first = _loader(rank=rank, ranks=2, num_workers=num_workers)
    first.sampler.set_epoch(1)
    iterator = iter(first)
    before = [next(iterator)["index"].tolist() for _ in range(2)]
    state = first.state_dict()
    second = _loader(rank=rank, ranks=2, num_workers=num_workers)
    second.load_state_dict(state)
    assert second.state_dict() == state  # a stop before the next batch loses nothing
    iterator = iter(second)  # Lightning asks for the iterator before it sets the epoch
    second.sampler.set_epoch(1)
    assert before + [batch["index"].tolist() for batch in iterator] == whole
    assert _order(second, 2) == _order(_loader(rank=rank, ranks=2), 2)  # the epoch after is whole


def test_a_state_taken_at_the_end_of_an_epoch_starts_the_next_one():
    first = _loader()
    _order(first, 0)
    second = _loader()
    second.load_state_dict(first.state_dict())
    assert _order(second, 1) == _order(_loader(), 1)


def test_a_batch_whose_step_was_broken_off_is_repeated():
    finished = 0
    loader = _loader()
    loader.finished = lambda: finished
    iterator = iter(loader)
    batches = [next(iterator)["index"].tolist() for _ in range(3)]
    finished = 2  # the third step raised
    again = _loader()
    again.load_state_dict(loader.state_dict())
    assert _order(again, 0)[0] == batches[2]


@pytest.mark.parametrize("ranks", [1, 2])
def test_batches_of_similar_lengths_are_the_same_samples_in_another_order(ranks):
    count = 6 * 70 + 5  # windows of 32 batches, the last one short, and some samples left over
    lengths = np.random.default_rng(0).integers(0, 9, count)
    loaders = [_loader(count, rank, ranks, batch_size=6 // ranks, lengths=lengths) for rank in range(ranks)]
    batches = [list(itertools.chain(*parts)) for parts in zip(*(_order(loader, 3) for loader in loaders), strict=True)]
    plain = _order(_loader(count, batch_size=6), 3)
    assert sorted(itertools.chain(*batches)) == sorted(itertools.chain(*plain))
    spread = [np.ptp(lengths[batch]) for batch in batches]
    assert np.mean(spread) < 1 < np.mean([np.ptp(lengths[batch]) for batch in plain])
    means = [lengths[batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.4  # short and long ones come in turn
    assert batches != [
        list(itertools.chain(*parts)) for parts in zip(*(_order(loader, 4) for loader in loaders), strict=True)
    ]


@pytest.mark.parametrize(
    "change", [{"batch_size": 2}, {"count": 21}, {"ranks": 2}, {"seed": 4}, {"lengths": np.arange(22)}]
)
def test_going_on_in_the_middle_with_other_batches_is_refused(change):
    first = _loader()
    next(iter(first))
    second = _loader(**change)
    second.load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match="must go on with the same data and batches"):
        next(iter(second))


def test_too_little_data_is_refused():
    with pytest.raises(ValueError, match="at least one batch for every rank"):
        ResumableSampler(Numbers(5), batch_size=3, num_replicas=2, rank=0)


@given(samples=st.integers(1, 60), batch_size=st.integers(1, 9), ranks=st.integers(1, 5))
def test_evaluation_takes_each_sample_once_in_equally_many_batches(samples, batch_size, ranks):
    samplers = [
        EvaluationSampler(Numbers(samples), batch_size=batch_size, num_replicas=ranks, rank=rank)
        for rank in range(ranks)
    ]
    batches = [[request.indices for request in sampler] for sampler in samplers]
    assert {len(each) for each in batches} == {len(samplers[0])}
    flat = list(itertools.chain(*itertools.chain(*batches)))
    assert all(0 < len(indices) <= batch_size for each in batches for indices in each)
    assert set(flat) == set(range(samples))
    if batch_size > 1 and samples >= ranks:
        assert len(flat) == samples


class _Module(pl.LightningModule):
    def __init__(self, stop_at=None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []
        self.stop_at = stop_at

    def training_step(self, batch, batch_idx):
        if len(self.seen) == self.stop_at:
            raise KeyboardInterrupt
        self.seen.append((self.current_epoch, batch_idx, batch["index"].tolist()))
        return self.weight * 0 + batch["index"].float().mean() * self.weight

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)


class _Data(pl.LightningDataModule):
    def train_dataloader(self):
        loader = _loader()
        loader.finished = lambda: self.trainer.fit_loop.epoch_loop.batch_progress.current.processed
        return loader


def _fit(folder, *, epochs, checkpoint=None, stop_at=None, **arguments):
    module = _Module(stop_at)
    saving = pl.callbacks.ModelCheckpoint(
        dirpath=folder, save_last=True, save_top_k=-1, save_on_exception=True, **arguments
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=epochs,
        callbacks=[saving],
    )
    trainer.fit(module, datamodule=_Data(), ckpt_path=checkpoint)
    return module.seen


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers and logging intervals
@pytest.mark.parametrize("steps", [3, 7, 9])  # in the middle of an epoch, at its end, in the middle of the next
def test_lightning_resumes_where_it_saved(tmp_path, steps):
    whole = _fit(tmp_path / "whole", epochs=2, every_n_train_steps=1, filename="{step}")
    assert len(whole) == 14
    resumed = _fit(tmp_path / "resumed", epochs=2, checkpoint=str(tmp_path / "whole" / f"step={steps}.ckpt"))
    assert resumed == whole[steps:]


@pytest.mark.filterwarnings("ignore")
def test_lightning_repeats_the_batch_in_which_training_was_interrupted(tmp_path):
    whole = _fit(tmp_path / "whole", epochs=2)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        _fit(tmp_path / "broken", epochs=2, stop_at=10)
    saved = next(
        path for path in (tmp_path / "broken").glob("*.ckpt") if "xception" in path.name or path.stem == "last"
    )
    assert _fit(tmp_path / "resumed", epochs=2, checkpoint=str(saved)) == whole[10:]
