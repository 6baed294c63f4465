"""Resumable states: the newest and the one before it, each verified by its checksum, none ever unpickled freely."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as tensors_from
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from gantool.runs import write_bytes

KEPT = 2


class DamagedCheckpointError(Exception):
    """A resumable state cannot be used; the message says why."""


def save(folder: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Write a state of tensors, numbers and strings, unless it is there; then drop all but the newest two."""
    path = folder / f"{step:08d}.pt"
    if path.exists():  # writing it again could leave the old state beside the checksum of the new
        return path
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    write_bytes(path.with_suffix(".sha256"), f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())
    write_bytes(path, content)
    _remove(newest_first(folder)[KEPT:])
    return path


def drop_after(folder: Path, step: int) -> None:
    """Remove the states after a step, so that they neither count as the newest nor are resumed from."""
    _remove([path for path in newest_first(folder) if step_of(path) > step])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        path.with_suffix(".sha256").unlink(missing_ok=True)


def newest_first(folder: Path) -> list[Path]:
    """The states in a folder."""
    return sorted((f for f in folder.glob("*.pt") if re.fullmatch(r"\d{8,}", f.stem)), key=step_of, reverse=True)


def step_of(path: Path) -> int:
    """The step that a state was saved after."""
    return int(path.stem)


def load(path: Path) -> dict[str, Any]:
    """Read a state, on the CPU, from a closed set of types.

    Raises:
        DamagedCheckpointError: it is incomplete, altered, or holds what a state never holds.
    """
    try:
        content = path.read_bytes()
        recorded = path.with_suffix(".sha256").read_text(encoding="utf-8").split()[0]
    except (OSError, ValueError, IndexError) as error:
        raise DamagedCheckpointError(str(error)) from None
    if hashlib.sha256(content).hexdigest() != recorded:
        raise DamagedCheckpointError("its checksum does not agree")
    try:
        # A state is stored as it is: entries that are compressed could unpack to more than the machine holds.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("its entries are compressed, which a state's never are")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not one of its own
        raise DamagedCheckpointError((str(error) or type(error).__name__).splitlines()[0]) from None
    if not isinstance(state, dict):
        raise DamagedCheckpointError("not a state of a run")
    return state


def save_generator(path: Path, generator: nn.Module, about: Mapping[str, Any]) -> None:
    """Write a generator's weights and buffers as safetensors, whole or not at all.

    `about` goes into the file's metadata under the one key "gantool", as JSON: equal content gives equal bytes, which
    several keys would not (safetensors writes them in no fixed order).
    """
    write_bytes(path, weights_to_bytes(generator, about))


def weights_to_bytes(network: nn.Module, about: Mapping[str, Any]) -> bytes:
    """A network's weights and buffers as safetensors, with what `weights_from_bytes` gives back as `about`."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    return safetensors_bytes(tensors, metadata={"gantool": json.dumps(dict(about), sort_keys=True)})


def weights_from_bytes(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file, and what it says of itself; {} where it says nothing.

    Raises:
        SafetensorError, ValueError, RecursionError: the content is damaged.
    """
    tensors = tensors_from(content)
    length = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("gantool", "{}"))
    return tensors, about if isinstance(about, dict) else {}
