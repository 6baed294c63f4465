"""From samples to their picture, by the kind of data: a grid of images, a scatter of points."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from gantool.gan.base import Model
from gantool.gan.shapes import Shapes
from gantool.runs.files import read_text
from gantool.runs.folder import RunFolder
from gantool.sampling.generate import Pixels, Samples
from gantool.sampling.landscape import survey
from gantool.sampling.pictures import lay_out
from gantool.sampling.scatter import Points, Scatter

Labels = npt.NDArray[np.integer]
MARGIN = 1.15  # half the side of what is shown, in lengths that are 1 for the model
_PULLED = 64  # samples that have an arrow
_DIGITS = 6  # of a real point that is written down


class View(Protocol):
    """The way in which a run's samples are shown."""

    @property
    def drawings(self) -> int:
        """Pictures of a run while it trains, unless its options say otherwise."""

    def picture(
        self,
        samples: Samples,
        *,
        columns: int,
        labels: Labels | None = None,
        judge: Model[Any] | None = None,
    ) -> Pixels:
        """Samples as one picture, uint8 [height, width, 3].

        Args:
            samples: as `generate_samples` makes them.
            columns: of a grid.
            labels: int64 [N] that the samples were asked for.
            judge: the model whose discriminator is shown, where the view shows one.
        """

    def real(self, samples: Samples, *, columns: int) -> Pixels:
        """Real samples as one picture, uint8 [height, width, 3]."""

    def describe(self) -> dict[str, Any]:
        """Further entries of sheet.json: what the same pictures need later."""


@dataclass(frozen=True, slots=True)
class GridView:
    """Images side by side."""

    drawings: int = 10

    def picture(
        self,
        samples: Samples,
        *,
        columns: int,
        labels: Labels | None = None,
        judge: Model[Any] | None = None,
    ) -> Pixels:
        """The images, row by row."""
        return lay_out(samples, columns)

    def real(self, samples: Samples, *, columns: int) -> Pixels:
        """The images, row by row."""
        return lay_out(samples, columns)

    def describe(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True, slots=True)
class PlaneView:
    """Points where they lie: real ones behind, samples before, D as shading, its pull as arrows.

    Attributes:
        scale: the length that is 1 for the model, in the data's own units.
        behind: real points, float [N, 2].
        labels: int64 [N] of those, or None.
    """

    scale: float
    behind: Points
    labels: Labels | None = None
    drawings: int = 20

    def scatter(
        self,
        samples: Points,
        *,
        labels: Labels | None = None,
        judge: Model[Any] | None = None,
    ) -> Scatter:
        """The samples with all that is to be drawn of them."""
        pulled = np.unique(np.linspace(0, len(samples) - 1, num=_PULLED).astype(int))
        seen = None
        if judge is not None:
            seen = survey(
                judge,
                self._to_model(samples[pulled]),
                bound=MARGIN,
                labels=_tensor(None if labels is None else labels[pulled]),
                real=self._to_model(self.behind) if len(self.behind) else None,
                real_labels=_tensor(self.labels),
            )
        return Scatter(
            bound=MARGIN * self.scale,
            samples=samples,
            labels=labels,
            real=self.behind,
            landscape=seen,
            pulled=pulled,
        )

    def picture(
        self,
        samples: Samples,
        *,
        columns: int,
        labels: Labels | None = None,
        judge: Model[Any] | None = None,
    ) -> Pixels:
        """The scatter."""
        return np.asarray(self.scatter(samples, labels=labels, judge=judge).draw())

    def real(self, samples: Samples, *, columns: int) -> Pixels:
        """Real points alone."""
        return np.asarray(Scatter(bound=MARGIN * self.scale, real=samples).draw())

    def describe(self) -> dict[str, Any]:
        """The real points, and their labels."""
        return {
            "real": np.round(self.behind.astype(float), _DIGITS).tolist(),
            "real_labels": None if self.labels is None else self.labels.tolist(),
        }

    def _to_model(self, points: Points) -> torch.Tensor:
        return torch.from_numpy(np.asarray(points, np.float32) / np.float32(self.scale))


def view_of(shapes: Shapes, real: Samples, labels: Labels | None = None) -> View:
    """The view for a kind of data.

    Args:
        shapes: those of the data.
        real: samples for the cells of the run's sample grid.
        labels: int64 [N] of those, or None.
    """
    if shapes.kind == "points":
        return PlaneView(shapes.scale, real, labels=labels)
    return GridView()


def recorded_view(shapes: Shapes, folder: RunFolder) -> View:
    """The view of a run that was recorded; without its real points where they cannot be read."""
    content: Any = {}
    if shapes.kind == "points":
        with contextlib.suppress(OSError, ValueError, RecursionError):
            content = json.loads(read_text(folder.sheet_file))
    return view_of(shapes, *_real_of(content))


def _real_of(content: Any) -> tuple[Points, Labels | None]:
    nothing = np.zeros((0, 2))
    if not isinstance(content, Mapping):
        return nothing, None
    try:
        points = np.asarray(content.get("real") or nothing, np.float64)
        found = content.get("real_labels")
        labels = None if found is None else np.asarray(found, np.int64)
    except (TypeError, ValueError, OverflowError):
        return nothing, None
    if points.ndim != 2 or points.shape[1] != 2:
        return nothing, None
    return points, labels if labels is not None and labels.shape == (len(points),) else None


def _tensor(labels: Labels | None) -> torch.Tensor | None:
    return None if labels is None else torch.from_numpy(np.asarray(labels, np.int64))
