"""Several runs' sheets in step with each other, as GIF or MP4."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gantool.errors import ConfigError, GantoolError
from gantool.runs import RunFolder, write_bytes

_MOST_FRAMES = 120
_SIDE = 320
_HEAD = 46


def animate(folders: Sequence[RunFolder], file: Path) -> Path:
    """Write an animation of all runs' sheets, each at its nearest step at or before the shown one.

    Raises:
        ConfigError: a run has no sheets, or the file is neither .gif nor .mp4.
        GantoolError: there is no encoder for MP4.
    """
    kind = file.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise ConfigError(f"{file}: an animation is a .gif or an .mp4.", "Give --output a name that ends so.")
    for folder in folders:
        if not folder.sheets():
            raise ConfigError(f"{folder.path} has no sheets to animate.", "Train it first, or leave it out.")
    pictures = frames(folders)
    file.parent.mkdir(parents=True, exist_ok=True)
    if kind == ".mp4":
        _mp4(pictures, file)
        return file
    durations = [max(120, min(600, 6000 // len(pictures)))] * (len(pictures) - 1) + [2500]
    buffer = io.BytesIO()
    pictures[0].save(buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    write_bytes(file, buffer.getvalue())
    return file


def frames(folders: Sequence[RunFolder]) -> list[Image.Image]:
    """One frame for each step at which any run drew a sheet (at most 120), the runs side by side."""
    sheets = [folder.sheets() for folder in folders]
    names = [folder.read().name for folder in folders]
    steps = sorted({step for found in sheets for step in found})
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_FRAMES)).round().astype(int))
    return [_frame(steps[i], names, sheets) for i in chosen]


def _frame(step: int, names: Sequence[str], sheets: Sequence[dict[int, Path]]) -> Image.Image:
    picture = Image.new("RGB", (len(sheets) * (_SIDE + 8) + 8, _SIDE + _HEAD + 8), "white")
    pen = ImageDraw.Draw(picture)
    for i, (name, found) in enumerate(zip(names, sheets, strict=True)):
        left = 8 + i * (_SIDE + 8)
        reached = [drawn for drawn in found if drawn <= step]
        pen.text((left, 4), _short(name), fill="black", font=ImageFont.load_default(16))
        if not reached:
            continue
        pen.text((left, 24), f"step {reached[-1]:,}", fill="#5b6675", font=ImageFont.load_default(14))
        with Image.open(found[reached[-1]], formats=["PNG"]) as sheet:
            tile = sheet.convert("RGB")
        factor = _SIDE / max(tile.size)
        size = (max(1, round(tile.width * factor)), max(1, round(tile.height * factor)))
        picture.paste(tile.resize(size, Image.Resampling.NEAREST), (left, _HEAD))
    return picture


def _short(name: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in name)
    return printable if len(printable) <= 50 else printable[:49] + "…"


def _mp4(pictures: Sequence[Image.Image], file: Path) -> None:
    encoder = shutil.which("ffmpeg")
    if encoder is None:
        raise GantoolError("there is no encoder for MP4 here.", "Install ffmpeg, or write a .gif.")
    with tempfile.TemporaryDirectory() as folder:
        for i, picture in enumerate([*pictures, *[pictures[-1]] * 8]):
            even = picture.crop((0, 0, picture.width - picture.width % 2, picture.height - picture.height % 2))
            even.save(Path(folder) / f"{i:05d}.png")
        target = Path(folder) / "out.mp4"
        words = ["-y", "-loglevel", "error", "-framerate", "5", "-i", f"{folder}/%05d.png", "-pix_fmt", "yuv420p"]
        done = subprocess.run([encoder, *words, str(target)], capture_output=True, text=True)
        if done.returncode:
            raise GantoolError(f"ffmpeg failed: {done.stderr.strip().splitlines()[-1:]}", "Write a .gif instead.")
        write_bytes(file, target.read_bytes())
