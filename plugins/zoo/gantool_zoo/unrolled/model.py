"""The unrolled game."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.func import functional_call

from gantool import Batch, ConfigError, Losses, Shapes
from gantool_zoo.networks import PlainNetworks
from gantool_zoo.unrolled import UnrolledConfig


class Unrolled(PlainNetworks):
    """Unrolled GAN (Metz et al. 2017): G differentiates through K steps of D's gradient descent.

    D itself moves as usual; its weights and buffers stay as they are while G looks ahead.
    """

    config: UnrolledConfig

    def prepare(self) -> None:
        """Refuse what has no second derivatives."""
        super().prepare()
        if self.config.compile:
            raise ConfigError(
                "--compile: torch.compile has no second derivatives, which looking ahead needs.",
                "Leave it out.",
            )

    def build(self, shapes: Shapes) -> None:
        """Both networks; D's are its own until G looks ahead."""
        super().build(shapes)
        self._ahead: dict[str, Tensor] | None = None

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Logits of the discriminator, or of the one that G looks ahead at."""
        if self._ahead is None:
            return super().judge(x, y)
        answer: Tensor = functional_call(self.discriminator, self._ahead, (x,))
        return answer.flatten()

    def generator_loss(self, batch: Batch) -> Losses:
        """G's loss against D after K steps of descent on D's loss (equations 6 to 8).

        All K steps see this batch, and the gradient passes through them. What D_K loses on real
        samples counts too, against D: it depends on G. With loss minimax that is the value of the
        game, as in the paper; with others G's own loss stands in the place of the fakes' half.
        """
        batch = replace(batch, real_logits=None, fake_logits=None)
        weights = dict(self.discriminator.named_parameters())
        buffers = {name: b.clone() for name, b in self.discriminator.named_buffers()}
        rate = self.config.unrolled_lr
        try:
            for _ in range(self.config.unrolled_steps):
                self._ahead = {**weights, **buffers}
                loss = self.discriminator_loss(batch).total
                slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
                weights = {
                    name: weight - rate * slope
                    for (name, weight), slope in zip(weights.items(), slopes, strict=True)
                }
            self._ahead = {**weights, **buffers}
            losses = super().generator_loss(batch)
            if not self.config.unrolled_steps or self.objective.generator_needs_real:
                return losses
            real, fake = self.real_logits(batch), losses.fake_logits
            won = self.objective.discriminator(real, fake.detach())
            return replace(losses, total=losses.total - won, real_logits=real)
        finally:
            self._ahead = None
