"""Settings of every test process, gantool's and the plugins'."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

# Tests run on every core at once: more threads in each would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The default suite draws nothing at random: the same commit gets the same verdict. The slow suite
# searches, and prints how to repeat what it found.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", print_blob=True, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how examples are drawn, and let none but the tests of a GPU see one."""
    settings.load_profile("search" if _is_slow(config) else "same")
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the test session's own, so that tests neither use nor fill the user's."""
    folder = tmp_path_factory.mktemp("data")
    os.environ["GANTOOL_DATA_DIR"] = str(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    for key in [key for key in os.environ if key.startswith("GANTOOL_OPT_")]:
        del os.environ[key]
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let properties be searched at random in the slow suite too."""
    if _is_slow(config):
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker(pytest.mark.slow)


def _is_slow(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "slow")
