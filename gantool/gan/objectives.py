"""The objectives: the losses of discriminator and generator, on logits, for any architecture.

Throughout, r = D(x) and f = D(G(z)) are logits [N]; sigma is the logistic function and E the mean
over the batch.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor


class Objective:
    """One two-player game.

    Attributes:
        probabilities: whether sigma of a logit is the probability of "real", so that equilibrium is
            at 1/2.
        generator_needs_real: whether the generator's loss reads the logits of real images.
    """

    probabilities: ClassVar[bool] = False
    generator_needs_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, from logits [N] of real and of fake images."""
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss, a scalar, from logits [N] of fakes.

        Logits of real images [N] are given where the game needs them.
        """
        raise NotImplementedError


class Minimax(Objective):
    """The zero-sum game of Goodfellow et al. 2014, equation 1.

    D minimises E[-log sigma(r)] + E[-log(1 - sigma(f))]; G minimises E[log(1 - sigma(f))].
    """

    probabilities = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Binary cross-entropy of both batches, summed."""
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[log(1 - sigma(f))], never positive."""
        return -F.softplus(fake).mean()


class NonSaturating(Minimax):
    """Goodfellow et al. 2014, section 3: D as in minimax; G minimises E[-log sigma(f)].

    Its gradient does not vanish where D is sure of itself.
    """

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[-log sigma(f)]."""
        return F.softplus(-fake).mean()


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
    """The hinge loss of Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.

    D minimises E[max(0, 1 - r)] + E[max(0, 1 + f)]; G minimises -E[f].
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Both margins."""
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """-E[f]."""
        return -fake.mean()


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
        return F.softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """E[softplus(r - f)].

        Raises:
            ValueError: the real logits are missing.
        """
        if real is None:
            raise ValueError("the relativistic generator loss compares with real logits: pass them")
        return F.softplus(real - fake).mean()


OBJECTIVES: dict[str, Objective] = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "least-squares": LeastSquares(),
    "hinge": Hinge(),
    "wasserstein": Wasserstein(),
    "relativistic": Relativistic(),
}


def scale(objective: Objective, logits: Tensor) -> Tensor:
    """The scalar that metrics call D(x).

    It is a probability where the game has them, else the raw output.
    """
    return (torch.sigmoid(logits) if objective.probabilities else logits).detach().mean()
