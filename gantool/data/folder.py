"""Any folder of images; sub-folders are classes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gantool.data import splits
from gantool.data.source import Source, UnreadableImageError, in_mode
from gantool.errors import ConfigError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
_GRAY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


class ImageFolder(Source):
    """The images below a folder.

    Where every image lies in a sub-folder, the first sub-folder's name is its label. Hidden files
    and folders, and files whose names do not end like an image's, are passed over. Links to folders
    are followed, each real folder once.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self._names: list[str] = []
        if not folder.is_dir():
            problem = "a file, not a folder" if folder.exists() else "missing"
            raise ConfigError(
                f"data folder {folder} is {problem}.",
                "Give --data a folder of images, or a name that `gantool list-datasets` shows.",
            )

    def present(self) -> bool:
        """The folder exists."""
        return True

    def key(self) -> str:
        """A hash of every image's relative name, size and time of change.

        Raises:
            ConfigError: the folder cannot be read or holds no images.
        """
        digest = hashlib.sha256()
        for name in self._list():
            status = (self.folder / name).stat()
            digest.update(os.fsencode(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"))
        return digest.hexdigest()

    def _list(self) -> list[str]:
        if not self._names:
            try:
                self._names = sorted(_image_names(self.folder))
            except OSError as error:
                raise ConfigError(
                    f"data folder {self.folder} cannot be read: {error.strerror or error}",
                    "Check its permissions.",
                ) from None
        if not self._names:
            raise ConfigError(
                f"data folder {self.folder} holds no images.",
                f"gantool reads {', '.join(sorted(SUFFIXES))}, also in sub-folders.",
            )
        return self._names

    def open(self) -> None:
        """List, label and split the images."""
        names = self._list()
        self.splits = splits.by_name([os.fsencode(name) for name in names])
        tops = [Path(name).parts[0] if len(Path(name).parts) > 1 else "" for name in names]
        classes = sorted(set(tops))
        if "" in classes and len(classes) > 1:
            self.warnings.append(
                f"{self.folder} holds images beside sub-folders of images, so none is labelled; "
                "move the loose ones into a sub-folder to have classes."
            )
        elif len(classes) > 1:
            self.classes = tuple(classes)
            self.labels = np.array([classes.index(top) for top in tops], dtype=np.int64)

    def is_gray(self) -> bool:
        """Whether every image that can be opened has a grey mode or a grey palette."""
        return all(_has_gray_mode(self.folder / name) for name in self._list())

    def image(self, number: int) -> Image.Image:
        """Decode one image as a person sees it.

        It is the first frame, upright, with 8 bits a channel.
        """
        return read_image(self.folder / self._names[number])

    def name_of(self, number: int) -> str:
        """The name relative to the folder."""
        return self._names[number]


def _image_names(folder: Path) -> Iterator[str]:
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else sorted(f for f in folders if not f.startswith("."))
        if real in seen:
            continue
        seen.add(real)
        for file in files:
            path = Path(parent, file)
            if not file.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file():
                yield path.relative_to(folder).as_posix()


def _has_gray_mode(path: Path) -> bool:
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.mode == "P":
                palette = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
                return bool((palette == palette[:, :1]).all())
            return image.mode in _GRAY_MODES
    except Exception:
        return True  # an unreadable file is reported when it is decoded, and has no say here


def read_image(path: Path) -> Image.Image:
    """Decode a file to mode L, RGB, or RGBA where it has transparency, 8 bits a channel.

    The first frame counts; EXIF orientation is applied; 16-bit values keep their upper half;
    floating-point values are taken as [0, 1], or [0, 255] where any exceeds 1.

    Raises:
        UnreadableImageError: the file is damaged, too large to be trusted, or of another kind.
    """
    try:
        with Image.open(path, formats=FORMATS) as opened:
            opened.load()
            _turn_upright(opened)
            return _to_8_bit(opened)
    # Pillow raises many kinds for a damaged file; none may end the preparation.
    except Exception as error:
        raise UnreadableImageError(str(error) or type(error).__name__) from None


def _turn_upright(image: Image.Image) -> None:
    # The pixels may be sound where the note on how the camera was held is not.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return in_mode(image, "L" if image.mode in _GRAY_MODES else "RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    # Pillow's own conversion to 8 bits clips at 255 instead of scaling.
    values = np.asarray(image, dtype=np.float64)
    if image.mode.startswith("F"):
        scale = 255.0 if values.max(initial=0) <= 1 else 1.0
    else:
        scale = 1 / 257 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 1.0
    scaled = np.nan_to_num(values * scale).clip(0, 255)
    return Image.fromarray(scaled.round().astype(np.uint8))
