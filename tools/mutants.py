"""Wrong implementations, and the instrument that finds each: the table of docs/reliability.md.

`python tools/mutants.py [NAME...]`, about half an hour. Each mutant is a copy of the package with
one change; the instruments named beside it are run against it. That they find nothing in the
package as it is, is what the test suite shows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_TRAINER = "tests/training/test_trainer.py"
_GAMES = "tests/gan/test_objectives.py"
_SCORES = "tests/evaluation/test_metrics.py"
_STATISTICS = "tests/report/test_statistics.py"
_COMPARE = "tests/report/test_compare.py"
_BATCHES = "tests/data/test_batches.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        name: the fault, in words.
        file: that it is in.
        before: the text there, once.
        after: the text in its place.
        tests: files of tests that may find it.
        check: the model that `gantool check` may find it in, or "".
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...] = ()
    check: str = ""


MUTANTS = (
    # The loop
    Mutant(
        "gradients of the step before are kept",
        "gantool/training/trainer.py",
        "        self.optimizers[player].zero_grad(set_to_none=True)\n",
        "",
        (_TRAINER,),
        "vanilla",
    ),
    Mutant(
        "D's turn moves G too: fakes keep their graph",
        "gantool/training/trainer.py",
        "losses.total.backward(inputs=parameters, retain_graph=retain_graph)",
        "losses.total.backward(retain_graph=True)",
        (_TRAINER,),
        "vanilla",
    ),
    Mutant(
        "G's fakes are cut off: no gradient reaches it",
        "gantool/training/moves.py",
        "if user != i and batch.fake is not None:",
        "if batch.fake is not None:",
        (_TRAINER,),
        "vanilla",
    ),
    Mutant(
        "averaged weights are never updated",
        "gantool/training/trainer.py",
        "            average.update_parameters(getattr(self.model, name))\n",
        "            pass\n",
        (_TRAINER,),
    ),
    Mutant(
        "samples are drawn from the trained weights, not the averaged ones",
        "gantool/training/trainer.py",
        "setattr(self.model, name, average.module)",
        "setattr(self.model, name, trained[name])",
        (_TRAINER,),
    ),
    Mutant(
        "the ramp of the averages does not wait",
        "gantool/gan/schedules.py",
        "if steps else 0.0",
        "if steps else decay",
        (_TRAINER,),
    ),
    Mutant(
        "latents are drawn once and used again",
        "gantool/training/draws.py",
        "        z = world.part(model.sample_latent(n, self.rng))\n",
        "        z = world.part(model.sample_latent(n, torch.Generator().manual_seed(0)))\n",
        (_TRAINER,),
    ),
    Mutant(
        "extragradient does not go back before it moves",
        "gantool/training/moves.py",
        "    before_moving()\n",
        "",
        ("tests/training/test_probes.py", _TRAINER),
    ),
    Mutant(
        "simultaneous gradients are taken one after the other",
        "gantool/training/moves.py",
        "    return played + _together(loop, at_one_point, drawn)",
        "    return played + alternating(loop, at_one_point, drawn)",
        (_TRAINER, "tests/training/test_probes.py"),
    ),
    Mutant(
        "resuming forgets the place in the data",
        "gantool/training/trainer.py",
        '        self.batches.drawn = state["batches"]\n',
        "",
        (_TRAINER,),
    ),
    Mutant(
        "resuming forgets the latents' random numbers",
        "gantool/training/trainer.py",
        '        self.draws.rng.set_state(state["latents"])\n',
        "",
        (_TRAINER,),
    ),
    # The games
    Mutant(
        "the sign of the generator's loss",
        "gantool/gan/objectives.py",
        "        return _softplus(-fake).mean()\n",
        "        return _softplus(fake).mean()\n",
        (_GAMES,),
        "vanilla",
    ),
    Mutant(
        "D's loss without its real half",
        "gantool/gan/objectives.py",
        "        return _softplus(-real).mean() + _softplus(fake).mean()\n",
        "        return _softplus(fake).mean()\n",
        (_GAMES,),
        "vanilla",
    ),
    Mutant(
        "least squares without the half",
        "gantool/gan/objectives.py",
        "        return 0.5 * (fake - 1).square().mean()\n",
        "        return (fake - 1).square().mean()\n",
        (_GAMES,),
    ),
    Mutant(
        "R1 without the half",
        "gantool/gan/penalties.py",
        "    return 0.5 * weight * squared_gradient(logits, images).mean()\n",
        "    return weight * squared_gradient(logits, images).mean()\n",
        (_GAMES,),
    ),
    Mutant(
        "the gradient penalty pulls the squared slope",
        "gantool/gan/penalties.py",
        "    norm = (squared_gradient(discriminate(images), images) + 1e-12).sqrt()\n",
        "    norm = squared_gradient(discriminate(images), images) + 1e-12\n",
        (_GAMES,),
    ),
    Mutant(
        "one mixing share for the whole batch in the gradient penalty",
        "gantool/gan/penalties.py",
        "    shape = (len(real) // pack, *(1 for _ in real.shape[1:]))\n",
        "    shape = (1, *(1 for _ in real.shape[1:]))\n",
        (_GAMES,),
    ),
    Mutant(
        "clipping forgets the lower bound",
        "gantool/gan/base.py",
        "parameter.clamp_(-self.config.clip, self.config.clip)",
        "parameter.clamp_(max=self.config.clip)",
        (_TRAINER,),
    ),
    # Models and data
    Mutant(
        "labels of real images are shuffled",
        "gantool/data/batches.py",
        "torch.from_numpy(split.labels[chosen])",
        "torch.from_numpy(split.labels[chosen[::-1]].copy())",
        (_BATCHES, _TRAINER),
    ),
    Mutant(
        "half of the data is never seen",
        "gantool/data/batches.py",
        "        self.per_epoch = len(self._order(0).numbers) // batch_size\n",
        "        self.per_epoch = len(self._order(0).numbers) // batch_size // 2\n",
        (_BATCHES,),
    ),
    Mutant(
        "the seed does not change the order of the data",
        "gantool/data/order.py",
        "rng = np.random.default_rng([seed, epoch])",
        "rng = np.random.default_rng([0, epoch])",
        (_BATCHES, "tests/data/test_order.py"),
    ),
    Mutant(
        "every epoch has the same order",
        "gantool/data/order.py",
        "rng = np.random.default_rng([seed, epoch])",
        "rng = np.random.default_rng([seed, 0])",
        (_BATCHES, "tests/data/test_order.py"),
    ),
    Mutant(
        "images mirrored though it was not asked for",
        "gantool/data/batches.py",
        "        if self.flip:\n",
        "        if True:\n",
        (_BATCHES, _TRAINER),
    ),
    # The scores
    Mutant(
        "the Fréchet distance without its means",
        "gantool/evaluation/metrics/distances.py",
        "metric_fid.fid_features_to_statistics(features.double()) for",
        "metric_fid.fid_features_to_statistics((features - features.mean(0)).double()) for",
        (_SCORES,),
    ),
    Mutant(
        "the kernel distance is biased: images are compared with themselves",
        "gantool/evaluation/metrics/distances.py",
        "        _kernel_sums(side, side, rows, rows) - _kernels_with_itself(side)[rows].sum(1)\n",
        "        _kernel_sums(side, side, rows, rows)\n",
        (_SCORES,),
    ),
    Mutant(
        "precision and recall are exchanged",
        "gantool/evaluation/metrics/distances.py",
        "        precision=int(precise.sum()) / len(fake),\n        recall=recalled / len(real),\n",
        "        recall=int(precise.sum()) / len(fake),\n        precision=recalled / len(real),\n",
        (_SCORES,),
    ),
    Mutant(
        "samples are measured against training images",
        "gantool/evaluation/metric.py",
        '        split = self.judge if split == "test" else split\n',
        '        split = "train" if split == "test" else split\n',
        (_SCORES,),
    ),
    Mutant(
        "Parzen's sigma is chosen on the test images",
        "gantool/evaluation/metrics/parzen.py",
        "log_likelihood(validation.flat(), centers, sigmas=SIGMAS)",
        "log_likelihood(test.flat(), centers, sigmas=SIGMAS)",
        (_SCORES,),
    ),
    Mutant(
        "memorised looks at a part of the training images",
        "gantool/evaluation/metrics/memorization.py",
        "    for start in range(0, len(train), _TRAIN_CHUNK):\n",
        "    for start in range(0, len(train) // 2, _TRAIN_CHUNK):\n",
        (_SCORES,),
    ),
    Mutant(
        "networks are scored in training mode",
        "gantool/sampling/generate.py",
        "    gan.eval()\n",
        "    gan.train()\n",
        ("tests/gan/test_augmentations.py", "tests/end_to_end/test_run.py"),
    ),
    Mutant(
        "values of samples are taken for [0, 1]",
        "gantool/sampling/generate.py",
        "images.float().add(1).mul(127.5)",
        "images.float().mul(255)",
        ("tests/sampling/test_pictures.py", "tests/end_to_end/test_run.py"),
    ),
    # The statistics
    Mutant(
        "the deviation divides by n",
        "gantool/report/statistics/summaries.py",
        "np.std(finite, ddof=1)",
        "np.std(finite)",
        (_STATISTICS,),
    ),
    Mutant(
        "the interval of a mean forgets the root of n",
        "gantool/report/statistics/summaries.py",
        "    reach = quantile(n - 1) * deviation / math.sqrt(n)\n",
        "    reach = quantile(n - 1) * deviation\n",
        (_STATISTICS,),
    ),
    Mutant(
        "Welch's degrees of freedom are those of equal variances",
        "gantool/report/statistics/summaries.py",
        "    return 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))\n",
        "    return n + m - 2\n",
        (_STATISTICS,),
    ),
    Mutant(
        "contrasts are not corrected for their number",
        "gantool/report/statistics/contrasts.py",
        "        least = max(least, min(1.0, (family - rank) * ps[i]))\n",
        "        least = max(least, min(1.0, ps[i]))\n",
        (_STATISTICS,),
    ),
    Mutant(
        "better and worse are exchanged",
        "gantool/report/statistics/contrasts.py",
        '    return "better" if (difference < 0) == (better == "lower") else "worse"\n',
        '    return "worse" if (difference < 0) == (better == "lower") else "better"\n',
        (_STATISTICS,),
    ),
    Mutant(
        "runs of one configuration and seed count twice",
        "gantool/report/compare.py",
        '        chosen.setdefault(run.record.config.get("seed"), run)\n',
        "        chosen.setdefault(run.record.name, run)\n",
        (_COMPARE,),
    ),
    Mutant(
        "scores of different protocols stand in one column",
        "gantool/report/compare.py",
        "    return json.dumps([metric, _unusual(protocol)], sort_keys=True, default=str)\n",
        "    return json.dumps([metric], sort_keys=True, default=str)\n",
        (_COMPARE,),
    ),
)


def main() -> None:
    """Print the table in Markdown; exit 1 where a mutant was not found, or the package was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="Words of the mutants to try; all unless given.")
    wanted = parser.parse_args().names
    chosen = [m for m in MUTANTS if not wanted or any(word in m.name for word in wanted)]
    for mutant in chosen:  # before the first minute is spent
        text = (_ROOT / mutant.file).read_text(encoding="utf-8")
        if mutant.before not in text:
            raise SystemExit(f"{mutant.name}: {mutant.file} has no such text any more")
    print("| fault | in | found by |\n|---|---|---|")
    missed = 0
    for mutant in chosen:
        found = _found_by(mutant)
        missed += not found
        print(
            f"| {mutant.name} | `{mutant.file}` | {'; '.join(found) or '**nothing**'} |", flush=True
        )
    raise SystemExit(1 if missed else 0)


def _found_by(mutant: Mutant) -> list[str]:
    """The instruments that find a mutant, each in a few words."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "gantool"
        shutil.copytree(_ROOT / "gantool", copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = Path(place) / mutant.file
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(mutant.before, mutant.after, 1), encoding="utf-8")
        found = []
        for tests in mutant.tests:
            done = _run(place, "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests)
            if name := _first_failure(done.stdout):
                found.append(f"`{name}`")
                break
        if mutant.check:
            done = _run(place, "gantool", "check", mutant.check)
            if done.returncode:
                found.append(f"`gantool check {mutant.check}`")
    return found


def _run(place: str, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-P", "-m", program, *words],
        cwd=_ROOT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )


def _first_failure(output: str) -> str:
    """The test that failed first, as pytest's summary names it."""
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split()[1].split("[")[0].rpartition("/")[2]
    return ""


if __name__ == "__main__":
    main()
