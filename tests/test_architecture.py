"""What keeps the program instant to start and simple to read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gantool"

# A module may import from its own layer and from those below, never from above.
LAYERS = [
    ["_version", "errors", "py"],
    ["config", "tracking", "schedules"],
    ["spec", "hookspecs"],
    ["plugins", "runs", "device", "distributed", "signals"],
    ["data", "objectives", "penalties"],
    ["gan"],
    ["models", "layers", "sampling", "randomness", "detectors", "checkpoints", "progress"],
    ["trainer", "evaluation", "trained"],
    ["recorder", "provenance", "profiling", "report", "testing", "scaffold", "pruning"],
    ["planning"],
    ["session"],
    ["experiment", "playground"],
    ["api", "study"],
    ["cli"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "templates" not in path.parts]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere, inside functions and for type checkers too."""
    known = {name_of(p) for p in modules()}
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in found if name in known and name != "gantool"}


def layer(module: str) -> int:
    return LEVEL[module.split(".")[1]]


def test_imports_run_one_way_only() -> None:
    for path in modules():
        module = name_of(path)
        if module == "gantool":
            continue  # the public names, resolved when first used
        for imported in imports(path):
            assert layer(imported) <= layer(module), f"{module} imports {imported}, which lies above it"


def test_there_are_no_circles() -> None:
    graph = {name_of(path): imports(path) for path in modules() if name_of(path) != "gantool"}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for imported in graph[module] - {module}:
                visit(imported, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_reports_read_run_folders_and_nothing_else() -> None:
    allowed = {"gantool.runs", "gantool.errors", "gantool._version"}
    for path in (PACKAGE / "report").rglob("*.py"):
        assert {i for i in imports(path) if not i.startswith("gantool.report")} <= allowed, path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list-models"],
        ["run", "dcgan", "--help"],
        ["run", "--help"],
        ["resume", "--help"],
        ["list-metrics"],
        ["evaluate", "--help"],
    ],
)
def test_start_up_imports_neither_torch_nor_matplotlib(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom gantool.__main__ import main\n"
        f"sys.argv = ['gantool', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'torchvision', 'matplotlib', 'scipy', 'pandas', 'PIL', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_loop_fits_on_a_page() -> None:
    tree = ast.parse((PACKAGE / "trainer.py").read_text())
    (trainer,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Trainer"]
    steps = [f for f in trainer.body if isinstance(f, ast.FunctionDef) and f.name in ("step", "_alternating")]
    assert sum((f.end_lineno or 0) - f.lineno + 1 for f in steps) <= 40


def test_public_names_resolve() -> None:
    import gantool

    for name in gantool.__all__:
        assert getattr(gantool, name) is not None
    with pytest.raises(AttributeError):
        _ = gantool.nothing  # type: ignore[attr-defined]
