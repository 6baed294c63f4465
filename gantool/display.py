"""The display of a run under way.

It is a live bar on a terminal or in a notebook, and plain lines elsewhere.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

OnProgress = Callable[[int, int], None]  # told (done, in all)
OnScoring = Callable[[str, int, int], None]  # told (of what, done, in all)
_PLAIN_SECONDS = 5.0
_NOTEBOOK_SECONDS = 0.3


def clock(seconds: float) -> str:
    """A duration as minutes and seconds, 2:05, or as hours, minutes and seconds, 1:02:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Display:
    """A display that shows nothing: for scripts, and the base of those that show something."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def preparing(self, done: int, total: int) -> None:
        """Images prepared so far."""

    def inspecting(self, done: int, total: int) -> None:
        """Images looked at so far."""

    def start(self, total_steps: int, done: int = 0) -> None:
        """Training begins."""

    def step(self, metrics: Mapping[str, Any]) -> None:
        """A step is done; numbers as in metrics.jsonl, with `images_per_second`.

        `noun` is the word for the samples, where they are no images.
        """

    def drawing(self, done: int, total: int) -> None:
        """Samples drawn so far."""

    def scoring(self, images: str, done: int, total: int) -> None:
        """Images read for scores so far, of "samples", "noise" or a split."""

    def measuring(self, what: str, done: int, total: int) -> None:
        """Scores computed so far, or samples drawn for them, and what comes next."""

    def say(self, message: str) -> None:
        """A line that stays."""


def losses_of_step(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The losses that a step has, by player: D, G, or the name of another one."""
    players = {"loss_d": "D", "loss_g": "G"}
    return {
        players.get(key, key.removeprefix("loss_")): value
        for key, value in metrics.items()
        if key.startswith("loss_") and value is not None
    }


def describe(metrics: Mapping[str, Any]) -> str:
    """One step's metrics in a line: the losses it has, and the answers of D where it gave any."""

    def number(key: str) -> str:
        value = metrics.get(key)
        return "-" if value is None else f"{value:.3f}"

    parts = [f"epoch {metrics.get('epoch', 0):.1f}"]
    losses = [f"{player} {value:.3f}" for player, value in losses_of_step(metrics).items()]
    if losses:
        parts.append(f"loss {' '.join(losses)}")
    if metrics.get("d_real") is not None or metrics.get("d_fake") is not None:
        parts.append(f"D(x) {number('d_real')}")
        parts.append(f"D(G(z)) {number('d_fake')} / {number('d_fake_after')}")
    speed = f"{metrics.get('images_per_second') or 0:.0f} {_short(metrics.get('noun'))}/s"
    return "  ".join([*parts, speed])


def _short(noun: str | None) -> str:
    return "img" if noun in (None, "images") else str(noun)


class PlainDisplay(Display):
    """Lines at intervals, for logs and pipes."""

    def __init__(self) -> None:
        self.total = 0
        self.began = self.shown = time.monotonic()
        self.first = 0

    def preparing(self, done: int, total: int) -> None:
        """A line now and then, and at the end of a long preparation."""
        if time.monotonic() - self.shown >= _PLAIN_SECONDS:
            self.shown = time.monotonic()
            self.say(f"preparing images: {done} of {total}")

    def inspecting(self, done: int, total: int) -> None:
        """A line now and then."""
        if time.monotonic() - self.shown >= _PLAIN_SECONDS:
            self.shown = time.monotonic()
            self.say(f"looking at images: {done:,} of {total:,}")

    def drawing(self, done: int, total: int) -> None:
        """A line now and then."""
        if time.monotonic() - self.shown >= _PLAIN_SECONDS:
            self.shown = time.monotonic()
            self.say(f"samples: {done:,} of {total:,}")

    def scoring(self, images: str, done: int, total: int) -> None:
        """A line now and then."""
        if time.monotonic() - self.shown >= _PLAIN_SECONDS:
            self.shown = time.monotonic()
            self.say(f"scoring {images}: {done:,} of {total:,}")

    def measuring(self, what: str, done: int, total: int) -> None:
        """A line now and then."""
        if time.monotonic() - self.shown >= _PLAIN_SECONDS:
            self.shown = time.monotonic()
            self.say(f"scoring, {what}: {done:,} of {total:,}")

    def start(self, total_steps: int, done: int = 0) -> None:
        """Remember where training began, for the time left."""
        self.total, self.first = total_steps, done
        self.began = self.shown = time.monotonic()

    def step(self, metrics: Mapping[str, Any]) -> None:
        """A line for the first step, the last, and one every few seconds."""
        now, step = time.monotonic(), int(metrics["step"])
        if step not in (self.first + 1, self.total) and now - self.shown < _PLAIN_SECONDS:
            return
        self.shown = now
        left = (now - self.began) / max(1, step - self.first) * (self.total - step)
        self.say(f"step {step}/{self.total}  {describe(metrics)}  {clock(left)} left")

    def say(self, message: str) -> None:
        """Print to stderr."""
        print(message, file=sys.stderr, flush=True)


class _BarWithFigures(Progress):
    """A bar with a line of metrics below it, so that both fit a narrow terminal."""

    metrics = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.metrics:
            yield Text(self.metrics, overflow="ellipsis", no_wrap=True)


class TerminalDisplay(Display):
    """A live bar."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar = _BarWithFigures(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self.console,
        )
        self.preparation: TaskID | None = None
        self.inspection: TaskID | None = None
        self.samples: TaskID | None = None
        self.scored: dict[str, TaskID] = {}
        self.training: TaskID | None = None

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def preparing(self, done: int, total: int) -> None:
        """Advance the bar of the preparation."""
        if self.preparation is None:
            self.preparation = self.bar.add_task("preparing images", total=total)
        self.bar.update(self.preparation, completed=done, visible=done < total)

    def inspecting(self, done: int, total: int) -> None:
        """Advance the bar of the inspection."""
        if self.inspection is None:
            self.inspection = self.bar.add_task("looking at images", total=total)
        self.bar.update(self.inspection, completed=done, visible=done < total)

    def drawing(self, done: int, total: int) -> None:
        """Advance the bar of the samples."""
        if self.samples is None:
            self.samples = self.bar.add_task("samples", total=total)
        self.bar.update(self.samples, completed=done)

    def scoring(self, images: str, done: int, total: int) -> None:
        """Advance the bar of these images; it goes when all are read."""
        self._pass(images, f"scoring {images}", done=done, total=total)

    def measuring(self, what: str, done: int, total: int) -> None:
        """Advance the bar of the scores, which says what comes next; it goes when all are had."""
        self._pass("", f"scoring, {what}", done=done, total=total)

    def _pass(self, key: str, description: str, *, done: int, total: int) -> None:
        """Advance a bar that goes when all is done."""
        if key not in self.scored:
            self.scored[key] = self.bar.add_task(description, total=total)
        self.bar.update(self.scored[key], description=description, completed=done)
        if done >= total:
            self.bar.remove_task(self.scored.pop(key))

    def start(self, total_steps: int, done: int = 0) -> None:
        """Show the bar of the training."""
        self.training = self.bar.add_task("step", total=total_steps, completed=done)

    def step(self, metrics: Mapping[str, Any]) -> None:
        """Advance the bar."""
        if self.training is not None:
            self.bar.metrics = describe(metrics)
            self.bar.update(self.training, completed=int(metrics["step"]))

    def say(self, message: str) -> None:
        """Print above the bar."""
        self.console.print(escape(message), highlight=False)


class NotebookDisplay(Display):
    """A bar in a notebook's output, drawn anew in its place; messages stay above it."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        show: Any = display
        self._html: Any = HTML
        self._shown: Any = show(self._html(""), display_id=True)
        self._said: list[str] = []
        self._bar = self._trained = ""
        self._total = 0
        self._drawn = 0.0

    def preparing(self, done: int, total: int) -> None:
        """Advance the bar of the preparation."""
        self._draw("preparing images", done, total=total)

    def inspecting(self, done: int, total: int) -> None:
        """Advance the bar of the inspection."""
        self._draw("looking at images", done, total=total)

    def drawing(self, done: int, total: int) -> None:
        """Advance the bar of the samples."""
        self._draw("samples", done, total=total)

    def scoring(self, images: str, done: int, total: int) -> None:
        """Advance the bar of these images; when all are read the training's is back."""
        self._draw(f"scoring {images}", done, total=total)
        if done >= total:
            self._bar = self._trained
            self._update()

    def measuring(self, what: str, done: int, total: int) -> None:
        """The bar of the scores; when all are had the training's is back."""
        self._draw(f"scoring, {what}:", done, total=total)
        if done >= total:
            self._bar = self._trained
            self._update()

    def start(self, total_steps: int, done: int = 0) -> None:
        """Show the bar of the training."""
        self._total = total_steps
        self._draw("step", done, total=total_steps)

    def step(self, metrics: Mapping[str, Any]) -> None:
        """Advance the bar, with the step's metrics beside it."""
        self._draw("step", int(metrics["step"]), total=self._total, beside=describe(metrics))
        self._trained = self._bar

    def say(self, message: str) -> None:
        """A line above the bar."""
        self._said.append(html.escape(message))
        self._update()

    def _draw(self, what: str, done: int, total: int, beside: str = "") -> None:
        now = time.monotonic()
        if done < total and now - self._drawn < _NOTEBOOK_SECONDS:
            return
        self._drawn = now
        bar = f'<progress value="{done}" max="{max(1, total)}" style="width:14em"></progress>'
        self._bar = f"{bar} {what} {done:,} of {total:,} <small>{html.escape(beside)}</small>"
        self._update()

    def _update(self) -> None:
        self._shown.update(self._html("<br>".join([*self._said, self._bar])))


def make_display() -> Display:
    """A live bar where stderr is a terminal or a notebook, plain lines elsewhere."""
    if "ipykernel" in sys.modules:
        return NotebookDisplay()
    return TerminalDisplay() if sys.stderr.isatty() else PlainDisplay()
