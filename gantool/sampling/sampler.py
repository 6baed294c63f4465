"""A trained generator with its run's sample grid, ready to be asked for images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from gantool.config import spell_size
from gantool.errors import ConfigError
from gantool.gan.base import Model
from gantool.machine.device import choose_device
from gantool.plugins.registry import Registry
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.sampling import latents, pictures
from gantool.sampling.codes import Code, columns_of, read_codes, with_codes
from gantool.sampling.generate import Pixels, Samples, generate_samples
from gantool.sampling.grid import SampleGrid, plan_sample_grid
from gantool.sampling.latents import Mode
from gantool.sampling.pictures import Sum
from gantool.sampling.scatter import Scatter, few_colors
from gantool.sampling.trained import Step, Trained, open_trained
from gantool.sampling.views import PlaneView, recorded_view

Chosen = tuple[Tensor, Tensor | None]  # latents [N, dimension], and labels int64 [N] or None


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
        self.view = recorded_view(self.model.shapes, folder)

    @classmethod
    def open(
        cls, folder: RunFolder, registry: Registry, *, device: str = "cpu", at: Step | None = None
    ) -> Self:
        """Open a run to draw from it: its last generator, one that was kept, or the best.

        Raises:
            GantoolError: it has no such generator, or this machine no such device.
        """
        trained = open_trained(folder, registry, device=choose_device(device), at=at)
        return cls(folder, folder.read(), trained)

    @property
    def cells(self) -> int:
        """The number of cells of the sample grid."""
        return len(self.sample_grid.latents)

    def draw(self, z: Tensor, y: Tensor | None) -> Samples:
        """Samples from latents and labels: images uint8 [N, H, W, C], or points float32 [N, 2].

        Latents are float [N, dimension], labels int64 [N] (or None); points are in the data's own
        units.
        """
        return generate_samples(self.model, z, y=y)

    def draw_sample_grid(self, codes: Sequence[Code] = ()) -> Samples:
        """The cells of the sample grid, with these codes where some are given."""
        z = with_codes(self.sample_grid.latents, codes)
        return self.draw(z, self.sample_grid.labels)

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

    def codes(self, texts: Iterable[str], *, all_values: bool = False) -> list[Code]:
        """The parts of the latent that `NAME=VALUE` names, as `read_codes` reads them.

        Raises:
            ConfigError: there is no such part or value, or all values are asked for where
                `all_values` does not allow it.
        """
        found = read_codes(texts, self.model.latent)
        for code in found:
            if len(code.values) > 1 and not all_values:
                raise ConfigError(
                    f"{code.text} asks for all values, and there is room for one.",
                    "`gantool sample RUN --code NAME=all` draws a column for each.",
                )
        return found

    def sample(
        self, n: int, seed: int, *, label: int | None = None, codes: Sequence[Code] = ()
    ) -> Pixels:
        """Draw n samples; sample i depends on the seed and on i alone."""
        drawn = latents.stream(self.model, n, seed=seed, label=label, codes=codes)
        return np.concatenate([self.draw(z, y) for z, y in drawn])

    def picture(self, z: Tensor, y: Tensor | None, *, columns: int) -> Pixels:
        """Samples from latents and labels as one picture, uint8 [height, width, 3]."""
        return self.view.picture(
            self.draw(z, y),
            columns=columns,
            labels=None if y is None else y.numpy(),
            judge=self.judge,
        )

    def numbered(self, codes: Sequence[Code] = ()) -> Image:
        """The sample grid with the numbers of its cells, of points those that have room."""
        if isinstance(self.view, PlaneView):
            return replace(self._scatter(self.view, codes), numbers=self.cells, pulled=None).draw()
        return pictures.numbered(self.draw_sample_grid(codes), self.sample_grid.columns)

    def ways(self, lines: Sequence[Samples], captions: Sequence[str] = ()) -> Image:
        """Interpolations as one picture: a captioned row each, or points over the sample grid's."""
        if isinstance(self.view, PlaneView):
            return replace(self._scatter(self.view), ways=lines, pulled=None).draw()
        return pictures.rows(lines, captions)

    def frames(self, line: Samples) -> list[Image]:
        """An interpolation as pictures that follow each other in a GIF."""
        if isinstance(self.view, PlaneView):
            scatter = replace(self._scatter(self.view), ways=[line], pulled=None)
            drawn = (replace(scatter, marked=point[None]).draw() for point in line)
            return [few_colors(picture) for picture in drawn]
        return pictures.tall(list(line))

    def marked(self, marks: Samples, others: Chosen) -> Image:
        """Points that are ringed among others.

        Raises:
            ConfigError: the run is on images.
        """
        if not isinstance(self.view, PlaneView):
            raise ConfigError(f"{self.record.name} is a run on images, which lie nowhere.")
        z, y = others
        labels = None if y is None else y.numpy()
        scatter = self.view.scatter(self.draw(z, y), labels=labels, judge=self.judge)
        return replace(scatter, marked=marks).draw()

    def _scatter(self, view: PlaneView, codes: Sequence[Code] = ()) -> Scatter:
        """The sample grid of a run on points."""
        labels = self.sample_grid.labels
        return view.scatter(
            self.draw_sample_grid(codes),
            labels=None if labels is None else labels.numpy(),
            judge=self.judge,
        )

    @property
    def judge(self) -> Model[Any] | None:
        """The model, where its discriminator is the trained one."""
        return self.model if self.trained.judged else None

    def every_label(self, rows: int, seed: int, *, codes: Sequence[Code] = ()) -> Chosen:
        """The same latents for every class, a column a class: latents and labels.

        Raises:
            ConfigError: the model takes no labels.
        """
        if not self.model.conditional:
            self.label("0")
        z, _ = self.choose(rows, seed, codes=codes)
        classes = len(self.classes)
        return z.repeat_interleave(classes, dim=0), torch.arange(classes).repeat(len(z))

    def every_value(
        self,
        code: Code,
        rows: int,
        seed: int,
        *,
        label: int | None = None,
        codes: Sequence[Code] = (),
    ) -> Chosen:
        """The same latents for every value of a code, a column a value: latents and labels."""
        z, y = self.choose(rows, seed, label=label, codes=codes)
        values = len(code.values)
        return columns_of(code, z), None if y is None else y.repeat_interleave(values)

    def choose(
        self, n: int, seed: int, *, label: int | None = None, codes: Sequence[Code] = ()
    ) -> Chosen:
        """The latents and labels of n samples, as `sample` draws them."""
        blocks = list(latents.stream(self.model, n, seed=seed, label=label, codes=codes))
        labels = [y for _, y in blocks if y is not None]
        return torch.cat([z for z, _ in blocks]), torch.cat(labels) if labels else None

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
        codes: Sequence[Code] = (),
    ) -> Samples:
        """Samples on the path between two latents, ends included: as `draw` gives them.

        Named parts of the latent go as `latents.path` says.

        Args:
            start: a cell of the sample grid, or `seed:N`.
            end: the same.
            steps: samples.
            mode: `slerp` or `lerp`; the one that suits the prior if None.
            label: of all images; that of the first cell if None.
            codes: parts of the latent that all images have, one value each.

        Raises:
            ConfigError: no such cell.
        """
        (a, own), (b, _) = self.latent(start), self.latent(end)
        way = latents.path(self.model.latent, a, b, steps=steps, mode=mode)
        z = with_codes(way, codes)
        return self.draw(z, self._labels(steps, own if label is None else label))

    def arithmetic(self, text: str, *, label: int | None = None, codes: Sequence[Code] = ()) -> Sum:
        """Draw the result of an expression of cells, and the parts that it is made of.

        Args:
            text: as `latents.parse` reads it.
            label: of all means and the result; if None each mean has its first cell's, the result
                the first mean's. Categorical parts of the latent follow the same rule.
            codes: parts of the latent that all means and the result have, one value each.

        Raises:
            ConfigError: it is no expression, names a cell that is not there, or the run is on
                points, whose sums show nothing.
        """
        if self.model.shapes.kind == "points":
            raise ConfigError(
                f"{self.record.name} is a run on points in the plane, and arithmetic is to be seen "
                "in images.",
                "`gantool interpolate` draws the way between two latents.",
            )
        expression = latents.parse(text, self.cells)
        sample_grid, latent = self.sample_grid, self.model.latent
        operands = [
            self.draw(
                sample_grid.latents[term.cells],
                None if sample_grid.labels is None else sample_grid.labels[term.cells],
            )
            for term in expression.terms
        ]
        firsts = [term.cells[0] for term in expression.terms]
        values = [latents.mean_of(term, sample_grid.latents) for term in expression.terms]
        z = torch.stack(
            [
                latents.with_categories(latent, value, of=sample_grid.latents[cell])
                for value, cell in zip(
                    [*values, expression.value(sample_grid.latents)],
                    [*firsts, firsts[0]],
                    strict=True,
                )
            ]
        )
        z = with_codes(z, codes)
        labels = None
        if sample_grid.labels is not None:
            labels = sample_grid.labels[[*firsts, firsts[0]]]
            if label is not None:
                labels = torch.full_like(labels, label)
        drawn = self.draw(z, labels)
        return Sum(expression, operands, means=drawn[:-1], result=drawn[-1], latent=z[-1])

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
            **self._describe_samples(),
        }

    def _describe_samples(self) -> dict[str, Any]:
        shapes = self.model.shapes
        if shapes.kind == "points":
            return {"points": {"dimensions": 2, "scale": shapes.scale}}
        size = spell_size(shapes.size)
        return {"image": {"size": size, "channels": shapes.channels, "range": [-1, 1]}}
