"""Wrong implementations, and the instrument that finds each: the table of docs/reliability.md.

`python tools/mutants.py [WORDS...]`, about an hour. Each mutant of `mutants.toml` is a copy of the
package with one change; what is named beside it is run against it. What fails in a copy without the
change, too, has found nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        name: the fault, in words.
        file: that it is in.
        before: the text there; its first place counts.
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

    @property
    def package(self) -> PurePosixPath:
        """The folder of the package that the file is in."""
        parts = PurePosixPath(self.file).parts
        depth = next(i for i, part in enumerate(parts) if part.startswith("gantool"))
        return PurePosixPath(*parts[: depth + 1])


def mutants() -> list[Mutant]:
    """All of them, in the order of the table."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return [
        Mutant(**{**entry, "tests": tuple(entry["tests"])})
        for entry in tomllib.loads(text)["mutants"]
    ]


def main() -> None:
    """Print the table in Markdown; exit 1 where a mutant was not found, or the package was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="words of the mutants to try; all unless given")
    wanted = parser.parse_args().names
    chosen = [m for m in mutants() if not wanted or any(word in m.name for word in wanted)]
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
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as clean:
        package = mutant.package
        for where in (place, clean):
            copy = Path(where) / package.name
            shutil.copytree(_ROOT / package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = Path(place) / package.name / PurePosixPath(mutant.file).relative_to(package)
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(mutant.before, mutant.after, 1), encoding="utf-8")
        found = []
        for tests in mutant.tests:
            failed = _first_failure(place, tests)
            if failed and not _first_failure(clean, failed):
                found.append(f"`{failed.split('[')[0].rpartition('/')[2]}`")
                break
        check = ("gantool", "check", mutant.check)
        if mutant.check and _run(place, *check).returncode and not _run(clean, *check).returncode:
            found.append(f"`{' '.join(check)}`")
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


def _first_failure(place: str, tests: str) -> str:
    """The test that failed first, as pytest names it; empty where none did."""
    done = _run(place, "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests)
    for line in done.stdout.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" ", 1)[1].split(" - ")[0]
    return ""


if __name__ == "__main__":
    main()
