"""Any number of samples."""

from __future__ import annotations

import zipfile
from pathlib import Path


def test_a_million_samples_do_not_fill_the_memory(finished_run: Path, tmp_path: Path) -> None:
    """Not a million here: what is held at once does not grow with the number."""
    import tracemalloc

    import gantool as names
    from gantool.sampling.streaming import Wanted, to_npz

    sampler = names.open(finished_run).sampler
    peaks = []
    for n in (1000, 5000):
        tracemalloc.start()
        to_npz(
            sampler,
            Wanted(n),
            file=tmp_path / f"{n}.npz",
            progress=lambda done, total: None,
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000  # 4,000 more images would be 3 MB
    with zipfile.ZipFile(tmp_path / "5000.npz") as archive:
        assert archive.testzip() is None
