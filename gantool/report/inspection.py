"""The findings about pictures as tables and words, and as a page: one file that stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gantool._version import __version__
from gantool.config import parse_size
from gantool.errors import GantoolError
from gantool.report import page
from gantool.report.format import plain
from gantool.runs.files import write_bytes

Document = Mapping[str, Any]
_PADDING = 2  # pixels between the images of a grid
_MOST_SIDE = 96  # pixels of an image in a grid; larger ones are reduced
_NAMED = 200  # lines of a list on the page


def facts(found: Document) -> list[tuple[str, str]]:
    """The findings in lines: a word, and what is found."""
    total, light = found["images"], found["brightness"]
    splits = " / ".join(f"{count:,}" for count in found["splits"].values())
    return [
        ("pictures", f"{total:,}: train / validation / test {splits}"),
        ("prepared as", _prepared(found)),
        ("sizes", _sizes(found["sizes"])),
        ("most frequent", ", ".join(_size(entry, total) for entry in found["sizes"]["frequent"])),
        ("shapes", _shares(found["shapes"], total)),
        ("modes", _shares(found["modes"], total)),
        ("transparent", _of(found["clear"], total)),
        ("gray, or nearly", _of(found["nearly_gray"], total)),
        (_WORDS[found["fit"]], _cut_off(found["cut_off"], total)),
        (
            "brightness",
            f"{light['mean']:.2f} of 1 on average, contrast {light['contrast']:.2f}; nearly black "
            f"{_of(light['nearly_black'], total)}, nearly white {_of(light['nearly_white'], total)}"
            f", of one tone {_of(light['one_tone'], total)}",
        ),
        ("equal", _equal(found["equal"])),
        ("nearly equal", _near(found["near"])),
        ("unreadable", f"{len(found['unreadable']):,} files" if found["unreadable"] else "none"),
    ]


_WORDS = {
    "crop": "the crop cuts off",
    "pad": "white is added to",
    "stretch": "a crop would cut off",
}


def _prepared(found: Document) -> str:
    height, width = parse_size(found["image_size"])
    kinds = {1: "gray", 3: "RGB", 4: "RGB with alpha"}
    return f"{height}x{width} (height x width), {kinds[found['channels']]}, --fit {found['fit']}"


def _sizes(sizes: Document) -> str:
    sides = "; ".join(f"{side} {_range(sizes[side])}" for side in ("height", "width"))
    enlarged = f"{sizes['upscaled']:,}" if sizes["upscaled"] else "none"
    different = "one size" if sizes["different"] == 1 else f"{sizes['different']:,} different"
    return f"{different}; {sides}; {enlarged} enlarged"


def _range(side: Document) -> str:
    if side["least"] == side["greatest"]:
        return f"{side['least']:,}"
    return f"{side['least']:,} to {side['greatest']:,} (median {side['median']:,})"


def _cut_off(cut: Document, total: int) -> str:
    if not cut["greatest"]:
        return "nothing"
    return (
        f"on average {_percent(cut['mean'])} of a picture, at most {_percent(cut['greatest'])}; "
        f"more than a third of {_of(cut['more_than_a_third'], total)}"
    )


def _equal(equal: Document) -> str:
    if not equal["groups"]:
        return "none"
    return (
        f"{equal['images']:,} pictures in {equal['groups']:,} groups; {equal['across_splits']:,} "
        f"across splits, {equal['with_different_classes']:,} with different classes"
    )


def _near(near: Document | None) -> str:
    if near is None:
        return "not looked for: pip install 'gantool[inspect]'"
    if not near["pairs"]:
        return "none"
    return f"{near['pairs']:,} pairs, {near['across_splits']:,} of them across splits"


def _size(entry: Document, total: int) -> str:
    return f"{entry['height']:,}x{entry['width']:,} ({_percent(entry['images'] / total)})"


def _shares(counts: Mapping[str, int], total: int) -> str:
    return ", ".join(f"{name} {_percent(count / total)}" for name, count in counts.items() if count)


def _of(count: int, total: int) -> str:
    return f"{count:,} ({_percent(count / total)})" if count else "none"


def _percent(share: float) -> str:
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{share:.1%}"
    return f"{share:.0%}"


def classes_table(found: Document, *, most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of the classes, the most frequent first; a last row for those left out."""
    classes = sorted(found["classes"], key=lambda entry: -entry["images"])
    rows = [
        (
            plain(entry["name"]),
            f"{entry['images']:,}",
            _percent(entry["share"]),
            *(f"{entry[split]:,}" for split in found["splits"]),
        )
        for entry in classes[:most]
    ]
    rest = classes[most:]
    if rest:
        images = [entry["images"] for entry in rest]
        share = _percent(sum(images) / found["images"])
        words = f"{len(rest):,} more, of {min(images):,} to {max(images):,}"
        rows.append((words, f"{sum(images):,}", share, *([""] * len(found["splits"]))))
    return ("class", "pictures", "share", *found["splits"]), rows


def lists(found: Document) -> dict[str, list[str]]:
    """The unreadable files, the equal and the nearly equal pictures, by heading, a line each."""
    near = found["near"]["listed"] if found["near"] else []
    lines = {
        "cannot be read": [f"{entry['name']}: {entry['reason']}" for entry in found["unreadable"]],
        "equal": [_group(entry) for entry in found["equal"]["listed"]],
        "nearly equal": [f"{_group(entry)} ({entry['difference']:.1%})" for entry in near],
    }
    return {heading: found for heading, found in lines.items() if found}


def _group(entry: Document) -> str:
    """The names of equal pictures, with class and split where these differ."""
    differing = [kind for kind in ("classes", "splits") if len(set(entry[kind])) > 1]
    words = []
    for i, name in enumerate(entry["names"]):
        notes = ", ".join(entry[kind][i] for kind in differing)
        words.append(f"{name} ({notes})" if notes else name)
    return " = ".join(words)


def write_inspection(
    file: Path,
    *,
    document: Document,
    mean: npt.NDArray[np.uint8],
    grids: Sequence[tuple[str, npt.NDArray[np.uint8]]],
    pairs: Sequence[npt.NDArray[np.uint8]],
) -> Path:
    """Write the page, and return its path.

    Args:
        file: of the page.
        document: the findings.
        mean: uint8 [height, width, channels], the mean of all images.
        grids: the name of each class, and images of it, uint8 [n, height, width, channels].
        pairs: of the nearly equal images as they are listed, uint8 [2, height, width, channels].

    Raises:
        GantoolError: it cannot be written.
    """
    counts = {entry["name"]: entry for entry in document["classes"]}
    content = page.template("inspection.html.j2").render(
        found=document,
        facts=facts(document),
        lists=lists(document),
        named=_NAMED,
        percent=_percent,
        words=_WORDS,
        mean=page.data_address(_picture(mean)),
        grids=[(name, counts.get(name), _grid(images)) for name, images in grids],
        pairs=list(
            zip(
                (document["near"] or {"listed": []})["listed"],
                map(_grid, pairs),
                strict=False,  # fewer are shown than listed
            )
        ),
        version=__version__,
        page_css=page.asset("page.css"),
        inspection_css=page.asset("inspection.css"),
        theme_js=page.asset("theme.js"),
    )
    try:
        write_bytes(file, content.encode(errors="backslashreplace"))
    except OSError as error:
        raise GantoolError(
            f"cannot write {file}: {error.strerror or error}",
            "Name another place with --output.",
        ) from None
    return file


def _grid(images: npt.NDArray[np.uint8]) -> str:
    """Images, uint8 [n, height, width, channels], in rows about as long as they are many."""
    tiles = [_picture(image) for image in images]
    width, height = tiles[0].size
    columns = min(len(tiles), 8 if len(tiles) <= 32 else 12)
    rows = -(-len(tiles) // columns)
    size = (columns * (width + _PADDING) - _PADDING, rows * (height + _PADDING) - _PADDING)
    grid = Image.new("RGBA", size)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        grid.paste(tile, (column * (width + _PADDING), row * (height + _PADDING)))
    return page.data_address(grid)


def _picture(image: npt.NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    return picture.reduce(max(1, max(picture.size) // _MOST_SIDE))
