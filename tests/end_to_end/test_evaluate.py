"""Scores end to end: `gantool evaluate`, the end of a run.

And what happens when a score cannot be had.
"""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import SMALL, Cli, run_cli

from gantool.runs.folder import RunFolder
from gantool.runs.records import Score

OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def values(scores: list[Any]) -> dict[str, float | None]:
    return {score["metric"]: score["value"] for score in scores}


def copy_of(run: Path, where: Path) -> Path:
    shutil.copytree(run, where / "copy")
    return where / "copy"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A dcgan scored after 50 steps and again when its digits can be read."""
    where = tmp_path_factory.mktemp("trained")
    network = ["--ngf", "16", "--ndf", "16", "--nz", "32", "--batch-size", "32"]
    samples = ["--evaluation-samples", "2000"]
    started = run_cli(
        "run", "dcgan", "--steps", "50", "--name", "it", "--evaluate", *network, *samples, cwd=where
    )
    assert started.code == 0, started.err
    extended = run_cli("resume", "experiments/it", "--steps", "1500", cwd=where, timeout=300)
    assert extended.code == 0, extended.err
    return where / "experiments" / "it"


@pytest.mark.slow
def test_the_order_of_scores_is_right_on_real_things(trained: Path) -> None:
    """Real digits before a trained run before the same run after 50 steps before noise.

    For every distance.
    """
    scores = {(score.metric, score.step): score for score in RunFolder(trained).scores()}
    for metric in ("frechet-distance", "kernel-distance", "parzen", "density", "coverage"):
        early, late = scores[metric, 50], scores[metric, 1500]
        order = [late.real, late.value, early.value, late.noise]
        assert None not in order
        numbers = [float(x) for x in order if x is not None]
        assert numbers == sorted(numbers, reverse=late.better == "higher"), (metric, numbers)
        assert numbers[0] != numbers[1] != numbers[2], (metric, numbers)


def test_evaluate_prints_and_keeps_scores_with_their_protocol(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = copy_of(finished_run, tmp_path)
    done = cli("evaluate", run, "--samples", "600", "--json")
    assert done.code == 0, done.err
    (document,) = done.json
    found = {score["metric"]: score for score in document["scores"]}
    assert set(found) == {
        *("frechet-distance", "kernel-distance", "precision", "recall", "density", "coverage"),
        *("parzen", "class-balance", "memorised", "equilibrium"),
    }
    frechet = found["frechet-distance"]
    assert frechet["step"] == 60
    assert frechet["real"] < frechet["value"] < frechet["noise"]
    assert (
        frechet["protocol"].items()
        >= {
            "extractor": "digits",
            "split": "test",
            "n_real": 500,
            "n_fake": 600,
            "truncation": "none",
            "batchnorm": "running statistics",
            "averaged": True,
            "data": "mnist5k",
        }.items()
    )
    assert len(frechet["protocol"]["extractor_sha256"]) == 64
    assert frechet["protocol"]["library"].startswith("torch-fidelity ")
    assert [
        json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()
    ] == document["scores"]
    with Image.open(run / "neighbours.png") as picture:
        assert picture.size == (8 * (56 + 2) + 2, 5 * (28 + 2) + 2)
    again = cli("evaluate", run, "--samples", "600", "--json")
    assert again.json == done.json
    assert len(RunFolder(run).scores()) == len(document["scores"])


def test_evaluate_in_words(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    run = copy_of(finished_run, tmp_path)
    done = cli(
        "evaluate", run, "--samples", "200", "--metric", "frechet-distance", "--metric", "parzen"
    )
    assert done.code == 0, done.err
    assert "frechet-distance ↓" in done.out
    assert "parzen ↑" in done.out
    assert "real images" in done.out
    assert "noise" in done.out
    assert "prefer the kernel distance" in done.out
    assert "recall" not in done.out
    assert not (run / "neighbours.png").exists()


def test_a_run_is_scored_at_its_end_and_says_so(tmp_path: Path, cli: Cli) -> None:
    arguments = ["run", "dcgan", "--steps", "4", "--evaluate", "--evaluation-samples", "60", *SMALL]
    done = cli(*arguments, "--name", "a", "--evaluate-every", "2")
    assert done.code == 0, done.err
    assert "frechet-distance" in done.out
    assert "neighbours" in done.out
    folder = RunFolder(tmp_path / "experiments" / "a")
    assert {score.step for score in folder.scores()} == {2, 4}
    plain = cli("run", "dcgan", "--steps", "4", "--no-evaluate", *SMALL, "--name", "b")
    assert plain.code == 0, plain.err
    other = RunFolder(tmp_path / "experiments" / "b")
    assert not other.scores_file.exists()

    def figures(run: RunFolder) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    assert figures(folder) == figures(other)  # scoring in the middle changes nothing in training
    assert folder.generator_file.read_bytes() == other.generator_file.read_bytes()


@pytest.mark.slow
def test_resuming_drops_the_scores_after_the_state(tmp_path: Path, cli: Cli) -> None:
    options = [
        "--evaluate-every",
        "2",
        "--checkpoint-every",
        "3",
        "--evaluation-samples",
        "20",
        *SMALL,
    ]
    cli("run", "dcgan", "--steps", "6", "--name", "a", *options)
    folder = RunFolder(tmp_path / "experiments" / "a")
    whole = folder.scores_file.read_text()
    assert [score.step for score in folder.scores() if score.metric == "parzen"] == [2, 4]
    (folder.checkpoints / "00000006.pt").unlink()
    done = cli("resume", folder.path, "--steps", "7")
    assert done.code == 0, done.err
    assert [score.step for score in folder.scores() if score.metric == "parzen"] == [2, 4, 6]
    assert folder.scores_file.read_text().startswith(whole)


@pytest.mark.slow
def test_a_conditional_run_is_scored_by_class(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("gantool_cgan")
    cli("run", "cgan", "--width", "4", "--steps", "2", "--name", "c")
    done = cli(
        "evaluate", "experiments/c", "--samples", "100", "--metric", "label-fidelity", "--json"
    )
    assert done.code == 0, done.err
    (score,) = done.json[0]["scores"]
    assert len(score["detail"]["by_class"]) == 10
    assert score["real"] > 0.9
    assert score["noise"] == pytest.approx(0.1, abs=0.1)


@pytest.mark.slow
def test_an_unfinished_run_is_scored_by_its_newest_state(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = copy_of(finished_run, tmp_path)
    wanted = ["--samples", "50", "--metric", "parzen", "--json"]
    with_generator = cli("evaluate", run, *wanted).json[0]["scores"]
    (run / "generator.safetensors").unlink()
    assert values(cli("evaluate", run, *wanted).json[0]["scores"]) == values(with_generator)
    shutil.rmtree(run / "checkpoints")
    done = cli("evaluate", run, *wanted)
    assert done.code == 1
    assert "has no generator yet" in done.err
    assert f"gantool resume {run}" in done.err


@pytest.mark.parametrize(
    ("chosen", "remedy"),
    [
        (["--extractor", "inception"], "--weights"),
        ([], "Install the plugin gantool-photos"),
    ],
    ids=["inception", "auto"],
)
def test_an_extractor_that_is_not_there_is_said_once_and_the_run_does_not_fail(
    chosen: list[str], remedy: str, picture_folder: Path, tmp_path: Path, cli: Cli
) -> None:
    done = cli(
        *(
            "run",
            "dcgan",
            "--data",
            picture_folder,
            "--image-size",
            "16",
            "--steps",
            "2",
            "--name",
            "a",
            "--evaluate",
        ),
        *("--evaluation-samples", "20", *SMALL),
        *chosen,
        env={**OFFLINE, "GANTOOL_PLUGINS": "", "GANTOOL_DATA_DIR": str(tmp_path / "data")},
    )
    assert done.code == 0, done.err
    scores = {score.metric: score for score in RunFolder(tmp_path / "experiments" / "a").scores()}
    missing = [score for score in scores.values() if score.value is None]
    assert [score.metric for score in missing] == [
        *("frechet-distance", "kernel-distance", "precision", "recall", "density", "coverage")
    ]
    assert remedy in missing[0].reason
    assert scores["parzen"].value is not None
    assert (done.out + done.err).count("not computed") == 1


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the right shapes, and random: what they mean is not what is tested."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    torch.manual_seed(0)
    taken: dict[str, torch.Tensor] = {}

    class StopHereError(Exception):
        pass

    def remember(self: torch.nn.Module, state: object, *_: object) -> None:
        taken.update(self.state_dict())
        raise StopHereError

    before = FeatureExtractorInceptionV3.load_state_dict
    FeatureExtractorInceptionV3.load_state_dict = remember
    file = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save({}, file)
    try:
        with pytest.raises(StopHereError):
            network.__init__(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(file)
            )
    finally:
        FeatureExtractorInceptionV3.load_state_dict = before
    torch.save(taken, file)
    return file


@pytest.mark.slow
def test_inception_with_weights_given(
    finished_run: Path,
    inception_weights: Path,
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    from gantool.evaluation.extractors import choose
    from gantool.plugins.registry import load_registry

    class Data:
        channels, classes, split_seed = 1, (), None

    pixels = np.random.default_rng(0).integers(0, 256, size=(2, 28, 28, 1), dtype=np.uint8)
    ours = choose(
        "inception",
        Data(),
        registry=load_registry(),
        usual="digits",
        weights=inception_weights,
        cache=tmp_path,
        device=torch.device("cpu"),
    )
    theirs = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(inception_weights)
    )
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).repeat(1, 3, 1, 1)
    torch.testing.assert_close(ours.read(pixels)[0], theirs(images)[0])


def test_weights_that_would_run_code_are_refused(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "boom"),))

    hostile = tmp_path / "hostile.pth"
    torch.save({"weights": Bomb()}, hostile)
    done = cli(
        "evaluate",
        copy_of(finished_run, tmp_path),
        "--extractor",
        "inception",
        "--weights",
        hostile,
    )
    assert done.code == 2
    assert "does not hold the weights of InceptionV3" in done.err
    assert not (tmp_path / "boom").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metric", "frechet"], "no metric 'frechet'. Did you mean 'frechet-infinity'?"),
        (["--extractor", "digit"], "no extractor 'digit'. Did you mean 'digits'?"),
        (["--extractor", "stacked-digits"], "reads 3 channels; mnist5k has 1"),
        (["--weights", "none.pth"], "no such file"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_wrong_wishes_are_answered(
    arguments: list[str], said: str, finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = copy_of(finished_run, tmp_path)
    done = cli("evaluate", run, "--samples", "20", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not (run / "scores.jsonl").exists()


def test_one_bad_run_among_several_costs_itself_only(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = copy_of(finished_run, tmp_path)
    done = cli(
        "evaluate", tmp_path / "nothing", run, "--samples", "20", "--metric", "parzen", "--json"
    )
    assert done.code == 2
    assert "is not a run" in done.err
    assert [document["path"] for document in done.json] == [str(run)]


def test_other_data_than_the_runs_is_refused(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    run = copy_of(finished_run, tmp_path)
    record = json.loads((run / "run.json").read_text())
    record["data"]["fingerprint"] = "f" * 64
    (run / "run.json").write_text(json.dumps(record))
    done = cli("evaluate", run, "--samples", "20")
    assert done.code == 2
    assert "trained on other images" in done.err


def test_an_option_for_scores_is_checked_before_training(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "dcgan", "--steps", "2", "--extractor", "digit", *SMALL)
    assert done.code == 2
    assert "Did you mean 'digits'?" in done.err
    assert not (tmp_path / "experiments").exists()


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """A plugin on the path that registers one metric that works and one that raises."""
    site = tmp_path / "site"
    info = site / "brightness-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brightness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gantool]\nbrightness = brightness\n")
    (site / "brightness.py").write_text(
        textwrap.dedent(
            """
            import gantool

            @gantool.hookimpl
            def register_metrics(register):
                for name in ("brightness", "broken"):
                    kind = "measure" if name == "brightness" else "broken"
                    register(
                        gantool.MetricSpec(
                            name=name,
                            summary="mean grey",
                            better="higher",
                            measure=f"brightness_metric:{kind}",
                        )
                    )
            """
        )
    )
    (site / "brightness_metric.py").write_text(
        textwrap.dedent(
            """
            import io

            from PIL import Image

            from gantool import Finding, Measured

            def measure(images, evaluation):
                value = float(images.pixels.mean())
                file = io.BytesIO()
                Image.new("L", (3, 2), round(value)).save(file, "PNG")
                found = Finding(
                    name="mean-grey.png", caption=f"of <{images.origin}>", png=file.getvalue()
                )
                protocol = {"n_fake": len(images)}
                measured = Measured(
                    value, error=float("inf"), protocol=protocol, pictures=[found]
                )
                return {"brightness": measured}

            def broken(images, evaluation):
                raise KeyError("oh")
            """
        )
    )
    return {"PYTHONPATH": str(site)}


def test_what_is_wrong_with_each_run_is_said_once(cli: Cli) -> None:
    done = cli("evaluate", "a", "b")
    assert done.code == 2
    assert (done.err.count("a is not a run"), done.err.count("b is not a run")) == (1, 1)


def test_a_plugins_metric_is_scored_and_a_broken_one_costs_itself(
    plugin: dict[str, str], tmp_path: Path, cli: Cli
) -> None:
    listed = {spec["name"]: spec for spec in cli("list-metrics", "--json", env=plugin).json}
    assert listed["brightness"]["plugin"] == "brightness"
    arguments = [
        "run",
        "dcgan",
        "--steps",
        "2",
        "--name",
        "a",
        "--evaluate",
        "--evaluation-samples",
        "20",
        *SMALL,
    ]
    done = cli(*arguments, env=plugin)
    assert done.code == 0, done.err
    assert "broken: not computed: KeyError: 'oh'" in done.out
    run = tmp_path / "experiments" / "a"
    scores = {score.metric: score for score in RunFolder(run).scores()}
    assert scores["brightness"].value == pytest.approx(127, abs=30)
    assert scores["brightness"].error is None  # JSON has no infinity
    assert scores["brightness"].detail == {"pictures": {"mean-grey.png": "of <samples>"}}
    with Image.open(run / "pictures" / "mean-grey.png") as picture:
        assert picture.getpixel((0, 0)) == round(scores["brightness"].value or 0)
    page = (run / "report.html").read_text()
    assert page.count("of &lt;samples&gt;") == 2  # the caption, and the picture in words
    assert scores["brightness"].noise == pytest.approx(127, abs=3)
    assert scores["brightness"].real == pytest.approx(33, abs=3)
    assert scores["broken"].value is None
    assert scores["parzen"].value is not None


def test_scores_on_request_stand_between_real_images_and_noise(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = copy_of(finished_run, tmp_path)
    before = {score.metric for score in RunFolder(run).scores()}
    wanted = [spec["name"] for spec in cli("list-metrics", "--json").json if spec["on_request"]]
    assert len(wanted) > 7
    assert not before & set(wanted)
    asked = [word for name in wanted for word in ("--metric", name)]
    done = cli("evaluate", run, "--samples", "400", *asked, "--json")
    assert done.code == 0, done.err
    found = {score["metric"]: score for score in done.json[0]["scores"]}
    assert set(found) == set(wanted)
    for name in ("frechet-infinity", "mind", "fld"):
        assert found[name]["real"] < found[name]["value"], name
        assert found[name]["real"] < found[name]["noise"], name
    for name in ("clipped-density", "clipped-coverage"):
        assert found[name]["real"] > 0.8
        assert found[name]["noise"] < 0.05
    assert 1 < found["vendi"]["real"] < 32
    assert 0.3 < found["authenticity"]["real"] < 0.8


def test_metrics_are_listed_without_torch(cli: Cli) -> None:
    done = cli("list-metrics")
    assert done.code == 0
    for name in (
        "frechet-distance",
        "parzen",
        "modes-covered",
        "label-fidelity",
        "memorised",
        "equilibrium",
    ):
        assert name in done.out


def test_the_last_line_counts_where_a_score_was_taken_twice(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    lines = [
        Score(step=1, metric="a", value=1.0, protocol={"n": 1}),
        Score(step=1, metric="a", value=2.0, protocol={"n": 2}),
        Score(step=1, metric="a", value=3.0, protocol={"n": 1}),
    ]
    folder.scores_file.write_text(
        "".join(line.model_dump_json() + "\n" for line in lines) + '{"step": "x"}\n{"st'
    )
    assert [score.value for score in folder.scores()] == [3.0, 2.0]
