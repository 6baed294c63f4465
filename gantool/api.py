"""The Python names: train, open and compare runs, and draw from them; the words of the command line."""

from __future__ import annotations

import base64
import html
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.config import resolve
from gantool.plugins import load_registry
from gantool.report.comparison import compare as compare_runs
from gantool.report.reading import read_run, read_runs
from gantool.report.result import Comparison as Result
from gantool.runs import RunFolder, RunRecord, Score

if TYPE_CHECKING:
    from PIL.Image import Image

    from gantool.playground.latents import Mode
    from gantool.playground.player import Player


class Run:
    """A run on disk, and its trained generator; a notebook shows it as its sheet and curves.

    Args:
        path: the run folder.

    Raises:
        ConfigError: it is no run.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder.open(Path(path))
        self._player: Player | None = None

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def record(self) -> RunRecord:
        """What run.json says now."""
        return self.folder.read()

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of every step: float64 [steps] by name, nan where a value is missing."""
        return dict(read_run(self.path).series)

    @property
    def scores(self) -> list[Score]:
        """The scores that the run has."""
        return self.folder.scores()

    @property
    def generator(self) -> Any:
        """The trained generator, a `torch.nn.Module` in evaluation mode."""
        return self.player.gan.generator

    @property
    def player(self) -> Player:
        """What draws from the generator; opened when it is first needed."""
        if self._player is None:
            self._player = self.at(None)
        return self._player

    def at(self, step: int | None, device: str = "cpu") -> Player:
        """What draws from the generator of a step that was kept, or from the last one.

        Raises:
            GantoolError: there is none.
        """
        from gantool.device import choose_device
        from gantool.playground.player import Player
        from gantool.trained import open_trained

        trained = open_trained(self.folder, load_registry(), choose_device(device), step)
        return Player(self.folder, self.record, trained)

    def samples(self, n: int = 64, *, seed: int = 0, label: str | int | None = None) -> Image:
        """A grid of samples; `player.sample` gives them as an array.

        Raises:
            ConfigError: no such class, or the model takes no labels.
        """
        pixels = self.player.sample(n, seed, self.player.label(label))
        return _grid(pixels, min(n, max(1, round(n**0.5))))

    def sheet(self) -> Image:
        """The sheet with the numbers of its cells."""
        from gantool.playground import pictures

        return pictures.numbered(self.player.draw_sheet(), self.player.sheet.columns)

    def interpolate(
        self,
        start: str | int,
        end: str | int,
        *,
        steps: int = 10,
        mode: Mode | None = None,
        label: str | int | None = None,
    ) -> Image:
        """A row of images on the way between two cells of the sheet, or `"seed:N"`.

        Raises:
            ConfigError: no such cell or class.
        """
        from gantool.playground import pictures

        chosen = self.player.label(label)
        return pictures.rows([self.player.interpolate(start, end, steps=steps, mode=mode, label=chosen)])

    def arithmetic(self, expression: str, *, label: str | int | None = None) -> Image:
        """Operands, means and result of an expression of cells, such as `"mean(1,5) - mean(2,3) + 7"`.

        Raises:
            ConfigError: it is no expression, or no such cell or class.
        """
        from gantool.playground import pictures

        return pictures.equation(self.player.arithmetic(expression, label=self.player.label(label)))

    def evaluate(self, **options: Any) -> list[Score]:
        """Score the run's samples: `samples`, `extractor`, `metrics`, `data_dir`, `device`, as `gantool evaluate`.

        Raises:
            GantoolError: as the command.
        """
        from gantool import experiment
        from gantool.progress import Display

        return experiment.evaluate_run(self.path, load_registry(), Display(), **options)

    def export(self, format: str = "safetensors", path: str | Path | None = None) -> Path:
        """Write the generator as safetensors, pt2 or onnx; its path.

        Raises:
            GantoolError: no such format, or the model cannot be exported so.
        """
        from gantool.playground.export import FORMATS, export

        target = self.folder.pictures / f"generator{FORMATS.get(format, '')}" if path is None else Path(path)
        return export(self.player, format, target)

    def report(self) -> Path:
        """Write report.html; its path."""
        from gantool.report.writing import write_report

        return write_report(self.folder)

    def __repr__(self) -> str:
        record = self.record
        return (
            f"<Run {str(self.path)!r}: {record.model}, {record.steps} of {record.total_steps} steps, {record.status}>"
        )

    def _repr_html_(self) -> str:
        record = self.record
        figures = (self.folder.samples_figure, self.folder.losses_figure)
        images = "".join(_img(file) for file in figures if file.is_file())
        words = f"{record.name}: {record.model} on {record.data.get('name')}, {record.steps:,} steps, {record.status}"
        return f"<div><b>{html.escape(words)}</b><br>{images}</div>"


class Comparison:
    """Runs side by side; a notebook shows the table.

    Args:
        result: every figure.
        runs: what it was made from.
    """

    def __init__(self, result: Result, runs: Sequence[Any]) -> None:
        self.result = result
        self._runs = runs

    @property
    def verdict(self) -> str:
        """Two sentences."""
        return " ".join(self.result.verdict)

    def write(self, output: str | Path = "comparison") -> Path:
        """Write the page, pictures and tables, as `gantool compare` does; the page's path."""
        from gantool.report.writing import write_comparison

        return write_comparison(Path(output), self.result, self._runs)

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.result.runs)} runs: {self.verdict}>"

    def _repr_html_(self) -> str:
        from gantool.report import tables

        headings, rows = tables.full(self.result)
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<p>{html.escape(self.verdict)}</p><table><tr>{head}</tr>{body}</table>"


def train(
    model: str,
    *,
    preset: str | None = None,
    name: str | None = None,
    experiments_dir: str | Path = "experiments",
    progress: bool = True,
    **options: Any,
) -> Run:
    """Train a model; the same options, defaults and validation as `gantool run MODEL`.

    Args:
        model: its name.
        preset: a named set of options.
        name: of the run's folder; made up if None.
        experiments_dir: where run folders go.
        progress: whether to show a bar (in a notebook too).
        options: as the command line has them, with underscores: `epochs=5`, `lr=1e-4`, `data="fashion-mnist"`.

    Raises:
        ConfigError: an unknown model or option, or an invalid value.
        GantoolError: the run failed or diverged.
    """
    from gantool import experiment, planning
    from gantool.progress import Display, make_display

    registry = load_registry()
    spec = registry.model(model)
    resolved = resolve(spec.config, model=spec.name, presets=spec.presets, preset=preset, flags=options)
    request = planning.Request(
        model=spec.name,
        resolved=resolved,
        preset=preset,
        name=name,
        experiments_dir=Path(experiments_dir),
        argv=tuple(sys.argv),
    )
    with make_display() if progress else Display() as display:
        plan = planning.plan(request, registry, display)
        return Run(experiment.run(plan, Path(experiments_dir), display).path)


def open_run(path: str | Path) -> Run:
    """Open a run folder; `gantool.open`.

    Raises:
        ConfigError: it is no run.
    """
    return Run(path)


def compare(paths: str | Path | Run | Iterable[str | Path | Run], **options: Any) -> Comparison:
    """Compare runs; `sort`, `baseline`, `budget_axis` and `paired` as `gantool compare` has them.

    Raises:
        ConfigError: there is no run among the paths.
    """
    if isinstance(paths, (str, Path, Run)):
        paths = [paths]
    reading = read_runs(path.path if isinstance(path, Run) else Path(path) for path in paths)
    return Comparison(compare_runs(reading.runs, skipped=reading.skipped, **options), reading.runs)


def _grid(pixels: Any, columns: int) -> Image:
    from PIL import Image as Pictures

    from gantool.sampling import grid

    return Pictures.fromarray(grid(pixels, columns))


def _img(file: Path) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}" style="max-width:48%">'
