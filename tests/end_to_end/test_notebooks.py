"""The notebooks run from their first cell to their last, on small settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL, LESSON = DOCS / "tutorial.ipynb", DOCS / "lesson-collapse.ipynb"
TUTORIAL_SMALL = {"EPOCHS_DCGAN": "1", "EPOCHS_MLP": "1", "SEEDS": "(0, 1)", "SAMPLES": "200"}
LESSON_SMALL = {"SEEDS": "(0, 1)", "BUDGET": '{"steps": 20}'}


@pytest.mark.slow
def test_the_tutorial_runs_whole(tmp_path: Path) -> None:
    outputs = _run(TUTORIAL, TUTORIAL_SMALL, tmp_path)
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "image/gif", "text/html"} <= kinds
    text = "".join(output.get("text", "") for output in outputs)
    assert "at D = 1/2: 1.3863 = log 4 = 1.3863" in text
    page = "".join(
        output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})
    )
    assert "frechet-distance" in page
    assert '<progress value="250" max="250"' in page  # the bar, at its end


@pytest.mark.slow
def test_the_lesson_runs_whole(tmp_path: Path) -> None:
    outputs = _run(LESSON, LESSON_SMALL, tmp_path)
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "image/gif", "text/html"} <= kinds
    text = "".join(output.get("text", "") for output in outputs)
    assert text.count("By modes-covered") >= 4  # a verdict for each claim


@pytest.mark.parametrize(("notebook", "pictures"), [(TUTORIAL, 6), (LESSON, 3)])
def test_a_committed_notebook_has_its_pictures(notebook: Path, pictures: int) -> None:
    code = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    found = [
        kind
        for cell in code
        for output in cell.outputs
        for kind in output.get("data", {})
        if "image" in kind
    ]
    assert len(found) >= pictures
    assert notebook.stat().st_size < 5e6


def _run(path: Path, small: Mapping[str, str], folder: Path) -> list[Any]:
    """The outputs of a notebook that is run with other settings."""
    notebook = nbformat.read(path, as_version=4)
    settings = next(
        cell for cell in notebook.cells if cell.cell_type == "code" and "SEEDS = " in cell.source
    )
    lines = [line for line in settings.source.splitlines() if line.split(" = ")[0] not in small]
    settings.source = "\n".join([*lines, *(f"{name} = {value}" for name, value in small.items())])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
