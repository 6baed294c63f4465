"""Write the tables of docs/scoreboard.md from the study's runs: `python tools/make_scoreboard.py`.

They are what `gantool compare experiments/studies/scoreboard` prints, with what a run costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scoreboard.md"
BEGIN, END = "<!-- made by tools/make_scoreboard.py -->", "<!-- by hand from here on -->"
_COMPARE = ("compare", "experiments/studies/scoreboard", "--baseline", "dcgan", "--baseline")
_COST = (
    "What a run cost, a mean over its seeds; two runs at a time, of one thread each:",
    "",
    "| variant | seconds of training | parameters | multiply-adds of a sample | samples a second |",
    "|---|---:|---:|---:|---:|",
)


def _compare(*options: str) -> str:
    command = [sys.executable, "-m", "gantool", *_COMPARE, "vanilla", *options]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _cost(variants: list[dict[str, Any]]) -> list[str]:
    keys = ("seconds", "parameters", "multiply_adds", "samples_per_second")
    rows = sorted(variants, key=lambda variant: variant["seconds"])
    return [
        *_COST,
        *(f"| {row['name']} | {' | '.join(_number(row[key]) for key in keys)} |" for row in rows),
        "",
    ]


def tables() -> str:
    """All tables, each data set's under a heading of its own, with the verdict above them."""
    compared = json.loads(_compare("--json"))["data"]
    lines: list[str] = []
    data: str | None = None
    for line in _compare("--markdown").splitlines():
        if line.startswith("## "):
            lines += _cost(compared[data]["variants"]) if data else []
            data = line.removeprefix("## ")
            lines += [line, "", " ".join(compared[data]["verdict"])]
        else:
            lines.append(line)
    if data:
        lines += ["", *_cost(compared[data]["variants"])]
    return "\n".join(lines).strip()


def main() -> None:
    """Put the tables between the two comments of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
