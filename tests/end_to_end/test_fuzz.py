"""Every reader of files and of what users type.

Whatever it is given, it answers or refuses, and never crashes.

The default suite tries a few hundred inputs a reader; `-m slow` tries 10,000.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save as safetensors_bytes

from gantool.config import resolve
from gantool.data.pixels import decode, open_image
from gantool.data.source import UnreadableImageError
from gantool.errors import GantoolError
from gantool.models.dcgan import Config
from gantool.report.comparison_figures import _first_cells
from gantool.report.load import read_run
from gantool.report.series import read_series
from gantool.runs import checkpoints
from gantool.runs.files import cut_back, read_json_lines
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord, Score
from gantool.sampling.latents import parse
from gantool.sampling.trained import _read_generator

Reader = Callable[[bytes, Path], None]


def image(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, size=(12, 9, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def state() -> bytes:
    buffer = io.BytesIO()
    torch.save(
        {
            "model": {"w": torch.arange(6.0)},
            "steps": 3,
            "name": "x",
            "averages": None,
            "list": [1, 2.5],
        },
        buffer,
    )
    return buffer.getvalue()


def record() -> bytes:
    made = RunRecord(
        name="x", model="dcgan", status="finished", config={"lr": 2e-4, "seed": 0}, steps=5
    )
    return json.dumps(made.model_dump(mode="json")).encode()


LINES = b"".join(
    json.dumps(
        {"step": i, "epoch": i / 9, "images": 16 * i, "seconds": 0.1, "loss_d": 1.5, "loss_g": None}
    ).encode()
    + b"\n"
    for i in range(1, 5)
)
SCORE = (
    Score(step=5, metric="parzen", value=1.5, detail={"sigma": 0.2}).model_dump_json() + "\n"
).encode()
SHEET = json.dumps(
    {"rows": 2, "columns": 3, "padding": 2, "labels": None, "latents": [[0.5]] * 6}
).encode()


def read_record(content: bytes, place: Path) -> None:
    (place / "run.json").write_bytes(content)
    read_run(place)


def read_lines(content: bytes, place: Path) -> None:
    file = place / "metrics.jsonl"
    file.write_bytes(content)
    series = read_series(file)
    assert len({len(column) for column in series.values()}) <= 1
    cut_back(file, 2)
    assert all(
        not isinstance(line.get("step"), int) or line["step"] <= 2 for line in read_json_lines(file)
    )


def read_scores(content: bytes, place: Path) -> None:
    (place / "scores.jsonl").write_bytes(content)
    RunFolder(place).scores()


def read_sheet(content: bytes, place: Path) -> None:
    (place / "sheet.json").write_bytes(content)
    if not (place / "sheet.png").exists():
        (place / "sheet.png").write_bytes(image("PNG"))
    _first_cells(place / "sheet.png", RunFolder(place))


def read_sheet_picture(content: bytes, place: Path) -> None:
    (place / "sheet.json").write_bytes(SHEET)
    (place / "sheet.png").write_bytes(content)
    _first_cells(place / "sheet.png", RunFolder(place))


def read_options(content: bytes, place: Path) -> None:
    (place / "options.toml").write_bytes(content)
    resolve(Config, model="dcgan", file=place / "options.toml", environment={})


def read_expression(content: bytes, place: Path) -> None:
    parse(content.decode(errors="replace"), 64)


def read_picture(content: bytes, place: Path) -> None:
    (place / "picture").write_bytes(content)
    with open_image(place / "picture") as image:
        assert decode(image).mode in ("L", "RGB", "RGBA")


def read_weights(content: bytes, place: Path) -> None:
    (place / "weights").write_bytes(content)
    _read_generator(place / "weights")


def read_state(content: bytes, place: Path) -> None:
    file = place / "00000003.pt"
    file.write_bytes(content)
    file.with_suffix(".sha256").write_text(hashlib.sha256(content).hexdigest())
    checkpoints.load(file)


# Each: how it reads, sound contents to damage, words to put in, what it may raise.
READERS: dict[str, tuple[Reader, list[bytes], list[bytes], tuple[type[Exception], ...]]] = {
    "run.json": (
        read_record,
        [record()],
        [b'"steps": -1e999', b"NaN", b"[[[[", b"\xff"],
        (GantoolError,),
    ),
    "metrics.jsonl": (
        read_lines,
        [LINES],
        [
            b"\n",
            b'"step": 1e400',
            b"[]\n",
            b'{"step": true}\n',
            b'"step": null',
            b'"step": "x"',
            b'"\\ud800": 1',
            b"\0",
        ],
        (),
    ),
    "scores.jsonl": (read_scores, [SCORE], [b"\n", b"null", b'"protocol": 3', b"1e999"], ()),
    "sheet.json": (read_sheet, [SHEET], [b"-1", b"0", b"1e999", b'"x"', b"null"], ()),
    "sheets": (read_sheet_picture, [image("PNG")], [b"IDAT", b"\xff\xff\xff\xff"], ()),
    "options": (
        read_options,
        [
            b'lr = 0.0002\nepochs = 3\nloss = "minimax"\ncheckpoint_every = "10min"\n',
            b"ema = 0.9\nsteps = 7",
        ],
        [
            b"[table]\n",
            b"= ",
            b"inf",
            b"nan",
            b"1979-05-27",
            b'"',
            b"'''",
            b"true",
            b"[1]",
            b"0x7f",
            b"1_0",
        ],
        (GantoolError,),
    ),
    "expressions": (
        read_expression,
        [b"mean(1,5) - mean(2,3) + 7", b"0.5 * mean(1, 2) - -(3)"],
        [
            b"(",
            b")",
            b"-",
            b"*",
            b"mean(",
            b"1e999",
            b"**",
            b"lambda:0",
            b"f'{1}'",
            b"\0",
            b"__import__('os')",
        ],
        (GantoolError,),
    ),
    "images": (
        read_picture,
        [
            image("PNG"),
            image("PNG", "P"),
            image("PNG", "LA"),
            image("JPEG"),
            image("GIF"),
            image("BMP"),
            image("WEBP"),
        ],
        [b"\xff\xff\xff\xff", b"IHDR", b"\0\0\0\0"],
        (UnreadableImageError,),
    ),
    "weights": (
        read_weights,
        [
            safetensors_bytes(
                {"a": torch.arange(4.0), "b": torch.zeros(2, 3)}, {"gantool": '{"step": 3}'}
            )
        ],
        [b'"F64"', b"[-1]", b"99999999", b'{"'],
        (GantoolError, SafetensorError),
    ),
    "states": (
        read_state,
        [state()],
        [b"cos\nsystem\n", b"\x80\x02", b"PK\x01\x02", b"\xff\xff\xff\xff"],
        (checkpoints.DamagedCheckpointError,),
    ),
}


@st.composite
def damaged(draw: st.DrawFn, sound: list[bytes], words: list[bytes]) -> bytes:
    """A sound content with a few bytes changed, cut, doubled or put in.

    Or bytes without any plan.
    """
    if draw(st.integers(0, 9)) == 0:
        return (
            draw(st.binary(max_size=80))
            if draw(st.booleans())
            else b" ".join(draw(st.lists(st.sampled_from(words))))
        )
    content = draw(st.sampled_from(sound))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(1, 12)))
        part = content[at:end]
        put = draw(
            st.sampled_from([b"", part * 2, part[::-1], *words]) | st.binary(min_size=1, max_size=6)
        )
        content = content[:at] + put + content[end:]
        if draw(st.integers(0, 19)) == 0:
            content = content[:at]
    return content


def fuzz(name: str, place: Path, examples: int) -> None:
    reader, sound, words, refusals = READERS[name]

    @seed(2014)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(damaged(sound, words))
    def answers_or_refuses(content: bytes) -> None:
        with contextlib.suppress(*refusals):
            reader(content, place)

    for content in sound:
        reader(content, place)
    answers_or_refuses()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_readers_answer_or_refuse(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, 200)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_readers_answer_or_refuse_ten_thousand_times(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, 10_000)
