"""A GPU that isn't there: tensors that say they are on ``cuda:0`` while their numbers lie on the CPU.

    with PretendedDevice():
        layer = nn.Linear(3, 4).to(DEVICE)
        layer(torch.randn(2, 3))  # raises: tensors on two devices

What PyTorch refuses on a real one is refused: an operation on tensors of both devices (but numbers without axes, and
indices), numbers of a generator elsewhere, NumPy. All else runs with real numbers, gradients included, so that results
can be compared with the CPU's, and code that asks ``device.type`` takes the way of an accelerator. Not shown: kernels,
speed, memory, autocast, inference mode, and whether a dtype is supported.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda", 0)
# What C++ sees: a device that no library has to be there for, and whose gradients the CPU's thread computes.
_UNDERNEATH = torch.device("lazy", 0)
_aten = torch.ops.aten
_COPIES = {_aten._to_copy.default, _aten.copy_.default}
_INDEXING = {_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default, _aten.index_put.default}


class _Pretended(Tensor):
    """Numbers on the CPU that say they are elsewhere."""

    here: Tensor
    device = property(lambda self: DEVICE)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, here: Tensor) -> _Pretended:
        made = Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=_UNDERNEATH,
        )
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        message = f"{operation}: pretended tensors work inside of PretendedDevice only"
        raise AssertionError(message)

    def tolist(self) -> Any:
        return self.here.tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        message = f"can't convert a tensor on {DEVICE} to NumPy; .cpu() is missing"
        raise TypeError(message)

    __array__ = numpy

    def __deepcopy__(self, memo: dict[int, Any]) -> _Pretended:
        return _Pretended(self.here.clone()).requires_grad_(self.requires_grad)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.here.__reduce_ex__(protocol)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"on {DEVICE}: {self.here!r}"


class PretendedDevice(TorchDispatchMode):
    """Let there be :data:`DEVICE` inside of this context."""

    def __enter__(self) -> Any:
        self._before = torch._C._only_lift_cpu_tensors(), torch.cuda._lazy_init
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=...) would look for a driver
        torch.cuda._lazy_init = lambda: None
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        lifts, torch.cuda._lazy_init = self._before
        torch._C._set_only_lift_cpu_tensors(lifts)
        super().__exit__(*error)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        away = {id(each.here): each for each in given if isinstance(each, _Pretended)}
        is_away = bool(away)
        if kwargs.get("device") is not None:
            is_away = torch.device(kwargs["device"]).type != "cpu"
            kwargs["device"] = torch.device("cpu")
        if is_away and kwargs.get("generator") is not None:
            message = f"{operation}: a generator of the CPU can't draw numbers on {DEVICE}"
            raise RuntimeError(message)
        if away and operation not in _COPIES:
            _refuse_two_devices(operation, args, given)
        found = operation(*tree_map(_here, args), **tree_map(_here, kwargs))
        return tree_map(lambda each: _there(each, away), found) if is_away else found


def moved(value: Any) -> Any:
    """Move all tensors and modules in something to :data:`DEVICE`, however deep."""
    if isinstance(value, nn.Module):
        return value.to(DEVICE)
    if isinstance(value, Tensor):
        there = value.detach().to(DEVICE)
        return there.requires_grad_() if value.requires_grad else there
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: moved(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, dict):
        return {name: moved(each) for name, each in value.items()}
    return type(value)(map(moved, value)) if isinstance(value, list | tuple) else value


class Moving:
    """A component on :data:`DEVICE` that is called with arguments on the CPU: they are moved, and nothing else."""

    def __init__(self, component: nn.Module) -> None:
        self._component = component

    __class__ = property(lambda self: type(self._component))  # type: ignore[assignment] - for isinstance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._component(*moved(args), **moved(kwargs))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._component, name)
        if isinstance(value, nn.Module):
            return Moving(value)
        return (lambda *args, **kwargs: value(*moved(args), **moved(kwargs))) if callable(value) else value


def is_moved(value: Tensor) -> bool:
    """Whether a tensor is on :data:`DEVICE`."""
    return isinstance(value, _Pretended)


def _refuse_two_devices(operation: Any, args: Any, given: list[Tensor]) -> None:
    for each in given:
        is_index = operation in _INDEXING and each is not args[0]
        is_number = each.ndim == 0 and torch.Tag.pointwise in operation.tags
        if not (isinstance(each, _Pretended) or is_index or is_number):
            sizes = ", ".join(f"{tuple(one.shape)} on {one.device}" for one in given)
            message = f"{operation}: tensors must be on one device, got {sizes}"
            raise RuntimeError(message)


def _here(value: Any) -> Any:
    return value.here if isinstance(value, _Pretended) else value


def _there(value: Any, known: dict[int, _Pretended]) -> Any:
    if not isinstance(value, Tensor):
        return value
    if id(value) not in known:
        return _Pretended(value)
    same = known[id(value)]  # of an operation in place
    assert same.shape == value.shape, "changing the shape in place can't be pretended"
    return same
