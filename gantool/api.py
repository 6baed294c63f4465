"""The Python names: train, open and compare runs, and draw from them, as the command line does."""

from __future__ import annotations

import base64
import html
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gantool.machine.garbage import uncollected
from gantool.plugins.pretrained import run_at, to_write_to
from gantool.plugins.registry import load_registry
from gantool.report.beside import with_what_lies_beside
from gantool.report.compare import compare as compare_runs
from gantool.report.listing import matching
from gantool.report.load import read_runs
from gantool.report.result import ComparisonResult
from gantool.report.series import read_series
from gantool.runs.folder import RunFolder
from gantool.runs.notes import Notes, add_note, read_notes
from gantool.runs.records import RunRecord, Score

if TYPE_CHECKING:
    from PIL.Image import Image

    from gantool.sampling.latents import Mode
    from gantool.sampling.sampler import Sampler


class Run:
    """A run on disk, and its trained generator; a notebook shows it as its sample grid and curves.

    Args:
        path: the run folder, or `pretrained:NAME`; what is written of that goes to a copy,
            `experiments/pretrained-NAME`.

    Raises:
        ConfigError: it is no run.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder.open(run_at(Path(path)))
        self._player: Sampler | None = None

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def record(self) -> RunRecord:
        """The content of run.json now."""
        return self.folder.read()

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of every step: float64 [steps] by name, nan where a value is missing."""
        return read_series(self.folder.metrics_file)

    @property
    def scores(self) -> list[Score]:
        """The scores that the run has."""
        return self.folder.scores()

    @property
    def generator(self) -> Any:
        """The trained generator, a `torch.nn.Module` in evaluation mode."""
        return self.sampler.model.generator

    @property
    def sampler(self) -> Sampler:
        """The sampler of the last generator; opened when it is first needed."""
        if self._player is None:
            self._player = self.at(None)
        return self._player

    def at(self, step: int | Literal["best"] | None, device: str = "cpu") -> Sampler:
        """The sampler of a generator that was kept, of the best (`keep_best`), or of the last one.

        Raises:
            GantoolError: there is none.
        """
        from gantool.sampling.sampler import Sampler

        return Sampler.open(self.folder, load_registry(), device=device, at=step)

    def samples(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        label: str | int | None = None,
        code: Mapping[str, float] | None = None,
    ) -> Image:
        """A grid of samples, or a scatter of points; `sampler.sample` gives them as an array.

        Args:
            n: how many.
            seed: the same seed gives the same samples.
            label: the class of all of them; None draws classes as in training.
            code: named parts of the latent: `{"digit": 3, "style.0": 1.5}`.

        Raises:
            ConfigError: no such class or part, or the model takes no labels.
        """
        sampler = self.sampler
        codes = sampler.codes(_texts(code))
        z, y = sampler.choose(n, seed, label=sampler.label(label), codes=codes)
        return _image(sampler.picture(z, y, columns=min(n, max(1, round(n**0.5)))))

    def sheet(self, *, code: Mapping[str, float] | None = None) -> Image:
        """The sample grid with the numbers of its cells.

        Raises:
            ConfigError: no such part of the latent.
        """
        return self.sampler.numbered(self.sampler.codes(_texts(code)))

    def interpolate(
        self,
        start: str | int,
        end: str | int,
        *,
        steps: int = 10,
        mode: Mode | None = None,
        label: str | int | None = None,
        code: Mapping[str, float] | None = None,
    ) -> Image:
        """The way between two cells of the sample grid, or `"seed:N"`: a row of images.

        Of points it is drawn over the sample grid.

        Raises:
            ConfigError: no such cell, class or part of the latent.
        """
        sampler = self.sampler
        chosen, codes = sampler.label(label), sampler.codes(_texts(code))
        return sampler.ways(
            [sampler.interpolate(start, end, steps=steps, mode=mode, label=chosen, codes=codes)]
        )

    def arithmetic(
        self,
        expression: str,
        *,
        label: str | int | None = None,
        code: Mapping[str, float] | None = None,
    ) -> Image:
        """Operands, means and result of an expression such as `"mean(1,5) - mean(2,3) + 7"`.

        The numbers are those of cells of the sample grid.

        Raises:
            ConfigError: it is no expression, or no such cell, class or part of the latent.
        """
        from gantool.sampling import pictures

        sampler = self.sampler
        chosen, codes = sampler.label(label), sampler.codes(_texts(code))
        return pictures.equation(sampler.arithmetic(expression, label=chosen, codes=codes))

    def evaluate(self, **options: Any) -> list[Score]:
        """Score the run's samples.

        The options are those of `gantool evaluate`: `samples`, `extractor`, `metrics`, `data_dir`,
        `device`, `at`.

        Raises:
            GantoolError: as the command.
        """
        from gantool.display import Display
        from gantool.evaluation.evaluate import evaluate_run

        return evaluate_run(self._to_write_to().path, load_registry(), display=Display(), **options)

    def export(self, format: str = "safetensors", path: str | Path | None = None) -> Path:
        """Write the generator as safetensors, pt2 or onnx; its path.

        Raises:
            GantoolError: no such format, or the model cannot be exported so.
        """
        from gantool.sampling.export import FORMATS, export

        target = (
            self._to_write_to().pictures / f"generator{FORMATS.get(format, '')}"
            if path is None
            else Path(path)
        )
        return export(self.sampler, format, target)

    @property
    def notes(self) -> Notes:
        """The notes and tags that people gave it."""
        return read_notes(self.folder.notes_file)

    def note(self, text: str = "", *, tags: Sequence[str] = ()) -> None:
        """Write a note on the run, and tag it.

        Raises:
            ConfigError: the text is too long, or a tag is none.
        """
        add_note(self._to_write_to().notes_file, text, tags=tags)

    def report(self) -> Path:
        """Write report.html; its path."""
        from gantool.report.write import write_report

        return write_report(self._to_write_to())

    def _to_write_to(self) -> RunFolder:
        self.folder = to_write_to(self.folder)
        return self.folder

    def __repr__(self) -> str:
        record = self.record
        if record.origin is not None:
            return f"<Run {str(self.path)!r}: {record.model}, samples from elsewhere>"
        steps = f"{record.steps} of {record.total_steps} steps"
        return f"<Run {str(self.path)!r}: {record.model}, {steps}, {record.status}>"

    def _repr_html_(self) -> str:
        record = self.record
        figures = (self.folder.samples_figure, self.folder.losses_figure)
        images = "".join(_img(file) for file in figures if file.is_file())
        known = f"{record.steps:,} steps, {record.status}"
        if record.origin is not None:
            known = "samples from elsewhere"
        text = f"{record.name}: {record.model} on {record.data.get('name')}, {known}"
        return f"<div><b>{html.escape(text)}</b><br>{images}</div>"


class Comparison:
    """Runs side by side; a notebook shows the table.

    Args:
        result: every value of the comparison.
        runs: those that it was made from.
    """

    def __init__(self, result: ComparisonResult, runs: Sequence[Any]) -> None:
        self.result = result
        self._runs = runs

    @property
    def verdict(self) -> str:
        """Two sentences."""
        return " ".join(self.result.verdict)

    def write(self, output: str | Path = "comparison") -> Path:
        """Write the page, pictures and tables, as `gantool compare` does; the page's path."""
        from gantool.report.write import write_comparison

        return write_comparison(Path(output), self.result, runs=self._runs)

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.result.runs)} runs: {self.verdict}>"

    def _repr_html_(self) -> str:
        from gantool.report import tables

        headings, rows = tables.full(self.result)
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
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
        name: of the run folder; made up if None.
        experiments_dir: the folder that run folders go into.
        progress: whether to show a bar (in a notebook too).
        options: as the command line has them, with underscores: `epochs=5`, `lr=1e-4`,
            `data="fashion-mnist"`.

    Raises:
        ConfigError: an unknown model or option, or an invalid value.
        GantoolError: the run failed or diverged.
    """
    from gantool.display import Display, make_display
    from gantool.training.run import start
    from gantool.training.setup import Request, set_up

    registry = load_registry()
    spec = registry.model(model)
    resolved = registry.resolve(spec, preset=preset, flags=options)
    request = Request(
        model=spec.name,
        resolved=resolved,
        preset=preset,
        name=name,
        experiments_dir=Path(experiments_dir),
        argv=tuple(sys.argv),
    )
    with make_display() if progress else Display() as display:
        return Run(start(set_up(request, registry, display=display), display).path)


def evaluate_samples(
    samples: str | Path,
    *,
    data: str | Path,
    name: str,
    seed: int | None = None,
    resize: bool = False,
    metrics: Sequence[str] = (),
    experiments_dir: str | Path = "experiments",
    device: str = "auto",
    progress: bool = True,
    **options: Any,
) -> Run:
    """Score samples that another program drew; as `gantool evaluate --samples`.

    Args:
        samples: folder or file of images, or of points.
        data: that they are measured against.
        name: of their program; the run folder's too, with the seed behind it where there is one.
        seed: that tells repetitions of one name apart.
        resize: whether images of another size come to that of the data.
        metrics: names of the scores wanted; all where empty.
        experiments_dir: the folder that run folders go into.
        device: auto, cpu, cuda or mps.
        progress: whether to show a bar (in a notebook too).
        options: those of a run that say how data is prepared and scored, as `image_size=32` or
            `evaluation_samples=5000`.

    Raises:
        ConfigError: the samples do not fit the data, the name is taken, or no such option.
    """
    from gantool.display import Display, make_display
    from gantool.evaluation.adoption import Adoption, adopt

    wish = Adoption(
        samples=Path(samples),
        name=name,
        seed=seed,
        options={"data": str(data), **options},
        resize=resize,
        metrics=tuple(metrics),
        experiments_dir=Path(experiments_dir),
        device=device,
    )
    with make_display() if progress else Display() as display:
        return Run(adopt(wish, load_registry(), display=display).path)


def open_run(path: str | Path) -> Run:
    """Open a run folder, or `pretrained:NAME`; `gantool.open`.

    Raises:
        ConfigError: it is no run.
    """
    return Run(path)


def compare(
    paths: str | Path | Run | Iterable[str | Path | Run],
    *,
    where: str | None = None,
    **options: Any,
) -> Comparison:
    """Compare runs, with the options of `gantool compare`.

    Args:
        paths: runs, or folders of them.
        where: a condition: only the runs for which it holds.
        options: `sort`, `baseline`, `budget_axis`, `paired`, `corrected` and `matters`.

    Raises:
        ConfigError: there is no run among the paths, or none matches.
    """
    if isinstance(paths, (str, Path, Run)):
        paths = [paths]
    places = [path.path if isinstance(path, Run) else run_at(Path(path)) for path in paths]
    with uncollected():
        reading = read_runs(places, chosen=lambda reading: matching(reading, where))
    runs = with_what_lies_beside(reading.runs)
    result = compare_runs(runs, skipped=reading.skipped, left_out=reading.left_out, **options)
    return Comparison(result, runs)


def _texts(code: Mapping[str, float] | None) -> list[str]:
    return [f"{name}={value}" for name, value in (code or {}).items()]


def _image(pixels: Any) -> Image:
    from PIL import Image as Pictures

    return Pictures.fromarray(pixels)


def _img(file: Path) -> str:
    content = base64.b64encode(file.read_bytes()).decode()
    return f'<img src="data:image/png;base64,{content}" style="max-width:48%">'
