"""Gradient penalties on the discriminator, independent of any architecture and of the objective."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gantool.config import TrainConfig

DEFAULT_WEIGHT = 10.0


def weight_of(config: TrainConfig) -> float:
    """The configured weight of the penalty."""
    return DEFAULT_WEIGHT if config.penalty_weight is None else config.penalty_weight


def squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """||grad_x D(x)||^2 of each image, [N], differentiable.

    `images` [N, C, H, W] must require gradients. Each image's gradient is that of its own logit as
    long as D treats the images of a batch apart (no BatchNorm).
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    if gradient.dtype == torch.bfloat16:
        gradient = gradient.float()
    return gradient.flatten(1).square().sum(1)


def zero_centered_gradient_penalty(
    logits: Tensor, images: Tensor, *, weight: float | Tensor
) -> Tensor:
    """R1 on real images, R2 on fakes: weight / 2 * E||grad_x D(x)||^2.

    Mescheder et al. 2018, equations 9 and 10. Logits are [N], images [N, C, H, W].
    """
    return 0.5 * weight * squared_gradient(logits, images).mean()


def one_centered_gradient_penalty(
    discriminate: Callable[[Tensor], Tensor],
    real: Tensor,
    *,
    fake: Tensor,
    weight: float | Tensor,
) -> Tensor:
    """The gradient penalty of Gulrajani et al. 2017, equation 3.

    It is weight * E[(||grad_x D(x)|| - 1)^2] at x = e * real + (1 - e) * fake, with one e, uniform
    in [0, 1], for each image; real and fake are [N, C, H, W].
    """
    epsilon = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = torch.lerp(fake.detach(), real.detach(), weight=epsilon).requires_grad_()
    # The small constant keeps the gradient of the root finite where D is flat.
    norm = (squared_gradient(discriminate(between), between) + 1e-12).sqrt()
    return weight * (norm - 1).square().mean()
