"""Resumable states, verified by checksum and never unpickled freely; weights as safetensors."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as tensors_from
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder

KEPT = 2


class DamagedCheckpointError(Exception):
    """A resumable state cannot be used; the message says why."""


def save(folder: RunFolder, step: int, *, state: Mapping[str, Any]) -> Path:
    """Write a state of tensors, numbers and strings; then drop all but the newest two.

    A state that is there already stays as it is: writing it again could leave the old state beside
    the checksum of the new.
    """
    path = folder.state(step)
    if path.exists():
        return path
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    checksum = hashlib.sha256(content).hexdigest()
    write_bytes(path.with_suffix(".sha256"), f"{checksum}  {path.name}\n".encode())
    write_bytes(path, content)
    for superseded in list(folder.states())[:-KEPT]:
        folder.remove_state(superseded)
    return path


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
        # A state is stored as it is: entries that are compressed could unpack to more than the
        # machine holds.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("its entries are compressed, which a state's never are")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not one of its own
        raise DamagedCheckpointError((str(error) or type(error).__name__).splitlines()[0]) from None
    if not isinstance(state, dict):
        raise DamagedCheckpointError("not a state of a run")
    try:
        return _renamed(state)
    except KeyError as error:
        raise DamagedCheckpointError(f"it lacks {error}") from None


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """The state with the keys of today where it has those of gantool 0.1."""
    if "gan" not in state:
        return state
    old = dict(state)
    average = old.pop("ema")
    optimizers = {
        player: old.pop(f"{player}_optimizer") for player in ("discriminator", "generator")
    }
    return {
        **old,
        "model": old.pop("gan"),
        "averages": {} if average is None else {"generator": average},
        "optimizers": optimizers,
    }


def weights_to_bytes(network: nn.Module, about: Mapping[str, Any]) -> bytes:
    """A network's weights and buffers as safetensors; `weights_from_bytes` gives `about` back.

    `about` goes into the file's metadata under the one key "gantool", as JSON: equal content gives
    equal bytes, which several keys would not (safetensors writes them in no fixed order).
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    return safetensors_bytes(tensors, metadata={"gantool": json.dumps(dict(about), sort_keys=True)})


def weights_from_bytes(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file, and what it says of itself; {} where it says nothing.

    Raises:
        SafetensorError, ValueError, RecursionError: the content is damaged.
    """
    tensors = tensors_from(content)
    length = int.from_bytes(content[:8], "little")
    about = json.loads(
        json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("gantool", "{}")
    )
    return tensors, about if isinstance(about, dict) else {}
