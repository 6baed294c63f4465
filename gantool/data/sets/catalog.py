"""The data sets that gantool brings, registered by the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Callable

from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import DatasetSpec, ReaderSpec


@hookimpl
def register_datasets(register: Callable[[DatasetSpec | ReaderSpec], None]) -> None:
    """Register mnist5k, its stacks, torchvision's data sets, points in the plane, and readers."""
    embedded = "gantool.data.sets.mnist5k"
    register(
        DatasetSpec(
            "mnist5k",
            "5,000 handwritten digits, embedded",
            source=f"{embedded}:Mnist5k",
            images=5_000,
            image_size=28,
            channels=1,
            classes=10,
            extractor="digits",
        )
    )
    register(
        DatasetSpec(
            "stacked-mnist",
            "three digits of mnist5k as three channels: 1,000 modes",
            source=f"{embedded}:StackedMnist",
            images=50_000,
            image_size=28,
            channels=3,
            classes=1_000,
            extractor="stacked-digits",
        )
    )
    sets = "gantool.data.sets.torchvision"
    register(
        DatasetSpec(
            "mnist",
            "handwritten digits",
            source=f"{sets}:Mnist",
            images=70_000,
            image_size=28,
            channels=1,
            classes=10,
            extractor="digits",
        )
    )
    register(
        DatasetSpec(
            "fashion-mnist",
            "clothes",
            source=f"{sets}:FashionMnist",
            images=70_000,
            image_size=28,
            channels=1,
            classes=10,
            extractor="clothes",
        )
    )
    register(
        DatasetSpec(
            "kmnist",
            "cursive Japanese characters",
            source=f"{sets}:KMnist",
            images=70_000,
            image_size=28,
            channels=1,
            classes=10,
        )
    )
    register(
        DatasetSpec(
            "cifar10",
            "small photographs of ten kinds",
            source=f"{sets}:Cifar10",
            images=60_000,
            image_size=32,
            channels=3,
            classes=10,
            extractor="inception",
        )
    )
    register(
        DatasetSpec(
            "celeba",
            "faces of celebrities",
            source=f"{sets}:CelebA",
            images=202_599,
            image_size=64,
            channels=3,
            classes=0,
            extractor="inception",
        )
    )
    for name, summary, classes in (
        ("ring", "eight Gaussians on a circle", 8),
        ("grid", "25 Gaussians, five by five", 25),
        ("gaussian", "one Gaussian", 0),
        ("spiral", "two arms of a spiral", 2),
        ("moons", "two half circles that reach into each other", 2),
        ("circles", "two circles, one in the other", 2),
    ):
        register(
            DatasetSpec(
                name,
                summary,
                source=f"gantool.data.points.plane:{name}",
                images=120_000,
                classes=classes,
                kind="points",
            )
        )
    readers = "gantool.data.readers"
    for name, summary, suffixes, source, folders in (
        ("zip", "a zip file of pictures", (".zip",), "archive:ZipArchive", True),
        (
            "tar",
            "a tar file of pictures, or shards of a WebDataset",
            (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"),
            "archive:TarArchive",
            True,
        ),
        (
            "parquet",
            "a Parquet file with a column of pictures",
            (".parquet",),
            "parquet:ParquetPictures",
            True,
        ),
        ("npy", "an array of NumPy", (".npy",), "arrays:NumpyFile", False),
        ("npz", "arrays of NumPy", (".npz",), "arrays:NumpyArchive", False),
        ("hdf5", "datasets of HDF5", (".h5", ".hdf5", ".hdf"), "arrays:Hdf5File", False),
    ):
        register(ReaderSpec(name, summary, suffixes, source=f"{readers}.{source}", folders=folders))
