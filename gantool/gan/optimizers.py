"""Optimizers that leave torch's compiler alone."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

import torch
from torch.optim import Optimizer

_METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@functools.cache
def without_compiler(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """The same optimizer, whose methods do not import torch's compiler.

    torch shields an optimizer from being compiled with a caller, and imports the compiler for that,
    which takes nearly as long as torch itself. The loop is never compiled as a whole; networks may
    be.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _METHODS}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step})
