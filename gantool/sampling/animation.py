"""Animations of sample grids: progress.gif of one run, and several runs in step with each other."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from gantool.errors import ConfigError, GantoolError, printable
from gantool.report.figures import read_picture
from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder, thinned
from gantool.runs.records import RunRecord
from gantool.sampling.pictures import gif, paces
from gantool.sampling.scatter import few_colors

_MOST_FRAMES = 60  # of one run's animation
_MOST_COMMON_FRAMES = 120  # of several runs'
_ONE_SIDE = 480
_SIDES = {"images": 320, "points": 480}  # of a run among several; a scatter has finer parts
_HEAD = 46


def write_progress(folder: RunFolder) -> None:
    """Write progress.gif: a run's sample grids in order, each with its step, the last one held."""
    chosen = thinned(list(folder.sample_grids().items()), _MOST_FRAMES)
    if chosen:
        frames = [_captioned(path, f"step {step:,}") for step, path in chosen]
        frames = _fit_for_gif(frames, [folder.read()])
        write_bytes(folder.animation, gif(frames, paces(len(frames))))


def _captioned(path: Path, caption: str) -> Image.Image:
    image = Image.fromarray(read_picture(path))
    factor = max(1, round(_ONE_SIDE / max(image.size)))
    size = (image.width * factor, image.height * factor)
    framed = Image.new(mode="RGB", size=(size[0], size[1] + 28), color="white")
    framed.paste(image.resize(size, Image.Resampling.NEAREST), (0, 28))
    ImageDraw.Draw(framed).text((8, 5), caption, fill="black", font=ImageFont.load_default(16))
    return framed


def animate(folders: Sequence[RunFolder], file: Path) -> Path:
    """Write an animation of all runs' sample grids.

    Each run is shown at its nearest step at or before that of the frame.

    Raises:
        ConfigError: a run has no sample grids, or the file is neither .gif nor .mp4.
        GantoolError: there is no encoder for MP4.
    """
    kind = file.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise ConfigError(
            f"{file}: an animation is a .gif or an .mp4.", "Give --output a name that ends so."
        )
    for folder in folders:
        if folder.read().origin is not None:
            raise ConfigError(
                f"{folder.path} is no run, but samples that another program drew: it did not learn "
                "here.",
                "Leave it out.",
            )
        if not folder.sample_grids():
            raise ConfigError(
                f"{folder.path} has no sample grids to animate.", "Train it first, or leave it out."
            )
    frames = side_by_side(folders)
    file.parent.mkdir(parents=True, exist_ok=True)
    if kind == ".mp4":
        write_bytes(file, _mp4(frames))
    else:
        frames = _fit_for_gif(frames, [folder.read() for folder in folders])
        write_bytes(file, gif(frames, paces(len(frames))))
    return file


def side_by_side(folders: Sequence[RunFolder]) -> list[Image.Image]:
    """One frame for each step at which any run drew a sample grid (at most 120)."""
    grids = [folder.sample_grids() for folder in folders]
    records = [folder.read() for folder in folders]
    steps = sorted({step for found in grids for step in found})
    return [_frame(step, records, grids=grids) for step in thinned(steps, _MOST_COMMON_FRAMES)]


def _frame(
    step: int, records: Sequence[RunRecord], *, grids: Sequence[dict[int, Path]]
) -> Image.Image:
    side = max(_SIDES[record.noun] for record in records)
    width = len(grids) * (side + 8) + 8
    picture = Image.new(mode="RGB", size=(width, side + _HEAD + 8), color="white")
    pen = ImageDraw.Draw(picture)
    for i, (record, found) in enumerate(zip(records, grids, strict=True)):
        left = 8 + i * (side + 8)
        pen.text((left, 4), _short(record.name), fill="black", font=ImageFont.load_default(16))
        reached = [drawn for drawn in found if drawn <= step]
        if not reached:
            continue
        caption = f"step {reached[-1]:,}"
        pen.text((left, 24), caption, fill="#5b6675", font=ImageFont.load_default(14))
        tile = Image.fromarray(read_picture(found[reached[-1]]))
        factor = side / max(tile.size)
        size = (max(1, round(tile.width * factor)), max(1, round(tile.height * factor)))
        scatter = record.noun == "points"
        way = Image.Resampling.LANCZOS if scatter else Image.Resampling.NEAREST
        picture.paste(tile.resize(size, way), (left, _HEAD))
    return picture


def _short(name: str) -> str:
    shown = " ".join(printable(name).split())
    return shown if len(shown) <= 50 else shown[:49] + "…"


def _fit_for_gif(frames: Sequence[Image.Image], records: Sequence[RunRecord]) -> list[Image.Image]:
    """The frames, those that show nothing but scatters in few colors."""
    if any(record.noun != "points" for record in records):
        return list(frames)
    return [few_colors(frame) for frame in frames]


def _mp4(frames: Sequence[Image.Image]) -> bytes:
    encoder = shutil.which("ffmpeg")
    if encoder is None:
        raise GantoolError("there is no encoder for MP4 here.", "Install ffmpeg, or write a .gif.")
    with tempfile.TemporaryDirectory() as folder:
        for i, frame in enumerate([*frames, *[frames[-1]] * 8]):
            even = (frame.width - frame.width % 2, frame.height - frame.height % 2)
            frame.crop((0, 0, *even)).save(Path(folder) / f"{i:05d}.png")
        target = Path(folder) / "out.mp4"
        argv = [encoder, "-y", "-loglevel", "error", "-framerate", "5"]
        argv += ["-i", f"{folder}/%05d.png", "-pix_fmt", "yuv420p", str(target)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            raise GantoolError(f"ffmpeg failed: {last}", "Write a .gif instead.")
        return target.read_bytes()
