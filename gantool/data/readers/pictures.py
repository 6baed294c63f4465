"""The common part of all readers of encoded pictures: JPEG, PNG, WebP, BMP, GIF, TIFF."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import ClassVar

from PIL import Image

from gantool.data.pixels import open_image
from gantool.data.source import Source


class Pictures(Source):
    """Encoded pictures of one's own, split by their content."""

    apart: ClassVar[bool] = True

    @abc.abstractmethod
    def content(self, number: int) -> Path | bytes:
        """One encoded picture: a file, or its bytes.

        Raises:
            UnreadableImageError: it cannot be read.
        """

    def image(self, number: int) -> Image.Image:
        """One picture, of which only the head is read."""
        return open_image(self.content(number))
