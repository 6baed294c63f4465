"""One run on many processes, as torchrun starts them: their ranks and their communication."""

from __future__ import annotations

import atexit
import functools
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

_PATIENCE = timedelta(hours=2)  # the others wait while the first scores samples


class World:
    """The processes of a run.

    One alone needs no words: every method then does nothing, at no cost.

    Attributes:
        rank: the number of this process; 0 writes.
        size: the number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    def part(self, whole: Any) -> Any:
        """The part of this process of a tensor or array for the whole batch.

        It is `len(whole) / size` items in a row.
        """
        n = len(whole) // self.size
        return whole[self.rank * n : (self.rank + 1) * n]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over the processes in each tensor's place.

        One all-reduce serves all of them, laid out flat.
        """
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(
            tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True
        ):
            tensor.copy_(mean.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether some process says so, for decisions that must not differ between processes."""
        if self.size == 1:
            return flag
        found = torch.tensor(int(flag))
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found)

    def gather(self, content: Any) -> list[Any]:
        """Every process's content, by rank."""
        if self.size == 1:
            return [content]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, content)
        return found

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            dist.barrier()


ALONE = World()


@functools.cache
def world() -> World:
    """The processes that torchrun started with this one; this one alone where it did not."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or not dist.is_torchelastic_launched():
        return ALONE
    # Gloo carries what lies in main memory, also where NCCL carries the gradients.
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE
    )
    atexit.register(dist.destroy_process_group)
    return World(dist.get_rank(), dist.get_world_size())


def on_this_process(device: torch.device) -> torch.device:
    """The GPU of this process where a machine has several."""
    if device.type != "cuda" or world().size == 1:
        return device
    chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(chosen)
    return chosen


def synchronize_batch_norm(gan: nn.Module, device: torch.device) -> None:
    """Make BatchNorm see the whole batch, where there are several processes and the device can."""
    if world().size > 1 and device.type == "cuda":
        for name, network in gan.named_children():
            setattr(gan, name, nn.SyncBatchNorm.convert_sync_batchnorm(network))


def describe(gan: nn.Module) -> dict[str, Any]:
    """The processes as run.json describes them; nothing where there is one."""
    if world().size == 1:
        return {}
    layers = [
        layer for layer in gan.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    synchronised = any(isinstance(layer, nn.SyncBatchNorm) for layer in layers)
    sees = "the whole batch" if synchronised else "each process's own part of the batch"
    return {"processes": world().size, **({"batch_norm": sees} if layers else {})}


def was_abandoned(error: BaseException) -> bool:
    """Whether an error means that another process of the run is gone."""
    return world().size > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error).lower())
