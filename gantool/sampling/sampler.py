"""A trained generator with its run's sample grid, ready to be asked for images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gantool.errors import ConfigError
from gantool.machine.device import choose_device
from gantool.plugins.registry import Registry
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.sampling import latents
from gantool.sampling.generate import Pixels, generate_pixels
from gantool.sampling.grid import SampleGrid, plan_sample_grid
from gantool.sampling.latents import Mode
from gantool.sampling.pictures import Sum
from gantool.sampling.trained import Trained, open_trained


class Sampler:
    """A trained generator, ready to be drawn from.

    Args:
        folder: the run's.
        record: its run.json.
        trained: its model.
    """

    def __init__(self, folder: RunFolder, record: RunRecord, trained: Trained) -> None:
        self.folder = folder
        self.record = record
        self.trained = trained
        self.model = trained.model
        self.sample_grid: SampleGrid = plan_sample_grid(self.model)
        self.classes: Sequence[str] = tuple(map(str, record.data.get("classes", ())))

    @classmethod
    def open(
        cls, folder: RunFolder, registry: Registry, *, device: str = "cpu", at: int | None = None
    ) -> Self:
        """Open a run to draw from it: its last generator, or that of a step that was kept.

        Raises:
            GantoolError: it has no such generator, or this machine no such device.
        """
        trained = open_trained(folder, registry, device=choose_device(device), at=at)
        return cls(folder, folder.read(), trained)

    @property
    def cells(self) -> int:
        """The number of cells of the sample grid."""
        return len(self.sample_grid.latents)

    def draw(self, z: Tensor, y: Tensor | None) -> Pixels:
        """Images uint8 [N, H, W, C] from latents and labels.

        Latents are float [N, dimension], labels int64 [N] (or None).
        """
        return generate_pixels(self.model, z, y=y)

    def draw_sample_grid(self) -> Pixels:
        """The cells of the sample grid."""
        return self.draw(self.sample_grid.latents, self.sample_grid.labels)

    def label(self, wanted: str | int | None) -> int | None:
        """The number of a class, given by name or number.

        Raises:
            ConfigError: there is no such class, or the model takes no labels.
        """
        if wanted is None:
            return None
        if not self.model.conditional:
            raise ConfigError(
                f"{self.record.model} takes no labels; it draws what the latent says.",
                "Leave the label out, or train a conditional model (`gantool run cgan`).",
            )
        text = str(wanted)
        if text in self.classes:
            return self.classes.index(text)
        if text.isdecimal() and int(text) < len(self.classes):
            return int(text)
        raise ConfigError(f"no class {text!r}.", f"Classes: {', '.join(self.classes)}.")

    def sample(self, n: int, seed: int, label: int | None = None) -> Pixels:
        """Draw n samples; sample i depends on the seed and on i alone."""
        return np.concatenate(
            [self.draw(z, y) for z, y in latents.stream(self.model, n, seed=seed, label=label)]
        )

    def every_label(self, rows: int, seed: int) -> Pixels:
        """The same latents for every class: uint8 [rows * classes, H, W, C], a column a class.

        Raises:
            ConfigError: the model takes no labels.
        """
        if not self.model.conditional:
            self.label("0")
        z, _ = next(latents.stream(self.model, rows, seed=seed))
        classes = len(self.classes)
        return self.draw(z.repeat_interleave(classes, dim=0), torch.arange(classes).repeat(len(z)))

    def latent(self, place: str | int) -> tuple[Tensor, int | None]:
        """The latent of a cell, or of `seed:N`, and the label of the cell.

        Raises:
            ConfigError: there is no such cell, or the text is neither.
        """
        text = str(place).strip()
        if text.startswith("seed:") and text.removeprefix("seed:").isdecimal():
            z, _ = next(latents.stream(self.model, 1, seed=int(text.removeprefix("seed:"))))
            return z[0], None
        if not text.lstrip("-").isdecimal():
            raise ConfigError(
                f"{text!r} is neither a cell nor a seed.", "Write a cell as 3, a seed as seed:3."
            )
        cell = latents.check_cell(int(text), self.cells)
        labels = self.sample_grid.labels
        return self.sample_grid.latents[cell], None if labels is None else int(labels[cell])

    def interpolate(
        self,
        start: str | int,
        end: str | int,
        *,
        steps: int = 10,
        mode: Mode | None = None,
        label: int | None = None,
    ) -> Pixels:
        """Images on the path between two latents, ends included: uint8 [steps, H, W, C].

        Args:
            start: a cell of the sample grid, or `seed:N`.
            end: the same.
            steps: images.
            mode: `slerp` or `lerp`; the one that suits the prior if None.
            label: of all images; that of the first cell if None.

        Raises:
            ConfigError: no such cell.
        """
        (a, own), (b, _) = self.latent(start), self.latent(end)
        z = latents.PATHS[mode or latents.usual_mode(self.model)](a, b, steps)
        return self.draw(z, self._labels(steps, own if label is None else label))

    def arithmetic(self, text: str, *, label: int | None = None) -> Sum:
        """Draw the result of an expression of cells, and the parts that it is made of.

        Args:
            text: as `latents.parse` reads it.
            label: of all means and the result; if None each mean has its first cell's, the result
                the first mean's.

        Raises:
            ConfigError: it is no expression, or names a cell that is not there.
        """
        expression = latents.parse(text, self.cells)
        sample_grid = self.sample_grid
        operands = [
            self.draw(
                sample_grid.latents[term.cells],
                None if sample_grid.labels is None else sample_grid.labels[term.cells],
            )
            for term in expression.terms
        ]
        means = torch.stack(
            [latents.mean_of(term, sample_grid.latents) for term in expression.terms]
        )
        labels = None
        if sample_grid.labels is not None:
            firsts = [int(sample_grid.labels[term.cells[0]]) for term in expression.terms]
            labels = torch.tensor(
                [*firsts, firsts[0]] if label is None else [label] * (len(firsts) + 1)
            )
        drawn = self.draw(torch.cat([means, expression.value(sample_grid.latents)[None]]), labels)
        return Sum(expression, operands, means=drawn[:-1], result=drawn[-1])

    def _labels(self, n: int, label: int | None) -> Tensor | None:
        return torch.full((n,), label or 0, dtype=torch.int64) if self.model.conditional else None

    def describe(self) -> dict[str, Any]:
        """The origin of an image, as pictures and exports record it."""
        return {
            "run": self.record.name,
            "model": self.record.model,
            "step": self.trained.step,
            "averaged": self.trained.averaged,
            "latent": self.model.latent.describe(),
            "classes": list(self.classes) if self.model.conditional else [],
            "image": {
                "size": self.model.shapes.image_size,
                "channels": self.model.shapes.channels,
                "range": [-1, 1],
            },
        }
