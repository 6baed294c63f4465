"""The conformance checks: each finds the fault that it is there for, and says what to mend."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

from gantool.cli.check import check
from gantool.config import GANConfig, TrainConfig
from gantool.errors import ConfigError
from gantool.gan.base import GAN, Model
from gantool.gan.game import Batch, Losses, Progress, Settings, Turn
from gantool.gan.shapes import Shapes
from gantool.plugins import registry as plugins
from gantool.plugins.spec import ModelSpec
from gantool.testing import check_model, faults_in, run_checks


class Sound(GAN):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(self.config.nz, shapes.values),
            nn.Tanh(),
            nn.Unflatten(1, shapes.sample),
        )
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(shapes.values, 1))


class WrongShape(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().generate(z, y)[:, :, 1:]


class FlatImages(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().generate(z, y)[:, :1]


class WrongRange(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return 3 * super().generate(z, y)


class ColumnLogits(Sound):
    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
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


class TwoOwners(Sound):
    def players(self) -> dict[str, Any]:
        return {
            "discriminator": (self.discriminator, self.generator),
            "generator": (self.generator,),
        }


class Forgotten(Sound):
    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.encoder = nn.Linear(shapes.values, 4)


class NeverMoved(Sound):
    """Its lazy turn comes every 16th step, and its encoder never."""

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.encoder = nn.Linear(shapes.values, 4)

    def players(self) -> dict[str, Any]:
        return {**super().players(), "encoder": (self.encoder,)}


class Lazy(Sound):
    """Sound: the encoder moves in every 64th step alone."""

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.encoder = nn.Linear(shapes.values, 4)

    def players(self) -> dict[str, Any]:
        return {**super().players(), "encoder": (self.encoder,)}

    def turns(self, progress: Progress) -> list[Turn]:
        turns = list(super().turns(progress))
        if progress.step % 64 == 0:
            turns.append(Turn("encoder", self.code, real="same", latent="none", name="code"))
        return turns

    def code(self, batch: Batch) -> Losses:
        return Losses(self.encoder(batch.real.flatten(1)).square().mean())


class TurnedDiscriminator(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        losses = super().discriminator_loss(batch)
        return replace(losses, total=-losses.total.exp().log())


class TurnedGenerator(Sound):
    def generator_loss(self, batch: Batch) -> Losses:
        fake = self.fake_logits(batch)
        return Losses(nn.functional.softplus(fake).mean(), fake_logits=fake)


class EvaluationMode(Sound):
    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.discriminator.append(nn.BatchNorm1d(1))

    def discriminator_loss(self, batch: Batch) -> Losses:
        self.discriminator.eval()
        losses = super().discriminator_loss(batch)
        self.discriminator.train()
        return losses


class ChangesTheBatch(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        batch.real.add_(0.1)
        return super().discriminator_loss(batch)


class DeafToLabels(Sound):
    conditional = True


class RandomInEvaluation(Sound):
    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().generate(z + 0.1 * torch.randn_like(z), y)


class StateOutside(Sound):
    """It counts in an attribute what belongs in a buffer."""

    count = 0.0

    def after_step(self, metrics: Any) -> dict[str, Tensor]:
        self.count += 1
        return {"count": torch.tensor(self.count)}


class StateInside(Sound):
    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.register_buffer("count", torch.zeros(()))

    def after_step(self, metrics: Any) -> dict[str, Tensor]:
        self.count += 1
        return {"count": self.count.clone()}


class RandomTurns(Sound):
    """Its turns depend on how often they were asked for."""

    asked = itertools.count()

    def turns(self, progress: Progress) -> list[Turn]:
        turns = list(super().turns(progress))
        return turns if next(self.asked) % 3 else [turns[0], *turns]


class UnknownPlayer(Sound):
    def turns(self, progress: Progress) -> list[Turn]:
        return [*super().turns(progress), Turn("critic", self.generator_loss)]


class Outsider(Model):
    """An autoencoder of one layer: no discriminator."""

    sign = 1.0

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(self.config.nz, shapes.values),
            nn.Tanh(),
            nn.Unflatten(1, shapes.sample),
        )
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(shapes.values, self.config.nz), nn.LayerNorm(self.config.nz)
        )

    def players(self) -> dict[str, Any]:
        return {"model": (self.encoder, self.generator)}

    def turns(self, progress: Progress) -> list[Turn]:
        return [Turn("model", self.loss, latent="none")]

    def loss(self, batch: Batch) -> Losses:
        again = self.generate(self.encoder(batch.real), None)
        return Losses(self.sign * (again - batch.real).square().mean())


class TurnedOutsider(Outsider):
    sign = -1.0


class NotDeterministic(Sound):
    drawn = itertools.count()

    def sample_latent(self, n: int, rng: torch.Generator) -> Tensor:
        own = np.random.default_rng(next(self.drawn))
        return torch.from_numpy(own.normal(size=(n, self.config.nz))).float()


class HiddenState(Sound):
    calls = 0

    def settings(self, progress: Progress) -> Settings:
        self.calls += 1
        return Settings(players={"generator": {"lr": 0.1 * self.calls}})


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
        super().build(replace(shapes, size=(28, 28)))


class Refuses(Sound):
    def build(self, shapes: Shapes) -> None:
        from gantool.errors import ConfigError

        if shapes.height > 16:
            raise ConfigError("only 16 pixels")
        super().build(shapes)


class Raises(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        return Losses(torch.stack([]).sum())


class LateSame(Sound):
    """In its 16th step the generator's turn comes first, and nothing has been drawn."""

    def turns(self, progress: Progress) -> list[Turn]:
        turns = list(super().turns(progress))
        return turns if progress.step != 15 else [replace(turns[1], latent="same"), turns[0]]


class NoPenalty(Sound):
    def discriminator_loss(self, batch: Batch) -> Losses:
        if self.config.penalty == "none":
            raise RuntimeError("no penalty")
        return super().discriminator_loss(batch)


class CountsThreads(Sound):
    threads: ClassVar[set[int]] = set()

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        self.threads.add(torch.get_num_threads())
        logits: Tensor = super().judge(x, y)
        return logits


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    registry = plugins.load_registry()

    def add(kind: type[Model], config: type[TrainConfig] | None = None, **more: Any) -> str:
        config = config or (Small if issubclass(kind, GAN) else SmallOutsider)
        spec = ModelSpec(
            "under-test",
            "x",
            implementation=f"{__name__}:{kind.__name__}",
            config=config,
            **more,
        )
        monkeypatch.setitem(registry.models, "under-test", spec)
        plugin = plugins.Plugin("t", "t", version="1", models=[spec], module=plugins)
        monkeypatch.setattr(registry, "plugins", [*registry.plugins, plugin])
        monkeypatch.setattr("gantool.testing.subject.load_implementation", lambda path: kind)
        return "under-test"

    yield add


class DeafToOptions(Sound):
    """Plays a game of its own, whatever `loss` says."""

    def discriminator_loss(self, batch: Batch) -> Losses:
        real, fake = self.real_logits(batch), self.fake_logits(batch)
        total = F.softplus(-real).mean() + F.softplus(fake).mean()
        return Losses(total, real_logits=real, fake_logits=fake)

    def generator_loss(self, batch: Batch) -> Losses:
        fake = self.fake_logits(batch)
        return Losses(F.softplus(-fake).mean(), fake_logits=fake)


class Small(GANConfig):
    nz: int = 4
    lr: float = 0.01


class SmallOutsider(TrainConfig):
    nz: int = 4
    lr: float = 0.01


class SmallOwnGame(Small):
    fixed = ("loss", "penalty", "penalty_weight", "clip")


@pytest.mark.parametrize("kind", [Sound, Lazy, StateInside, Outsider])
def test_a_sound_model_passes(register: Any, kind: type[Model]) -> None:
    check_model(register(kind), sizes=(16, 33) if kind is Sound else (16,))


@pytest.mark.parametrize(
    "kind, said",
    [
        (WrongShape, "generate returned"),
        (WrongRange, "images are in"),
        (ColumnLogits, "flatten them"),
        (VectorLoss, "reduce it to a scalar"),
        (NanLoss, "is nan"),
        (CutGraph, "get no gradient"),
        (StrayGradient, "sends gradients into the generator"),
        (TwoOwners, "both move one parameter"),
        (Forgotten, "belong to no player"),
        (NeverMoved, "get no gradient from any turn"),
        (TurnedDiscriminator, "turn the sign of the discriminator's loss"),
        (TurnedGenerator, "turn the sign of the generator's loss"),
        (TurnedOutsider, "turn the sign of the loss"),
        (EvaluationMode, "BatchNorm in evaluation mode"),
        (ChangesTheBatch, "changes batch.real in place"),
        (RandomInEvaluation, "draw what is random as part of the latent"),
        (StateOutside, "goes on differently"),
        (RandomTurns, "pure function of progress"),
        (UnknownPlayer, "has a turn of 'critic'"),
        (NotDeterministic, "two runs with one seed differ"),
        (HiddenState, "goes on differently"),
        (SamplingMoves, "sampling changed"),
        (FixedSize, "generate returned"),
        (LateSame, "none has drawn any"),
    ],
)
def test_each_fault_is_found(register: Any, kind: type[Model], said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_model(register(kind), sizes=(16,), channels=(1,), classes=(0,))
    assert said in str(caught.value)


def test_options_that_are_ignored_are_found_unless_they_are_none_of_the_model(
    register: Any,
) -> None:
    with pytest.raises(AssertionError, match="--loss least-squares changes nothing"):
        check_model(register(DeafToOptions), sizes=(16,), channels=(1,), classes=(0,))
    name = register(DeafToOptions, SmallOwnGame)
    check_model(name, sizes=(16,), channels=(1,), classes=(0,))
    with pytest.raises(ConfigError, match="loss"):
        check_model(name, loss="hinge")


def test_a_model_of_points_is_tried_on_points(register: Any) -> None:
    options = {"kinds": ("points",), "defaults": {"points": {"lr": 0.02}}}
    name = register(Sound, **options)
    results = list(run_checks(name))
    assert {result.shapes for result in results} - {""} == {
        "points, no labels",
        "points, 3 classes",
    }
    assert [result.problem for result in results if result.problem] == []
    both = run_checks(register(Sound, kinds=("images", "points")), sizes=(16,), channels=(1,))
    assert len({result.shapes for result in both} - {""}) == 4
    with pytest.raises(AssertionError, match=r"not \[N, 2\] = \(6, 2\)"):
        check_model(register(FlatImages, kinds=("points",)), classes=(0,))


def test_labels_that_are_ignored_are_found(register: Any) -> None:
    with pytest.raises(AssertionError, match="draws the same for every label"):
        check_model(register(DeafToLabels), sizes=(16,), channels=(1,), classes=(3,))


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


def test_equal_faults_are_said_once_with_their_number_and_line(register: Any) -> None:
    name = register(Raises)
    results = list(run_checks(name, sizes=(16, 24), channels=(1,), classes=(0,)))
    (fault,) = faults_in(results)
    tried = [result for result in results if result.shapes]
    assert fault.combinations == len(tried) == 20
    assert fault.times == sum(bool(result.problem) for result in tried) > 10
    line = Raises.discriminator_loss.__code__.co_firstlineno + 1
    title, problem, place = str(fault).splitlines()
    assert title == (
        f"{fault.times} of 20 combinations, as losses are finite scalars, and change nothing "
        "[16 x 16 x 1, no labels]"
    )
    assert problem == "raised RuntimeError: stack expects a non-empty TensorList"
    assert place.endswith(f"test_testing.py:{line}, in discriminator_loss")


def test_faults_that_differ_in_numbers_alone_are_equal(register: Any) -> None:
    name = register(WrongRange)
    results = run_checks(name, sizes=(16,), channels=(1, 3), classes=(0, 3))
    (fault,) = faults_in(results)
    assert (fault.times, fault.combinations) == (4, 40)
    first = WrongRange.generate.__code__.co_firstlineno
    assert fault.example.place.endswith(f"test_testing.py:{first}, in generate")


def test_an_option_is_tried_at_every_value_that_is_not_the_default(register: Any) -> None:
    class Penalized(Small):
        penalty: str = "r1"

    with pytest.raises(AssertionError, match="--penalty none raises RuntimeError: no penalty"):
        check_model(register(NoPenalty, Penalized), sizes=(16,), channels=(1,), classes=(0,))


def test_checks_have_one_thread_unless_told_otherwise(register: Any) -> None:
    before = torch.get_num_threads()
    name = register(CountsThreads)
    for options, threads in (({}, 1), ({"threads": 2}, 2)):
        CountsThreads.threads.clear()
        check_model(name, sizes=(16,), channels=(1,), classes=(0,), **options)
        assert CountsThreads.threads == {threads}
    assert torch.get_num_threads() == before


def test_the_command_has_a_line_for_each_kind_of_data_and_one_for_each_fault(
    register: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left:
        check(register(Raises), sizes="16")
    assert left.value.exit_code == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      starts without torch"
    assert [line[:31] for line in lines[1:5]] == [
        *("MEND    16 x 16 x 1, no labels:", "MEND    16 x 16 x 1, 3 classes:"),
        *("MEND    16 x 16 x 3, no labels:", "MEND    16 x 16 x 3, 3 classes:"),
    ]
    assert sum("stack expects a non-empty" in line for line in lines) == 1
    assert lines[-1].endswith(", in discriminator_loss")
    faults = sum(int(line.split(": ")[1].split()[0]) for line in lines[1:5])
    assert last == f"under-test: 41 checks, {faults} to mend"
    check(register(Sound), sizes="16")
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[1] == "ok      16 x 16 x 1, no labels: 10 checks"
    assert last == "under-test: 42 checks, 0 to mend"
