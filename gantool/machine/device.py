"""The device to compute on, and whether every repetition must give the same bits."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from gantool.errors import ConfigError, did_you_mean


def choose_device(wanted: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        ConfigError: this machine has no such device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if wanted not in present:
        raise ConfigError(
            f"no device {wanted!r}.{did_you_mean(wanted, present)}",
            "Devices: auto, cuda, mps, cpu.",
        )
    if not present[wanted]:
        raise ConfigError(
            f"--device {wanted}: PyTorch {torch.__version__} finds no such device here.",
            "Leave --device at auto, or use cpu.",
        )
    return torch.device(wanted)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """The machine as run.json describes it: times are compared where all of this is equal."""
    return {
        "platform": platform.platform(),
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    """The processor's name, where the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def bf16_instructions(device: torch.device) -> bool | None:
    """Whether a CPU has instructions for bf16, without which it is slower than fp32.

    It is None of other devices, and where nobody can say.
    """
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return None
    found = torch.cpu.get_capabilities()
    return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "amx_tile", "bf16"))


def make_deterministic(wanted: bool) -> None:
    """Ask for deterministic algorithms, or for the fastest."""
    if wanted:  # read when CUDA starts, which is later than this
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # This switch is the same as `use_deterministic_algorithms`, but does not import the compiler.
    torch.set_deterministic_debug_mode("error" if wanted else "default")
    # Filling fresh memory costs time and guards against no bug of ours.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not wanted
