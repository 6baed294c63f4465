"""The base classes of a model: anything that can be trained here, and a GAN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import torch
from torch import Tensor, nn

from gantool.config import GANConfig, LabelOptions, TrainConfig
from gantool.data.prepared import Split
from gantool.errors import ConfigError, GantoolError
from gantool.gan.game import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    Losses,
    Progress,
    Settings,
    Turn,
    in_full_precision,
    logits_of,
)
from gantool.gan.latent import Latent
from gantool.gan.layers import normalize_spectrally
from gantool.gan.objectives import Objective
from gantool.gan.optimizers import without_compiler
from gantool.gan.penalties import PenaltyTerms
from gantool.gan.schedules import decayed, linear
from gantool.gan.shapes import Shapes
from gantool.machine.distributed import world
from gantool.plugins.registry import load_registry

C = TypeVar("C", bound=TrainConfig)
G = TypeVar("G", bound=GANConfig)
_OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


class Model(nn.Module, Generic[C]):
    """Anything that can be trained here and draws samples.

    `build` sets `self.generator` and whatever else there is; `players` and `turns` say who moves
    what. `class Mine(Model[MyConfig])` gives `self.config` the type of the model's own options.

    Attributes:
        conditional: whether the networks take labels; the loop then draws labels for the fakes.
        keeps: names of the networks that are averaged, exported and kept together.
        config: the validated options.
        shapes: those of the data.
    """

    conditional: ClassVar[bool] = False
    keeps: ClassVar[tuple[str, ...]] = (GENERATOR,)

    generator: nn.Module

    def __init__(self, config: C, shapes: Shapes) -> None:
        super().__init__()
        self.config: C = config
        self.shapes = shapes
        self.prepare()
        self.build(shapes)

    def prepare(self) -> None:
        """Make what a kind of model has before its networks are built."""

    @classmethod
    def create(cls, config: C, shapes: Shapes, *, train_data: Split | None = None) -> Self:
        """Make a model ready to train, on the CPU.

        Args:
            config: the validated options.
            shapes: those of the data.
            train_data: the training split, which first weights may be taken from; None leaves the
                weights as PyTorch makes them.
        """
        model = cls(config, shapes)
        if train_data is not None:
            with torch.no_grad():
                model.initialize(train_data)
        model.finish()
        return model

    def build(self, shapes: Shapes) -> None:
        """Set the networks, from the configuration and the data's shapes alone."""
        raise NotImplementedError(f"{type(self).__name__} must define build(self, shapes)")

    def initialize(self, train_data: Split) -> None:
        """Set the first weights of a new run; by default they stay as PyTorch made them."""

    def finish(self) -> None:
        """Change what was built and initialised, once, before the optimizers are made."""

    @property
    def latent(self) -> Latent:
        """The prior of z: by default that of `config.latent` and `config.nz`."""
        return Latent(self.config.latent, self.config.nz)

    def sample_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n latents, float32 [n, dimension], from this random generator only."""
        return self.latent.sample(n, rng)

    def other_latents(self, z: Tensor) -> Tensor:
        """As many latents that are independent of z, float32 on its device: for a loss.

        They come from PyTorch's own random state, as all random numbers in a loss do.
        """
        seed = int(torch.randint(2**62, ()))
        return self.sample_latent(len(z), torch.Generator(z.device).manual_seed(seed))

    @property
    def label_shares(self) -> tuple[float, ...] | None:
        """The share of fakes that ask for each class; None where all are asked for alike, or none.

        They are the training data's, unless the option `labels` says uniform.
        """
        uniform = isinstance(self.config, LabelOptions) and self.config.labels == "uniform"
        return None if uniform or not self.conditional else self.shapes.shares

    def sample_labels(self, n: int, rng: torch.Generator) -> Tensor | None:
        """Labels to ask the fakes for, int64 [n], in `label_shares`; None without labels."""
        if not self.conditional:
            return None
        if self.label_shares is None:
            return torch.randint(self.shapes.classes, (n,), generator=rng, device=rng.device)
        shares = torch.tensor(self.label_shares, dtype=torch.float32, device=rng.device)
        return torch.multinomial(shares, n, replacement=True, generator=rng)

    def example(self, n: int) -> tuple[Tensor, Tensor | None]:
        """Latents [n, dimension] and labels [n] (or None) of zeros, to try shapes with."""
        labels = torch.zeros(n, dtype=torch.int64) if self.conditional else None
        return torch.zeros(n, self.latent.dimension), labels

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1], or points [N, 2].

        They are made from latents [N, dimension] and labels int64 [N] (or None).
        """
        images: Tensor = self.generator(z)
        return images

    def encode(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Latents [N, dimension] from which `generate` draws about x, samples with labels y.

        Written by models that have an encoder, for `gantool reconstruct`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no encoder")

    def truncate(self, psi: float) -> None:
        """From now on draw samples nearer to the mean one: 1 changes nothing, 0 draws the mean.

        Raises:
            ConfigError: the model has no such thing, unless it defines this method.
        """
        raise ConfigError(
            "this model has no truncation: its samples are those of its latents.",
            "Leave --truncation out; `gantool run stylegan2` trains one that has.",
        )

    def players(self) -> dict[str, Sequence[nn.Module]]:
        """The modules whose parameters each player moves; no parameter belongs to two."""
        raise NotImplementedError(f"{type(self).__name__} must define players(self)")

    def turns(self, progress: Progress) -> Sequence[Turn]:
        """The turns of the next step, in order.

        A pure function of steps, epochs and images done.
        """
        raise NotImplementedError(f"{type(self).__name__} must define turns(self, progress)")

    def settings(self, progress: Progress) -> Settings:
        """The settings of the next step: by default those of `lr_decay` and `final_momentum`.

        A pure function of progress, so that resuming needs no state of it.
        """
        config, common = self.config, {}
        if config.final_momentum is not None:
            momentum = linear(
                config.momentum,
                config.final_momentum,
                position=progress.epoch,
                begin=1,
                finish=250,
            )
            common["momentum"] = momentum
        players: dict[str, dict[str, Any]] = {}
        for player in self.players():
            players[player] = dict(common)
            if config.lr_decay != 1:
                first = self.learning_rate(player)
                players[player]["lr"] = decayed(
                    first, config.lr_decay, step=progress.step, floor=min(first, 1e-6)
                )
        return Settings(players=players)

    def use(self, settings: Settings) -> None:
        """Take from the settings of a step what the model itself needs."""

    def constrain(self, player: str) -> None:
        """Keep the weights of a player within bounds, after each of its moves."""

    def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Change the state of the game itself (buffers) by the metrics of a step.

        Args:
            metrics: scalars, averaged over the processes of the run.

        Returns:
            scalars to record with them.
        """
        return {}

    @property
    def d_scale(self) -> Literal["probability", "raw"] | None:
        """The scale of D(x): probabilities, raw outputs, or None without a discriminator."""
        return None

    @property
    def samples_per_label(self) -> int:
        """Samples of one label that lie side by side in a batch, real and fake; 1 asks for none."""
        return 1

    def learning_rate(self, player: str) -> float:
        """The first learning rate of a player."""
        return self.config.lr

    def make_optimizer(
        self, player: str, parameters: Iterable[nn.Parameter]
    ) -> torch.optim.Optimizer:
        """The configured kind of optimizer for a player's parameters."""
        config = self.config
        options: dict[str, Any] = {"momentum": config.momentum}
        if config.optimizer == "adam":
            options = {"betas": (config.beta1, config.beta2), "fused": True}
        kind = without_compiler(_OPTIMIZERS[config.optimizer])
        return kind(parameters, lr=self.learning_rate(player), **options)


class GAN(Model[G]):
    """Two networks and what is particular to their game. Only `build` must be written.

    `build` sets `self.generator` and `self.discriminator`; everything that `generate` needs belongs
    in the generator, since that is what is averaged (`ema`) and what generator.safetensors keeps.

    Attributes:
        objective: the game that `config.loss` names.
        penalties: the terms that `config.penalty` names, weighted.
    """

    discriminator: nn.Module
    objective: Objective
    penalties: PenaltyTerms
    augmentation: nn.Module | None

    def prepare(self) -> None:
        """Look up the objective, the penalties and the augmentation that the options name.

        Raises:
            ConfigError: the configuration has no options of the game, or some that say nothing of
                such data; a process's part of the batch is no multiple of `pack`.
        """
        if not isinstance(self.config, GANConfig):
            raise ConfigError(
                f"{type(self).__name__} is a GAN, and its configuration has no game.",
                "Derive it from gantool.GANConfig.",
            )
        _check_packs(self.config)
        registry = load_registry()
        self.objective = registry.piece("objective", self.config.loss).make()
        self.penalties = PenaltyTerms(self.config, registry)
        # So that the state of penalties that have some moves and is kept with the model's.
        self.penalty_states = nn.ModuleList(
            penalty for penalty in self.penalties.parts() if isinstance(penalty, nn.Module)
        )
        chosen = self.config.augment
        if chosen != "none" and self.shapes.kind == "points":
            raise ConfigError("--augment is for images; this data is of points.", "Leave it out.")
        self.augmentation = (
            None if chosen == "none" else registry.piece("augmentation", chosen).make(self.config)
        )

    @property
    def judged(self) -> Shapes:
        """The shapes of what D judges, which its layers are derived from: packs of samples."""
        return self.shapes.packed(self.config.pack)

    @property
    def samples_per_label(self) -> int:
        """A pack holds samples of one label, where the model looks at labels."""
        return self.config.pack if self.conditional else 1

    def finish(self) -> None:
        """Normalise the discriminator's layers where `spectral_norm` asks for it.

        Raises:
            ConfigError: the discriminator does not take packs, and is to judge some.
        """
        if self.config.pack > 1:
            self._try_packs()
        if self.config.spectral_norm:
            normalize_spectrally(self.discriminator)

    @torch.no_grad()
    def _try_packs(self) -> None:
        modes = {module: module.training for module in self.modules()}
        packs = torch.zeros(2, *self.judged.sample)
        labels = torch.zeros(2, dtype=torch.int64) if self.conditional else None
        try:
            with torch.random.fork_rng(devices=[]):
                answer = logits_of(self.eval().judge(packs, labels))
            taken = answer.shape == (2,)
        except (RuntimeError, ValueError, IndexError):
            taken = False
        if not taken:
            raise ConfigError(
                f"--pack {self.config.pack}: the discriminator of {type(self).__name__} takes "
                "samples one by one.",
                "Leave --pack out; its author makes it take packs by deriving it from "
                "`self.judged` in `build`.",
            )
        for module, training in modes.items():
            module.training = training

    def players(self) -> dict[str, Sequence[nn.Module]]:
        """The discriminator and the generator."""
        return {DISCRIMINATOR: (self.discriminator,), GENERATOR: (self.generator,)}

    def turns(self, progress: Progress) -> Sequence[Turn]:
        """The discriminator's, `discriminator_steps` times, then the generator's."""
        fresh = self.config.generator_batch == "fresh"
        d = Turn(DISCRIMINATOR, self.discriminator_loss)
        g = Turn(
            GENERATOR,
            self.generator_loss,
            real="new" if fresh and self.objective.generator_needs_real else "same",
            latent="new" if fresh else "same",
        )
        return [d] * self.config.discriminator_steps + [g]

    def judge(self, x: Tensor, y: Tensor | None) -> Any:
        """Logits [N] from samples, as `generate` makes them, and labels int64 [N] (or None).

        The samples are of the shapes `judged`: with `pack`, each is that many. A model may answer
        with a tuple whose first part are the logits. Losses do not call it but `discriminate`.
        """
        logits: Tensor = self.discriminator(x)
        return logits.flatten()

    def discriminate(self, x: Tensor, y: Tensor | None) -> Any:
        """The answer of `judge` to the images, augmented where configured, in full precision.

        With `pack` so many images in a row are judged as one, of the first one's label: the logits
        are [N / pack].
        The only door to the discriminator: gradient penalties differentiate at `x`, before the
        augmentation, and whatever the networks' passes used, losses are computed in float32.
        """
        if self.augmentation is not None:
            x = self.augmentation(x)
        pack = self.config.pack
        if pack > 1:
            x = x.reshape(len(x) // pack, *self.judged.sample)
            y = None if y is None else y[::pack]
        answer = self.judge(x, y)
        if isinstance(answer, tuple):
            return tuple(map(in_full_precision, answer))
        return in_full_precision(answer)

    def discriminator_loss(self, batch: Batch) -> Losses:
        """The discriminator's loss: the objective, and the penalties where some are configured."""
        batch = self.penalties.ready(batch)
        real, fake = self.real_logits(batch), self.fake_logits(batch)
        total = self.objective.discriminator(real, fake)
        extra = {}
        if self.penalties:
            extra["penalty"] = self.penalty(batch, real, fake_logits=fake)
            total = total + extra["penalty"]
        if self.augmentation is not None:
            r, f = real.detach(), fake.detach()
            extra["d_sign"] = (r - self.objective.boundary(r, f)).sign().mean()
        return Losses(total, real_logits=real, fake_logits=fake, extra=extra)

    def generator_loss(self, batch: Batch) -> Losses:
        """The generator's loss: the objective alone."""
        fake = self.fake_logits(batch)
        real = self.real_logits(batch) if self.objective.generator_needs_real else None
        total = self.objective.generator(fake, real)
        return Losses(total, real_logits=real, fake_logits=fake)

    def penalty(self, batch: Batch, real_logits: Tensor, *, fake_logits: Tensor) -> Tensor:
        """The configured penalties, a scalar, weighted; 0 where there are none."""
        return self.penalties(
            self.discriminate, batch, real_logits=real_logits, fake_logits=fake_logits
        )

    def real_logits(self, batch: Batch) -> Tensor:
        """The discriminator's logits [N] of the real images, asked for if not known already."""
        if batch.real_logits is not None:
            return batch.real_logits
        return logits_of(self.discriminate(batch.real, batch.real_labels))

    def fake_logits(self, batch: Batch) -> Tensor:
        """The discriminator's logits [N] of the fakes, asked for if not known already."""
        if batch.fake_logits is not None:
            return batch.fake_logits
        return logits_of(self.discriminate(batch.fake, batch.fake_labels))

    def constrain(self, player: str) -> None:
        """Clip the discriminator's weights where `clip` asks for it (Arjovsky et al. 2017)."""
        if self.config.clip and player == DISCRIMINATOR:
            for parameter in self.discriminator.parameters():
                parameter.clamp_(-self.config.clip, self.config.clip)

    def use(self, settings: Settings) -> None:
        """Take the penalty's weight."""
        self.penalties.reweigh(settings.penalty_weight)

    def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Let penalties and augmentation change their state."""
        found: dict[str, Tensor] = {}
        for part in (*self.penalties.parts(), self.augmentation):
            after_step = getattr(part, "after_step", None)
            if after_step is not None:
                found |= after_step(metrics)
        return found

    @property
    def d_scale(self) -> Literal["probability", "raw"] | None:
        """That of the objective."""
        return "probability" if self.objective.probabilities else "raw"

    def learning_rate(self, player: str) -> float:
        """`discriminator_lr` is the discriminator's, where it is given."""
        if player == DISCRIMINATOR and self.config.discriminator_lr is not None:
            return self.config.discriminator_lr
        return self.config.lr


def parameters_of(model: Model[Any]) -> dict[str, list[nn.Parameter]]:
    """The parameters of each player, each once.

    Raises:
        GantoolError: one belongs to two players.
    """
    found: dict[str, list[nn.Parameter]] = {}
    owner: dict[nn.Parameter, str] = {}
    for player, modules in model.players().items():
        unique = dict.fromkeys(p for module in modules for p in module.parameters())
        for parameter in unique:
            if owner.setdefault(parameter, player) != player:
                raise GantoolError(
                    f"the players {owner[parameter]} and {player} both move one parameter.",
                    "Let `players` give each module to one of them.",
                )
        found[player] = list(unique)
    return found


def _check_packs(config: GANConfig) -> None:
    """Refuse a batch that packs do not fill; where several processes share it, each one's part."""
    if config.pack == 1 or config.batch_size is None:
        return
    step = config.pack * world().size
    if config.batch_size % step:
        raise ConfigError(
            f"a batch of {config.batch_size} does not hold packs of {config.pack} evenly.",
            f"Give a --batch-size that is a multiple of {step}.",
        )
