"""The properties that keep the program instant to start and simple to read."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.plugins.registry import load_registry

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gantool"

# From the top down: a room may import from itself and from those below it. Single files stand at
# the package's root.
ROOMS = [
    ["__main__"],
    ["cli"],
    ["api", "testing"],
    ["study"],
    ["training"],
    ["evaluation"],
    ["sampling"],
    ["watch"],
    ["report"],
    ["models"],
    ["gan"],
    ["data"],
    ["plugins"],
    ["runs"],
    ["machine"],
    ["config"],
    ["display", "errors", "_version"],
]
LEVEL = {room: level for level, rooms in enumerate(reversed(ROOMS)) for room in rooms}


def modules() -> list[Path]:
    return [
        path for path in PACKAGE.rglob("*.py") if "templates" not in path.relative_to(PACKAGE).parts
    ]


def sources() -> list[Path]:
    """All code that is ours but for tests."""
    folders = [ROOT / "benchmarks", ROOT / "tools", *(ROOT / "plugins").glob("*/gantool_*")]
    return [*modules(), *(path for folder in folders for path in folder.rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """The package's modules that a file imports, also inside functions and for type checkers."""
    known = {name_of(p) for p in modules()}
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in found if name in known and name != "gantool"}


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_its_place() -> None:
    found = {room_of(name_of(path)) for path in modules() if name_of(path) != "gantool"}
    assert found == set(LEVEL)
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_no_room_imports_one_above_it() -> None:
    for path in modules():
        module = name_of(path)
        if module == "gantool":
            continue  # the public names, resolved when first used
        for imported in imports(path):
            above = LEVEL[room_of(imported)] > LEVEL[room_of(module)]
            assert not above, f"{module} imports {imported}, which lies above it"


def test_there_are_no_circles_between_files_either() -> None:
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
    allowed = {"report", "runs", "config", "errors", "_version"}
    for path in (PACKAGE / "report").rglob("*.py"):
        assert {room_of(imported) for imported in imports(path)} <= allowed, path
        assert "gantool.runs.checkpoints" not in imports(path), path


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert folders <= rooms | {"end_to_end", "gpu"}, folders - rooms


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list-models"],
        ["run", "dcgan", "--help"],
        ["run", "--help"],
        ["resume", "--help"],
        ["compare", "--help"],
        ["list-metrics"],
        ["evaluate", "--help"],
        ["inspect", "--help"],
        ["watch", "--help"],
    ],
)
def test_start_up_imports_neither_torch_nor_matplotlib(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom gantool.__main__ import main\n"
        f"sys.argv = ['gantool', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "wanted = {'torch', 'torchvision', 'matplotlib', 'scipy', 'pandas', 'PIL', 'numpy'}\n"
        "assert not wanted & set(sys.modules), wanted & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_imports_neither_torchvision_nor_the_compiler(tmp_path: Path) -> None:
    """Each takes longer to import than torch itself; matplotlib waits for the last step."""
    load(TrainConfig(), load_registry())  # so that nothing is left to prepare
    script = (
        "import sys\nfrom gantool.__main__ import main\n"
        "from gantool.training.trainer import Trainer\n"
        "def seen(*names):\n    return [name for name in names if name in sys.modules]\n"
        "step = Trainer.step\n"
        "def checked(self):\n    metrics = step(self)\n"
        "    found = seen('matplotlib', 'scipy', 'torch_fidelity')\n"
        "    assert not found, found\n    return metrics\n"
        "Trainer.step = checked\n"
        "sys.argv = ['gantool', *'run vanilla --steps 2 --no-evaluate --debug'.split()]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "found = seen('torchvision', 'torch._dynamo', 'torch._inductor', 'sympy', 'triton')\n"
        "assert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_the_loop_fits_on_a_page() -> None:
    tree = ast.parse((PACKAGE / "training" / "trainer.py").read_text())
    (trainer,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Trainer"]
    names = ("step", "_alternating")
    steps = [f for f in trainer.body if isinstance(f, ast.FunctionDef) and f.name in names]
    assert sum((f.end_lineno or 0) - f.lineno + 1 for f in steps) <= 45


def test_a_variant_is_one_short_pair_of_files() -> None:
    """Description, networks and game; blank lines left out, deep networks of their own longer."""
    folders = [file.parent for file in ROOT.glob("plugins/*/gantool_*/*/model.py")]
    assert len(folders) > 18
    for folder in folders:
        files = (folder / "__init__.py", folder / "model.py")
        lines = [line for file in files for line in file.read_text().splitlines() if line.strip()]
        deep = folder.name in ("stylegan2", "r3gan_full", "sagan")
        assert len(lines) <= (200 if deep else 120), folder.name


def test_public_names_resolve() -> None:
    import gantool

    for name in gantool.__all__:
        assert getattr(gantool, name) is not None
    with pytest.raises(AttributeError):
        _ = gantool.nothing  # type: ignore[attr-defined]


def test_no_two_classes_have_one_name() -> None:
    homes = defaultdict(list)
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name_of(path))
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def documented(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_style(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    for line, docstring in documented(tree):
        assert not re.match(r"(What|How|Where|Which)\b", docstring), f"{path}:{line}"
    assert "# fmt:" not in text
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            packed = [
                part
                for part in node.args
                if isinstance(part, ast.Starred) and isinstance(part.value, (ast.Tuple, ast.List))
            ]
            assert not packed, f"{path}:{node.lineno}: packed arguments"
        if isinstance(node, ast.IfExp):
            inner = [part for part in ast.walk(node) if isinstance(part, ast.IfExp)]
            assert inner == [node], f"{path}:{node.lineno}: a conditional expression in another"


def test_what_is_imported_outside_the_package_is_there() -> None:
    """Benchmarks and tools are not run by tests, and would break unseen when something moves."""
    folders = [ROOT / "benchmarks", ROOT / "tools", *(ROOT / "plugins").glob("*/tools")]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gantool."):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    is_module = hasattr(module, "__path__") and importlib.util.find_spec(whole)
                    assert hasattr(module, alias.name) or is_module, f"{path}: {whole}"
