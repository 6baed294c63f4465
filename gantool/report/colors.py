"""Okabe and Ito's colours, which people with any colour vision can tell apart."""

from __future__ import annotations

from gantool.report.result import ComparisonResult

BLUE, ORANGE, GREEN, GRAY = "#0072b2", "#d55e00", "#009e73", "#7a7a7a"
FURTHER = (GREEN, "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1")
ALL = (BLUE, ORANGE, *FURTHER, GRAY)


def colors_of(result: ComparisonResult) -> dict[str, str]:
    """The colour of each variant: by its name, so that no sorting changes it."""
    names = sorted(variant.name for variant in result.variants)
    return {name: ALL[i % len(ALL)] for i, name in enumerate(names)}
