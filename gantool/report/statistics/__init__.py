"""Statistics of a few repetitions: means, shares, families of contrasts, power, ranks."""

from __future__ import annotations

from gantool.report.statistics.contrasts import Contrast, Sides, contrast, contrasts
from gantool.report.statistics.explained import Explained, explained
from gantool.report.statistics.ranks import agreement, chances_of_first
from gantool.report.statistics.summaries import Share, Summary, share_of, summarise

__all__ = [
    "Contrast",
    "Explained",
    "Share",
    "Sides",
    "Summary",
    "agreement",
    "chances_of_first",
    "contrast",
    "contrasts",
    "explained",
    "share_of",
    "summarise",
]
