"""Plugins, healthy and broken, as distributions of their own on the path of a process."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support import SMALL, Cli, Outcome, distribution, run_cli
from torch import nn

import gantool
from gantool.gan.base import GAN, Model
from gantool.gan.game import Batch
from gantool.gan.shapes import Shapes
from gantool.plugins import hookspecs
from gantool.plugins.registry import load_registry
from gantool.plugins.scaffold import PLUGIN_KINDS

ROOT = Path(__file__).parents[2]
MODEL = """
import gantool

@gantool.hookimpl
def register_models(register):
    implementation = "gantool.models.dcgan.model:DCGAN"
    register(gantool.ModelSpec(name={name!r}, summary="a test", implementation=implementation))
"""


WORKING = """
import time

start = time.thread_time()
while time.thread_time() < start + 0.6:
    pass
"""
BROKEN = {
    "missing": ("import no_such_module", "ModuleNotFoundError", "no_such_module"),
    "syntax": ("def (", "SyntaxError", ""),
    "leaves": ("import sys; sys.exit(3)", "SystemExit", "3"),
    "raises": (
        "import gantool\n@gantool.hookimpl\ndef register_models(register):\n"
        "    raise KeyError('oops')",
        "KeyError",
        "oops",
    ),
    "no-spec": (
        "import gantool\n@gantool.hookimpl\ndef register_models(register):\n    register('dcgan2')",
        "not a gantool.ModelSpec",
        "dcgan2",
    ),
    "bad-spec": (MODEL.format(name="Bad Name"), "model name 'Bad Name'", "lower-case"),
    "bad-hook": (
        "import gantool\n@gantool.hookimpl\ndef register_models(register, more):\n    pass",
        "PluginValidationError",
        "",
    ),
    "steals": (MODEL.format(name="dcgan"), "gantool's own", "dcgan"),
    "bad-command": (
        "import gantool\n@gantool.hookimpl\ndef register_commands(app):\n"
        "    app.command('run')(lambda: None)",
        "gantool's own",
        "run",
    ),
    "bad-option": (
        "import gantool\nclass Config(gantool.GANConfig):\n"
        "    json: int = gantool.Field(1, description='x')\n"
        "@gantool.hookimpl\ndef register_models(register):\n"
        "    register(gantool.ModelSpec('m', 's', 'a.b:C', config=Config))",
        "reserved",
        "json",
    ),
    "bad-default": (
        "import gantool\nclass Config(gantool.GANConfig):\n    loss: str = 'wassertein'\n"
        "@gantool.hookimpl\ndef register_models(register):\n"
        "    register(gantool.ModelSpec('m', 's', 'a.b:C', config=Config))",
        "defaults are invalid",
        "loss",
    ),
    "bad-slope": (
        "import gantool\nclass Config(gantool.GANConfig):\n    loss: str = 'wasserstein'\n"
        "@gantool.hookimpl\ndef register_models(register):\n"
        "    register(gantool.ModelSpec('bad-slope', 's', 'a.b:C', config=Config))",
        "its defaults are invalid: loss 'wasserstein' needs a critic of bounded slope: give",
        "set `bounds_slope = True` in the configuration of a model that bounds it itself.",
    ),
    "bad-types": (
        "import gantool\n@gantool.hookimpl\ndef register_commands(app):\n"
        "    @app.command('odd')\n    def odd(a: int | str = 1):\n        pass",
        "AssertionError",
        "Union",
    ),
    "bad-preset": (
        "import gantool\n@gantool.hookimpl\ndef register_models(register):\n"
        "    register(gantool.ModelSpec('m', 's', 'a.b:C', presets={'p': {'nonsense': 1}}))",
        "preset 'p' is invalid",
        "nonsense",
    ),
    "bad-small-data": (
        "import gantool\n@gantool.hookimpl\ndef register_models(register):\n"
        "    register(gantool.ModelSpec('m', 's', 'a.b:C', small_data={'lr': -1}))",
        "defaults for small data are invalid",
        "lr",
    ),
}


@pytest.fixture(scope="module")
def zoo_of_faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of broken plugin, two that claim one name, one that is slow, one that prints.

    And a healthy one.
    """
    place = tmp_path_factory.mktemp("plugins")
    for name, (module, _, _) in BROKEN.items():
        distribution(place, name, module)
    for name in ("duo-a", "duo-b"):
        distribution(
            place,
            name,
            "import gantool\n@gantool.hookimpl\ndef register_commands(app):\n"
            "    app.command('duo')(lambda: None)\n",
        )
    distribution(
        place,
        "no-source",
        "import gantool\n@gantool.hookimpl\ndef register_datasets(register):\n"
        "    register(gantool.DatasetSpec('nowhere', 's', 'no_such_module:S', 1, 8, 1, 0))\n",
    )
    distribution(place, "future", MODEL.format(name="future"), requires="gantool>=99")
    distribution(place, "twin-a", MODEL.format(name="twin"))
    distribution(place, "twin-b", MODEL.format(name="twin"))
    distribution(place, "worker", WORKING + MODEL.format(name="worker"))
    # One that waits for others on a busy machine is not slow itself.
    distribution(place, "sleeper", "import time; time.sleep(0.6)\n" + MODEL.format(name="sleeper"))
    distribution(place, "chatty", "print('HELLO FROM A PLUGIN')\n" + MODEL.format(name="chatty"))
    return place


@pytest.fixture
def faulty(zoo_of_faults: Path, tmp_path: Path) -> Cli:
    def call(*arguments: str | Path, **env: str) -> Outcome:
        path = os.pathsep.join([str(zoo_of_faults), *filter(None, [os.environ.get("PYTHONPATH")])])
        return run_cli(*arguments, cwd=tmp_path, env={"PYTHONPATH": path, **env})

    return call


def test_everything_else_works_beside_broken_plugins(faulty: Cli, tmp_path: Path) -> None:
    outcome = faulty("list-models", "--json")
    assert outcome.code == 0
    names = {model["name"] for model in outcome.json}
    assert {"dcgan", "worker", "sleeper", "chatty"} <= names
    assert not names & {"twin", "future", "Bad Name"}
    assert "HELLO" not in outcome.out
    assert "HELLO" in outcome.err
    lines = [line for line in outcome.err.splitlines() if line.startswith("gantool: ")]
    assert (
        len(lines) == len(BROKEN) + 4
    )  # each broken one, the one from the future, the slow one, twins, duo
    assert sum("left out" in line for line in lines) == len(BROKEN) + 3
    run = faulty("run", "dcgan", "--steps", "1", "--name", "x", "--json", *SMALL)
    assert run.code == 0, run.err
    assert run.json["status"] == "finished"
    help_text = faulty("--help")
    assert help_text.code == 0
    assert "duo" not in help_text.out
    assert faulty("duo").code == 2
    datasets = {d["name"]: d for d in faulty("list-datasets", "--json").json}
    assert datasets["mnist5k"]["present"]
    assert not datasets["nowhere"]["present"]


def test_list_plugins_names_each_fault(faulty: Cli) -> None:
    plugins = {plugin["name"]: plugin for plugin in faulty("list-plugins", "--json").json}
    for name, (_, kind, detail) in BROKEN.items():
        plugin = plugins[name]
        assert not plugin["healthy"]
        assert kind in plugin["problem"]
        assert detail in plugin["problem"]
        assert f"gantool-{name}" in plugin["remedy"]
        assert (plugin["distribution"], plugin["version"]) == (f"gantool-{name}", "1.5")
    assert "built for gantool>=99" in plugins["future"]["problem"]
    assert plugins["twin-a"]["conflicts"] == plugins["twin-b"]["conflicts"] == ["twin"]
    assert plugins["worker"]["slow"]
    assert plugins["worker"]["seconds"] > 0.5
    assert not plugins["sleeper"]["slow"]
    assert (
        "Its author mends it where gantool-bad-slope registers it."
        in (plugins["bad-slope"]["remedy"])
    )
    assert plugins["chatty"]["healthy"]
    assert plugins["chatty"]["models"] == ["chatty"]
    text = faulty("list-plugins").out
    assert "broken" in text
    assert "twin" in text


@pytest.mark.slow
def test_asking_for_the_model_of_a_broken_plugin_says_what_is_wrong(faulty: Cli) -> None:
    for model, said in (
        ("missing", "no_such_module"),
        ("bad-slope", "Its author mends it"),
        ("future", "gantool>=99"),
        ("twin", "gantool-twin-a 1.5 (twin-a) and by gantool-twin-b"),
        ("nobody", "Broken plugins may have more: gantool-bad-command"),
    ):
        outcome = faulty("run", model)
        assert outcome.code == 2
        assert said in outcome.err.splitlines()[-2] + outcome.err.splitlines()[-1]
        assert outcome.err.count(said) == 1


def test_plugins_can_be_limited_and_faults_made_fatal(faulty: Cli) -> None:
    limited = faulty("list-plugins", "--json", GANTOOL_PLUGINS="chatty,gantool-sleeper").json
    assert {p["name"] for p in limited if p["distribution"] != "gantool"} == {"chatty", "sleeper"}
    strict = faulty("list-models", GANTOOL_STRICT_PLUGINS="1")
    assert strict.code == 2
    assert "is broken" in strict.err
    assert faulty("list-models", GANTOOL_STRICT_PLUGINS="1", GANTOOL_PLUGINS="chatty").code == 0


# Data sets, commands and trackers of plugins

EXTRAS = '''
import gantool
import numpy as np


class Stripes(gantool.Source):
    """40 images that a plugin makes."""

    def present(self):
        return True

    def key(self):
        return "stripes"

    def open(self):
        numbers = np.arange(40)
        self.splits = {"train": numbers[:32], "validation": numbers[32:36], "test": numbers[36:]}

    def image(self, number):
        from PIL import Image

        return Image.new("L", (8, 8), number)


@gantool.hookimpl
def register_datasets(register):
    credit = "A. Painter, CC-BY"
    source = "plugin_extras:Stripes"
    register(gantool.DatasetSpec("stripes", "stripes", source, 40, 8, 1, 0, credit=credit))


@gantool.hookimpl
def register_commands(app):
    @app.command("hello")
    def hello(name: str = "you"):
        """Say hello."""
        print("hello", name)


class Tracker(gantool.Tracker):
    def __init__(self, run):
        print("said by a tracker")
        self.pages = 3 if run.name == "x" else 99
        self.file = (run.path / "tracked.txt").open("a")

    def log(self, step, metrics):
        if step == self.pages:
            raise RuntimeError("the tracker is out of paper")
        self.file.write(f"{step} {sorted(metrics)[0]}\\n")

    def samples(self, step, image):
        self.file.write(f"sheet {step} {image.shape}\\n")

    def close(self, status):
        self.file.write(f"{status}\\n")
        self.file.close()


@gantool.hookimpl
def track(run):
    return Tracker(run)
'''


@pytest.fixture
def extras(tmp_path: Path) -> Cli:
    (tmp_path / "site").mkdir()
    distribution(tmp_path / "site", "extras", EXTRAS)

    def call(*arguments: str | Path) -> Outcome:
        path = os.pathsep.join(
            [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        return run_cli(*arguments, cwd=tmp_path, env={"PYTHONPATH": path})

    return call


def test_a_data_set_a_command_and_a_tracker_of_a_plugin(extras: Cli, tmp_path: Path) -> None:
    credits = {d["name"]: d["credit"] for d in extras("list-datasets", "--json").json}
    assert credits.items() >= {"stripes": "A. Painter, CC-BY", "mnist5k": ""}.items()
    assert "stripes: A. Painter, CC-BY\n" in extras("list-datasets").out
    assert extras("hello", "--name", "Ada").out == "hello Ada\n"
    assert "hello" in extras("--help").out
    outcome = extras(
        "run",
        "dcgan",
        "--data",
        "stripes",
        "--steps",
        "5",
        "--track",
        "extras",
        "--name",
        "x",
        *SMALL,
    )
    assert outcome.code == 0, outcome.err
    assert (
        outcome.err.count("tracker extras is disabled: RuntimeError: the tracker is out of paper")
        == outcome.err.count("said by a tracker")
        == 1
    )
    assert "said by a tracker" not in outcome.out
    run = tmp_path / "experiments" / "x"
    tracked = (run / "tracked.txt").read_text().splitlines()
    assert tracked == [
        "sheet 0 (82, 82, 3)",
        "1 D/fake",
        "sheet 1 (82, 82, 3)",
        "2 D/fake",
        "sheet 2 (82, 82, 3)",
    ]
    assert json.loads((run / "run.json").read_text())["trackers"] == ["extras"]
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [(e["kind"], e["detector"]) for e in events] == [("disabled tracker", "extras")]
    # without the option nothing follows
    small = ("run", "dcgan", "--data", "stripes", *SMALL)
    assert extras(*small, "--steps", "1", "--name", "y").code == 0
    assert not (tmp_path / "experiments" / "y" / "tracked.txt").exists()
    # a file of options will do; scores come after the last step, and the end has its word
    (tmp_path / "options.toml").write_text('track = "extras"\nevaluate = true\nsteps = 1')
    few = ("--config", "options.toml", "--evaluation-samples", "32", "--evaluate", "--name", "z")
    assert extras(*small, *few).code == 0
    lines = (tmp_path / "experiments" / "z" / "tracked.txt").read_text().splitlines()
    assert lines[1:] == ["1 D/fake", "sheet 1 (82, 82, 3)", "1 score/equilibrium", "finished"]
    wild = ("--lr", "10", "--optimizer", "sgd", "--loss", "least-squares")
    wild = (*wild, "--discriminator-norm", "none", "--steps", "60", "--track", "extras")
    assert extras(*small, *wild, "--name", "w").code == 3
    assert (tmp_path / "experiments" / "w" / "tracked.txt").read_text().endswith("diverged\n")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("tensorbord", "no tracker 'tensorbord'. Did you mean 'tensorboard'?"),
        ("extras,none", "no tracker 'none'."),
        ("wandb", "tracker 'wandb' is not installed.\nInstall it: `pip install gantool-wandb`."),
    ],
)
def test_a_tracker_that_is_not_there_is_refused_before_anything_is_made(
    extras: Cli, tmp_path: Path, asked: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANTOOL_PLUGINS", "extras")
    outcome = extras("run", "dcgan", "--data", "stripes", "--steps", "1", "--track", asked)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "experiments").exists()


# The page for authors


PAGE = (ROOT / "docs" / "plugins.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.S))
COMMANDS = [
    block.strip().splitlines()
    for block in re.findall(r"<!-- run -->\n```bash\n(.*?)```", PAGE, re.S)
]
EXAMPLES = {lines[0].rpartition("gantool-")[2]: lines for lines in COMMANDS}
RECORDED = {  # in the last line of metrics.jsonl
    "squares": ("loss_d", "loss_g", "d_real"),
    "fisher": ("loss_d", "excess", "multiplier", "penalty"),
    "codes": ("loss_d", "loss_g", "code"),
    "autoencoder": ("loss_autoencoder", "kl"),
    "lecam": ("loss_d", "penalty"),
}
PIECES = {"lecam": "dcgan"}  # examples that are no models, with the model that they are tried with
# Names of `gantool.__all__` for who trains and compares from Python, described in docs/use.md.
OF_USERS = {"Comparison", "Run", "__version__", "compare", "evaluate_samples", "open", "train"}


def fields_of(record: type[Any]) -> str:
    return ", ".join(field.name for field in dataclasses.fields(record))


def test_every_public_name_that_a_plugin_needs_is_documented() -> None:
    for name in gantool.__all__:
        if name not in OF_USERS:
            assert f"gantool.{name}" in PAGE, name


def test_every_field_of_a_public_record_is_documented() -> None:
    public = [getattr(gantool, name) for name in gantool.__all__ if name[0].isupper()]
    records = [record for record in public if dataclasses.is_dataclass(record)]
    assert {gantool.ModelSpec, gantool.Turn, gantool.Batch, gantool.Latent} <= set(records)
    for record in records:
        assert f"`gantool.{record.__name__}({fields_of(record)})`" in PAGE, record


def lay_out(place: Path) -> None:
    """The files of all examples; those without a pyproject.toml have the first one's."""
    first = FILES["gantool-squares/pyproject.toml"]
    projects = {
        f"gantool-{name}/pyproject.toml": first.replace("squares", name) for name in RECORDED
    }
    for file, content in {**projects, **FILES}.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(content)


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Imports modules of the examples."""
    lay_out(tmp_path)
    for name in RECORDED:
        monkeypatch.syspath_prepend(tmp_path / f"gantool-{name}")
    yield importlib.import_module
    for name in RECORDED:
        for module in (f"gantool_{name}", f"gantool_{name}.model"):
            sys.modules.pop(module, None)


@pytest.mark.parametrize("penalty", ["none", "r1:3"])
def test_the_critic_of_the_page_plays_fisher_gan(
    examples: Callable[[str], Any], penalty: str
) -> None:
    """Mroueh and Sercu 2017, equation 9, turned around; and what a penalty adds to it."""
    config = examples("gantool_fisher").Config(penalty=penalty, rho=0.25)
    model = examples("gantool_fisher.model").Fisher.create(config, Shapes((8, 8), 1, classes=0))
    torch.manual_seed(0)
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    model.double()
    real, fake = torch.randn(2, 5, 1, 8, 8, dtype=torch.float64)
    model.multiplier = torch.tensor(0.7, dtype=torch.float64)
    losses = model.discriminator_loss(Batch(real=real, fake=fake))
    with torch.no_grad():
        r, f = (model.discriminator(x).flatten().numpy() for x in (real, fake))
        slope = model.discriminator[1].weight.square().sum().item()
    excess = ((r**2).mean() + (f**2).mean()) / 2 - 1
    lagrangian = r.mean() - f.mean() - 0.7 * excess - 0.25 / 2 * excess**2
    added = 3 / 2 * slope if penalty == "r1:3" else 0
    assert losses.total.item() == pytest.approx(added - lagrangian, abs=1e-9)
    assert losses.extra["penalty"].item() == pytest.approx(added, abs=1e-9)
    model.constrain("generator")
    assert model.multiplier.item() == 0.7
    model.constrain("discriminator")
    assert model.multiplier.item() == pytest.approx(0.7 + 0.25 * excess)
    assert {"multiplier", "excess"} <= model.state_dict().keys()


def test_the_penalty_of_the_page_is_lecams(examples: Callable[[str], Any]) -> None:
    penalty = examples("gantool_lecam").make()
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -2.0])
    logits = {"real_logits": real, "fake_logits": fake}
    first = penalty(None, None, weight=2.0, **logits)
    assert first.item() == pytest.approx(2 * ((1 + 9) / 2 + (1 + 4) / 2))
    kept = {"real": 0.01 * 2, "fake": 0.01 * -1.5}
    assert {key: value.item() for key, value in penalty.state_dict().items()} == pytest.approx(kept)
    second = penalty(None, None, weight=1.0, **logits)
    apart = (real - kept["fake"]).square().mean() + (fake - kept["real"]).square().mean()
    assert second.item() == pytest.approx(apart.item())


def test_the_first_example_takes_35_lines() -> None:
    lines = [
        line
        for file, content in FILES.items()
        if file.startswith("gantool-squares/")
        for line in content.splitlines()
        if line.strip()
    ]
    assert 20 < len(lines) <= 35


def test_examples_are_models_of_their_own() -> None:
    assert list(EXAMPLES) == list(RECORDED)
    assert not EXAMPLES.keys() & load_registry().models.keys()


def test_every_hook_is_documented() -> None:
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if function.__module__ == "gantool.plugins.hookspecs":
            arguments = ", ".join(inspect.signature(function).parameters)
            assert f"`{name}({arguments})`" in PAGE, name


def test_every_method_that_a_model_can_override_is_documented() -> None:
    for name, member in {**vars(Model), **vars(GAN)}.items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            assert f"`{name}` (a property)" in PAGE, name
        elif callable(member) or isinstance(member, classmethod):
            function = member.__func__ if isinstance(member, classmethod) else member
            arguments = [
                p for p in inspect.signature(function).parameters if p not in ("self", "cls")
            ]
            assert f"`{name}({', '.join(arguments)})`" in PAGE, name


def install(folder: Path, site: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(site),
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_page_installs_and_runs_as_written(name: str, tmp_path: Path) -> None:
    lay_out(tmp_path)
    first, *commands = EXAMPLES[name]
    assert first == f"pip install -e gantool-{name}"
    install(tmp_path / f"gantool-{name}", tmp_path / "site")
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "gantool"
        outcome = run_cli(*arguments, cwd=tmp_path, env={"PYTHONPATH": path}, timeout=600)
        assert outcome.code == 0, f"{command}: {outcome.out}{outcome.err}"
        if arguments[0] == "check":
            assert f"{name}: " in outcome.out
            assert " 0 to mend" in outcome.out
        if arguments[0] == "sample":
            assert (tmp_path / outcome.out.strip()).is_file()
    checked = any(command.startswith(f"gantool check {name}") for command in commands)
    assert checked == (name not in PIECES)
    run, *_ = sorted((tmp_path / "experiments").iterdir(), key=lambda run: run.stat().st_ctime)
    record = json.loads((run / "run.json").read_text())
    assert (record["model"], record["status"]) == (PIECES.get(name, name), "finished")
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert all(last[metric] is not None for metric in RECORDED[name]), last


# The scaffold

# What makes the printed commands brief. --epochs gives way to --steps.
_BRIEF = {
    "check": ["--sizes", "16"],
    "run": ["--steps", "3"],
    "evaluate": ["--samples", "100"],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_new_plugin_installs_works_and_passes_its_tests(kind: str, tmp_path: Path) -> None:
    """The commands that are printed lead from nothing to a plugin at work."""
    name = f"my-{kind}"
    outcome = run_cli("new-plugin", name, "--kind", kind, cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    folder = tmp_path / f"gantool-{name}"
    printed = [line.split() for line in outcome.out.splitlines() if line.startswith("  ")]
    first, *rest = printed
    assert first == ["pip", "install", "-e", folder.name]
    install(folder, tmp_path / "site")
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    outputs = {}
    for program, command, *arguments in rest:
        assert program == "gantool"
        brief = _BRIEF.get(command, [])
        if command == "run":
            arguments = [word for word in arguments if word not in ("--epochs", "5")]
            brief = [*brief, *(SMALL if arguments[0] == "dcgan" else ["--width", "4"])]
        done = run_cli(
            command, *arguments, *brief, cwd=tmp_path, env={"PYTHONPATH": path}, timeout=600
        )
        assert done.code == 0, done.out + done.err
        assert "disabled" not in done.err
        outputs[command] = done.out
    _AT_WORK[kind](outputs, tmp_path / "experiments")
    for command in (
        ["pytest", "-q", "-p", "no:cacheprovider", "tests"],
        ["ruff", "check", "--isolated", "--select", "E,F,W,I,B,UP", "--line-length", "100"],
        ["ruff", "format", "--isolated", "--check", "--line-length", "100"],
    ):
        tests = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert tests.returncode == 0, tests.stdout + tests.stderr


def _only_run(experiments: Path) -> Path:
    (run,) = experiments.iterdir()
    return run


def _model_at_work(outputs: dict[str, str], experiments: Path) -> None:
    assert "0 to mend" in outputs["check"]
    record = json.loads((_only_run(experiments) / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["model"].startswith("my-")


def _metric_at_work(outputs: dict[str, str], experiments: Path) -> None:
    (line,) = (_only_run(experiments) / "scores.jsonl").read_text().splitlines()
    score = json.loads(line)
    assert score["metric"] == "my-metric"
    # Real images are nearer than noise.
    assert 0 <= score["real"] < score["noise"]
    assert 0 <= score["value"] <= 1


def _dataset_at_work(outputs: dict[str, str], experiments: Path) -> None:
    assert "my-dataset" in outputs["list-datasets"]
    record = json.loads((_only_run(experiments) / "run.json").read_text())
    assert record["data"]["splits"] == {"train": 960, "validation": 120, "test": 120}


def _tracker_at_work(outputs: dict[str, str], experiments: Path) -> None:
    lines = (_only_run(experiments) / "my-tracker.log").read_text().splitlines()
    steps = [line for line in lines if line.startswith("step") and "loss/d" in line]
    assert [line.split(":")[0] for line in steps] == ["step 1", "step 2", "step 3"]
    assert any("samples" in line for line in lines)


_AT_WORK: dict[str, Callable[[dict[str, str], Path], None]] = {
    "gan": _model_at_work,
    "conditional": _model_at_work,
    "outsider": _model_at_work,
    "metric": _metric_at_work,
    "dataset": _dataset_at_work,
    "tracker": _tracker_at_work,
}
