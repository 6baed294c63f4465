"""The tables of docs/compare.md on error and power: comparisons of variants whose truth is known.

`python tools/simulate_comparisons.py`, about a quarter of an hour; `--tables 200` is a look.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gantool.report.statistics import Contrast, Summary, contrasts, summarise

_SHIFT = 2.0  # of one variant, in standard deviations, where power is asked for


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares of simulated tables of equal variants, but for one that is better in `power`.

    Attributes:
        false_tables: tables of equal variants with a false claim, corrected.
        uncorrected: the same without correction.
        covered: tables of equal variants whose intervals all hold the true difference.
        power: comparisons of the better variant that say so, corrected.
    """

    false_tables: float
    uncorrected: float
    covered: float
    power: float


def simulate(variants: int, n: int, *, skewed: bool, tables: int, seed: int) -> Outcome:
    """Compare equal variants with n runs each, many times over."""
    rng = np.random.default_rng(seed)
    false, uncorrected, covered, seen = 0, 0, 0, 0
    for _ in range(tables):
        scores = rng.lognormal(size=(variants, n)) if skewed else rng.normal(size=(variants, n))
        found = _all_pairs(scores)
        false += any(one.verdict in ("better", "worse") for one in found)
        covered += all(_holds(one, 0) for one in found)
        alone = _all_pairs(scores, corrected=False)
        uncorrected += any(one.verdict in ("better", "worse") for one in alone)
        scores[0] -= _SHIFT * (_LOGNORMAL if skewed else 1)
        seen += sum(one.verdict == "better" for one in _all_pairs(scores)[: variants - 1])
    return Outcome(
        false / tables, uncorrected / tables, covered / tables, seen / tables / (variants - 1)
    )


@dataclass(frozen=True, slots=True)
class AgainstBaseline:
    """Shares of contrasts with a baseline, tested by differences and by ratios.

    Attributes:
        false: tables of equal variants with a false claim, by the one and by the other.
        power: comparisons that say so where every variant is worse by a factor.
        held: tables of equal variants whose intervals of the ratio all hold 1.
    """

    false: tuple[float, float]
    power: tuple[float, float]
    held: float


def against_baseline(
    n: int,
    *,
    spread: float,
    factor: float,
    skewed: bool,
    tables: int,
    seed: int,
    variants: int = 12,
) -> AgainstBaseline:
    """Compare variants with one of them, n runs each, whose deviation is a share of their mean."""
    rng = np.random.default_rng(seed)
    sigma = float(np.sqrt(np.log1p(spread**2)))
    counts = np.zeros((2, 2))
    held = 0
    for _ in range(tables):
        scores = 1 + spread * rng.normal(size=(variants, n))
        if skewed:
            scores = rng.lognormal(-(sigma**2) / 2, sigma, size=(variants, n))
        scores = np.maximum(scores, 0.01)
        worse = np.concatenate([scores[:1], factor * scores[1:]])
        for ratios in (False, True):
            equal, apart = (_with_first(values, ratios=ratios) for values in (scores, worse))
            counts[0, int(ratios)] += any(one.verdict in ("better", "worse") for one in equal)
            counts[1, int(ratios)] += sum(one.verdict == "worse" for one in apart) / (variants - 1)
        held += all((one.ratio_low or 0) <= 1 <= (one.ratio_high or np.inf) for one in equal)
    false, power = (tuple(row) for row in (counts / tables).tolist())
    return AgainstBaseline(false, power, held / tables)


_LOGNORMAL = float(np.sqrt((np.e - 1) * np.e))  # standard deviation


def coverage(n: int, *, rounds: int, seed: int) -> float:
    """The share of intervals of the mean of n normal scores that hold the true mean."""
    values = np.random.default_rng(seed).normal(size=(rounds, n))
    found = [summarise(row.tolist()) for row in values]
    return sum(one is not None and _holds(one, 0) for one in found) / rounds


def coverage_of_wins(n: int, *, effect: float, rounds: int, seed: int) -> float:
    """The share of intervals of P(A better than B) that hold it, on normal scores."""
    from scipy import stats

    true = float(stats.norm.cdf(effect / np.sqrt(2)))
    rng = np.random.default_rng(seed)
    inside = 0
    for _ in range(rounds):
        (found,) = _all_pairs(rng.normal([[0.0], [effect]], size=(2, n)))
        if found.wins_low is not None and found.wins_high is not None:
            inside += found.wins_low <= true <= found.wins_high
    return inside / rounds


def _holds(found: Contrast | Summary, value: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= value <= found.high


def _all_pairs(scores: npt.NDArray[np.float64], corrected: bool = True) -> list[Contrast]:
    sides = [dict(enumerate(row.tolist())) for row in scores]
    pairs = [(a, b) for i, a in enumerate(sides) for b in sides[i + 1 :]]
    found = contrasts(pairs, better="lower", corrected=corrected)
    return [one for one in found if one is not None]


def _with_first(scores: npt.NDArray[np.float64], *, ratios: bool) -> list[Contrast]:
    first, *others = (dict(enumerate(row.tolist())) for row in scores)
    found = contrasts([(one, first) for one in others], better="lower", ratios=ratios)
    return [one for one in found if one is not None]


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=2000)
    tables = parser.parse_args().tables
    print("| variants | n | scores | false claims | uncorrected | intervals hold | power |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    for variants in (2, 6, 12):
        for n in (3, 5, 10):
            for skewed in (False, True):
                found = simulate(variants, n, skewed=skewed, tables=tables, seed=variants * n)
                kind = "lognormal" if skewed else "normal"
                shares = (found.false_tables, found.uncorrected, found.covered, found.power)
                cells = " | ".join(f"{share:.1%}" for share in shares)
                print(f"| {variants} | {n} | {kind} | {cells} |", flush=True)
    print()
    print("| n | intervals of a mean | of P(A better than B) = 0.5 | of 0.76 |")
    print("|---:|---:|---:|---:|")
    for n in (3, 5, 9, 10, 20):
        mean = coverage(n, rounds=10 * tables, seed=n)
        wins = [coverage_of_wins(n, effect=e, rounds=tables, seed=n) for e in (0.0, 1.0)]
        print(f"| {n} | {mean:.1%} | {wins[0]:.1%} | {wins[1]:.1%} |", flush=True)
    print()
    print("| n | spread | scores | false claims | by ratios | factor | power | by ratios |")
    print("|---:|---:|---|---:|---:|---:|---:|---:|")
    for n, spread, factor in ((3, 0.1, 2), (3, 0.1, 5), (3, 0.3, 5), (3, 0.3, 10), (5, 0.3, 2)):
        for skewed in (False, True):
            kind = "lognormal" if skewed else "normal"
            result = against_baseline(
                n, spread=spread, factor=factor, skewed=skewed, tables=tables, seed=n
            )
            false, power = ([f"{x:.1%}" for x in pair] for pair in (result.false, result.power))
            row = [str(n), f"{spread:.0%}", kind, *false, str(factor), *power]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
