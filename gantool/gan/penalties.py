"""Penalties on the discriminator, for any architecture and objective; registered like a plugin's.

torch is imported inside the functions: help lists the penalties' names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from gantool.config import GANConfig, penalty_terms
from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import PenaltySpec

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.gan.game import Batch
    from gantool.plugins.registry import Registry


class Penalty(Protocol):
    """A term of the discriminator's loss; one with state is a module with buffers."""

    def __call__(
        self,
        discriminate: Callable[[Tensor, Tensor | None], Any],
        batch: Batch,
        *,
        real_logits: Tensor,
        fake_logits: Tensor,
        weight: float,
    ) -> Tensor:
        """The weighted term, a scalar.

        Args:
            discriminate: the model's, from images and labels to logits [N].
            batch: that of the turn; what its spec names requires gradients.
            real_logits: [N], of `batch.real`.
            fake_logits: [N], of `batch.fake`.
            weight: to multiply with.
        """


@dataclass(slots=True)
class _Term:
    spec: PenaltySpec
    penalty: Penalty
    own_weight: float | None
    weight: float


class PenaltyTerms:
    """The penalties that `config.penalty` names, as `gp`, `r1+r2` or `gp:10+r1:0.1`.

    Args:
        config: the validated options.
        registry: where penalties are registered.
    """

    def __init__(self, config: GANConfig, registry: Registry) -> None:
        self._configured = config.penalty_weight
        self._terms = []
        for name, weight in penalty_terms(config.penalty):
            spec = registry.piece("penalty", name)
            self._terms.append(_Term(spec=spec, penalty=spec.make(), own_weight=weight, weight=0.0))
        self.reweigh(None)

    def __len__(self) -> int:
        return len(self._terms)

    def parts(self) -> Iterator[Penalty]:
        """The penalties themselves."""
        for term in self._terms:
            yield term.penalty

    def reweigh(self, weight: float | None) -> None:
        """Set the weight of each term.

        Its own in `config.penalty`, else the given one, else `config.penalty_weight`, else the
        penalty's usual one.
        """
        for term in self._terms:
            given = (term.own_weight, weight, self._configured, term.spec.weight)
            term.weight = next(value for value in given if value is not None)

    def ready(self, batch: Batch) -> Batch:
        """The batch with gradients for those images that a penalty differentiates at."""
        if any(term.spec.real_gradients for term in self._terms):
            batch = replace(batch, real=_differentiable(batch.real))
        if any(term.spec.fake_gradients for term in self._terms):
            batch = replace(batch, fake=_differentiable(batch.fake))
        return batch

    def __call__(
        self,
        discriminate: Callable[[Tensor, Tensor | None], Any],
        batch: Batch,
        *,
        real_logits: Tensor,
        fake_logits: Tensor,
    ) -> Tensor:
        """The sum of the terms, a scalar; 0 where there are none."""
        import torch

        if not self._terms:
            return torch.zeros((), device=real_logits.device)
        found = [
            term.penalty(
                discriminate,
                batch,
                real_logits=real_logits,
                fake_logits=fake_logits,
                weight=term.weight,
            )
            for term in self._terms
        ]
        return torch.stack(found).sum()


def _differentiable(images: Tensor) -> Tensor:
    # In a simultaneous move the fakes have a graph already, which must not be cut.
    return images if images.requires_grad else images.detach().requires_grad_()


def squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """||grad_x D(x)||^2 for each logit, [N], differentiable.

    `images` [N, C, H, W] must require gradients. Each image's gradient is that of its own logit as
    long as D treats the images of a batch apart (no BatchNorm). Where D judges packs, each logit is
    that of len(images) / N images in a row, and x is all of them.
    """
    import torch

    from gantool.gan.game import in_full_precision

    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gradient = in_full_precision(gradient)
    return gradient.reshape(len(logits), -1).square().sum(1)


def zero_centered_gradient_penalty(
    logits: Tensor, images: Tensor, *, weight: float | Tensor
) -> Tensor:
    """R1 on real images, R2 on fakes: weight / 2 * E||grad_x D(x)||^2.

    Mescheder et al. 2018, equations 9 and 10; logits [N], images [N, C, H, W].
    """
    return 0.5 * weight * squared_gradient(logits, images).mean()


def one_centered_gradient_penalty(
    discriminate: Callable[[Tensor], Tensor],
    real: Tensor,
    *,
    fake: Tensor,
    weight: float | Tensor,
    pack: int = 1,
) -> Tensor:
    """The gradient penalty of Gulrajani et al. 2017: weight * E[(||grad_x D(x)|| - 1)^2].

    Equation 3, where x = e * real + (1 - e) * fake, with one e, uniform in [0, 1], for each image,
    or each `pack` of images that D judges together; real and fake are [N, C, H, W].
    """
    import torch

    shape = (len(real) // pack, *(1 for _ in real.shape[1:]))
    epsilon = torch.rand(shape, device=real.device, dtype=real.dtype)
    if pack > 1:
        epsilon = epsilon.repeat_interleave(pack, dim=0)
    between = torch.lerp(fake.detach(), real.detach(), weight=epsilon)
    return _slope_of_one(discriminate, between, weight=weight)


def local_gradient_penalty(
    discriminate: Callable[[Tensor], Tensor], real: Tensor, *, weight: float | Tensor
) -> Tensor:
    """DRAGAN's penalty, by Kodali et al. 2017: weight * E[(||grad_x D(x)|| - 1)^2] around the data.

    x = real + std(real) / 2 * u: the way of the authors' code, which goes a random share of it.
    u is uniform in [0, 1] for each value and std that of all values of the batch; real is
    [N, C, H, W], or points [N, 2].
    """
    import torch

    real = real.detach()
    around = real + 0.5 * real.std() * torch.rand_like(real)
    return _slope_of_one(discriminate, around, weight=weight)


def _slope_of_one(
    discriminate: Callable[[Tensor], Tensor], images: Tensor, *, weight: float | Tensor
) -> Tensor:
    images = images.requires_grad_()
    # The small constant keeps the gradient of the root finite where D is flat.
    norm = (squared_gradient(discriminate(images), images) + 1e-12).sqrt()
    return weight * (norm - 1).square().mean()


def _asking(
    discriminate: Callable[[Tensor, Tensor | None], Any], labels: Tensor | None
) -> Callable[[Tensor], Tensor]:
    """The logits of images, whatever else D answers."""
    from gantool.gan.game import logits_of

    return lambda images: logits_of(discriminate(images, labels))


def _gp(
    discriminate: Callable[[Tensor, Tensor | None], Any],
    batch: Batch,
    *,
    real_logits: Tensor,
    fake_logits: Tensor,
    weight: float,
) -> Tensor:
    return one_centered_gradient_penalty(
        _asking(discriminate, batch.real_labels),
        batch.real,
        fake=batch.fake,
        weight=weight,
        pack=len(batch.real) // len(real_logits),
    )


def _dragan(
    discriminate: Callable[[Tensor, Tensor | None], Any],
    batch: Batch,
    *,
    real_logits: Tensor,
    fake_logits: Tensor,
    weight: float,
) -> Tensor:
    asked = _asking(discriminate, batch.real_labels)
    return local_gradient_penalty(asked, batch.real, weight=weight)


def _r1(
    discriminate: Callable[[Tensor, Tensor | None], Any],
    batch: Batch,
    *,
    real_logits: Tensor,
    fake_logits: Tensor,
    weight: float,
) -> Tensor:
    return zero_centered_gradient_penalty(real_logits, batch.real, weight=weight)


def _r2(
    discriminate: Callable[[Tensor, Tensor | None], Any],
    batch: Batch,
    *,
    real_logits: Tensor,
    fake_logits: Tensor,
    weight: float,
) -> Tensor:
    return zero_centered_gradient_penalty(fake_logits, batch.fake, weight=weight)


@hookimpl
def register_penalties(register: Callable[[PenaltySpec], None]) -> None:
    """Register gp, r1, r2 and dragan."""
    register(
        PenaltySpec(
            name="gp",
            summary="the slope between real images and fakes is pulled to 1",
            formula="w E[(||grad D(x)|| - 1)^2]",
            paper="Gulrajani et al. 2017, arXiv:1704.00028",
            make=lambda: _gp,
        )
    )
    mescheder = "Mescheder et al. 2018, arXiv:1801.04406"
    register(
        PenaltySpec(
            name="r1",
            summary="the slope at real images is pulled to 0",
            formula="w/2 E||grad D(x)||^2",
            paper=mescheder,
            make=lambda: _r1,
            real_gradients=True,
        )
    )
    register(
        PenaltySpec(
            name="r2",
            summary="the slope at fakes is pulled to 0",
            formula="w/2 E||grad D(G(z))||^2",
            paper=mescheder,
            make=lambda: _r2,
            fake_gradients=True,
        )
    )
    register(
        PenaltySpec(
            name="dragan",
            summary="the slope around real images is pulled to 1",
            formula="w E[(||grad D(x + std(x) u / 2)|| - 1)^2]",
            paper="Kodali et al. 2017, arXiv:1705.07215",
            make=lambda: _dragan,
        )
    )
