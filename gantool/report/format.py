"""Numbers, spreads and names as tables, words and pages show them."""

from __future__ import annotations

import math
import re
from typing import Any

from gantool.report.statistics import Summary

# Characters that Unicode hides text with, or turns its direction.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """Text on one line, without characters that no one sees or that turn its direction."""
    return _INVISIBLE.sub(" ", text)


def cut(name: str, longest: int = 19) -> str:
    """A name with its middle left out where it is longer: variants differ at its end."""
    if len(name) <= longest:
        return name
    end = (longest - 1) * 3 // 5
    return f"{name[: longest - 1 - end]}…{name[-end:]}"


def short(value: float | None) -> str:
    """A number with four significant digits, or all before the point from 1,000 on; or a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def whole(value: float | None) -> str:
    """A count, with commas; or a dash."""
    return "-" if value is None else f"{value:,.0f}"


def thousands(value: float | None) -> str:
    """A count in thousands, millions or billions, as 12k, 3.5M or 1.2G; or a dash."""
    if value is None:
        return "-"
    if value >= 1e9:
        return f"{value / 1e9:.1f}G"
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    return f"{value / 1e3:.0f}k" if value >= 1e3 else f"{value:.0f}"


def with_deviation(mean: float, deviation: float) -> str:
    """Both to the second significant digit of the deviation."""
    digits = 1 - math.floor(math.log10(deviation)) if deviation > 0 else 0
    if deviation == 0 or digits > 5:
        return f"{short(mean)} ± {short(deviation)}"
    digits = max(0, digits)
    rounded = round(mean, digits) + 0.0  # + 0.0: no "-0"
    return f"{rounded:,.{digits}f} ± {deviation:,.{digits}f}"


def spread(summary: Summary | None) -> str:
    """Mean ± standard deviation to the deviation's second digit; the mean of one run; or a dash."""
    if summary is None:
        return "-"
    if summary.deviation is None:
        return short(summary.mean)
    return with_deviation(summary.mean, summary.deviation)


def with_origin(summary: Summary) -> str:
    """Mean and spread, and the repetitions that they are of."""
    if summary.deviation is None:
        return f"{spread(summary)} (one run)"
    return f"{spread(summary)} (standard deviation over {summary.n} seeds)"


def text_of(value: Any) -> str:
    """An option's value."""
    return "none" if value is None else str(value)
