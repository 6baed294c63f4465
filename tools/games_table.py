"""The table of docs/games.md: the distance that each game of a study ends at.

`gantool study experiments/studies/games.toml --experiments-dir experiments/studies` makes the runs.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from pathlib import Path

from gantool.report.load import RunData, read_runs

_SCORE = "frechet-distance"
_TOO_FAR = 10  # times the default's distance: shown in bold


def main() -> None:
    """Print the table, a column for each objective, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=Path("experiments/studies/games"))
    given = parser.parse_args()
    found: dict[tuple[str, str, bool], list[float]] = defaultdict(list)
    for run in read_runs([given.runs]).runs:
        config = run.record.config
        game = (config["loss"], config["penalty"], config["spectral_norm"])
        if run.status == "finished":
            found[game].append(_distance(run))
    cells = {game: statistics.median(values) for game, values in found.items()}
    usual = cells["non-saturating", "none", False]
    losses = sorted({loss for loss, _, _ in cells})
    rows = sorted({(penalty, norm) for _, penalty, norm in cells})
    print("| penalty | spectral norm |", " | ".join(f"`{loss}`" for loss in losses), "|")
    print("|---|---|" + "---|" * len(losses))
    for penalty, norm in rows:
        values = [cells.get((loss, penalty, norm)) for loss in losses]
        texts = ["-" if value is None else _text(value, usual) for value in values]
        print(f"| {penalty} | {'yes' if norm else 'no'} |", " | ".join(texts), "|")


def _distance(run: RunData) -> float:
    (score,) = (score for score in run.scores if score.metric == _SCORE)
    assert score.value is not None
    return score.value


def _text(value: float, usual: float) -> str:
    text = f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return f"**{text}**" if value > _TOO_FAR * usual else text


if __name__ == "__main__":
    main()
