"""Errors of a running program: those that the user can put right are told, our own bugs are not."""

import errno

import pytest
import torch

from lightning_modules.cli.failures import told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "trainer.accumulate_grad_batches"),
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:16556."),
            "another process of this run has ended",
        ),
        (torch.distributed.DistBackendError("NCCL error: remote process exited"), "another process of this run"),
        (
            RuntimeError("Error(s) in loading state_dict for Codec:\n\tsize mismatch for a: (1) here, (2) there."),
            "ckpt_path: the checkpoint is of another model.",
        ),
    ],
)
def test_what_the_user_can_put_right_is_told(error, said):
    assert said in told(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), KeyError("a"), ValueError("of a library")])
def test_bugs_are_not(error):
    assert told(error) is None
