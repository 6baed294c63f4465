from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from accelerator import ACCELERATOR, NAME, THERE

from gantool.machine.device import make_deterministic


@pytest.fixture(scope="session", autouse=True)
def there() -> None:
    """Skip all where there is no accelerator."""
    if not THERE:
        pytest.skip("no CUDA device")


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Exact arithmetic and deterministic algorithms."""
    make_deterministic(True)
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def cuda() -> torch.device:
    """The accelerator, for what the CPU cannot stand in for."""
    if NAME != "cuda":
        pytest.skip("CUDA only")
    return ACCELERATOR
