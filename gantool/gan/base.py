"""The base class of a model, and the types that pass between it and the training loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from gantool.config import TrainConfig
from gantool.data.prepared import ImageSplit
from gantool.gan import penalties
from gantool.gan.objectives import OBJECTIVES, Objective
from gantool.gan.schedules import decayed, linear


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of the data, which networks are derived from.

    Attributes:
        image_size: side in pixels.
        channels: 1 or 3.
        classes: number of labels; 0 where there are none.
    """

    image_size: int
    channels: int
    classes: int

    @property
    def pixels(self) -> int:
        """Values an image has: channels * image_size^2."""
        return self.channels * self.image_size**2


@dataclass(frozen=True, slots=True)
class Latent:
    """The prior of z: standard normal, or uniform on [low, high], in `dimension` dimensions."""

    prior: str
    dimension: int
    low: float = -1.0
    high: float = 1.0

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw float32 [n, dimension] on the generator's device."""
        z = torch.empty(n, self.dimension, device=rng.device)
        if self.prior == "normal":
            return z.normal_(generator=rng)
        return z.uniform_(self.low, self.high, generator=rng)

    def describe(self) -> dict[str, Any]:
        """The prior as run.json records it."""
        bounds = {} if self.prior == "normal" else {"low": self.low, "high": self.high}
        return {"prior": self.prior, "dimension": self.dimension, **bounds}


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of a loss.

    Attributes:
        real: float [N, C, H, W] in [-1, 1].
        real_labels: int64 [N], or None where the data has no labels.
        z: the latents of the fakes, float [N, dimension].
        fake: float [N, C, H, W] in [-1, 1]; detached from the generator in the discriminator's
            turn.
        fake_labels: int64 [N] that the fakes were asked for, or None where the model takes no
            labels.
        real_logits: the discriminator's answer to `real` where it is known already (the
            simultaneous update, whose two gradients come from one forward pass), else None.
        fake_logits: the same for `fake`.
    """

    real: Tensor
    real_labels: Tensor | None
    z: Tensor
    fake: Tensor
    fake_labels: Tensor | None
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """The output of a loss.

    Attributes:
        total: the scalar that is minimised.
        real_logits: [N], for the metrics; None where they were not needed.
        fake_logits: the same for the fakes.
        extra: further scalars to record, by name (a penalty, an auxiliary loss).
    """

    total: Tensor
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Optimizers:
    """The optimiser of each network; it holds the parameters that the network's turn moves."""

    discriminator: torch.optim.Optimizer
    generator: torch.optim.Optimizer


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of training before a step.

    Attributes:
        step: steps done.
        total_steps: steps in all.
        epoch: passes over the training images, a fraction.
        images: real images that the discriminator has seen.
    """

    step: int
    total_steps: int
    epoch: float
    images: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The settings of the next step.

    Attributes:
        discriminator: settings of its optimizer, for example `{"lr": 1e-4, "momentum": 0.6}`.
        generator: the same for the generator's.
        penalty_weight: the weight of the penalty, or None for the configured one.
        ema: decay of the averaged weights, or None for the configured one.
    """

    discriminator: Mapping[str, Any] = field(default_factory=dict)
    generator: Mapping[str, Any] = field(default_factory=dict)
    penalty_weight: float | None = None
    ema: float | None = None


C = TypeVar("C", bound=TrainConfig)


class GAN(nn.Module, Generic[C]):
    """A model: two networks, and all that is particular to their game.

    Only `build` must be written.

    `class MyGAN(GAN[MyConfig])` gives `self.config` the type of the model's own options.

    `build` sets `self.generator` and `self.discriminator`; everything that `generate` needs belongs
    in the generator, since that is what is averaged (`ema`) and what generator.safetensors keeps.

    Attributes:
        conditional: whether the networks take labels; the loop then draws labels for the fakes.
        config: the validated options.
        shapes: the shapes of the data.
        objective: the game that `config.loss` names.
        penalty_weight: the weight in force, which `schedule` may change.
    """

    conditional: ClassVar[bool] = False

    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: C, shapes: Shapes) -> None:
        super().__init__()
        self.config: C = config
        self.shapes = shapes
        self.objective: Objective = OBJECTIVES[config.loss]
        self.penalty_weight = penalties.weight_of(config)
        self.build(shapes)

    @classmethod
    def create(cls, config: C, shapes: Shapes, *, train_data: ImageSplit | None = None) -> Self:
        """Make a model ready to train, on the CPU.

        Args:
            config: the validated options.
            shapes: the shapes of the data.
            train_data: the training images, which first weights may be taken from; None leaves the
                weights as PyTorch makes them.
        """
        gan = cls(config, shapes)
        if train_data is not None:
            with torch.no_grad():
                gan.initialize(train_data)
        if config.spectral_norm:
            for layer in gan.discriminator.modules():
                if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                    parametrizations.spectral_norm(layer)
        return gan

    def build(self, shapes: Shapes) -> None:
        """Set `self.generator` and `self.discriminator`.

        They depend on the configuration and the data's shapes alone.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(self, shapes)")

    def initialize(self, train_data: ImageSplit) -> None:
        """Set the first weights of a new run, without gradients.

        By default they stay as PyTorch made them.
        """

    @property
    def latent(self) -> Latent:
        """The prior of z; by default the one that `config.latent` and `config.nz` name.

        The uniform one is on [-1, 1].
        """
        return Latent(self.config.latent, self.config.nz)

    def sample_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n latents, float32 [n, dimension], from this random generator only."""
        return self.latent.sample(n, rng)

    def sample_labels(self, n: int, rng: torch.Generator) -> Tensor | None:
        """Labels to ask the fakes for, int64 [n], by default uniform over the classes.

        It is None for a model that is not conditional.
        """
        if not self.conditional:
            return None
        return torch.randint(self.shapes.classes, (n,), generator=rng, device=rng.device)

    def example(self, n: int) -> tuple[Tensor, Tensor | None]:
        """Latents [n, dimension] and labels [n] (or None) of zeros.

        They serve to try a network's shapes while building it.
        """
        labels = torch.zeros(n, dtype=torch.int64) if self.conditional else None
        return torch.zeros(n, self.latent.dimension), labels

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] from latents and labels.

        Latents are [N, dimension], labels int64 [N] (or None).
        """
        images: Tensor = self.generator(z)
        return images

    def discriminate(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Logits [N] from images [N, C, H, W] in [-1, 1] and labels int64 [N] (or None)."""
        logits: Tensor = self.discriminator(x)
        return logits.flatten()

    def discriminator_loss(self, batch: Batch) -> Losses:
        """The discriminator's loss: the objective, and the penalty where one is configured."""
        real, fake = self._real_logits(batch), self._fake_logits(batch)
        total = self.objective.discriminator(real, fake)
        extra = {}
        if self.config.penalty != "none":
            extra["penalty"] = self.penalty(batch, real, fake_logits=fake)
            total = total + extra["penalty"]
        return Losses(total, real, fake_logits=fake, extra=extra)

    def generator_loss(self, batch: Batch) -> Losses:
        """The generator's loss: the objective alone."""
        fake = self._fake_logits(batch)
        real = self._real_logits(batch) if self.objective.generator_needs_real else None
        return Losses(self.objective.generator(fake, real), real, fake_logits=fake)

    def penalty(self, batch: Batch, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The configured penalty, a scalar, weighted."""
        name, weight = self.config.penalty, self.penalty_weight
        if name == "gp":
            return penalties.one_centered_gradient_penalty(
                lambda images: self._logits(images, batch.real_labels),
                batch.real,
                fake=batch.fake,
                weight=weight,
            )
        terms = []
        if "r1" in name:
            terms.append(
                penalties.zero_centered_gradient_penalty(real_logits, batch.real, weight=weight)
            )
        if "r2" in name:
            terms.append(
                penalties.zero_centered_gradient_penalty(fake_logits, batch.fake, weight=weight)
            )
        return torch.stack(terms).sum()

    def optimizers(self) -> Optimizers:
        """The optimisers, each with the parameters that its turn moves.

        The method is called once, on the training device.
        """
        lr = self.config.lr
        return Optimizers(
            discriminator=self.make_optimizer(
                self.discriminator.parameters(), self.config.discriminator_lr or lr
            ),
            generator=self.make_optimizer(self.generator.parameters(), lr),
        )

    def make_optimizer(
        self, parameters: Iterable[nn.Parameter], lr: float
    ) -> torch.optim.Optimizer:
        """The configured kind of optimiser for these parameters."""
        if self.config.optimizer == "adam":
            betas = (self.config.beta1, self.config.beta2)
            return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)
        if self.config.optimizer == "rmsprop":
            return torch.optim.RMSprop(parameters, lr=lr, momentum=self.config.momentum)
        return torch.optim.SGD(parameters, lr=lr, momentum=self.config.momentum)

    def schedule(self, progress: Progress) -> Schedule:
        """The settings of the next step: by default those of `lr_decay` and `final_momentum`.

        A pure function of progress, so that resuming needs no state of it.
        """
        config, common = self.config, {}
        if config.final_momentum is not None:
            common["momentum"] = linear(
                config.momentum, config.final_momentum, position=progress.epoch, begin=1, finish=250
            )
        if config.lr_decay == 1:
            return Schedule(discriminator=common, generator=common)
        lr_d, lr_g = (
            decayed(lr, config.lr_decay, step=progress.step, floor=1e-6)
            for lr in (config.discriminator_lr or config.lr, config.lr)
        )
        return Schedule(discriminator={**common, "lr": lr_d}, generator={**common, "lr": lr_g})

    def _logits(self, x: Tensor, y: Tensor | None) -> Tensor:
        # Losses are computed in full precision, whatever the networks' passes used.
        logits = self.discriminate(x, y)
        return logits.float() if logits.dtype == torch.bfloat16 else logits

    def _real_logits(self, batch: Batch) -> Tensor:
        return (
            self._logits(batch.real, batch.real_labels)
            if batch.real_logits is None
            else batch.real_logits
        )

    def _fake_logits(self, batch: Batch) -> Tensor:
        return (
            self._logits(batch.fake, batch.fake_labels)
            if batch.fake_logits is None
            else batch.fake_logits
        )
