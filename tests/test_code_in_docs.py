"""Code in the pages: each block is run, checked against what is there, or says why it is not.

Commands go through the real command line's parser and the options' validation, and stop there.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import gantool
from gantool.cli import command
from gantool.data.load import open_path
from gantool.plugins.registry import load_registry
from gantool.study.file import read
from gantool.study.job import expand, resolved

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
]
# A comment before a block, which GitHub does not show: who runs it, or why nobody does.
ELSEWHERE = {
    "test command": ".ci/run",
    "run": "tests/end_to_end/test_plugins.py",
    "file": "tests/end_to_end/test_plugins.py",
}
RETURNED = {
    gantool.train: gantool.Run,
    gantool.open: gantool.Run,
    gantool.evaluate_samples: gantool.Run,
    gantool.compare: gantool.Comparison,
}


class Block(NamedTuple):
    page: Path
    line: int
    mark: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def excused(self) -> bool:
        return bool(re.match(r"not run: \w", self.mark))

    @property
    def elsewhere(self) -> bool:
        return self.mark.partition(":")[0] in ELSEWHERE


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            page, text.count("\n", 0, found.start()) + 1, *(part or "" for part in found.groups())
        )
        for found in re.finditer(
            r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```$", text, re.M | re.S
        )
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def those(language: str) -> Any:
    wanted = [block for block in BLOCKS if block.language == language and not block.elsewhere]
    return pytest.mark.parametrize("block", wanted, ids=str)


def statements(code: str) -> list[list[str]]:
    """The simple commands of shell code, variables set to 2, without loops and tests."""
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, "&&"]:
            if word.strip("&;"):
                words.append(re.sub(r"\$\w+", "2", word))
            elif words:
                found.append(words)
                words = []
    return found


def check_command(words: list[str]) -> None:
    """Parse as `gantool` would; of a run, validate its options too."""
    registry, app = load_registry(), command()
    context = app.make_context("gantool", [], resilient_parsing=True)
    name, *rest = (word for word in words if word != "--debug")
    if name.startswith("--"):
        app.make_context("gantool", [name], resilient_parsing=True)
        return
    found = app.get_command(context, name)
    assert found is not None, f"there is no gantool {name}"
    if hasattr(found, "get_command") and rest and not rest[0].startswith("-"):
        name, *rest = rest
        found = found.get_command(context, name)
        assert found is not None, f"there is no such model as {name}"
    if "--help" in rest:
        return
    values = found.make_context(name, list(rest), parent=context).params
    if words[0] == "run":
        spec = registry.models[name]
        known = (*spec.config.model_fields, *spec.config.fixed)
        flags = {key: values[key] for key in known if values.get(key) is not None}
        registry.resolve(spec, preset=values["preset"], flags=flags, environment={})


def check(words: list[str]) -> bool:
    """Whether it is a command that can be checked, after that was done."""
    program, *rest = (word.removeprefix(".venv/bin/") for word in words)
    if program == "gantool":
        check_command(rest)
        return True
    if program == "python" and rest[0].endswith(".py"):
        assert (ROOT / rest[0]).is_file(), rest[0]
        return True
    if program == "pip":
        program, rest = "python", ["-m", "pip", *rest]
    # Installing is .ci/run's.
    return program in ("python", "python3") and rest[:2] in (["-m", "venv"], ["-m", "pip"])


@those("bash")
def test_commands_are_those_that_there_are(block: Block) -> None:
    unchecked = [words for words in statements(block.code) if not check(words)]
    assert not unchecked or block.excused, f"{block}: say `<!-- not run: why -->` of {unchecked}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_without_a_fence_are_those_that_there_are(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for line in re.findall(r"^    (gantool .*)$", text, re.M):
        if page.name != "commands.md":  # made from the code, with its own words for values
            for words in statements(line):
                check(words)


@those("python")
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = compile(block.code, str(block), "exec", ast.PyCF_ONLY_AST)
    check_names(tree)
    if block.excused:
        return
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    Image.fromarray(images[0]).save("x.jpg")
    Path("x.cls").write_text("0")
    Path("shards").mkdir()
    before = set(Path().iterdir())
    names: dict[str, Any] = {"images": images, "labels": np.arange(40) % 2}
    for module in ("numpy", "h5py", "tarfile"):
        names[module] = __import__(module)
    exec(compile(tree, str(block), "exec"), names)
    for made in [*(set(Path().iterdir()) - before), *Path("shards").iterdir()]:
        source, _ = open_path(made, load_registry())
        source.open()
        assert len(np.asarray(source.image(0)).shape) in (2, 3), made


def check_names(tree: ast.AST) -> None:
    """What is called of gantool is there and takes such arguments."""
    known: dict[str, Any] = {"gantool": gantool, "run": gantool.Run}

    def what(node: ast.AST) -> Any:
        """The object that an expression stands for, of a run its class; None if it is unknown."""
        if isinstance(node, ast.Name):
            return known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = what(node.value)
            return None if isinstance(owner, (property, type(None))) else getattr(owner, node.attr)
        if isinstance(node, ast.Call):
            return RETURNED.get(what(node.func))
        return None

    for node in ast.walk(tree):
        called = what(node.func) if isinstance(node, ast.Call) else None
        if inspect.isfunction(called):
            signature = inspect.signature(called)
            itself = [None] if "self" in signature.parameters else []
            named = {word.arg: None for word in node.keywords if word.arg}
            signature.bind(*itself, *[None] * len(node.args), **named)


@those("toml")
def test_toml_is_a_study(block: Block, tmp_path: Path) -> None:
    content = tomllib.loads(block.code)
    if block.excused:
        return
    rest = "" if "models" in content else 'models = ["dcgan", "pacgan"]\nbudget = { steps = 1 }\n'
    file = tmp_path / "study.toml"
    file.write_text(rest + block.code)
    for job in expand(read(file), load_registry()):
        resolved(job, load_registry())


def test_marks_are_known_and_code_is_not_forgotten() -> None:
    assert len(BLOCKS) > 40
    for block in BLOCKS:
        known = not block.mark or block.excused or block.elsewhere or block.mark == "first command"
        assert known, f"{block}: {block.mark}"
        assert block.language in {"bash", "python", "toml", "text"}, block
        if block.elsewhere and block.mark != "test command":
            assert block.page.name == "plugins.md", block
    assert not [word for word in ELSEWHERE.values() if not (ROOT / word).is_file()]
