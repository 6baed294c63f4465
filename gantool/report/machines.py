"""The machine of a run in words: times are compared within one only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def machine_of(described: Mapping[str, Any]) -> str:
    """Platform, device and threads as run.json describes them; empty where it does not.

    Machines and thread counts that are alike have equal words.
    """
    threads, device = described.get("threads"), described.get("device")
    name = described.get("device_name")
    parts = [
        described.get("platform"),
        f"{device} ({name})" if device and name else device,
        threads and f"{threads} thread{'' if threads == 1 else 's'}",
    ]
    return ", ".join(str(part) for part in parts if part)
