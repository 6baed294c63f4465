"""The probes of the training loop, and pieces of the games, as an installed plugin."""

from __future__ import annotations

from pathlib import Path

from probes import PROBES
from support import distribution

_DESCRIPTION = """
import gantool


class Config(gantool.GANConfig):
    nz: int = 4
    batch_size: int | None = 16


class OwnGame(Config):
    fixed = ("loss", "penalty", "penalty_weight")


class Outsider(gantool.TrainConfig):
    nz: int = 4
    batch_size: int | None = 16


CONFIGS = {"began": OwnGame, "vae": Outsider}


@gantool.hookimpl
def register_models(register):
    for name, kind in PROBES.items():
        register(
            gantool.ModelSpec(
                name=f"probe-{name}",
                summary="a test",
                implementation=f"probes:{kind}",
                config=CONFIGS.get(name, Config),
                paper="Nobody 2031",
                formula="D: the probe's; G: [its] own" if name == "began" else "",
            )
        )


class Cubic(gantool.Objective):
    def discriminator(self, real, fake):
        return ((real - 1).abs() ** 3).mean() + (fake.abs() ** 3).mean()

    def generator(self, fake, real=None):
        return ((fake - 1).abs() ** 3).mean()


@gantool.hookimpl
def register_objectives(register):
    register(
        gantool.ObjectiveSpec(
            name="cubic",
            summary="cubes of distances from the labels",
            formula="D: E|r - 1|^3 + E|f|^3; G: E|f - 1|^3",
            paper="Someone 2030",
            make=Cubic,
        )
    )


def size_of_logits(discriminate, batch, *, real_logits, fake_logits, weight):
    return weight * (real_logits.square().mean() + fake_logits.square().mean())


@gantool.hookimpl
def register_penalties(register):
    register(
        gantool.PenaltySpec(
            name="small-logits",
            summary="logits are pulled to 0",
            make=lambda: size_of_logits,
            weight=0.5,
        )
    )
"""


def install_probes(folder: Path) -> dict[str, str]:
    """Lay the plugin into a new folder; the environment in which it is installed.

    Its models are `probe-` and a name of `PROBES`, its objective is `cubic`, its penalty
    `small-logits`.
    """
    folder.mkdir()
    names = {name: kind.__name__ for name, kind in PROBES.items()}
    distribution(folder, "probes", f"PROBES = {names!r}\n{_DESCRIPTION}")
    return {"PYTHONPATH": f"{folder}:{Path(__file__).parent / 'training'}"}
