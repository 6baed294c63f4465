"""Scores as people read them: each beside what real data and noise reach."""

from __future__ import annotations

from collections.abc import Sequence

from gantool.cli.output import print_table
from gantool.report.format import short
from gantool.runs.records import ARROWS, Score


def print_scores(scores: Sequence[Score]) -> None:
    """Print a table on stdout, and below it what a reader should know."""
    computed = [score for score in scores if score.value is not None]
    if computed:
        print_table(
            ("score", "value", f"real {_kind(computed[0])}", "noise", "measured on"),
            (
                (
                    f"{score.metric} {ARROWS[score.better]}",
                    with_error(score),
                    short(score.real),
                    short(score.noise),
                    protocol(score),
                )
                for score in computed
            ),
        )
    for text in dict.fromkeys(score.warning for score in computed if score.warning):
        names = ", ".join(score.metric for score in computed if score.warning == text)
        print(f"{names}: {text}")
    for text in dict.fromkeys(score.reason for score in scores if score.value is None):
        names = ", ".join(
            score.metric for score in scores if score.value is None and score.reason == text
        )
        print(f"{names}: not computed: {text}")


def with_error(score: Score) -> str:
    """The value, its standard error and its unit."""
    error = "" if score.error is None else f" ± {score.error:.2g}"
    return f"{short(score.value)}{error}{' ' + score.unit if score.unit else ''}"


def protocol(score: Score) -> str:
    """The measuring of a score, in a few words."""
    made = score.protocol
    parts = [str(made[key]) for key in ("extractor",) if key in made]
    if "n_fake" in made:
        parts.append(f"{made['n_fake']:,} samples")
    if "n_real" in made:
        parts.append(f"{made['n_real']:,} {made.get('split', '')} {_kind(score)}")
    if "steps" in made:
        parts.append(f"{made['steps']} of the steps")
    return ", ".join(parts)


def _kind(score: Score) -> str:
    return str(score.protocol.get("kind", "images"))
