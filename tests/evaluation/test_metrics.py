"""Distances and likelihoods against closed forms and second, independent ways of computing them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch_fidelity
from hypothesis import given, settings
from hypothesis import strategies as st
from made_clouds import cloud, evaluation, pictures, prepared, standardised
from torch import Tensor
from torch_fidelity import metric_kid, metric_prc
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from gantool.data.pixels import composited
from gantool.data.prepared import Prepared
from gantool.evaluation.classifier import Classifier, accuracy, load, to_input
from gantool.evaluation.extractors import Extractor
from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    NotApplicableError,
    NotComputedError,
    sample_set,
)
from gantool.evaluation.metrics import classes, distances, equilibrium, memorization, parzen
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord


def test_frechet_distance_between_known_gaussians() -> None:
    first, second = standardised(200, 5, 0), standardised(300, 5, 1)
    means = torch.tensor([1.0, -2, 0, 3, 0.5], dtype=torch.float64)
    widths = torch.tensor([0.5, 1, 2, 3, 1.5], dtype=torch.float64)
    expected = float(means.square().sum() + (widths - 1).square().sum())
    assert distances.frechet_distance(first, second * widths + means) == pytest.approx(
        expected, abs=1e-8
    )


def test_frechet_distance_between_gaussians_with_correlation() -> None:
    """Against the principal root of C1^(1/2) C2 C1^(1/2), by eigenvectors of symmetric matrices."""
    first, second = cloud(100, 4, 0) @ cloud(4, 4, 1), cloud(120, 4, 2) @ cloud(4, 4, 3) + 1

    def root(matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T

    one, two = torch.cov(first.T), torch.cov(second.T)
    cross = root(root(one) @ two @ root(one))
    expected = (first.mean(0) - second.mean(0)).square().sum() + (one + two - 2 * cross).trace()
    assert distances.frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-8)


def test_kernel_distance_by_brute_force() -> None:
    fake, real = cloud(12, 3, 0), cloud(12, 3, 1) + 0.5

    def k(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [
        sum(k(s[i], s[j]) for i, j in itertools.permutations(range(12), 2)) / (12 * 11)
        for s in (fake, real)
    ]
    across = sum(k(x, y) for x in fake for y in real) / 12**2
    mean, deviation = distances.kernel_distance(fake, real, subset_size=12)
    assert mean == pytest.approx(sum(within) - 2 * across, rel=1e-9)
    assert deviation == pytest.approx(0, abs=1e-9)  # every subset is the whole


@pytest.mark.parametrize("sizes", [(50, 40), (400, 20), (30, 300)])
def test_kernels_that_subsets_share_are_those_of_each_subset(
    monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int]
) -> None:
    """Against torch-fidelity, which computes each subset's: of few features all are shared."""
    monkeypatch.setattr(distances, "_KERNEL_CHUNK", 7)
    fake, real = (cloud(n, 6, seed).float() + seed / 9 for seed, n in enumerate(sizes))
    theirs = metric_kid.kid_features_to_metric(
        fake.double(),
        real.double(),
        kid_subsets=100,
        kid_subset_size=15,
        rng_seed=2020,
        verbose=False,
    )
    assert distances.kernel_distance(fake, real, subset_size=15) == pytest.approx(
        (
            theirs[metric_kid.KEY_METRIC_KID_MEAN],
            theirs[metric_kid.KEY_METRIC_KID_STD],
        ),
        rel=1e-10,
    )


def test_overlap_is_the_librarys_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "_CHUNK", 9)
    fake, real = cloud(40, 3, 0) + 0.3, cloud(31, 3, 1)
    theirs = metric_prc.prc_features_to_metric(
        fake, real, prc_neighborhood=3, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )
    whole = distances.overlap(fake, real)
    assert whole[:2] == pytest.approx((theirs["precision"], theirs["recall"]))
    assert 0 < whole.precision < 1
    assert 0 < whole.recall < 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_distances_agree_with_the_librarys_own_pipeline() -> None:
    class Pooled(FeatureExtractorBase):
        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("pooled",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "pooled"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        @staticmethod
        def get_dummy_input_for_compile() -> Tensor:
            raise NotImplementedError

        def __init__(self, name: str, features_list: list[str], **kwargs: object) -> None:
            super().__init__(name, features_list)

        def forward(self, images: Tensor) -> tuple[Tensor]:
            return (pooled(images),)

    def pooled(images: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(images.float(), 8).flatten(1)

    class Pictures(torch.utils.data.Dataset[Tensor]):
        def __init__(self, pixels: Tensor) -> None:
            self.pixels = pixels

        def __len__(self) -> int:
            return len(self.pixels)

        def __getitem__(self, i: int) -> Tensor:
            return self.pixels[i]

    torch_fidelity.register_feature_extractor("gantool-test-pooled", Pooled)
    fake, real = (
        torch.from_numpy(pictures(60, s, 16, 3).pixels).permute(0, 3, 1, 2) for s in (0, 1)
    )
    theirs = torch_fidelity.calculate_metrics(
        input1=Pictures(fake),
        input2=Pictures(real),
        feature_extractor="gantool-test-pooled",
        cuda=False,
        fid=True,
        kid=True,
        prc=True,
        kid_subset_size=30,
        kid_subsets=100,
        cache=False,
        verbose=False,
        batch_size=64,
    )
    ours = [pooled(images) for images in (fake, real)]
    assert distances.frechet_distance(*ours) == pytest.approx(
        theirs["frechet_inception_distance"], rel=1e-4
    )
    assert distances.kernel_distance(*ours, subset_size=30)[0] == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-3
    )
    assert distances.overlap(*ours)[:2] == pytest.approx((theirs["precision"], theirs["recall"]))


def test_precision_and_recall_of_constructed_clouds() -> None:
    """Samples: half on the left one of two real clusters, half far away from everything."""
    left, right, far = cloud(40, 2, 0), cloud(40, 2, 1) + 100, cloud(40, 2, 2) * 1e-3 + 10_000
    fake, real = torch.cat([left + 1e-9, far]), torch.cat([left, right])
    assert distances.overlap(fake, real)[:2] == (0.5, 0.5)
    density, coverage = distances.overlap(fake, real)[2:]
    assert coverage == 0.5
    assert 0 < density <= 1


def test_density_and_coverage_by_brute_force() -> None:
    fake, real = cloud(30, 3, 0) + 0.4, cloud(25, 3, 1)
    radius = [sorted(float((x - other).norm()) for other in real)[5] for x in real]
    inside = [[float((x - y).norm()) <= radius[i] for y in fake] for i, x in enumerate(real)]
    density, coverage = distances.overlap(fake, real)[2:]
    assert density == pytest.approx(sum(map(sum, inside)) / (5 * 30))
    assert coverage == pytest.approx(sum(map(any, inside)) / 25)


def test_identical_and_disjoint_sets() -> None:
    points = cloud(50, 4)
    assert distances.frechet_distance(points, points) == pytest.approx(0, abs=1e-6)
    assert (
        distances.kernel_distance(points, points, subset_size=50)[0] <= 0
    )  # unbiased: equal sets come out below zero
    assert distances.overlap(points, points)[:2] == (1, 1)
    assert distances.overlap(points, points).coverage == 1
    elsewhere = points + 1000
    assert distances.overlap(elsewhere, points) == (0, 0, 0, 0)
    assert distances.frechet_distance(elsewhere, points) == pytest.approx(4e6, rel=1e-6)


def test_one_sample_is_too_few_and_says_so() -> None:
    data = prepared()
    one = pictures(1)
    for measure in (distances.frechet, distances.kernel, distances.manifolds):
        with pytest.raises(NotComputedError):
            measure(one, evaluation(data))
    assert math.isfinite(parzen.parzen(one, evaluation(data))["parzen"].value)
    assert memorization.memorized(one, evaluation(data))["memorised"].value in (0, 1)


def test_constant_images_get_finite_scores() -> None:
    data = prepared(held_out=40)
    constant = ImageSet("samples", np.zeros((30, 28, 28, 1), np.uint8))
    for measure in (
        distances.frechet,
        distances.kernel,
        distances.manifolds,
        parzen.parzen,
        memorization.memorized,
    ):
        for name, measured in measure(constant, evaluation(data)).items():
            assert math.isfinite(measured.value), name
    assert distances.manifolds(constant, evaluation(data))["recall"].value == 0


def test_features_that_are_not_finite_are_refused() -> None:
    broken = Extractor(
        "broken",
        "",
        classes=(),
        chunk=10,
        network=lambda x: (x.flatten(1).float() * torch.nan, None),
        device=torch.device("cpu"),
    )
    judged = Evaluation(prepared(), broken, folder=RunFolder(Path("nowhere")), conditional=False)
    with pytest.raises(NotComputedError, match="not finite"):
        distances.frechet(pictures(20), judged)


def test_fewer_test_images_than_features_have_no_frechet_distance() -> None:
    with pytest.raises(NotComputedError, match="31 test images cannot say how 32 features"):
        distances.frechet(pictures(100), evaluation(prepared(held_out=31)))
    assert distances.frechet(pictures(100), evaluation(prepared(held_out=32)))


def test_few_images_are_warned_of_and_the_kernel_distance_recommended() -> None:
    judged = evaluation(prepared(held_out=40))
    measured = distances.frechet(pictures(30), judged)["frechet-distance"]
    assert "prefer the kernel distance" in measured.warning
    many = prepared(held_out=320)
    assert distances.frechet(pictures(320), evaluation(many))["frechet-distance"].warning == ""


def test_parzen_by_brute_force() -> None:
    centers, points = cloud(50, 7, 0).numpy(), cloud(40, 7, 1).numpy()
    found = parzen.log_likelihood(
        torch.from_numpy(points), torch.from_numpy(centers), sigmas=[0.3, 1.7]
    )
    for row, sigma in zip(found, (0.3, 1.7), strict=True):
        for x, value in zip(points, row, strict=True):
            densities = [
                math.exp(-sum((a - b) ** 2 for a, b in zip(x, mu, strict=True)) / (2 * sigma**2))
                / (sigma * math.sqrt(2 * math.pi)) ** 7
                for mu in centers
            ]
            assert float(value) == pytest.approx(math.log(sum(densities) / 50), rel=1e-9)


def test_parzen_chooses_sigma_on_validation_and_judges_the_test_split() -> None:
    """Validation images are the samples themselves and ask for the least sigma.

    Test images would ask for a larger.
    """
    data = prepared(held_out=15)
    samples = ImageSet("samples", data.splits["validation"].images)
    judged = evaluation(data)
    measured = parzen.parzen(samples, judged)["parzen"]
    assert measured.detail["sigma"] == pytest.approx(0.1)
    test = judged.real("test").flat()
    by_test = parzen.log_likelihood(test, samples.flat(), sigmas=parzen.SIGMAS).mean(1)
    assert parzen.SIGMAS[int(by_test.argmax())] > 0.3
    found = parzen.log_likelihood(test, samples.flat(), sigmas=[measured.detail["sigma"]])[
        0
    ].numpy()
    assert measured.value == pytest.approx(found.mean())
    assert measured.error == pytest.approx(found.std(ddof=1) / math.sqrt(15))
    assert len(parzen.SIGMAS) == 10
    assert (parzen.SIGMAS[0], parzen.SIGMAS[-1]) == pytest.approx((0.1, 1))


def test_parzen_says_nothing_of_large_images() -> None:
    with pytest.raises(NotApplicableError):
        parzen.parzen(pictures(4, side=64, channels=3), evaluation(prepared(side=64, channels=3)))


def test_divergence_and_modes_of_constructed_labels() -> None:
    p, q = np.array([0.5, 0.5, 0]), np.array([0.25, 0.25, 0.5])
    assert classes.kl_divergence(p, q) == pytest.approx(math.log(2))
    assert classes.kl_divergence(q, q) == 0
    assert classes.kl_divergence(q, p) == math.inf
    assert classes.modes_of(np.array([[1, 2, 3], [0, 0, 7], [9, 9, 9]])).tolist() == [123, 7, 999]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=50),
    st.lists(st.integers(0, 9), min_size=1, max_size=50),
)
def test_divergence_is_never_negative(a: list[int], b: list[int]) -> None:
    p, q = (classes.shares_of(np.array(labels), 10) for labels in (a, b))
    assert p.sum() == pytest.approx(1)
    assert classes.kl_divergence(p, q) >= -1e-12


class Told:
    """An evaluation in whose images the classifier reads what the test says."""

    def __init__(
        self, read: list[int] | list[list[int]], data: Prepared, *, conditional: bool
    ) -> None:
        self.read, self.data, self.conditional = np.array(read), data, conditional
        self.extractor = Extractor(
            "told",
            "",
            classes=data.classes,
            chunk=1,
            network=lambda x: (x, None),
            device=torch.device("cpu"),
        )

    def classes_read(self, images: ImageSet) -> np.ndarray:
        return self.read


def told(read: list[int] | list[list[int]], data: Prepared, *, conditional: bool) -> Evaluation:
    return Told(read, data, conditional=conditional)  # type: ignore[return-value]


def test_label_fidelity_counts_the_samples_read_as_asked() -> None:
    samples = ImageSet("samples", np.zeros((4, 28, 28, 1), np.uint8), labels=np.array([0, 0, 3, 3]))
    found = classes.label_fidelity(samples, told([0, 1, 3, 3], prepared(), conditional=True))[
        "label-fidelity"
    ]
    assert found.value == 0.75
    assert found.detail["by_class"] == {"0": 0.5, "3": 1.0}
    assert found.error == pytest.approx(math.sqrt(0.75 * 0.25 / 4))
    with pytest.raises(NotApplicableError):
        classes.label_fidelity(samples, told([0, 1, 3, 3], prepared(), conditional=False))


def test_class_balance_is_the_divergence_from_the_training_set() -> None:
    samples = ImageSet("samples", np.zeros((4, 28, 28, 1), np.uint8))
    found = classes.class_balance(
        samples, told([0, 0, 1, 1], prepared(train=40), conditional=False)
    )
    assert found["class-balance"].value == pytest.approx(
        math.log(5)
    )  # two of ten classes, each at 1/2


def test_modes_are_counted_on_stacks() -> None:
    data = prepared(train=1000, channels=3, classes=1000)
    samples = ImageSet("samples", np.zeros((4, 28, 28, 3), np.uint8))
    found = classes.modes(
        samples, told([[1, 2, 3], [1, 2, 3], [4, 5, 6], [0, 0, 0]], data, conditional=False)
    )
    assert found["modes-covered"].value == 3
    assert found["modes-kl"].value == pytest.approx(0.5 * math.log(500) + 0.5 * math.log(250))
    with pytest.raises(NotApplicableError):
        classes.modes(samples, told([1, 2, 3, 4], data, conditional=False))


def test_memorised_counts_samples_nearer_than_any_held_out_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memorization, "_TRAIN_CHUNK", 7)  # several chunks of the 40 training images
    data = prepared()
    copies = ImageSet(
        "samples", np.concatenate([data.train.images[[0, 20, 39]], pictures(7, 8).pixels])
    )
    score = memorization.memorized(copies, evaluation(data))["memorised"]
    assert score.value == 0.3
    distance, found = memorization.nearest(copies, evaluation(data))
    train = data.train.images.reshape(40, -1) / 255
    by_hand = np.linalg.norm(copies.pixels.reshape(10, 1, -1) / 255 - train, axis=2)
    np.testing.assert_allclose(distance, by_hand.min(1), atol=1e-12)
    assert (found.pixels == data.train.images[by_hand.argmin(1)]).all()


def test_mirrored_copies_are_copies_where_the_run_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "_TRAIN_CHUNK", 7)
    data = prepared()
    mirrored = data.train.images[[3, 30]][:, :, ::-1]
    copies = ImageSet(
        "samples", np.concatenate([mirrored, data.train.images[[5, 6]], pictures(6, 8).pixels])
    )
    asked = evaluation(data)
    assert memorization.memorized(copies, asked)["memorised"].value == 0.2
    asked.mirrored = True
    score = memorization.memorized(copies, asked)["memorised"]
    assert score.value == 0.4
    assert score.protocol["mirrored"]
    distance, found = memorization.nearest(copies, asked)
    assert not distance[:4].any()
    assert (found.pixels[:4] == copies.pixels[:4]).all()
    both = np.concatenate([data.train.images, data.train.images[:, :, ::-1]]).reshape(80, -1) / 255
    by_hand = np.linalg.norm(copies.pixels.reshape(10, 1, -1) / 255 - both, axis=2)
    np.testing.assert_allclose(distance, by_hand.min(1), atol=1e-12)


def test_alpha_is_scored_on_white() -> None:
    data = prepared(channels=4)
    asked = evaluation(data)
    on_white = composited(data.train.images[:], 255)
    real = asked.real("train")
    assert sorted(map(bytes, real.pixels)) == sorted(map(bytes, on_white))
    assert asked.noise(5).pixels.shape == (5, 28, 28, 3)
    samples = sample_set("images", "samples", data.train.images[:10])
    assert (samples.pixels == on_white[:10]).all()
    assert asked.features(samples).shape == (10, 32)
    assert memorization.memorized(samples, asked)["memorised"].value == 1


def test_equilibrium_looks_at_the_last_tenth(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(RunRecord(name="x", model="dcgan", status="finished"))
    steps = [(1.0, 0.0)] * 18 + [(0.7, 0.4), (0.5, 0.2)]
    folder.metrics_file.write_text(
        "".join(
            f'{{"step": {i}, "d_real": {x}, "d_fake": {g}}}\n' for i, (x, g) in enumerate(steps)
        )
    )
    judged = Evaluation(prepared(), NotComputedError("none"), folder=folder, conditional=False)
    found = equilibrium.equilibrium(pictures(1), judged)["equilibrium"]
    assert found.value == pytest.approx((0.2 + 0.1 + 0.0 + 0.3) / 4)
    assert found.detail == pytest.approx({"d_real": 0.6, "d_fake": 0.3})
    folder.write(RunRecord(name="x", model="wgan-gp", status="finished", d_scale="raw"))
    with pytest.raises(NotApplicableError):
        equilibrium.equilibrium(pictures(1), judged)


@pytest.fixture(scope="module")
def mnist5k(data_dir: Path) -> Prepared:
    from gantool.data.preparing import prepare
    from gantool.data.sets.mnist5k import Mnist5k

    return prepare(Mnist5k(data_dir), "mnist5k", size=(28, 28), channels=1, cache=data_dir)


def test_the_shipped_classifier_reads_unseen_digits_as_well_as_its_file_says(
    mnist5k: Prepared,
) -> None:
    network, sha256, about = load("digits")
    test = mnist5k.splits["test"]
    assert about["fingerprint"] == mnist5k.fingerprint
    found = accuracy(
        network,
        to_input(torch.tensor(test.images).permute(0, 3, 1, 2)),
        labels=torch.tensor(test.labels),
    )
    assert found == pytest.approx(
        about["test_accuracy"], abs=0.004
    )  # two images: rounding differs between machines
    assert found > 0.97
    assert len(sha256) == 64


@pytest.mark.parametrize("name", ["digits", "clothes"])
def test_weights_are_small_and_of_this_network(name: str) -> None:
    network, _, about = load(name)
    assert len(about["classes"]) == 10
    assert sum(p.numel() for p in network.parameters()) * 4 < 2e6
    assert isinstance(network, Classifier)
    assert not network.training


def test_noise_lies_further_away_than_digits(mnist5k: Prepared) -> None:
    judged = evaluation(mnist5k)
    scores = {
        origin: distances.frechet(images, judged)["frechet-distance"].value
        for origin, images in (("train", judged.real("train", 500)), ("noise", judged.noise(500)))
    }
    assert scores["train"] * 10 < scores["noise"]


def test_stacks_are_read_channel_by_channel(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantool.data.preparing import prepare
    from gantool.data.sets import mnist5k
    from gantool.data.sets.mnist5k import StackedMnist

    whole = StackedMnist(data_dir)
    whole.open()
    assert {split: len(images) for split, images in (whole.splits or {}).items()} == {
        "train": 40_000,
        "validation": 5_000,
        "test": 5_000,
    }
    monkeypatch.setattr(mnist5k, "_STACKS", {"train": 10_000, "validation": 10, "test": 500})
    source = StackedMnist(data_dir)
    data = prepare(source, "stacked-mnist", size=(28, 28), channels=3, cache=tmp_path)
    judged = evaluation(data, "stacked-digits")
    some = judged.real("test", 500)
    assert judged.features(some).shape == (500, 96)
    assert (classes.modes_of(judged.classes_read(some)) == some.labels).mean() > 0.9
    found = classes.modes(judged.real("train", 10_000), judged)
    assert found["modes-covered"].value > 990


def test_a_color_image_is_read_as_gray() -> None:
    data = prepared(channels=3)
    gray = pictures(20)
    color = ImageSet("samples", gray.pixels.repeat(3, axis=3))
    one, three = evaluation(prepared()), evaluation(data)
    torch.testing.assert_close(one.features(gray), three.features(color), rtol=1e-4, atol=1e-4)


def test_real_images_are_the_same_for_every_run() -> None:
    data = prepared()
    first, second = (evaluation(data).real("test", 5) for _ in range(2))
    assert (first.pixels == second.pixels).all()
    assert not (first.pixels == data.splits["test"].images[:5]).all()


def test_the_frechet_distances_error_is_that_of_repeated_draws() -> None:
    """Against the spread over fresh draws of both clouds, of unequal size and covariance."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 4, generator=generator, dtype=torch.float64) / 2

    def draw() -> tuple[Tensor, Tensor]:
        fake = torch.randn(800, 4, generator=generator, dtype=torch.float64) @ mix + 0.7
        return fake, torch.randn(300, 4, generator=generator, dtype=torch.float64)

    pairs = [draw() for _ in range(300)]
    spread = np.std([distances.frechet_distance(*pair) for pair in pairs], ddof=1)
    errors = [distances.frechet_error(*pair) for pair in pairs[:20]]
    assert np.mean(errors) == pytest.approx(spread, rel=0.1)


def test_the_frechet_distances_error_in_one_dimension() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2, whose derivatives by mean and variance are known."""
    generator = torch.Generator().manual_seed(0)
    fake = torch.randn(500, 1, generator=generator, dtype=torch.float64) * 2 + 1
    real = torch.randn(300, 1, generator=generator, dtype=torch.float64)
    m1, m2, s1, s2 = fake.mean(), real.mean(), fake.std(), real.std()
    by_fake = 2 * (m1 - m2) * (fake - m1) + (1 - s2 / s1) * ((fake - m1) ** 2 - s1**2)
    by_real = 2 * (m2 - m1) * (real - m2) + (1 - s1 / s2) * ((real - m2) ** 2 - s2**2)
    expected = (by_fake.var() / 500 + by_real.var() / 300).sqrt()
    assert distances.frechet_error(fake, real) == pytest.approx(float(expected), rel=1e-9)


def test_the_kernel_distances_error_is_that_of_repeated_draws() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw() -> tuple[Tensor, Tensor]:
        fake = torch.randn(300, 3, generator=generator, dtype=torch.float64) + 0.8
        return fake, torch.randn(200, 3, generator=generator, dtype=torch.float64)

    def squared_mmd(x: Tensor, y: Tensor) -> float:
        def kernel(a: Tensor, b: Tensor) -> Tensor:
            return (a @ b.T / 3 + 1) ** 3

        within = [
            (kernel(s, s).sum() - kernel(s, s).diagonal().sum()) / (len(s) * (len(s) - 1))
            for s in (x, y)
        ]
        return float(within[0] + within[1] - 2 * kernel(x, y).mean())

    pairs = [draw() for _ in range(300)]
    spread = np.std([squared_mmd(*pair) for pair in pairs], ddof=1)
    errors = [distances.kernel_error(*pair) for pair in pairs[:20]]
    assert np.mean(errors) == pytest.approx(spread, rel=0.1)


def test_the_overlaps_errors_are_those_of_shares_and_of_a_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    fake, real = (torch.randn(60, 2, generator=generator) + shift for shift in (1.0, 0.0))
    found, errors = distances.overlap_and_errors(fake, real)
    reach = torch.cdist(real, real).sort(1).values[:, 5]
    counts = (torch.cdist(real, fake) <= reach[:, None]).sum(0).double() / 5
    assert found.density == pytest.approx(float(counts.mean()))
    assert errors[2] == pytest.approx(float(counts.std()) / 60**0.5)
    for share, error in zip((found[0], found[1], found[3]), (*errors[:2], errors[3]), strict=True):
        assert error == pytest.approx((share * (1 - share) / 60) ** 0.5)
