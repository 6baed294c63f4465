"""The conformance checks: each finds the fault that it is there for, and says what to mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gantool.config import TrainConfig
from gantool.gan.base import GAN, Batch, Losses, Optimizers, Progress, Schedule, Shapes
from gantool.plugins import registry as plugins
from gantool.plugins.spec import ModelSpec
from gantool.testing import check_model, run_checks


class Sound(GAN):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(self.config.nz, shapes.pixels),
            nn.Tanh(),
            nn.Unflatten(1, (shapes.channels, shapes.image_size, shapes.image_size)),
        )
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(shapes.pixels, 1))


class WrongShape(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().generate(z, y)[:, :, 1:]


class WrongRange(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return 3 * super().generate(z, y)


class ColumnLogits(Sound):
    def discriminate(self, x: Tensor, y: Tensor | None) -> Tensor:
        logits: Tensor = self.discriminator(x)
        return logits


class VectorLoss(Sound):
    def generator_loss(self, batch: Batch) -> Losses:
        return replace(super().generator_loss(batch), total=self.discriminate(batch.fake, None))


class NanLoss(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        losses = super().discriminator_loss(batch)
        return replace(losses, total=losses.total * float("nan"))


class CutGraph(Sound):
    def generator_loss(self, batch: Batch) -> Losses:
        return super().generator_loss(replace(batch, fake=batch.fake.detach()))


class StrayGradient(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        again = self.generate(batch.z, None)
        return super().discriminator_loss(replace(batch, fake=again))


class WrongOptimizer(Sound):
    def optimizers(self) -> Optimizers:
        both = [*self.generator.parameters(), *self.discriminator.parameters()]
        return Optimizers(
            torch.optim.SGD(both, lr=0.1), self.make_optimizer(self.generator.parameters(), 0.1)
        )


class ForgottenOptimizer(Sound):
    def optimizers(self) -> Optimizers:
        still = nn.Parameter(torch.zeros(1))
        self.still = still
        return Optimizers(super().optimizers().discriminator, torch.optim.SGD([still], lr=0.1))

    def generator_loss(self, batch: Batch) -> Losses:
        losses = super().generator_loss(batch)
        return replace(losses, total=losses.total + self.still.sum())


class NotDeterministic(Sound):
    def sample_latent(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.from_numpy(np.random.default_rng().normal(size=(n, self.config.nz))).float()


class HiddenState(Sound):
    calls = 0

    def schedule(self, progress: Progress) -> Schedule:
        self.calls += 1
        return Schedule(generator={"lr": 0.1 * self.calls})


class SamplingMoves(Sound):
    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.generator.register_buffer("seen", torch.zeros(1))

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        if not self.training:
            self.generator.seen += 1  # type: ignore[operator]
        return super().generate(z, y)


class FixedSize(Sound):
    def build(self, shapes: Shapes) -> None:
        super().build(replace(shapes, image_size=28))


class Refuses(Sound):
    def build(self, shapes: Shapes) -> None:
        from gantool.errors import ConfigError

        if shapes.image_size > 16:
            raise ConfigError("only 16 pixels")
        super().build(shapes)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    registry = plugins.load_registry()

    def add(kind: type[GAN]) -> str:
        spec = ModelSpec(
            "under-test", "x", implementation=f"{__name__}:{kind.__name__}", config=Small
        )
        monkeypatch.setitem(registry.models, "under-test", spec)
        plugin = plugins.Plugin("t", "t", version="1", models=[spec], module=plugins)
        monkeypatch.setattr(registry, "plugins", [*registry.plugins, plugin])
        monkeypatch.setattr("gantool.testing.load_implementation", lambda path: kind)
        return "under-test"

    yield add


class Small(TrainConfig):
    nz: int = 4
    lr: float = 0.01


def test_a_sound_model_passes(register: Any) -> None:
    check_model(register(Sound), sizes=(16, 33))


@pytest.mark.parametrize(
    "kind, said",
    [
        (WrongShape, "generate returned"),
        (WrongRange, "images are in"),
        (ColumnLogits, "flatten it"),
        (VectorLoss, "reduce it to a scalar"),
        (NanLoss, "is nan"),
        (CutGraph, "get no gradient"),
        (StrayGradient, "sends gradients into the generator"),
        (WrongOptimizer, "both optimisers hold"),
        (ForgottenOptimizer, "did not move the generator"),
        (NotDeterministic, "two runs with one seed differ"),
        (HiddenState, "goes on differently"),
        (SamplingMoves, "sampling changed"),
        (FixedSize, "generate returned"),
    ],
)
def test_each_fault_is_found(register: Any, kind: type[GAN], said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_model(register(kind), sizes=(16,), channels=(1,), classes=(0,))
    assert said in str(caught.value)


def test_a_refusal_with_a_reason_is_no_fault_unless_everything_is_refused(register: Any) -> None:
    name = register(Refuses)
    check_model(name, sizes=(16, 32))
    assert any(f.refused == "only 16 pixels" for f in run_checks(name, sizes=(32,)))
    with pytest.raises(AssertionError, match="refuses every kind"):
        check_model(name, sizes=(32,))


def test_a_description_that_imports_torch_is_found(
    register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = register(Sound)
    import gantool.gan.base

    monkeypatch.setattr(plugins.load_registry().plugin_of(name), "module", gantool.gan.base)
    with pytest.raises(AssertionError, match="imports torch"):
        check_model(name, sizes=(16,), channels=(1,), classes=(0,))
