"""THE training loop: every model is trained by this page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gantool.data.batches import Batches
from gantool.gan.base import GAN, Batch, Losses, Progress, Schedule
from gantool.gan.objectives import scale
from gantool.gan.penalties import weight_of
from gantool.machine import randomness


class Trainer:
    """The training of a GAN's two networks, one generator update a step.

    It holds all that resuming needs.

    Args:
        gan: the model, on the device and in the memory format to train in.
        batches: real images; those of this process where several share the run.
        total_steps: generator updates that the run shall have, for schedules.
        rng: the source of latents and labels, alike in all processes.

    Attributes:
        steps: generator updates done.
        images: real images that the discriminator has seen.
    """

    def __init__(
        self, gan: GAN[Any], batches: Batches, *, total_steps: int, rng: torch.Generator
    ) -> None:
        self.gan = gan
        self.config = gan.config
        self.batches = batches
        self.total_steps = total_steps
        self.rng = rng
        self.optimizers = gan.optimizers()
        self.ema = _averaged(gan, self.config.ema) if self.config.ema else None
        self.device = batches.device
        self.world = batches.world
        self.dtype = next(gan.parameters()).dtype
        self.steps = 0
        self.images = 0
        gan.train()

    def train(self) -> Iterator[dict[str, Tensor]]:
        """Step until `total_steps`, yielding each step's metrics: scalars, still on the device."""
        while self.steps < self.total_steps:
            yield self.step()

    def step(self) -> dict[str, Tensor]:
        """One generator update and the discriminator updates before it; the metrics of the step."""
        d, g = self.play()
        if self.ema is not None:
            self.ema.update_parameters(self.gan.generator)
        self.steps += 1
        return self._metrics(d, g)

    def play(self) -> tuple[Losses, Losses]:
        """The updates of a step alone: the last loss of the discriminator, and the generator's."""
        self._apply(self.gan.schedule(self.progress))
        if self.config.update == "simultaneous":
            return self._simultaneous()
        return self._alternating()

    def _alternating(self) -> tuple[Losses, Losses]:
        fresh = self.config.generator_batch == "fresh"
        for remaining in reversed(range(self.config.discriminator_steps)):
            batch = self.draw(with_graph=not remaining and not fresh)
            d = self._loss(self.gan.discriminator_loss, self.for_discriminator(batch, detach=True))
            self._backward(self.optimizers.discriminator, d)
            self._move_discriminator()
        if fresh:
            batch = self.draw(
                with_graph=True, real=None if self.gan.objective.generator_needs_real else batch
            )
        g = self._loss(self.gan.generator_loss, batch)
        self._backward(self.optimizers.generator, g)
        self.optimizers.generator.step()
        return d, g

    def _simultaneous(self) -> tuple[Losses, Losses]:
        batch = self.for_discriminator(self.draw(with_graph=True), detach=False)
        d = self._loss(self.gan.discriminator_loss, batch)
        known = replace(batch, real_logits=d.real_logits, fake_logits=d.fake_logits)
        g = self._loss(self.gan.generator_loss, known)
        self._backward(self.optimizers.discriminator, d, retain_graph=True)
        self._backward(self.optimizers.generator, g)
        self._move_discriminator()
        self.optimizers.generator.step()
        return d, replace(g, fake_logits=None)  # nothing is known of D's answer after its update

    def draw(self, *, with_graph: bool, real: Batch | None = None) -> Batch:
        """Draw new fakes beside new real images, or beside those of the given batch."""
        images, labels = next(self.batches) if real is None else (real.real, real.real_labels)
        whole = len(images) * self.world.size
        z = self.world.part(self.gan.sample_latent(whole, self.rng)).to(
            self.device, self.dtype, non_blocking=True
        )
        y = self.gan.sample_labels(whole, self.rng)
        y = None if y is None else self.world.part(y).to(self.device, non_blocking=True)
        with torch.set_grad_enabled(with_graph), self._autocast():
            fake = self.gan.generate(z, y).to(self.dtype)
        return Batch(images.to(self.dtype), labels, z=z, fake=fake, fake_labels=y)

    def for_discriminator(self, batch: Batch, *, detach: bool) -> Batch:
        """The batch of the discriminator's turn; its real images are counted.

        If `detach`, the generator is cut off. Gradients reach the images that a penalty
        differentiates.
        """
        self.images += len(batch.real) * self.world.size
        real = batch.real.requires_grad_("r1" in self.config.penalty)
        fake = (
            batch.fake.detach().requires_grad_("r2" in self.config.penalty)
            if detach
            else batch.fake
        )
        return replace(batch, real=real, fake=fake)

    def _loss(self, loss: Callable[[Batch], Losses], batch: Batch) -> Losses:
        with self._autocast():
            return loss(batch)

    def _backward(
        self, optimizer: torch.optim.Optimizer, losses: Losses, *, retain_graph: bool = False
    ) -> None:
        """Compute the gradients of this optimiser's parameters alone.

        Autograd skips the work for all others.
        """
        optimizer.zero_grad(set_to_none=True)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        losses.total.backward(inputs=parameters, retain_graph=retain_graph)
        self.world.average([p.grad for p in parameters if p.grad is not None])

    def _move_discriminator(self) -> None:
        self.optimizers.discriminator.step()
        if self.config.clip:
            with torch.no_grad():
                for parameter in self.gan.discriminator.parameters():
                    parameter.clamp_(-self.config.clip, self.config.clip)

    def _apply(self, schedule: Schedule) -> None:
        for group in self.optimizers.discriminator.param_groups:
            group.update(schedule.discriminator)
        for group in self.optimizers.generator.param_groups:
            group.update(schedule.generator)
        weight, decay = schedule.penalty_weight, schedule.ema
        self.gan.penalty_weight = weight_of(self.config) if weight is None else weight
        if self.ema is not None:
            self.ema.multi_avg_fn = get_ema_multi_avg_fn(
                self.config.ema if decay is None else decay
            )

    def _metrics(self, d: Losses, g: Losses) -> dict[str, Tensor]:
        metrics = {"loss_d": d.total.detach(), "loss_g": g.total.detach()}
        answers = {"d_real": d.real_logits, "d_fake": d.fake_logits, "d_fake_after": g.fake_logits}
        metrics |= {
            k: scale(self.gan.objective, logits)
            for k, logits in answers.items()
            if logits is not None
        }
        metrics |= {k: value.detach() for k, value in {**d.extra, **g.extra}.items()}
        self.world.average(list(metrics.values()))
        return metrics

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"
        )

    @property
    def progress(self) -> Progress:
        """The state of training."""
        return Progress(self.steps, self.total_steps, epoch=self.batches.epoch, images=self.images)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[GAN[Any]]:
        """The model with the generator that samples are drawn from.

        It is the averaged one where the run averages.
        """
        trained = self.gan.generator
        try:
            if self.ema is not None:
                self.gan.generator = self.ema.module
            yield self.gan
        finally:
            self.gan.generator = trained

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs: tensors, numbers and strings only."""
        return {
            "gan": self.gan.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "discriminator_optimizer": self.optimizers.discriminator.state_dict(),
            "generator_optimizer": self.optimizers.generator.state_dict(),
            "latents": self.rng.get_state(),
            "random": randomness.states(self.device, self.world),
            "batches": self.batches.drawn,
            "steps": self.steps,
            "images": self.images,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state.

        Raises:
            RuntimeError, KeyError, ValueError: the state is of another model or configuration.
        """
        self.gan.load_state_dict(state["gan"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.optimizers.discriminator.load_state_dict(state["discriminator_optimizer"])
        self.optimizers.generator.load_state_dict(state["generator_optimizer"])
        self.rng.set_state(state["latents"])
        randomness.restore(
            state["random"], self.device, world=self.world, seed=self.config.seed + state["steps"]
        )
        self.batches.drawn = state["batches"]
        self.steps = state["steps"]
        self.images = state["images"]


def _averaged(gan: GAN[Any], decay: float) -> AveragedModel:
    return AveragedModel(gan.generator, multi_avg_fn=get_ema_multi_avg_fn(decay))
