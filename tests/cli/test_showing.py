"""Pictures in terminals, read back, and the commands that a summary names."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_run
from PIL import Image
from pseudo_terminal import (
    NAMES,
    Pixels,
    Shown,
    at_terminal,
    block_picture,
    iterm2_pictures,
    kitty_pictures,
    sixel_pictures,
)
from support import SMALL, Cli

from gantool.cli.showing import _excerpt, _scatter
from gantool.cli.summary import next_commands
from gantool.machine.terminal import Screen
from gantool.runs.folder import RunFolder

PYTHON = [sys.executable, "-m", "gantool"]
SHOW = """
import sys
from pathlib import Path
from gantool.cli.showing import show_run
from gantool.runs.folder import RunFolder
show_run(RunFolder(Path(sys.argv[1])), {"": None, "yes": True, "no": False}[sys.argv[2]])
print("end")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose newest sample grid is gray noise, another noise in each of 8 x 8 cells."""
    path = make_run(tmp_path_factory.mktemp("runs") / "a run")
    noise = np.random.default_rng(7).integers(0, 256, (242, 242), dtype=np.uint8)
    Image.fromarray(noise).convert("RGB").save(RunFolder(path).sample_grid(100))
    return path


def show(run: Path, wanted: str = "", **terminal: object) -> Shown:
    done = at_terminal("-c", SHOW, run, wanted, **terminal)  # type: ignore[arg-type]
    assert done.code == 0, done.written
    assert "end" in done.text or "stdout" in terminal
    return done


def grid_of(run: Path) -> Pixels:
    with Image.open(RunFolder(run).sample_grid(100)) as picture:
        return np.asarray(picture)


def part(run: Path, rows: int, columns: int, *, times: int = 1) -> Pixels:
    """The first cells of the sample grid, each pixel so many times as large."""
    cells = grid_of(run)[: rows * 30 + 2, : columns * 30 + 2]
    return cells.repeat(times, axis=0).repeat(times, axis=1)


# Terminals with pictures


def test_kitty_gets_the_pixels_of_the_sample_grid(run: Path) -> None:
    (found,) = kitty_pictures(show(run, answers=["kitty", "sixel"]).written)
    assert np.array_equal(found, part(run, 4, 8, times=2))


def test_iterm2_gets_them_by_its_name(run: Path) -> None:
    for name in ({"TERM_PROGRAM": "iTerm.app"}, {"LC_TERMINAL": "iTerm2"}):
        ((found, width),) = iterm2_pictures(show(run, answers=["sixel"], env=name).written)
        assert np.array_equal(found, part(run, 4, 8, times=2))
        assert width == 61  # 484 pixels in characters of 8


def test_sixel_gets_them_as_near_as_hundredths_are(run: Path) -> None:
    (found,) = sixel_pictures(show(run, answers=["sixel"]).written)
    wanted = part(run, 4, 8, times=2).astype(int)
    assert found.shape == (246, 484, 3)  # whole sixes of rows
    assert np.abs(found[:244] - wanted).max() <= 3
    assert (found[244:] == found[243, 0]).all()


def test_sixel_has_256_colors_at_most(run: Path, tmp_path: Path) -> None:
    colored = shutil.copytree(run, tmp_path / "colored")
    y, x = np.mgrid[:242, :242]
    smooth = np.stack([y, x, (x + y) // 2], axis=-1).astype(np.uint8)
    Image.fromarray(smooth).save(RunFolder(colored).sample_grid(100))
    written = show(colored, answers=["sixel"]).written
    (found,) = sixel_pictures(written)
    assert written.count(b";2;") <= 256
    assert np.abs(found[:244] - part(colored, 4, 8, times=2).astype(int)).mean() < 12


@pytest.mark.parametrize(
    ("columns", "lines", "cell", "shown"),
    [
        (100, 36, (8, 16), (3, 8, 2)),  # 192 pixels above the text
        (60, 40, (8, 16), (4, 7, 2)),
        (30, 40, (8, 16), (4, 3, 2)),
        (12, 40, (8, 16), (4, 1, 2)),
        (100, 48, (18, 36), (4, 8, 6)),  # as many characters a sample where they have more pixels
        (80, 15, (10, 20), (2, 8, 3)),  # two rows at least
    ],
)
def test_a_small_terminal_gets_fewer_samples_of_the_same_size(
    run: Path, columns: int, lines: int, cell: tuple[int, int], shown: tuple[int, int, int]
) -> None:
    done = show(run, answers=["kitty"], columns=columns, lines=lines, cell=cell)
    (found,) = kitty_pictures(done.written)
    assert np.array_equal(found, part(run, *shown[:2], times=shown[2]))


def test_within_tmux_kitty_is_not_asked_for(run: Path) -> None:
    """It would become the title of the window."""
    done = show(run, answers=["kitty", "sixel"], env={"TERM": "tmux-256color"})
    assert b"\x1b_G" not in done.written
    assert len(sixel_pictures(done.written)) == 1
    iterm2 = {"TMUX": "/tmp/tmux", "LC_TERMINAL": "iTerm2"}
    assert not iterm2_pictures(show(run, env=iterm2).written)


# Terminals without, and no terminals


def test_others_get_no_picture_unless_asked(run: Path) -> None:
    done = show(run)
    assert done.asked
    assert done.text == "end\n"
    assert "▀" in show(run, "yes").text


def test_nothing_is_asked_where_nothing_is_wanted(run: Path) -> None:
    for wanted, name in (("no", "xterm-256color"), ("", "dumb")):
        terminal = {"TERM": name, "TERM_PROGRAM": "iTerm.app"}
        done = show(run, wanted, answers=["kitty"], env=terminal)
        assert done.written == b"end\r\n", name


def test_a_silent_terminal_is_not_waited_for_for_long(run: Path) -> None:
    done = show(run, answers=["none"])
    assert done.asked
    assert done.text == "end\n"


def test_without_a_keyboard_nothing_is_asked(run: Path) -> None:
    done = show(run, answers=["kitty"], stdin=subprocess.DEVNULL)
    assert done.written == b"end\r\n"


def test_what_was_typed_is_left_to_the_shell(run: Path) -> None:
    done = show(run, answers=["kitty"], typed=b"ls\n")
    assert not done.asked
    assert done.typed == b"ls\n"


def test_in_the_background_nothing_is_asked(run: Path) -> None:
    """A process there that reads from its terminal, or changes it, is stopped."""
    script = (
        "import os, sys\nchild = os.fork()\n"
        f"if not child:\n    os.setpgid(0, 0)\n    exec({SHOW!r})\n    os._exit(0)\n"
        "_, status = os.waitpid(child, os.WUNTRACED)\nsys.exit(status)\n"
    )
    done = at_terminal("-c", script, run, "", answers=["kitty"])
    assert (done.code, done.written) == (0, b"end\r\n")


def test_a_pipe_gets_nothing_but_on_request(run: Path) -> None:
    assert drawn_in_pipe(run, "") == drawn_in_pipe(run, "no") == "end\n"
    wanted = part(run, 2, 2)
    found = block_picture(drawn_in_pipe(run, "yes", COLORTERM="truecolor"))
    assert np.array_equal(found, wanted)
    # The grays of 256 colors lie 10 apart.
    few = block_picture(drawn_in_pipe(run, "yes", NO_COLOR="1"))
    assert np.abs(few.astype(int) - wanted).max() <= 24


@pytest.mark.parametrize(
    ("columns", "lines", "shown"), [(160, 72, (3, 5)), (70, 50, (2, 2)), (36, 50, (2, 1))]
)
def test_blocks_are_pixels(run: Path, columns: int, lines: int, shown: tuple[int, int]) -> None:
    size = {"COLUMNS": str(columns), "LINES": str(lines), "COLORTERM": "truecolor"}
    assert np.array_equal(block_picture(drawn_in_pipe(run, "yes", **size)), part(run, *shown))


def drawn_in_pipe(run: Path, wanted: str, **env: str) -> str:
    usual = {key: value for key, value in os.environ.items() if key not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", SHOW, run, wanted],
        capture_output=True,
        encoding="utf-8",
        env={**usual, "TERM": "xterm-256color", **env},
        check=True,
    )
    return done.stdout


# The part that is shown


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 40),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    way=st.sampled_from(["kitty", "blocks"]),
    cell=st.sampled_from([(8, 16), (11, 23)]),
    size=st.tuples(st.integers(1, 200), st.integers(1, 80)),
)
def test_the_part_has_room_and_ends_between_cells(
    rows: int,
    columns: int,
    height: int,
    width: int,
    way: str,
    cell: tuple[int, int],
    size: tuple[int, int],
) -> None:
    cell = (1, 2) if way == "blocks" else cell
    screen = Screen(way=way, columns=size[0], lines=size[1], cell=cell)  # type: ignore[arg-type]
    grid = Image.new("RGB", (columns * (width + 2) + 2, rows * (height + 2) + 2))
    room, largest = size[0] * cell[0], 32 if way == "blocks" else 10 * cell[0]
    found = _excerpt(grid, {"rows": rows, "columns": columns, "padding": 2}, screen=screen)
    assert found.width <= room
    if width + 4 <= room and width <= largest:
        times = max(1, min(largest // width, room // (width + 4)))
        assert found.width % times == found.height % times == 0
        assert (found.width // times - 2) % (width + 2) == 0
        assert (found.height // times - 2) % (height + 2) == 0
        assert found.width + times * (width + 2) > room or found.width == grid.width * times


def test_points_are_shown_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path / "ring")
    record = json.loads((run / "run.json").read_text())
    record["data"]["kind"] = "points"
    (run / "run.json").write_text(json.dumps(record))
    scatter = Image.effect_noise((560, 560), 50).convert("RGB")
    scatter.save(RunFolder(run).sample_grid(100))
    (found,) = kitty_pictures(show(run, answers=["kitty"], lines=43).written)
    assert np.array_equal(found, np.asarray(scatter))
    for lines, cell, side in ((28, (8, 16), 320), (60, (18, 36), 1680)):
        screen = Screen(way="sixel", columns=100, lines=lines, cell=cell)
        smaller = scatter.resize((side, side), Image.Resampling.LANCZOS)
        assert np.array_equal(_scatter(scatter, screen), smaller)
    blocks = Screen(way="blocks", columns=80, lines=34, cell=(1, 2))
    assert _scatter(scatter, blocks).size == (52, 52)


# Whole commands


@pytest.mark.slow
def test_a_run_leads_with_its_samples_and_what_it_names_next_works(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", "dcgan", "--steps", "4", "--name", "my run", "--no-evaluate", *SMALL]
    done = at_terminal("-m", "gantool", *words, answers=["kitty"], cwd=tmp_path)
    assert done.code == 0, done.written
    (found,) = kitty_pictures(done.written)
    run = tmp_path / "experiments" / "my run"
    with Image.open(RunFolder(run).sample_grid(4)) as grid:
        pixels = np.asarray(grid)[:122]
    assert np.array_equal(found, pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert done.written.index(b"\x1b_Ga=T") < done.written.index(b"dcgan on mnist5k")
    monkeypatch.chdir(tmp_path)
    commands = [line[line.index("gantool ") :] for line in done.text.splitlines()[-3:]]
    assert commands == [
        "gantool explore 'experiments/my run'",
        "gantool resume 'experiments/my run' --steps 8",
        "gantool run dcgan --config 'experiments/my run/run.json' --seeds 1000,1001",
    ]
    server = subprocess.Popen(
        [*PYTHON, *shlex.split(commands[0])[1:], "--port", "0", "--no-browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    with server.stdout:
        assert httpx.get(server.stdout.readline().split()[0]).status_code == 200
    server.send_signal(signal.SIGINT)
    assert server.wait(30) in (0, 130)
    longer = cli(*shlex.split(commands[1])[1:], "--show")
    assert longer.code == 0, longer.err
    assert RunFolder(run).read().steps == 8
    assert block_picture(longer.out).shape == (62, 92, 3)
    # As JSON nothing is shown, nor asked.
    seeds = [*shlex.split(commands[2])[1:], "--json"]
    silent = at_terminal("-m", "gantool", *seeds, answers=["kitty"], cwd=tmp_path)
    assert (silent.code, silent.asked) == (0, False)
    assert [made["config"]["seed"] for made in json.loads(silent.written)] == [1000, 1001]
    compare = next_commands(RunFolder(Path("experiments/my run")))["compare"]
    assert compare == "gantool compare experiments/*"
    subprocess.run(
        compare.replace("gantool", shlex.join(PYTHON), 1),
        shell=True,
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )


def test_samples_are_shown_as_they_are_drawn(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    for n in (12, 1):
        file = tmp_path / f"{n}.png"
        done = cli(
            *("sample", finished_run, "-n", n, "--output", file, "--show"),
            env={"COLORTERM": "truecolor", "LINES": "200"},
        )
        assert done.code == 0, done.err
        assert done.out.splitlines()[-1] == str(file)
        with Image.open(file) as grid:
            assert np.array_equal(block_picture(done.out), np.asarray(grid)[:122, :92])
    refused = cli("sample", finished_run, "--format", "npz", "--show")
    assert refused.code == 2
    assert "--show" in refused.err


# The commands that come next


def purposes(run: Path) -> list[str]:
    return list(next_commands(RunFolder(run)))


def test_the_next_commands_are_chosen_by_what_the_run_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "it's one", status="interrupted")
    assert purposes(run) == ["go on"]
    quoted = shlex.quote(str(run))
    assert next_commands(RunFolder(run))["go on"] == f"gantool resume {quoted}"
    (run / "generator.safetensors").touch()
    assert purposes(run) == ["go on", "play with it", "draw more"]

    diverged = make_run(tmp_path / "two", status="diverged", config={"lr": 0.003})
    slower = next_commands(RunFolder(diverged))["try slower"]
    assert shlex.split(slower)[-4:] == ["--experiments-dir", str(tmp_path), "--lr", "0.0015"]
    assert next_commands(RunFolder(run))["compare"] == f"gantool compare {tmp_path}/*"

    done = make_run(tmp_path / "three")
    (done / "generator.safetensors").touch()
    assert "train longer" not in purposes(done)  # there is no state to go on from
    RunFolder(done).state(100).touch()
    assert next_commands(RunFolder(done))["train longer"].endswith("--steps 200")


def test_without_its_packages_the_page_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "one")
    (run / "generator.safetensors").touch()
    monkeypatch.setattr("gantool.cli.summary.find_spec", lambda name: None)
    assert purposes(run) == ["other seeds", "draw more"]
