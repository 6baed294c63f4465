"""Make the packages of gantool and its plugins: `python tools/build_packages.py`.

A source distribution of each, and a wheel made from that, go to build/dist if all of them are as
they should be: one version, nothing missing and nothing left over, licences and credits aboard.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = [ROOT, *sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))]
VERSION: str = runpy.run_path(str(ROOT / "gantool" / "_version.py"))["__version__"]
# Kinds of files that are by others, or learned from the work of others.
_CREDITED = (".safetensors", ".npz", ".min.js", ".min.css")
_LEFT_OVER = {"__pycache__", "build", "dist", "experiments", ".venv"}


def main() -> None:
    """Build, check, and put into place."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/build_packages.py")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "dist", help="folder")
    output: Path = parser.parse_args().output
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        for project in PROJECTS:
            # Without isolation: by the hatchling that is installed, and without the network.
            _python("build", "--no-isolation", "--outdir", made, project, cwd=made)
        packages = sorted(made.iterdir())
        _python("twine", "check", "--strict", *packages, cwd=made)
        faults = [fault for project in PROJECTS for fault in faults_of(project, made)]
        if faults:
            sys.exit("\n".join(faults))
        output.mkdir(parents=True, exist_ok=True)
        for old in output.glob("gantool*"):
            old.unlink()
        for package in packages:
            shutil.copy(package, output)
            print(output / package.name)


def _python(module: str, *words: str | Path, cwd: Path) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=cwd, capture_output=True)
    if done.returncode:
        sys.exit(f"{module} {words[-1]}:\n{(done.stdout + done.stderr).decode()}")


def faults_of(project: Path, made: Path) -> Iterator[str]:
    """Faults of the two packages of a project.

    Args:
        project: The project's folder.
        made: The folder of packages.

    Yields:
        A sentence for each, the package's file name first.
    """
    name = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    stem = f"{name.replace('-', '_')}-{VERSION}"
    of = {f"{stem}-py3-none-any.whl": _faults_of_wheel, f"{stem}.tar.gz": _faults_of_source}
    for package, faults in of.items():
        if (made / package).is_file():
            yield from (f"{package}: {fault}." for fault in faults(made / package, project))
        else:
            yield f"{package}: not built; every package has the version {VERSION}."


def _faults_of_wheel(wheel: Path, project: Path) -> Iterator[str]:
    (about,) = importlib.metadata.distributions(path=[str(wheel)])
    package = about.name.replace("-", "_")
    with zipfile.ZipFile(wheel) as archive:
        texts = {item: archive.read(item) for item in archive.namelist()}
    inside = {item for item in texts if not item.startswith(f"{package}-{VERSION}.dist-info/")}
    tree = (project / package).rglob("*")
    files = (file.relative_to(project) for file in tree if file.is_file())
    there = {file.as_posix() for file in files if not _LEFT_OVER & {*file.parts}}
    yield from (f"without {missing}" for missing in sorted(there - inside))
    yield from (f"{extra} does not belong there" for extra in sorted(inside - there))

    licences = [text.decode() for item, text in texts.items() if ".dist-info/licenses/" in item]
    if (ROOT / "LICENSE").read_text("utf-8") not in licences:
        yield "without gantool's LICENSE"
    for item in sorted(inside):
        if item.endswith(_CREDITED) and not any(Path(item).name in text for text in licences):
            yield f"{item} is named in none of its licence files (NOTICE says whose work it is)"


def _faults_of_source(source: Path, project: Path) -> Iterator[str]:
    with tarfile.open(source) as archive:
        inside = {item.partition("/")[2] for item in archive.getnames()}
    for item in sorted(inside):
        if _LEFT_OVER & {*item.split("/")}:
            yield f"{item} does not belong there"
    for missing in sorted({"LICENSE", "README.md", "pyproject.toml"} - inside):
        yield f"without {missing}"


if __name__ == "__main__":
    main()
