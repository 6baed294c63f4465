"""The objectives: the losses of discriminator and generator, on logits, for any architecture.

Throughout, r = D(x) and f = D(G(z)) are logits [N]; sigma is the logistic function and E the mean
over the batch. torch is imported inside the functions: help lists the objectives' names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import ObjectiveSpec

if TYPE_CHECKING:
    from torch import Tensor


class Objective:
    """One two-player game.

    Attributes:
        probabilities: whether sigma of a logit is the probability of "real": equilibrium is at 1/2.
        generator_needs_real: whether the generator's loss reads the logits of real images.
    """

    probabilities: ClassVar[bool] = False
    generator_needs_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, from logits [N] of real and of fake images."""
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss, a scalar.

        From logits [N] of fakes, and of real images where the game needs them.
        """
        raise NotImplementedError

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """The logit, a scalar, above which D takes a sample for real: midway between both means.

        Objectives that fix it at 0 say so; of others no gradient holds it in any one place.
        """
        return (real.mean() + fake.mean()) / 2


class Minimax(Objective):
    """The zero-sum game of Goodfellow et al. 2014, equation 1.

    D minimises E[-log sigma(r)] + E[-log(1 - sigma(f))]; G minimises E[log(1 - sigma(f))].
    """

    probabilities = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Binary cross-entropy of both batches, summed."""
        return _softplus(-real).mean() + _softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[log(1 - sigma(f))], never positive."""
        return -_softplus(fake).mean()

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """0, where sigma is 1/2."""
        return real.new_zeros(())


class NonSaturating(Minimax):
    """Goodfellow et al. 2014, section 3: D as in minimax; G minimises E[-log sigma(f)].

    Its gradient does not vanish where D is sure of itself.
    """

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[-log sigma(f)]."""
        return _softplus(-fake).mean()


class LeastSquares(Objective):
    """Mao et al. 2017, equation 9, with labels 0 and 1.

    D minimises E[(r - 1)^2] / 2 + E[f^2] / 2; G minimises E[(f - 1)^2] / 2.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half the squared distances from 1 and from 0."""
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Half the squared distance from 1."""
        return 0.5 * (fake - 1).square().mean()


class Hinge(Objective):
    """Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.

    D minimises E[max(0, 1 - r)] + E[max(0, 1 + f)]; G minimises -E[f].
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Both margins."""
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """-E[f]."""
        return -fake.mean()

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """0, midway between the margins."""
        return real.new_zeros(())


class Wasserstein(Objective):
    """Arjovsky et al. 2017, equation 2: the critic minimises E[f] - E[r]; G minimises -E[f].

    The critic must have bounded slope, by clipping or by a penalty.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The negative of the estimated distance."""
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """-E[f]."""
        return -fake.mean()


class Relativistic(Objective):
    """Relativistic pairing: Jolicoeur-Martineau 2018; Huang et al. 2024 (R3GAN), equation 2.

    D minimises E[softplus(f - r)]; G minimises E[softplus(r - f)], over the pairs of a batch.
    """

    generator_needs_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[softplus(f - r)]."""
        return _softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[softplus(r - f)].

        Raises:
            ValueError: the real logits are missing.
        """
        if real is None:
            raise ValueError("the relativistic generator loss compares with real logits: pass them")
        return _softplus(real - fake).mean()


def _softplus(x: Tensor) -> Tensor:
    import torch.nn.functional as F

    return F.softplus(x)


@hookimpl
def register_objectives(register: Callable[[ObjectiveSpec], None]) -> None:
    """Register the games that any GAN can play."""
    goodfellow = "Goodfellow et al. 2014, arXiv:1406.2661"
    register(
        ObjectiveSpec(
            name="minimax",
            summary="the zero-sum game of 2014",
            formula="D: E[sp(-r)] + E[sp(f)]; G: -E[sp(f)]",
            paper=goodfellow,
            make=Minimax,
        )
    )
    register(
        ObjectiveSpec(
            name="non-saturating",
            summary="minimax whose generator's gradient does not vanish",
            formula="D: E[sp(-r)] + E[sp(f)]; G: E[sp(-f)]",
            paper=goodfellow,
            make=NonSaturating,
        )
    )
    register(
        ObjectiveSpec(
            name="least-squares",
            summary="squared distances from the labels 1 and 0",
            formula="D: E[(r - 1)^2]/2 + E[f^2]/2; G: E[(f - 1)^2]/2",
            paper="Mao et al. 2017, arXiv:1611.04076",
            make=LeastSquares,
        )
    )
    register(
        ObjectiveSpec(
            name="hinge",
            summary="margins of 1 on both sides",
            formula="D: E[max(0, 1 - r)] + E[max(0, 1 + f)]; G: -E[f]",
            paper="Lim and Ye 2017, arXiv:1705.02894",
            make=Hinge,
        )
    )
    register(
        ObjectiveSpec(
            name="wasserstein",
            summary="a critic of bounded slope estimates a distance",
            formula="D: E[f] - E[r]; G: -E[f]",
            paper="Arjovsky et al. 2017, arXiv:1701.07875",
            make=Wasserstein,
        )
    )
    register(
        ObjectiveSpec(
            name="relativistic",
            summary="real and fake are compared in pairs",
            formula="D: E[sp(f - r)]; G: E[sp(r - f)]",
            paper="Jolicoeur-Martineau 2018, arXiv:1807.00734; Huang et al. 2024, arXiv:2501.05441",
            make=Relativistic,
        )
    )
