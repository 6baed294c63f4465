"""Games on an accelerator: the CPU's figures, the same bits again, and no waiting."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from accelerator import (
    ACCELERATOR,
    BATCH,
    CPU,
    DrawnOnTheCPU,
    Figures,
    on_both,
    play,
    through_a_file,
    trainer_on,
)

from gantool.plugins.registry import load_registry
from gantool.sampling.generate import generate_samples
from gantool.training.trainer import Trainer

pytestmark = pytest.mark.gpu

MODELS = load_registry().models
ON_IMAGES = [name for name, spec in MODELS.items() if "images" in spec.kinds]
ON_POINTS = [name for name, spec in MODELS.items() if "points" in spec.kinds]
GAMES = [
    *(pytest.param(name, "mnist5k", id=name) for name in ON_IMAGES),
    *(pytest.param(name, "ring", id=f"{name}-points") for name in ON_POINTS),
]
# Of parts that any game may have: what is computed there and nowhere else.
PARTS: dict[str, dict[str, Any]] = {
    "none": {},
    "ema": {"ema": 0.9},
    "flip": {"flip": True},
    "diff": {"augment": "diff"},
    "ada": {"augment": "ada"},
    "r1": {"penalty": "r1"},
    "gp": {"penalty": "gp"},
    "dragan": {"penalty": "dragan"},
    "spectral-norm": {"spectral_norm": True},
    "packs": {"pack": 2},
    "simultaneous": {"update": "simultaneous"},
    "extragradient": {"update": "extragradient"},
    "rmsprop": {"optimizer": "rmsprop"},
    "fresh": {"generator_batch": "fresh", "discriminator_steps": 2},
}


def with_part(
    part: str, device: torch.device, dtype: torch.dtype = torch.float32, **options: Any
) -> Trainer:
    """A game of dcgan with a part, at work from the first step on."""
    trainer = trainer_on(device, "dcgan", dtype=dtype, **PARTS[part], **options)
    if part == "ada":
        trainer.model.get_buffer("augmentation.p").fill_(0.5)
    return trainer


def assert_close(one: Figures, other: Figures, *, within: float) -> None:
    for step, (a, b) in enumerate(zip(one, other, strict=True), 1):
        assert a.keys() == b.keys()
        for name, value in a.items():
            assert b[name] == pytest.approx(value, rel=within, abs=within), (step, name)


def assert_the_same_bits(begin: Callable[[], Trainer]) -> None:
    """A game again, and resumed on the way, has the figures of the whole."""
    whole = play(begin(), 5)
    again = begin()
    first = play(again, 3)
    state = through_a_file(again.state_dict())  # with the random numbers of now
    resumed = begin()
    resumed.load_state_dict(state)
    assert repr(first + play(resumed, 2)) == repr(whole)


@pytest.mark.parametrize(("model", "data"), GAMES)
def test_a_first_step_has_the_figures_of_the_cpu(model: str, data: str) -> None:
    figures = on_both(lambda device: play(trainer_on(device, model, data=data), 1))
    assert_close(*figures, within=1e-3)


@pytest.mark.parametrize(("model", "data"), GAMES)
def test_steps_in_double_precision_are_those_of_the_cpu(model: str, data: str) -> None:
    def game(device: torch.device) -> Figures:
        return play(trainer_on(device, model, data=data, dtype=torch.float64), 5)

    assert_close(*on_both(game), within=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_game_is_that_of_the_cpu(part: str) -> None:
    def game(device: torch.device) -> Figures:
        return play(with_part(part, device, torch.float64), 5)

    # The angles of ada are float32.
    assert_close(*on_both(game), within=1e-3 if part == "ada" else 1e-6)


@pytest.mark.parametrize("preset", ["paper", "mlp"])
def test_dropout_and_maxout_are_those_of_the_cpu(preset: str) -> None:
    pytest.importorskip("gantool_cgan")

    def game(device: torch.device) -> Figures:
        return play(trainer_on(device, "cgan", dtype=torch.float64, preset=preset), 5)

    assert_close(*on_both(game), within=1e-6)


@pytest.mark.parametrize(("model", "data"), GAMES)
def test_steps_are_the_same_again_and_after_resuming(model: str, data: str) -> None:
    """Bit for bit, by deterministic algorithms: what has none is refused by PyTorch."""
    assert_the_same_bits(lambda: trainer_on(ACCELERATOR, model, data=data))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_goes_on_with_the_same_bits(part: str) -> None:
    assert_the_same_bits(lambda: with_part(part, ACCELERATOR))


def test_a_state_goes_on_on_the_other_device() -> None:
    for there, here in ((ACCELERATOR, CPU), (CPU, ACCELERATOR)):
        with DrawnOnTheCPU():
            begun = trainer_on(there, "dcgan", dtype=torch.float64, ema=0.9)
            play(begun, 3)
            state = through_a_file(begun.state_dict())
            resumed = trainer_on(here, "dcgan", dtype=torch.float64, ema=0.9)
            resumed.load_state_dict(state)
            assert_close(play(begun, 3), play(resumed, 3), within=1e-6)


@pytest.mark.parametrize("model", ["dcgan", "vanilla", "cgan", "r3gan", "infogan", "flow"])
def test_bf16_trains(model: str) -> None:
    if model not in MODELS:
        pytest.skip(f"{model} is not installed")
    for line in play(trainer_on(ACCELERATOR, model, precision="bf16"), 10):
        assert all(math.isfinite(value) for value in line.values())


@pytest.mark.parametrize("part", ["none", "ada"])
def test_bf16_is_near_fp32(part: str) -> None:
    with DrawnOnTheCPU():
        fp32, bf16 = (
            play(with_part(part, ACCELERATOR, precision=precision), 1)
            for precision in ("fp32", "bf16")
        )
    assert_close(fp32, bf16, within=0.05)


def test_compiled_networks_play_the_same_game(cuda: torch.device) -> None:
    plain, compiled = (
        play(trainer_on(cuda, "dcgan", compile=wanted), 3) for wanted in (False, True)
    )
    if not torch._dynamo.utils.counters["frames"]:
        pytest.skip("this torch compiles nothing of a plain nn.Sequential")
    assert_close(plain[:1], compiled[:1], within=1e-3)
    assert_close(plain, compiled, within=0.05)


@pytest.mark.parametrize("model", ["dcgan", "cgan", "infogan", "stylegan2", "flow"])
def test_the_same_latents_give_the_same_samples(model: str) -> None:
    if model not in MODELS:
        pytest.skip(f"{model} is not installed")
    drawn = []
    for device in (CPU, ACCELERATOR):
        trained = trainer_on(device, model).model
        rng = torch.Generator().manual_seed(3)
        z, y = trained.sample_latent(40, rng), trained.sample_labels(40, rng)
        drawn.append(generate_samples(trained, z, y=y).astype(np.int16))
    assert np.abs(drawn[0] - drawn[1]).max() <= 1


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Meanwhile whatever makes the host wait for the device raises an error."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(("model", "data"), GAMES)
def test_no_step_waits_for_the_device(model: str, data: str, cuda: torch.device) -> None:
    trainer = trainer_on(cuda, model, data=data)
    play(trainer, 2)
    with no_waiting():
        for _ in range(5):
            trainer.step()


@pytest.mark.parametrize("part", PARTS)
def test_no_part_of_a_game_waits_for_the_device(part: str, cuda: torch.device) -> None:
    trainer = with_part(part, cuda)
    play(trainer, 2)
    with no_waiting():
        for _ in range(5):
            trainer.step()


@pytest.mark.parametrize("model", ["dcgan", "cgan"])
def test_what_a_step_draws_reaches_the_device_from_pinned_memory(
    model: str, cuda: torch.device
) -> None:
    """Copies from other memory wait for it, though PyTorch does not say so."""
    if model not in MODELS:
        pytest.skip(f"{model} is not installed")
    trainer = trainer_on(cuda, model)
    play(trainer, 2)
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as profile:
        for _ in range(3):
            trainer.step()
    copies = [event.name for event in profile.events() if "Memcpy HtoD" in event.name]
    assert len(copies) >= 3 * 2  # images and latents
    assert all("Pinned" in name for name in copies), set(copies)


def test_an_epoch_is_as_long_as_on_the_cpu() -> None:
    there, here = trainer_on(ACCELERATOR, "dcgan"), trainer_on(CPU, "dcgan")
    for _ in range(2):
        (one, _), (other, _) = next(there.batches), next(here.batches)
        assert len(one) == BATCH
        assert torch.equal(one.cpu(), other)
