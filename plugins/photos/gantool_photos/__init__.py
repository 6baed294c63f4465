"""Extractors for color pictures: an ImageNet network whose weights a package carries."""

from __future__ import annotations

import functools

import gantool

SIDES = {"photos": 64, "photos-128": 128}  # pixels that images are resized to


def make(data, *, side, name, weights, cache, device):
    """The extractor of a name, fed at `side` pixels.

    Raises:
        GantoolError: the weights are not those that the package has.
    """
    from gantool_photos.extractor import photos

    return photos(name, side=side, device=device)


@gantool.hookimpl
def register_extractors(register):
    """Register one network, fed at two sizes."""
    for name, side in SIDES.items():
        register(
            gantool.ExtractorSpec(
                name=name,
                summary=f"EfficientNet-Lite0 trained on ImageNet, fed at {side} pixels",
                make=functools.partial(make, name=name, side=side),
                paper="Tan and Le 2019, arXiv:1905.11946",
            )
        )
