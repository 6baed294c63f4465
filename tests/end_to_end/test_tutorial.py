"""The notebook runs from its first cell to its last, on small settings."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
SMALL = {"EPOCHS_DCGAN": "1", "EPOCHS_MLP": "1", "SEEDS": "(0, 1)", "SAMPLES": "200"}


@pytest.mark.slow
def test_the_notebook_runs_whole(tmp_path: Path) -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    settings = next(
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "EPOCHS_DCGAN" in cell.source
    )
    lines = [line for line in settings.source.splitlines() if line.split(" = ")[0] not in SMALL]
    settings.source = "\n".join([*lines, *(f"{name} = {value}" for name, value in SMALL.items())])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "image/gif", "text/html"} <= kinds
    text = "".join(output.get("text", "") for output in outputs)
    assert "at D = 1/2: 1.3863 = log 4 = 1.3863" in text
    page = "".join(
        output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})
    )
    assert "frechet-distance" in page
    assert '<progress value="250" max="250"' in page  # the bar, at its end


def test_the_committed_notebook_has_its_pictures() -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    pictures = [
        kind
        for cell in code
        for output in cell.outputs
        for kind in output.get("data", {})
        if "image" in kind
    ]
    assert len(pictures) >= 6
    assert TUTORIAL.stat().st_size < 5e6
