"""Images: where they come from, how they are split, prepared once, and read in batches."""

from gantool.data.source import Source

__all__ = ["Source"]
