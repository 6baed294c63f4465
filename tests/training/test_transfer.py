"""Beginning with the weights of a trained run, `--from`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops
from safetensors import safe_open
from safetensors.torch import save_file
from support import Cli

import gantool
from gantool.display import Display
from gantool.errors import ConfigError, GantoolError
from gantool.gan.shapes import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.plugins.registry import load_registry
from gantool.report.compare import compare
from gantool.report.load import configuration, read_run
from gantool.runs import checkpoints
from gantool.runs.folder import RunFolder
from gantool.study import file as study_file
from gantool.study import job as study_job
from gantool.study.engines.process import _flags
from gantool.training import transfer
from gantool.training.run import resume

TINY: dict[str, Any] = {"ngf": 4, "ndf": 4, "nz": 8, "batch_size": 16, "threads": 1}


def train(name: str, where: Path, **options: Any) -> RunFolder:
    run = gantool.train(
        "dcgan",
        name=name,
        experiments_dir=where,
        progress=False,
        **{**TINY, "evaluate": False, "steps": 4, **options},
    )
    return run.folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> RunFolder:
    """A run of 6 steps that averages its generator."""
    where = tmp_path_factory.mktemp("source")
    return train("source", where, steps=6, ema=0.5, sheet_every=6, seed=3)


def copy_of(run: RunFolder, where: Path) -> RunFolder:
    shutil.copytree(run.path, where)
    return RunFolder(where)


def without_states(run: RunFolder, where: Path) -> RunFolder:
    copy = copy_of(run, where)
    shutil.rmtree(copy.checkpoints)
    return copy


def new_model(**options: Any) -> DCGAN:
    torch.manual_seed(0)
    return DCGAN.create(Config(**{**TINY, **options}), Shapes((28, 28), 1, classes=10))


def test_a_run_begins_where_another_ended(source: RunFolder, tmp_path: Path) -> None:
    """Its first sample grid is the last one of the other, drawn with its averages too."""
    run = train("next", tmp_path, from_run=source.path, ema=0.9, seed=4)
    with Image.open(run.sample_grid(0)) as first, Image.open(source.sample_grid(6)) as last:
        assert ImageChops.difference(first, last).getbbox() is None
    begun = run.read().begun_from
    assert begun is not None
    assert (begun["run"], begun["step"], begun["averaged"]) == ("source", 6, True)
    assert begun["parameters"] == begun["of"] == sum(run.read().networks.values())
    assert begun["as_new"] == begun["left_out"] == []
    assert run.read().config["from_run"] == str(source.path)


def test_all_networks_are_taken_from_a_state(source: RunFolder) -> None:
    weights = transfer.open_weights(source.path, model="dcgan")
    model = new_model()
    transfer.take_over(model, weights)
    state = checkpoints.load(source.state(6))
    for name, tensor in model.discriminator.state_dict().items():
        assert torch.equal(tensor, state["model"][f"discriminator.{name}"]), name
    for name, tensor in model.generator.state_dict().items():
        assert torch.equal(tensor, state["averages"]["generator"][f"module.{name}"]), name


def test_the_state_of_the_game_begins_anew(source: RunFolder, tmp_path: Path) -> None:
    """Its averages belong to its course: those of a penalty, or ADA's probability."""
    model = new_model(augment="ada")
    (buffer,) = [name for name in model.state_dict() if name.startswith("augmentation")][:1]
    before = model.state_dict()[buffer].clone()
    weights = transfer.open_weights(source.path, model="dcgan")
    weights.tensors[buffer] = before + 0.25
    transfer.take_over(model, weights)
    assert torch.equal(model.state_dict()[buffer], before)
    assert transfer.describe(model, weights)["as_new"] == []


def test_weights_that_fit_are_taken_and_the_others_listed(
    source: RunFolder, tmp_path: Path
) -> None:
    copy = without_states(source, tmp_path / "pruned")
    weights = transfer.open_weights(copy.path, model="dcgan")
    fresh, model = new_model(nz=10), new_model(nz=10)
    transfer.take_over(model, weights)
    begun = transfer.describe(model, weights)
    first = next(name for name in model.state_dict() if name.startswith("generator"))
    shape, there = model.state_dict()[first].shape, weights.tensors[first].shape
    assert begun["as_new"] == [
        f"{first} ({list(there)} there, {list(shape)} here)",
        "discriminator (not kept there)",
    ]
    for name, tensor in model.state_dict().items():
        new = name == first or name.startswith("discriminator")
        assert torch.equal(tensor, (fresh.state_dict() if new else weights.tensors)[name]), name
    assert begun["parameters"] == sum(
        parameter.numel()
        for name, parameter in model.generator.named_parameters()
        if f"generator.{name}" != first
    )
    said = transfer.in_words({**begun, "left_out": [f"encoder.{i}" for i in range(9)]})
    assert "from source (step 6, averaged)" in said[0]
    assert "discriminator (not kept there)" in said[1]
    assert "encoder.3; and 5 more, which run.json lists" in said[2]


def test_the_hash_is_of_the_weights_and_not_of_their_file(
    source: RunFolder, tmp_path: Path
) -> None:
    weights = transfer.open_weights(source.path, model="dcgan")
    again = transfer.open_weights(copy_of(source, tmp_path / "copy").path, model="dcgan")
    assert transfer.digest(weights) == transfer.digest(again)
    name = next(iter(again.tensors))
    again.tensors[name].add_(1e-3)
    assert transfer.digest(weights) != transfer.digest(again)


def test_a_damaged_state_is_passed_over_and_damage_to_all_is_said(
    source: RunFolder, tmp_path: Path
) -> None:
    copy = copy_of(source, tmp_path / "copy")
    for state in copy.states().values():
        state.write_bytes(state.read_bytes()[:-9])
    weights = transfer.open_weights(copy.path, model="dcgan")
    assert not weights.whole
    copy.generator_file.write_bytes(copy.generator_file.read_bytes()[:-9])
    with pytest.raises(GantoolError, match="is damaged"):
        transfer.open_weights(copy.path, model="dcgan")
    copy.generator_file.unlink()
    with pytest.raises(GantoolError, match="has no generator yet"):
        transfer.open_weights(copy.path, model="dcgan")


def test_what_cannot_be_begun_from_is_refused(source: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a run"):
        transfer.open_weights(tmp_path / "nothing", model="dcgan")
    with pytest.raises(ConfigError, match="is a run of dcgan, not of wgan-gp"):
        transfer.open_weights(source.path, model="wgan-gp")
    weights = transfer.open_weights(source.path, model="dcgan")
    with pytest.raises(ConfigError, match="none of its weights fits"):
        transfer.take_over(new_model(ngf=3, ndf=3, nz=5), weights)


def test_weights_that_are_not_finite_are_refused(source: RunFolder, tmp_path: Path) -> None:
    copy = without_states(source, tmp_path / "diverged")
    with safe_open(copy.generator_file, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata()
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name].view(-1)[0] = torch.inf
    save_file(tensors, copy.generator_file, metadata=about)
    with pytest.raises(GantoolError, match=r"not finite any more \(\w"):
        transfer.open_weights(copy.path, model="dcgan")


def test_a_refused_beginning_leaves_no_folder(source: RunFolder, tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "dcgan", "--from", tmp_path / "nothing", "--steps", "2")
    assert done.code == 2
    assert done.err.count("is not a run") == 1
    assert "Traceback" not in done.err
    assert not (tmp_path / "experiments").exists()


def test_the_command_line_says_what_was_taken(source: RunFolder, tmp_path: Path, cli: Cli) -> None:
    copy = without_states(source, tmp_path / "pruned")
    sizes = ["--ngf", "4", "--ndf", "4", "--nz", "8", "--batch-size", "16", "--threads", "1"]
    done = cli("run", "dcgan", "--from", copy.path, "--steps", "2", "--json", *sizes)
    assert done.code == 0, done.err
    assert "begins with" in done.err
    assert "as new: discriminator (not kept there)" in done.err
    assert done.json["begun_from"]["run"] == "source"


def test_resuming_needs_the_other_run_only_before_the_first_state(
    source: RunFolder, tmp_path: Path
) -> None:
    other = copy_of(source, tmp_path / "other")
    whole = train("whole", tmp_path, from_run=other.path, checkpoint_every="2")

    def without_seconds(run: RunFolder) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    def go_on(run: RunFolder) -> RunFolder:
        return resume(
            run.path, load_registry(), display=Display(), epochs=None, steps=None, force=False
        )

    def stopped(name: str) -> RunFolder:
        run = copy_of(whole, tmp_path / name)
        run.write(run.read().model_copy(update={"status": "interrupted", "steps": 0}))
        return run

    begun = stopped("begun")  # no state yet
    for step in list(begun.states()):
        begun.remove_state(step)
    go_on(begun)
    assert without_seconds(begun) == without_seconds(whole)
    assert begun.generator_file.read_bytes() == whole.generator_file.read_bytes()

    for state in other.states().values():
        state.unlink()
    anew = stopped("anew")
    for step in list(anew.states()):
        anew.remove_state(step)
    with pytest.raises(ConfigError, match="are not those that"):
        go_on(anew)

    shutil.rmtree(other.path)
    half = stopped("half")
    half.remove_state(4)
    go_on(half)
    assert without_seconds(half) == without_seconds(whole)
    assert half.generator_file.read_bytes() == whole.generator_file.read_bytes()


def test_the_weights_make_the_variant_and_not_their_place(
    source: RunFolder, tmp_path: Path
) -> None:
    copy = copy_of(source, tmp_path / "copy")
    pruned = without_states(source, tmp_path / "pruned")
    runs = [
        read_run(train(name, tmp_path, steps=1, **options).path)
        for name, options in {
            "new": {},
            "first": {"from_run": source.path, "seed": 1},
            "second": {"from_run": copy.path, "seed": 2},
            "third": {"from_run": pruned.path},
        }.items()
    ]
    made = [configuration(run.record) for run in runs]
    assert made[1] == made[2]
    assert made[0] != made[1] != made[3] != made[0]
    said = "began with the weights of another (source)"
    assert [said in flag.message for flag in compare(runs).flags if flag.unfair].count(True) == 1
    assert not any(said in flag.message for flag in compare(runs[1:3]).flags)


def test_a_study_takes_it_as_any_option(source: RunFolder, tmp_path: Path) -> None:
    study = study_file.Study.model_validate(
        {
            "models": ["dcgan"],
            "seeds": [0],
            "budget": {"steps": 5},
            "options": {"from_run": str(source.path)},
        }
    )
    (job,) = study_job.expand(study, load_registry())
    words = _flags(job)
    assert words[words.index("--from") + 1] == str(source.path)
