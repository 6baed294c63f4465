"""Pack a finished run as a pretrained generator: `python tools/package.py NAME RUN`.

It writes gantool_pretrained/runs/NAME: weights in half precision, records without paths and names
of hosts, a few sample grids, scores measured anew on these very weights, and the model card
README.md. The best generator is taken where the run kept one (`--keep-best`). All cards are then
written, and put into docs/pretrained.md; without arguments nothing else is done.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gantool_pretrained import GENERATORS, RUNS, About

from gantool.display import make_display
from gantool.evaluation.evaluate import evaluate_run
from gantool.plugins.registry import load_registry
from gantool.report.format import short
from gantool.runs import checkpoints
from gantool.runs.files import as_line, read_json_lines, write_bytes, write_json
from gantool.runs.folder import RunFolder, thinned
from gantool.runs.records import ARROWS, RunRecord
from gantool.runs.sharing.neutral import Neutral
from gantool.sampling.pictures import png
from gantool.sampling.sampler import Sampler
from gantool.study.file import read
from gantool.study.job import expand

ROOT = Path(__file__).parents[3]
STUDIES = Path(__file__).parents[1] / "studies"
PAGE = ROOT / "docs" / "pretrained.md"
MOST = 12_000_000  # bytes of weights, all together
_GRIDS = 6
_CARDS = "<!-- the cards, made by plugins/pretrained/tools/package.py -->\n"


def package(name: str, run: Path, *, samples: int, device: str, note: str) -> None:
    """Pack a run under a name of `GENERATORS`; the note goes to what the card says of training."""
    with tempfile.TemporaryDirectory() as aside:
        folder = RunFolder(Path(aside) / name)
        folder.samples.mkdir(parents=True)
        _copy(RunFolder.open(run), folder, name=name, note=note)
        with make_display() as display:
            evaluate_run(
                folder.path, load_registry(), display=display, device=device, samples=samples
            )
        _strip(folder)
        shutil.rmtree(RUNS / name, ignore_errors=True)
        folder.copied_to(RUNS / name)
    total = sum(file.stat().st_size for file in RUNS.glob("*/*.safetensors"))
    print(f"{RUNS / name}; all weights: {total / 1e6:.2f} MB of {MOST / 1e6:.0f}")
    if total > MOST:
        raise SystemExit("more weights than a package should bring: train narrower generators")


def _copy(run: RunFolder, folder: RunFolder, *, name: str, note: str) -> None:
    """Weights, record and sample grids."""
    at: Any = "best" if run.best_file.is_file() else None
    sampler = Sampler.open(run, load_registry(), at=at)
    model, step = sampler.model, sampler.trained.step
    if tuple(model.keeps) != ("generator",):
        raise SystemExit(f"{name}: it draws with more networks than the generator")
    _halve(model.generator)
    about = {
        "model": sampler.record.model,
        "step": step,
        "averaged": sampler.trained.averaged,
        "latent": model.latent.describe(),
    }
    write_bytes(folder.generator_file, checkpoints.weights_to_bytes(model.generator, about))
    record = _record(run, sampler.record, name=name, step=step)
    record["card"] = {"made_by": _made_by(sampler.record, name), "note": note}
    write_json(folder.record_file, record)
    grids = {at: file for at, file in run.sample_grids().items() if at < step}
    for at in thinned(list(grids), _GRIDS - 1):
        shutil.copyfile(grids[at], folder.sample_grid(at))
    shutil.copyfile(run.real_file, folder.real_file)
    packed = Sampler.open(folder, load_registry())
    grid = packed.sample_grid
    picture = packed.picture(grid.latents, grid.labels, columns=grid.columns)
    write_bytes(folder.sample_grid(step), png(picture))
    shown = {key: value for key, value in grid.describe().items() if key != "latents"}
    write_json(folder.sheet_file, {**shown, **packed.view.describe()})


def _halve(network: Any) -> None:
    """Weights in half precision; statistics, gains and biases stay as they are."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.half()
            if not parameter.isfinite().all():
                raise SystemExit("a weight is too large for half precision")


def _record(run: RunFolder, record: RunRecord, *, name: str, step: int) -> dict[str, Any]:
    """The record at a step, without what tells of a machine or a person."""
    then = next(
        (line for line in read_json_lines(run.metrics_file) if line.get("step") == step), {}
    )
    reached = {
        "images": then.get("images", record.images),
        "seconds": then.get("seconds", record.seconds),
        "epochs": then.get("epoch", record.epochs),
    }
    made = record.model_copy(
        update={
            **reached,
            "name": f"pretrained-{name}",
            "status": "finished",
            "argv": [],
            "steps": step,
            "total_steps": step,
            "drawing": None,
        }
    )
    return Neutral().record(made.model_dump(mode="json"), "run.json")


def _strip(folder: RunFolder) -> None:
    """Take out what scoring left but the scores themselves."""
    neutral = Neutral()
    lines = [
        as_line(neutral.document(line, "scores.jsonl"))
        for line in read_json_lines(folder.scores_file)
        if line.get("value") is not None
    ]
    write_bytes(folder.scores_file, "".join(lines).encode())
    shutil.rmtree(folder.pictures, ignore_errors=True)
    kept = {folder.record_file, folder.scores_file, folder.generator_file, folder.real_file}
    for file in folder.path.iterdir():
        if file.is_file() and file not in {*kept, folder.sheet_file}:
            file.unlink()


def _made_by(record: RunRecord, name: str) -> str:
    """The study that has a run's options, or the command that made it."""
    for study in STUDIES.rglob(f"{name}.toml"):
        (job,) = expand(read(study), load_registry())
        wanted = {**job.options, "data": job.data, "seed": job.seed}
        made = {key: record.config.get(key) for key in wanted}
        same = (made, record.model, record.preset) == (wanted, job.model, job.preset)
        if same and record.total_steps == job.steps:
            return f"`gantool study {study.relative_to(ROOT).as_posix()}`"
    preset = f" --preset {record.preset}" if record.preset else ""
    given = [
        f" --{key.replace('_', '-')} {record.config[key]}"
        for key, source in record.sources.items()
        if source == "command line"
        and key not in record.incidental
        and record.config[key] is not None
    ]
    return f"`gantool run {record.model}{preset}{''.join(given)}`"


def _card(folder: RunFolder, about: About, name: str) -> str:
    """The model card, in Markdown."""
    record = folder.read()
    data, options = record.data, record.config
    shown = [
        score for score in folder.scores() if score.noise is not None or score.real is not None
    ]
    rows = [
        f"| {score.metric} {ARROWS[score.better]} | {short(score.value)} | {short(score.real)} |"
        for score in shown
    ]
    drawn = {score.protocol.get("n_fake") for score in shown} - {None}
    size = folder.generator_file.stat().st_size
    picture = folder.sample_grid(record.steps).relative_to(folder.path)
    parameters = record.networks.get("generator", 0)
    device = record.environment.get("device_name") or record.environment.get("device", "a machine")
    own = (record.model_extra or {})["card"]
    if own["note"]:
        device += f" ({own['note']})"
    lines = [
        f"# {name}: {about.summary}",
        "",
        f"![samples of {name}]({picture.as_posix()})",
        "",
        f"| | |\n|---|---|\n| use | `gantool explore pretrained:{name}` |",
        f"| model | `{record.model}`, {parameters:,} parameters, {size / 1e6:.2f} MB |",
        f"| trained on | {data['splits']['train']:,} {record.noun} of `{data['name']}`, "
        f"{data['image_size']} x {data['image_size']} x {data['channels']} |",
        f"| training | {record.steps:,} steps of {options['batch_size']}, {record.images:,} "
        f"{record.noun} seen, {record.seconds:,.0f} s on {device}; seed {options['seed']} |",
        f"| to make it again | {own['made_by']} |",
        f"| license | {about.license} |",
        f"| bad at | {about.weakness} |",
        "",
        f"Scores of {max(drawn, default=0):,} samples of these weights, against the test split; "
        "beside each what real training images reach.",
        "",
        "| score | samples | real |",
        "|---|---:|---:|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def write_cards() -> None:
    """Write all cards, and put them and their pictures into docs/pretrained.md."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(_CARDS)
    parts = [head + _CARDS]
    pictures = ROOT / "docs" / "images" / "pretrained"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    for name in GENERATORS:
        folder = RunFolder(RUNS / name)
        if not folder.record_file.is_file():
            continue
        source = folder.sample_grid(folder.read().steps)
        shutil.copyfile(source, pictures / f"{name}.png")
        card = _card(folder, GENERATORS[name], name)
        (folder.path / "README.md").write_text(card, encoding="utf-8")
        inside = f"({source.relative_to(folder.path).as_posix()})"
        parts.append(f"#{card}".replace(inside, f"(images/pretrained/{name}.png)"))
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=GENERATORS, help="of the generator")
    parser.add_argument("run", nargs="?", type=Path, help="folder of the finished run")
    parser.add_argument("--samples", type=int, default=10_000, help="that are scored")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--note", default="", help="on the training, for the card")
    given = parser.parse_args()
    if given.name:
        package(
            given.name,
            given.run,
            samples=given.samples,
            device=given.device,
            note=given.note,
        )
    write_cards()
