"""The packages, made and checked, and put into an environment that knows no source tree."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from build_packages import faults_of
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PLUGINS = sorted(file.parent.name for file in ROOT.glob("plugins/*/pyproject.toml"))
FEW = ("--steps", "2", "--evaluation-samples", "100", "--threads", "1")
# A line for each plugin that brings no model; of others the first model is trained.
LINES = {
    "mlflow": ("run", "dcgan", "--track", "mlflow", "--no-evaluate"),
    "photos": ("run", "dcgan", "--data", "PICTURES"),
    "pretrained": ("run", "dcgan", "--preset", "fast", "--from", "pretrained:dcgan-fast"),
    "robots": ("run", "dcgan", "--data", "robots", "--image-size", "32", "--train-images", "200"),
    "tensorboard": ("run", "dcgan", "--track", "tensorboard", "--no-evaluate"),
    "trackio": ("run", "dcgan", "--track", "trackio", "--no-evaluate"),
    "wandb": ("run", "dcgan", "--track", "wandb", "--no-evaluate"),
}
Gantool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    tool = ROOT / "tools" / "build_packages.py"
    done = subprocess.run(
        [sys.executable, tool, "--output", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def python(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment: gantool[all] from the wheels, all else from here."""
    for library in ("mlflow", "timm", "wandb"):
        pytest.importorskip(library, reason=f"gantool[all] needs {library}")
    place = tmp_path_factory.mktemp("fresh")
    places = [Path(entry) for entry in sys.path if Path(entry).name == "site-packages"]
    others = [place / f"others-{number}" for number in range(len(places))]
    for folder, there in zip(others, places, strict=True):
        folder.mkdir()
        for item in there.iterdir():
            if "gantool" not in item.name and item.suffix != ".pth":
                (folder / item.name).symlink_to(item)
    venv.create(place / "venv", with_pip=False, symlinks=True)
    (site_packages,) = (place / "venv").glob("lib/python*/site-packages")
    (site_packages / "others.pth").write_text("".join(f"{folder}\n" for folder in others))
    python = place / "venv" / "bin" / "python"
    words = ["install", "--no-index", "--find-links", packages, "gantool[all]"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return python


@pytest.fixture
def gantool(python: Path, tmp_path: Path) -> Gantool:
    """The command that the wheel installed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [python.with_name("gantool"), *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return call


def test_all_packages_are_made(packages: Path) -> None:
    names = {re.split("-[0-9]", file.name)[0] for file in packages.iterdir()}
    assert names == {"gantool", *(f"gantool_{name}" for name in PLUGINS)}
    assert len(list(packages.iterdir())) == 2 * len(names)


def test_a_package_that_is_not_as_it_should_be_is_refused(packages: Path, tmp_path: Path) -> None:
    """Each change of the wheel is one fault; the source distribution is not there at all."""
    (wheel,) = packages.glob("gantool_robots-*.whl")
    with (
        zipfile.ZipFile(wheel) as there,
        zipfile.ZipFile(tmp_path / wheel.name, "w") as changed,
    ):
        for item in there.namelist():
            file = item.rpartition("/")[2]
            if file != "truth.py":
                changed.writestr(item, b"" if "/licenses/" in item else there.read(item))
        changed.writestr("tests/test_robots.py", "")
    faults = list(faults_of(ROOT / "plugins" / "robots", tmp_path))
    expected = ["without gantool_robots/truth.py", "tests/test_robots.py does not belong there"]
    expected += ["without gantool's LICENSE", "gantool_robots/robots.safetensors is named in none"]
    assert len(faults) == len(expected) + 1
    for fault, words in zip(faults, expected, strict=False):
        assert fault.startswith(f"{wheel.name}: {words}")
    assert ".tar.gz: not built" in faults[-1]


def test_everything_is_there_and_comes_from_the_wheels(python: Path, gantool: Gantool) -> None:
    listed = json.loads(gantool("list-plugins", "--json").stdout)
    assert {plugin["distribution"] for plugin in listed} == {
        "gantool",
        *(f"gantool-{name}" for name in PLUGINS),
    }
    assert all(plugin["healthy"] for plugin in listed)
    assert len(json.loads(gantool("list-models", "--json").stdout)) >= 22
    modules = ["gantool", *(f"gantool_{name}" for name in PLUGINS)]
    code = f"import importlib\nfor m in {modules}: print(importlib.import_module(m).__file__)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=python.parent)
    assert len(found.stdout.splitlines()) == len(modules), found.stderr
    assert all(Path(file).is_relative_to(python.parents[1]) for file in found.stdout.splitlines())


def test_the_first_command_of_the_readme_works(gantool: Gantool, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (line,) = re.findall(r"<!-- first command -->\n```bash\n(.+)\n```", readme)
    words = line.rpartition("&& .venv/bin/gantool ")[2].replace("--epochs 12", "").split()
    assert words == ["run", "dcgan"]
    done = gantool(*words, *FEW)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "experiments").iterdir()
    assert {"report.html", "samples.png", "generator.safetensors"} <= {
        file.name for file in run.iterdir()
    }


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_works(plugin: str, gantool: Gantool, picture_folder: Path) -> None:
    if plugin not in LINES:
        listed = json.loads(gantool("list-plugins", "--json").stdout)
        (models,) = (
            each["models"] for each in listed if each["distribution"] == f"gantool-{plugin}"
        )
        assert models, f"say in LINES what tries {plugin}"
    line = LINES[plugin] if plugin in LINES else ("run", models[0], "--no-evaluate")
    done = gantool(*(str(picture_folder) if word == "PICTURES" else word for word in line), *FEW)
    if plugin == "trackio" and importlib.util.find_spec("trackio") is None:
        assert "its library is missing: `pip install trackio`" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_constraints_and_the_bill_of_materials_name_what_is_needed(python: Path) -> None:
    from make_constraints import bill_of_materials, constraints

    bill = json.loads(bill_of_materials())
    parts = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    assert {"gantool", *(f"gantool-{name}" for name in PLUGINS), "torch", "pyarrow"} <= set(parts)
    assert not {"pytest", "ray", "twine"} & set(parts)
    assert "file:" not in json.dumps(bill)
    known = {part["bom-ref"] for part in bill["components"]}
    assert {ref for each in bill["dependencies"] for ref in each["dependsOn"]} <= known

    lines = dict(re.findall(r"^(.+)==(.+)$", constraints(), re.M))
    assert {"pytest", "ray", "twine", "numpy"} <= set(lines)
    assert lines["numpy"] == parts["numpy"]
    assert not [name for name in lines if name.startswith(("gantool", "nvidia", "triton"))]
