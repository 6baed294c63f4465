"""Time to quality: seconds of training until a score is as good as asked for.

`python -m benchmarks.speedrun` takes dcgan with its presets on mnist5k until a Fréchet distance;
others by name, a preset after a colon, as `r3gan` or `vanilla:paper`, and `--score valid` another
score. The clock runs while steps are taken, and stands still while samples are drawn and scored.
On a machine that does other things too, `--clock processor --option threads=1` counts the seconds
that the one thread computed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantool.display import Display, PlainDisplay
from gantool.evaluation.evaluate import ScoringSettings, evaluate
from gantool.plugins.registry import Registry, load_registry
from gantool.runs.folder import RunFolder
from gantool.training.setup import Request, Setup, set_up

_BETWEEN = 0.1  # of the seconds so far pass before samples are scored again
_SHORTEST = 2.0  # but no fewer seconds than these

Clock = Callable[[], float]
_CLOCKS: Mapping[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}


@dataclass(frozen=True)
class Goal:
    """The score to reach, and how much of it.

    Attributes:
        score: its name.
        targets: values of it.
        better: min where less is better, else max.
    """

    score: str
    targets: Sequence[float]
    better: Callable[[float, float], float]

    @property
    def worst(self) -> float:
        """A value that every other is better than."""
        return float("inf") if self.better is min else float("-inf")


@dataclass(frozen=True)
class Reached:
    """A target, met.

    Attributes:
        seconds: of training until then.
        steps: likewise.
    """

    seconds: float
    steps: int


@dataclass(frozen=True)
class Attempt:
    """One training.

    Attributes:
        variant: the model, with its preset.
        seed: of the run.
        reached: when each target was; None if it was not.
        best: the best score.
        seconds: of training in all.
        steps: taken in them.
    """

    variant: str
    seed: int
    reached: Mapping[float, Reached | None]
    best: float
    seconds: float
    steps: int


def attempt(
    variant: str,
    seed: int,
    *,
    registry: Registry,
    goal: Goal,
    most: float,
    clock: Clock,
    options: Mapping[str, Any],
) -> Attempt:
    """Train a variant until it has reached all targets, its budget is spent or the time is over.

    Args:
        variant: a model's name, with `:PRESET` or without.
        seed: of the run.
        registry: the models there are.
        goal: the score and its targets.
        most: seconds of training.
        clock: that they are read from.
        options: of the run; a preset that sets a length keeps it.
    """
    model, _, preset = variant.partition(":")
    spec = registry.model(model)
    given = dict(options)
    if preset and {"epochs", "steps"} & set(spec.presets.get(preset, {})):
        given.pop("epochs", None)
    resolved = registry.resolve(
        spec, preset=preset or None, environment={}, flags={**given, "seed": seed}
    )
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            model=model, resolved=resolved, preset=preset or None, experiments_dir=Path(folder)
        )
        setup = set_up(request, registry, PlainDisplay())
        setup.folder.path.mkdir()
        return _race(setup, variant, goal=goal, most=most, clock=clock)


def _race(setup: Setup, variant: str, *, goal: Goal, most: float, clock: Clock) -> Attempt:
    trainer = setup.trainer
    reached: dict[float, Reached | None] = dict.fromkeys(goal.targets)
    best, seconds, due = goal.worst, 0.0, _SHORTEST
    while trainer.steps < trainer.total_steps and seconds < most and None in reached.values():
        began = clock()
        while trainer.steps < trainer.total_steps and clock() - began < due - seconds:
            trainer.step()
        seconds += clock() - began
        due = seconds + max(_SHORTEST, _BETWEEN * seconds)
        score = _score(setup, goal)
        best = goal.better(best, score)
        for target, before in reached.items():
            if before is None and goal.better(score, target) == score:
                reached[target] = Reached(seconds, trainer.steps)
    return Attempt(variant, trainer.config.seed, reached, best, seconds, trainer.steps)


def _score(setup: Setup, goal: Goal) -> float:
    with setup.trainer.averaged() as model:
        (score,) = evaluate(
            model,
            setup.data,
            folder=RunFolder(setup.folder.path),
            registry=setup.registry,
            settings=ScoringSettings(
                metrics=(goal.score,),
                samples=setup.trainer.config.evaluation_samples,
                data_dir=setup.trainer.config.data_dir,
            ),
            step=setup.trainer.steps,
            averaged=bool(setup.trainer.averages),
            display=Display(),
        )
    return goal.worst if score.value is None else score.value


def in_words(attempts: Sequence[Attempt]) -> str:
    """A line for a variant: its medians over the seeds."""
    first = attempts[0]
    parts = []
    for target in first.reached:
        times = [attempt.reached[target] for attempt in attempts]
        known = sorted(t.seconds if t is not None else float("inf") for t in times)
        median = statistics.median_high(known)
        text = "not reached" if median == float("inf") else f"{median:6.1f} s"
        spread = ", ".join("-" if t is None else f"{t.seconds:.1f}: {t.steps}" for t in times)
        parts.append(f"{target:g}: {text:11} ({spread})")
    best = statistics.median(attempt.best for attempt in attempts)
    speed = statistics.median(attempt.steps / attempt.seconds for attempt in attempts)
    return f"{first.variant:20} {'  '.join(parts)}  best {best:.4g}  {speed:.0f} steps/s"


def main() -> None:
    """Print a line for each variant."""
    registry = load_registry()
    dcgan = ["dcgan", *(f"dcgan:{preset}" for preset in registry.model("dcgan").presets)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speedrun", description=__doc__)
    parser.add_argument("variants", nargs="*", metavar="MODEL[:PRESET]", help=f"unset: {dcgan}")
    parser.add_argument("--data", default="mnist5k")
    parser.add_argument("--score", default="frechet-distance")
    parser.add_argument("--until", default="3,1.3", help="values of it, with commas between")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=40, help="where no preset sets a length")
    parser.add_argument("--most", type=float, default=180, help="seconds of training")
    parser.add_argument("--clock", choices=sorted(_CLOCKS), default="wall")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    options: dict[str, Any] = {"data": given.data, "epochs": given.epochs}
    options |= {key.replace("-", "_"): value for key, _, value in map(_halves, given.option)}
    better = min if registry.metrics[given.score].better == "lower" else max
    goal = Goal(given.score, [float(target) for target in given.until.split(",")], better)
    found = []
    for variant in given.variants or dcgan:
        attempts = [
            attempt(
                variant,
                seed,
                registry=registry,
                goal=goal,
                most=given.most,
                clock=_CLOCKS[given.clock],
                options=options,
            )
            for seed in map(int, given.seeds.split(","))
        ]
        found += attempts
        if not given.json:
            print(in_words(attempts), flush=True)
    if given.json:
        print(json.dumps([asdict(each) for each in found], indent=2))


def _halves(text: str) -> tuple[str, str, str]:
    return text.partition("=")


if __name__ == "__main__":
    main()
