"""Random streams: seeds that do not repeat each other, and the state of PyTorch's generators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from gantool.machine.distributed import World

State = dict[str, Tensor]


def derived_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose, so that streams of random numbers do not repeat each other."""
    return int(np.random.SeedSequence([seed, *purpose.encode()]).generate_state(1)[0])


def states(device: torch.device, world: World) -> list[State]:
    """The state of PyTorch's generators in each process of a run, by rank.

    Dropout and a penalty's mixtures draw from them.
    """
    found = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        found["mps"] = torch.mps.get_rng_state()
    return world.gather(found)


@contextmanager
def kept(device: torch.device) -> Iterator[None]:
    """PyTorch's generators, those of the CPU and of the device, are as before afterwards.

    Layers draw their first weights from them, even where others are loaded in their place.
    """
    mps = torch.mps.get_rng_state() if device.type == "mps" else None  # not fork_rng's to keep
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        if mps is not None:
            torch.mps.set_rng_state(mps)


def restore(saved: Sequence[State], device: torch.device, world: World, seed: int) -> None:
    """Set this process's generators as they were.

    Where the run had fewer processes then, they are seeded from `seed`.
    """
    if world.rank >= len(saved):
        torch.manual_seed(derived_seed(seed, f"process {world.rank}"))
        return
    state = saved[world.rank]
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])
