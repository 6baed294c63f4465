"""The files of `gantool new-plugin`; that they install and train is tested end to end."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Cli

from gantool.plugins.scaffold import write_plugin


def test_a_new_plugin_is_written_whole(tmp_path: Path) -> None:
    folder = write_plugin("my-gan", tmp_path)
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert found == {
        "README.md",
        "pyproject.toml",
        "gantool_my_gan/__init__.py",
        "gantool_my_gan/model.py",
        "tests/test_model.py",
    }
    for file in found:
        text = (folder / file).read_text()
        assert "$" not in text, file
        if file.endswith(".py"):
            compile(text, file, "exec")


@pytest.mark.parametrize("name", ["My", "a b", "dcgan", "../x", "x-", ""])
def test_new_plugin_refuses_names(tmp_path: Path, cli: Cli, name: str) -> None:
    outcome = cli("new-plugin", name)
    assert outcome.code == 2, outcome.err
    assert list(tmp_path.iterdir()) == []
