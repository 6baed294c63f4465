"""The metrics and extractors that gantool brings, registered by the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import ExtractorSpec, MetricSpec, load_implementation

_DISTANCES = "gantool.evaluation.metrics.distances"
_PLANE = "gantool.evaluation.metrics.plane"
_BOTH = ("images", "points")
_CLASSES = "gantool.evaluation.metrics.classes"


@hookimpl
def register_metrics(register: Callable[[MetricSpec], None]) -> None:
    """Register the scores, those first that a comparison should be sorted by."""
    register(
        MetricSpec(
            "frechet-distance",
            "distance of the samples' features from real ones, as two Gaussians",
            better="lower",
            measure=f"{_DISTANCES}:frechet",
            kept=True,
            paper="Heusel et al. 2017, arXiv:1706.08500",
            group="fidelity",
            ratio=True,
        )
    )
    register(
        MetricSpec(
            "kernel-distance",
            "the same by a kernel, unbiased however few the images",
            better="lower",
            measure=f"{_DISTANCES}:kernel",
            kept=True,
            paper="Binkowski et al. 2018, arXiv:1801.01401",
            group="fidelity",
        )
    )
    for name, summary, group, paper in (
        (
            "precision",
            "share of samples that look real",
            "fidelity",
            "Kynkäänniemi et al. 2019, arXiv:1904.06991",
        ),
        (
            "recall",
            "share of real images that the samples reach",
            "diversity",
            "Kynkäänniemi et al. 2019, arXiv:1904.06991",
        ),
        (
            "density",
            "how deep among real images samples lie; 1 as real ones",
            "fidelity",
            "Naeem et al. 2020, arXiv:2002.09797",
        ),
        (
            "coverage",
            "share of real images with a sample next to them",
            "diversity",
            "Naeem et al. 2020, arXiv:2002.09797",
        ),
    ):
        register(
            MetricSpec(
                name,
                summary,
                better="higher",
                measure=f"{_DISTANCES}:manifolds",
                kept=True,
                paper=paper,
                group=group,
            )
        )
    register(
        MetricSpec(
            "parzen",
            "log-likelihood of test images under Gaussians around samples",
            better="higher",
            measure="gantool.evaluation.metrics.parzen:parzen",
            kept=True,
            unit="nats",
            paper="Goodfellow et al. 2014, arXiv:1406.2661",
            group="2014",
        )
    )
    register(
        MetricSpec(
            "label-fidelity",
            "share of samples that are read as the label asked for",
            better="higher",
            measure=f"{_CLASSES}:label_fidelity",
            kept=True,
            real="test",
            kinds=_BOTH,
            group="fidelity",
        )
    )
    register(
        MetricSpec(
            "class-balance",
            "divergence of the samples' classes from the data's",
            better="lower",
            measure=f"{_CLASSES}:class_balance",
            kept=True,
            real="test",
            unit="nats",
            group="diversity",
        )
    )
    paper = "Lin et al. 2018 (PacGAN), arXiv:1712.04086"
    register(
        MetricSpec(
            "modes-covered",
            "number of the data's modes that have a sample (points: within 3 deviations)",
            better="higher",
            measure=f"{_CLASSES}:modes",
            kept=True,
            paper=paper,
            kinds=_BOTH,
            group="diversity",
        )
    )
    register(
        MetricSpec(
            "modes-kl",
            "divergence of the samples' modes from the data's",
            better="lower",
            measure=f"{_CLASSES}:modes",
            kept=True,
            unit="nats",
            paper=paper,
            kinds=_BOTH,
            group="diversity",
        )
    )
    _register_metrics_of_points(register)
    register(
        MetricSpec(
            "memorised",
            "share of samples nearer to a training image than unseen images are",
            better="lower",
            measure="gantool.evaluation.metrics.memorization:memorized",
            kept=True,
            real="test",
            chooses=False,
            paper="Goodfellow et al. 2014, figure 2",
            group="copying",
        )
    )
    register(
        MetricSpec(
            "equilibrium",
            "distance of D(x) and D(G(z)) from 1/2 over the last tenth of the run",
            better="lower",
            measure="gantool.evaluation.metrics.equilibrium:equilibrium",
            real=None,
            chooses=False,
            paper="Goodfellow et al. 2014, arXiv:1406.2661",
            kinds=_BOTH,
            group="2014",
        )
    )
    _register_metrics_on_request(register)


def _register_metrics_on_request(register: Callable[[MetricSpec], None]) -> None:
    metrics = "gantool.evaluation.metrics"
    register(
        MetricSpec(
            "frechet-infinity",
            "the Fréchet distance of infinitely many samples, extrapolated",
            better="lower",
            measure=f"{metrics}.extrapolated:frechet_infinity",
            kept=True,
            paper="Chong and Forsyth 2020, arXiv:1911.07023",
            on_request=True,
            group="fidelity",
            ratio=True,
        )
    )
    register(
        MetricSpec(
            "mind",
            "distance of features by their projections on lines, sorted",
            better="lower",
            measure=f"{metrics}.sliced:mind",
            kept=True,
            paper="Berthet et al. 2026, arXiv:2605.06797",
            on_request=True,
            group="fidelity",
        )
    )
    for name, summary, group in (
        (
            "clipped-density",
            "as a share of good samples: how deep among real images they lie",
            "fidelity",
        ),
        (
            "clipped-coverage",
            "as a share of good samples: how much of the real images they cover",
            "diversity",
        ),
    ):
        register(
            MetricSpec(
                name,
                summary,
                better="higher",
                measure=f"{metrics}.clipped:clipped",
                kept=True,
                paper="Salvy et al. 2025, arXiv:2507.01761",
                on_request=True,
                group=group,
            )
        )
    fits: tuple[tuple[str, str, Literal["lower", "higher"]], ...] = (
        ("fld", "how far samples are from explaining test images; copies explain none", "lower"),
        (
            "fld-gap",
            "by how much less they explain training images; below 0 where copied",
            "higher",
        ),
    )
    for name, summary, better in fits:
        register(
            MetricSpec(
                name,
                summary,
                better=better,
                measure=f"{metrics}.feature_likelihood:divergence",
                kept=True,
                real="validation",
                paper="Jiralerspong et al. 2023, arXiv:2302.04440",
                on_request=True,
                chooses=name == "fld",  # noise copies nothing
                group="fidelity" if name == "fld" else "copying",
            )
        )
    register(
        MetricSpec(
            "vendi",
            "number of samples that are unlike each other, in effect",
            better="higher",
            measure=f"{metrics}.diversity:vendi",
            kept=True,
            paper="Friedman and Dieng 2022, arXiv:2210.02410",
            on_request=True,
            group="diversity",
        )
    )
    register(
        MetricSpec(
            "authenticity",
            "share of samples no nearer to a training image than its like",
            better="higher",
            measure=f"{metrics}.copying:authenticity",
            kept=True,
            real="test",
            paper="Alaa et al. 2022, arXiv:2102.08921",
            on_request=True,
            chooses=False,  # noise copies nothing
            group="copying",
        )
    )


def _register_metrics_of_points(register: Callable[[MetricSpec], None]) -> None:
    register(
        MetricSpec(
            "high-quality",
            "share of points within three standard deviations of a center",
            better="higher",
            measure=f"{_PLANE}:high_quality",
            paper="Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761",
            kinds=("points",),
            group="fidelity",
        )
    )
    register(
        MetricSpec(
            "sliced-wasserstein",
            "distance of points to real ones, mean over projections on lines",
            better="lower",
            measure=f"{_PLANE}:sliced_wasserstein",
            paper="Rabin et al. 2011; Bonneel et al. 2015",
            kinds=("points",),
            group="fidelity",
            ratio=True,
        )
    )
    register(
        MetricSpec(
            "log-likelihood",
            "log density of points under the truth; collapse does not lower it",
            better="higher",
            measure=f"{_PLANE}:log_likelihood",
            unit="nats",
            kinds=("points",),
            group="fidelity",
        )
    )


@hookimpl
def register_extractors(register: Callable[[ExtractorSpec], None]) -> None:
    """Register the networks whose features distances use."""
    digits = ("mnist5k", "stacked-mnist", "mnist")
    for name, summary, trained_on in (
        ("digits", "a small classifier of MNIST's digits", digits),
        ("clothes", "a small classifier of Fashion-MNIST's clothes", ("fashion-mnist",)),
        ("stacked-digits", "the classifier of digits, on each of three channels", digits),
        ("inception", "InceptionV3 as the FID has it; its weights are downloaded or given", ()),
    ):
        register(
            ExtractorSpec(
                name=name,
                summary=summary,
                make=_maker(name.replace("-", "_")),
                weights="optional" if name == "inception" else "none",
                trained_on=trained_on,
            )
        )


def _maker(name: str) -> Callable[..., Any]:
    def make(*arguments: Any, **options: Any) -> Any:
        return load_implementation(f"gantool.evaluation.extractors:{name}")(*arguments, **options)

    return make
