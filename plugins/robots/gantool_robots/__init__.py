"""Data whose truth is known, for gantool.

Robots in colour and cats are composed of drawings, so that scores can say what a generator misses.
"""

from __future__ import annotations

from typing import Any

import gantool

_ROBOTS = "Robots by Zikri Kader, CC-BY 3.0 or 4.0, delivered by Robohash.org"
_CATS = "Cats by David Revoy (peppercarrot.com), CC-BY 4.0, delivered by Robohash.org"


@gantool.hookimpl
def register_datasets(register):
    """Register robots and cats."""
    for name, summary, classes, credit in (
        ("robots", "robots in ten colours, of a million whose factors are known", 10, _ROBOTS),
        ("cats", "cats, of 360,000 whose factors are known", 0, _CATS),
    ):
        register(
            gantool.DatasetSpec(
                name,
                summary,
                source=f"gantool_robots.data:{name.title()}",
                images=50_000,
                image_size=64,
                channels=3,
                classes=classes,
                extractor="robots" if name == "robots" else "",
                credit=credit,
            )
        )


@gantool.hookimpl
def register_extractors(register):
    """Register the network that reads robots."""
    register(
        gantool.ExtractorSpec(
            name="robots",
            summary="a small network that reads a robot's six factors",
            make=_make,
            trained_on=("robots",),
        )
    )


def _make(*arguments: Any, **options: Any) -> Any:
    from gantool_robots.extractor import robots

    return robots(*arguments, **options)


@gantool.hookimpl
def register_metrics(register):
    """Register what only a known truth can tell."""
    for name, measure, better, unit, summary in (
        ("valid", "likeness", "higher", "", "share of samples that are a robot"),
        (
            *("distance-to-truth", "likeness", "lower", ""),
            "mean distance of samples to the robots that they would be",
        ),
        (
            *("factors-kl", "factors_kl", "lower", "nats"),
            "mean divergence of the samples' colors and parts from the data's",
        ),
        (
            *("new-combinations", "combinations", "higher", ""),
            "share of samples that are a robot no training image shows",
        ),
        (
            *("copies", "combinations", "lower", ""),
            "share of samples that are a robot some training image shows",
        ),
        (
            *("unseen-pairs", "unseen_pairs", "higher", ""),
            "share of the eight held-out pairs that valid samples have",
        ),
    ):
        register(
            gantool.MetricSpec(
                name,
                summary,
                better=better,
                measure=f"gantool_robots.metrics:{measure}",
                kept=True,
                real="test",
                unit=unit,
            )
        )
