"""Write what was tested: `python tools/make_constraints.py`.

constraints.txt has the versions of the environment that runs this, for `pip install -c`;
build/sbom.json is a bill of materials (CycloneDX) of `gantool[all]` as it is installed here.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
SBOM = ROOT / "build" / "sbom.json"
# torch pins CUDA's libraries itself, and its build for CPUs has none of them.
_LEFT_TO_TORCH = ("cuda-", "nvidia-", "triton")


def main() -> None:
    """Write both files."""
    CONSTRAINTS.write_text(constraints(), encoding="utf-8")
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(bill_of_materials(), encoding="utf-8")
    print(CONSTRAINTS, SBOM, sep="\n")


def installed_for(text: str) -> dict[str, Version]:
    """Versions of what a requirement leads to here, by normalized name, in the order of names.

    Args:
        text: A requirement, as "gantool[all]".

    Raises:
        importlib.metadata.PackageNotFoundError: Something that it needs is not installed.
    """
    todo, done = [Requirement(text)], set[tuple[str, str]]()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in done:
                done.add((name, extra))
                todo += _requirements(name, extra)
    return {name: Version(importlib.metadata.version(name)) for name, _ in sorted(done)}


def _requirements(name: str, extra: str) -> Iterator[Requirement]:
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def constraints() -> str:
    """The text of constraints.txt: also what development needs, but for gantool's own packages."""
    head = (
        f"# Versions with which the tests passed, on Python {platform.python_version()} and "
        f"{platform.system()}.\n"
        "# Made by `python tools/make_constraints.py`; for `pip install -c constraints.txt ...`.\n"
    )
    found = installed_for("gantool[all,dev]")
    lines = [
        f"{name}=={version.public}\n"
        for name, version in found.items()
        if not name.startswith(("gantool", *_LEFT_TO_TORCH))
    ]
    return head + "".join(lines)


def bill_of_materials() -> str:
    """CycloneDX in JSON, version 1.6: components with their licences, and what needs which.

    Raises:
        RuntimeError: The text is not valid.
    """
    words = ["environment", "--output-reproducible", "--output-format", "JSON", sys.executable]
    made = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *words], capture_output=True, text=True, check=True
    )
    bill: dict[str, Any] = json.loads(made.stdout)
    wanted = installed_for("gantool[all]")
    parts = {canonicalize_name(part["name"]): part for part in bill["components"]}
    bill["components"] = [part for name, part in parts.items() if name in wanted]
    for part in bill["components"]:
        if canonicalize_name(part["name"]).startswith("gantool"):
            part.pop("externalReferences", None)  # where it lay on this machine
    known = {part["bom-ref"] for part in bill["components"]}
    bill["dependencies"] = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", ()) if ref in known]}
        for each in bill["dependencies"]
        if each["ref"] in known
    ]
    text = json.dumps(bill, indent=1) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise RuntimeError(f"the bill of materials is not valid: {fault}")
    return text


if __name__ == "__main__":
    main()
