"""F1 of AU occurrence against plain loops."""

import torch

from zoo.metrics.occurrence_f1 import OccurrenceF1, f1_of_counts, f1_table, occurrence_counts


def _loop_f1(probability, occurrence, known, threshold=0.5):
    values = []
    for au in range(probability.shape[1]):
        right = wrong = missed = 0
        for row in range(len(probability)):
            if known[row, au]:
                told, present = probability[row, au].item() >= threshold, bool(occurrence[row, au])
                right += told and present
                wrong += told and not present
                missed += present and not told
        values.append(2 * right / (2 * right + wrong + missed) if right + wrong + missed else float("nan"))
    return torch.tensor(values)


def _sample(generator, rows):
    return (
        torch.rand(rows, 3, generator=generator),
        torch.rand(rows, 3, generator=generator) < 0.4,
        torch.rand(rows, 3, generator=generator) < 0.8,
    )


def test_counts_are_pooled_over_updates_before_f1_is_taken(generator):
    batches = [_sample(generator, rows) for rows in (5, 1, 11)]
    metric = OccurrenceF1(aus=(1, 2, 4))
    for batch in batches:
        metric.update(*batch)
    expected = _loop_f1(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
    torch.testing.assert_close(metric.compute(), expected)
    torch.testing.assert_close(metric.macro(), expected.mean())


def test_sklearn_agrees(generator):
    from sklearn.metrics import f1_score

    probability, occurrence, known = _sample(generator, 40)
    f1 = f1_of_counts(occurrence_counts(probability >= 0.5, occurrence, torch.ones_like(known)))
    expected = f1_score(occurrence.numpy(), (probability >= 0.5).numpy(), average=None)
    torch.testing.assert_close(f1, torch.from_numpy(expected).float())


def test_unknown_labels_count_nowhere(generator):
    probability, occurrence, known = _sample(generator, 20)
    metric, other = OccurrenceF1(aus=(1, 2, 4)), OccurrenceF1(aus=(1, 2, 4))
    metric.update(probability, occurrence, known)
    other.update(torch.where(known, probability, 1 - probability), occurrence ^ ~known, known)
    assert torch.equal(metric.compute(), other.compute())


def test_an_au_that_is_never_known_leaves_the_mean_alone():
    metric = OccurrenceF1(aus=(1, 2))
    known = torch.tensor([[True, False]])
    metric.update(torch.tensor([[0.5, 0.9]]), torch.tensor([[True, True]]), known)
    assert metric.compute()[0] == 1.0  # the threshold itself counts as recognised
    assert metric.compute()[1].isnan()
    assert metric.macro() == 1.0


def test_ranks_add_their_counts(generator):
    def gather(counts, group=None):
        return [counts, 2 * counts]

    metric = OccurrenceF1(aus=(1, 2, 4), dist_sync_fn=gather, distributed_available_fn=lambda: True)
    batch = _sample(generator, 9)
    metric.update(*batch)
    torch.testing.assert_close(metric.compute(), _loop_f1(*batch))
    assert metric.table().splitlines()[1].endswith(f" {3 * int(batch[2][:, 0].sum())}")
    assert torch.equal(metric.counts, occurrence_counts(batch[0] >= 0.5, *batch[1:]))  # its own again


def test_the_table_has_a_row_for_each_au_and_their_mean():
    counts = torch.tensor([[6, 2, 2, 10], [0, 0, 0, 5]])
    assert f1_table(counts, (12, 24)).splitlines() == [
        "AU      F1  precision  recall  rate  frames",
        "12   0.750      0.750   0.750  0.40      20",
        "24     nan        nan     nan  0.00       5",
        "mean 0.750      0.750   0.750  0.20      12",
    ]
