"""The landscape of a discriminator of points, and where it sends the samples of a generator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gantool.gan.base import GAN, Model

SIDE = 64  # places of the lattice along each axis
_FLAT = 0.5  # a height where there is nothing to tell apart
_ENDS = (0.02, 0.98)  # quantiles of raw answers that become the heights 0 and 1
_USUAL = 0.9  # quantile of the gradients' lengths that an arrow of full length stands for
_MOST_REAL = 256  # real points that a sample is compared with, where the objective compares


@dataclass(frozen=True, slots=True)
class Landscape:
    """The answers of a discriminator over a square, and the pull on some samples.

    Attributes:
        heights: float32 [64, 64] in [0, 1], row by row from the top: the probability of "real"
            where the objective has probabilities; else the raw answers on a line that takes their
            2% quantile over the square to 0 and their 98% quantile to 1. Of a conditional
            discriminator each place has the height under the label that suits it best.
        arrows: float32 [M, 2], one a sample: against the gradient of the generator's loss at the
            sample, under its own label. The 90% quantile of their lengths is 1, and longer ones are
            shortened to it. Empty where the objective compares with real points and there are none.
    """

    heights: npt.NDArray[np.float32]
    arrows: npt.NDArray[np.float32]


def survey(
    model: Model[Any],
    samples: Tensor,
    *,
    bound: float,
    labels: Tensor | None = None,
    real: Tensor | None = None,
    real_labels: Tensor | None = None,
) -> Landscape | None:
    """Look at a discriminator as it stands; None for a model that has none, or one of packs.

    Evaluation mode. Nothing of the model is changed: neither modes nor gradients, buffers or the
    random state.

    Args:
        model: of points.
        samples: float [M, 2] in the model's range, to have an arrow each.
        bound: half the side of the square around 0 that is looked at, in the model's range.
        labels: int64 [M] of the samples, for a conditional model.
        real: float [N, 2] in the model's range, for objectives that compare with real points.
        real_labels: int64 [N] of those.
    """
    if not isinstance(model, GAN) or model.d_scale is None or model.config.pack > 1:
        return None
    with _undisturbed(model):
        return Landscape(
            _heights(model, bound),
            _arrows(model, samples, labels=labels, real=real, real_labels=real_labels),
        )


def lattice(bound: float) -> npt.NDArray[np.float64]:
    """The middles of the 64 x 64 cells of a square around 0, row by row from the top: [4096, 2]."""
    places = bound * (2 * np.arange(SIDE) + 1 - SIDE) / SIDE
    x, y = np.meshgrid(places, places[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1)


@torch.no_grad()
def _heights(gan: GAN[Any], bound: float) -> npt.NDArray[np.float32]:
    like = next(gan.parameters())
    places = torch.from_numpy(lattice(bound)).to(like.dtype).to(like.device)
    if gan.conditional:
        answers = [
            _logits(gan, places, torch.full((len(places),), label, device=places.device))
            for label in range(gan.shapes.classes)
        ]
        logits = torch.stack(answers).amax(dim=0)
    else:
        logits = _logits(gan, places, None)
    logits = logits.cpu().double()
    if gan.d_scale == "probability":
        heights = logits.sigmoid()
    else:
        low, high = torch.quantile(logits, torch.tensor(_ENDS, dtype=logits.dtype))
        heights = ((logits - low) / (high - low)).clamp(0, 1)  # nan where all is flat
    return heights.nan_to_num(_FLAT).float().numpy().reshape(SIDE, SIDE)


def _arrows(
    gan: GAN[Any],
    samples: Tensor,
    *,
    labels: Tensor | None,
    real: Tensor | None,
    real_labels: Tensor | None,
) -> npt.NDArray[np.float32]:
    compared = gan.objective.generator_needs_real
    if not len(samples) or (compared and real is None):
        return np.zeros((0, 2), np.float32)
    like = next(gan.parameters())
    with torch.enable_grad():
        at = samples.detach().to(like).requires_grad_()
        fake = _logits(gan, at, _on(labels, like) if gan.conditional else None)
        answers = None
        if compared and real is not None:
            real = real[:_MOST_REAL].detach().to(like)
            known = None if real_labels is None else _on(real_labels[:_MOST_REAL], like)
            with torch.no_grad():
                answers = _logits(gan, real, known if gan.conditional else None)
            # Each sample meets each real point, so that an arrow does not hang on its partner.
            pairs = len(at), len(real)
            fake = fake.unsqueeze(1).expand(pairs).flatten()
            answers = answers.expand(pairs).flatten()
        loss = gan.objective.generator(fake, answers)
        (gradient,) = torch.autograd.grad(loss, at)
    arrows = -gradient.detach().cpu().double().nan_to_num(0, 0, 0)
    lengths = arrows.norm(dim=1, keepdim=True)
    usual = torch.quantile(lengths, _USUAL)
    if not usual:
        usual = lengths.max()
    arrows = arrows / torch.maximum(lengths, usual).clamp(min=torch.finfo(arrows.dtype).tiny)
    return arrows.float().numpy()


def _logits(gan: GAN[Any], x: Tensor, y: Tensor | None) -> Tensor:
    answer = gan.discriminate(x, y)
    logits: Tensor = answer[0] if isinstance(answer, tuple) else answer
    return logits


def _on(labels: Tensor | None, like: Tensor) -> Tensor | None:
    return None if labels is None else labels.to(like.device)


@contextlib.contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while, and random numbers that nobody misses."""
    modes = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    model.eval()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        for module, training in modes.items():
            module.training = training
