"""Extractors for color pictures: one whose weights a package carries, two for files of weights."""

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


def make_large(data, *, name, weights, cache, device):
    """The extractor of a name, from a file of weights.

    Raises:
        ConfigError: the file holds others.
    """
    from gantool_photos import large

    return getattr(large, name)(weights, device=device)


@gantool.hookimpl
def register_extractors(register):
    """Register one network, fed at two sizes, and the large ones."""
    for name, side in SIDES.items():
        register(
            gantool.ExtractorSpec(
                name=name,
                summary=f"EfficientNet-Lite0 trained on ImageNet, fed at {side} pixels",
                make=functools.partial(make, name=name, side=side),
                paper="Tan and Le 2019, arXiv:1905.11946",
            )
        )
    for name, summary, paper in (
        ("clip", "CLIP's image tower, from a file", "Radford et al. 2021, arXiv:2103.00020"),
        ("dinov2", "DINOv2, from a file", "Oquab et al. 2023, arXiv:2304.07193"),
    ):
        register(
            gantool.ExtractorSpec(
                name=name,
                summary=summary,
                make=functools.partial(make_large, name=name),
                paper=paper,
                weights="required",
            )
        )
