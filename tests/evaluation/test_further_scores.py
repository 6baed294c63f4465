"""The scores on request, on constructed clouds: closed forms and second ways of computing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_clouds import cloud, evaluation, pictures, prepared, standardised
from scipy.special import gammaln
from scipy.stats import wasserstein_distance
from torch import Tensor

from gantool.evaluation.evaluate import wanted
from gantool.evaluation.metric import NotComputedError
from gantool.evaluation.metrics import (
    clipped,
    clouds,
    copying,
    distances,
    diversity,
    extrapolated,
    feature_likelihood,
    sliced,
)
from gantool.plugins.registry import load_registry

ON_REQUEST = {
    *("frechet-infinity", "mind", "clipped-density", "clipped-coverage"),
    *("fld", "fld-gap", "vendi", "authenticity"),
}


def digits(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def test_scores_on_request_are_computed_where_asked_for_only() -> None:
    registry, data = load_registry(), prepared()
    usual = {spec.name for spec in wanted(registry, (), data)}
    assert not usual & ON_REQUEST
    assert "frechet-distance" in usual
    asked = [spec.name for spec in wanted(registry, ("mind", "recall"), data)]
    assert asked == ["recall", "mind"]
    assert {spec.name for spec in registry.metrics.values() if spec.on_request} == ON_REQUEST


# Monge Inception Distance


def test_a_shift_is_measured_along_each_direction() -> None:
    points, shift = cloud(40, 6), torch.tensor([1.0, -2, 0, 3, 0.5, 0], dtype=torch.float64)
    directions = sliced.directions(6)
    expected = 3 * 6 * float((directions @ shift).square().mean())
    found = sliced.sliced_distance(points + shift, points, directions=directions)
    assert found == pytest.approx(expected)
    # The directions are spread over the sphere: their mean is that of all, |shift|^2 / 6.
    assert found == pytest.approx(3 * float(shift.square().sum()), rel=0.1)


def test_a_stretched_cloud_is_as_far_as_gaussians_are() -> None:
    """W2 of N(0, 1) and N(0, s^2) is |s - 1|; quantile functions differ by that factor."""
    points = standardised(500, 4, 0)
    found = sliced.sliced_distance(points * 3, points, directions=sliced.directions(4))
    assert found == pytest.approx(3 * 4 * 2**2 * 499 / 500)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=12),
    st.lists(st.integers(-9, 9), min_size=1, max_size=12),
)
def test_clouds_of_unequal_size_are_repeated_to_one_length(a: list[int], b: list[int]) -> None:
    """Against all points repeated until both clouds are as many, sorted and paired."""
    both = np.sort(np.repeat(a, len(b))), np.sort(np.repeat(b, len(a)))
    expected = 3 * float(np.mean((both[0] - both[1]) ** 2.0))
    one = torch.ones(1, 1, dtype=torch.float64)
    assert sliced.sliced_distance(digits(*a), digits(*b), directions=one) == pytest.approx(expected)


def test_directions_are_unit_vectors_and_always_the_same() -> None:
    assert torch.equal(sliced.directions(5), sliced.directions(5))
    torch.testing.assert_close(sliced.directions(5).norm(dim=1), torch.ones(1000).double())
    points = cloud(30, 3), cloud(50, 3, 1)
    # W1 is at most W2: a second library's figure bounds ours from below.
    along = [(side @ sliced.directions(3)[:20].T).T for side in points]
    least = np.mean([wasserstein_distance(x, y) ** 2 for x, y in zip(*along, strict=True)])
    found = sliced.sliced_distance(*points, directions=sliced.directions(3)[:20])
    assert 9 * least <= found < 9 * 3 * least


# Fréchet distance of infinitely many samples


def test_the_line_is_extrapolated_as_a_second_library_does() -> None:
    fake, real = cloud(400, 3, 0) + 0.3, cloud(300, 3, 1)
    sizes = np.array([40, 80, 160, 300, 400])
    value, error = extrapolated.extrapolate(fake, real, sizes=sizes)
    rng = np.random.default_rng(extrapolated._SEED)
    measured = [
        distances.frechet_distance(fake[torch.from_numpy(rng.permutation(400)[:n])], real)
        for n in sizes
    ]
    (_, intercept), covariance = np.polyfit(1 / sizes, measured, 1, cov=True)
    assert (value, error) == pytest.approx((intercept, math.sqrt(covariance[1, 1])))


def test_what_few_samples_add_is_taken_off() -> None:
    """Real features are exactly of mean 0 and covariance 1, as are those that samples come from."""
    real, fake = standardised(1000, 8, 0), cloud(1000, 8, 1)
    sizes = np.linspace(100, 1000, 15).astype(int)
    value, error = extrapolated.extrapolate(fake, real, sizes=sizes)
    few = distances.frechet_distance(fake[:100], real)
    assert few > 0.3
    assert abs(value) < few / 10
    assert 0 < error < few / 10


def test_frechet_infinity_says_how_many_samples_it_needs() -> None:
    judged = evaluation(prepared(held_out=40))
    with pytest.raises(NotComputedError, match="66 would do"):
        extrapolated.frechet_infinity(pictures(65), judged)
    found = extrapolated.frechet_infinity(pictures(100), judged)["frechet-infinity"]
    assert found.value < distances.frechet(pictures(100), judged)["frechet-distance"].value
    with pytest.raises(NotComputedError, match="cannot say"):
        extrapolated.frechet_infinity(pictures(100), evaluation(prepared(held_out=31)))


# Clipped density and coverage


def test_clipped_density_by_brute_force() -> None:
    fake, real = cloud(40, 3, 0) + 0.7, cloud(30, 3, 1)
    others = [[float((x - y).norm()) for y in real] for x in real]
    reach = [sorted(row)[5] for row in others]
    radius = [min(r, sorted(reach)[14]) for r in reach]  # torch's median of 30 is the lower one
    of_fake = [
        sum(float((x - y).norm()) <= r for x, r in zip(real, radius, strict=True)) / 5 for y in fake
    ]
    of_real = [sum(others[i][j] <= radius[i] for i in range(30) if i != j) / 5 for j in range(30)]
    means = [np.mean(np.minimum(1, each)) for each in (of_fake, of_real)]
    value, error = clipped.clipped_density(fake, real)
    assert value == pytest.approx(means[0] / means[1])
    assert error == pytest.approx(np.std(np.minimum(1, of_fake), ddof=1) / math.sqrt(40) / means[1])


def test_lonely_real_images_do_not_forgive() -> None:
    """Samples around a few outliers: the balls of those reach far unless they are clipped."""
    outliers = cloud(6, 2, 2) * 100
    real = torch.cat([cloud(1000, 2), outliers])
    fake = torch.cat([cloud(600, 2, 1), outliers.repeat(100, 1) + cloud(600, 2, 3)])
    assert distances.overlap(fake, real).precision > 0.95
    assert clipped.clipped_density(fake, real)[0] == pytest.approx(0.5, abs=0.07)


def test_clipped_scores_are_the_share_of_good_samples() -> None:
    real = cloud(1000, 3, 0)
    for share in (0.2, 0.5, 0.9):
        good = int(1000 * share)
        fake = torch.cat([cloud(good, 3, 1), cloud(1000 - good, 3, 2) + 1000])
        assert clipped.clipped_density(fake, real)[0] == pytest.approx(share, abs=0.05)
        assert clipped.clipped_coverage(fake, real) == pytest.approx(share, abs=0.05)
    assert clipped.clipped_density(real + 1000, real)[0] == 0
    assert clipped.clipped_coverage(real + 1000, real) == 0
    assert clipped.clipped_coverage(real, real) == 1


def test_many_samples_of_one_image_cover_no_more_than_it() -> None:
    real = cloud(300, 4)
    repeated = real[:3].repeat(100, 1)
    assert clipped.clipped_density(repeated, real)[0] > 0.5
    assert clipped.clipped_coverage(repeated, real) < 0.1


@pytest.mark.parametrize(("good", "n_real"), [(3, 12), (25, 30), (60, 40)])
def test_the_calibration_by_the_sum_over_all_counts(good: int, n_real: int) -> None:
    """E min(1, J / 5) of a beta-binomial J, its probabilities by logarithms of factorials."""
    k, j = 5, np.arange(good + 1)

    def log_beta(a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
        return gammaln(a) + gammaln(b) - gammaln(np.add(a, b))

    logs = (
        gammaln(good + 1)
        - gammaln(j + 1)
        - gammaln(good - j + 1)
        + log_beta(k + j, n_real - k + good - j)
        - log_beta(k, n_real - k)
    )
    covered = float((np.exp(logs) * np.minimum(1, j / k)).sum())
    found = clipped.share_of_good(covered, 100, n_real=n_real)
    assert found == pytest.approx(good / 100)


def test_clipped_scores_say_what_they_looked_at() -> None:
    found = clipped.clipped(pictures(50), evaluation(prepared(held_out=20)))
    assert found["clipped-density"].protocol["n_fake"] == 50
    assert found["clipped-coverage"].protocol["n_fake"] == 20
    with pytest.raises(NotComputedError):
        clipped.clipped(pictures(5), evaluation(prepared(held_out=20)))


# Feature likelihood


def test_one_center_is_fitted_by_the_closed_form() -> None:
    """Training images on one center and far from their own mean's Gaussian."""
    train, test = cloud(4000, 3, 0) * 0.5, cloud(300, 3, 1) * 0.5
    near = torch.cat([train, train + 100])  # so that the wide Gaussian is of no use near either
    centers = torch.tensor([[0.0, 0, 0], [100, 100, 100]], dtype=torch.float64)
    found = feature_likelihood.fit(centers, near, test)
    variance = float(train.square().mean())
    density = -test.square().sum(1) / (2 * variance) - 1.5 * math.log(2 * math.pi * variance)
    expected = -(density - math.log(2)) / 3
    torch.testing.assert_close(found.test, expected, rtol=0, atol=2e-3)


def test_likelihoods_by_brute_force_are_at_a_maximum() -> None:
    """No variance near those that were found makes the training images likelier."""
    train, centers = cloud(60, 2, 0), cloud(7, 2, 1)

    def likelihood(variances: Tensor, wide: float) -> float:
        squared = torch.cdist(train, centers).square()
        dense = torch.exp(-squared / (2 * variances)) / (2 * math.pi * variances)
        far = 0.81 * (train - train.mean(0)).square().sum(1)
        background = torch.exp(-far / (2 * wide)) / (2 * math.pi * wide)
        return float((dense.mean(1) + background).log().mean())

    variances, wide = feature_likelihood.fitted(
        feature_likelihood._squared(train, centers),
        (train - train.mean(0)).square().sum(1) * 0.81,
        dimensions=2,
        enough=1e-9,
        passes=2000,
    )
    best = likelihood(variances, float(wide))
    for i in range(7):
        for factor in (0.9, 1.1):
            others = variances.clone()
            others[i] *= factor
            assert likelihood(others, float(wide)) <= best + 1e-6


def test_copies_explain_training_images_and_nothing_else() -> None:
    train, test, honest = cloud(400, 4, 0), cloud(150, 4, 1), cloud(200, 4, 2)
    copied = torch.cat([train[:150], honest[:50]])
    fair, found = (feature_likelihood.fit(each, train, test) for each in (honest, copied))
    assert found.train < fair.train - 1
    assert float(found.test.mean()) > float(fair.test.mean())
    # A copy's Gaussian is so narrow that, for test images, it might as well not be there.
    alone = feature_likelihood.fit(honest[:50], train, test).test + math.log(4) / 4
    torch.testing.assert_close(found.test.mean(), alone.mean(), rtol=0, atol=0.1)


def test_divergence_of_pictures_from_copies_and_from_the_training_set() -> None:
    data = prepared(train=120, held_out=60)
    judged = evaluation(data)
    found = feature_likelihood.divergence(judged.real("validation"), judged)
    copies = feature_likelihood.divergence(judged.real("train", 60), judged)
    assert found["fld"].value == pytest.approx(0, abs=40)  # as training images do
    assert found["fld"].error
    assert copies["fld-gap"].value < found["fld-gap"].value - 100
    assert copies["fld"].value > found["fld"].value + 100
    constant = prepared(train=10)
    constant.splits["train"].images[:] = 0
    value = feature_likelihood.divergence(pictures(10), evaluation(constant))["fld"].value
    assert math.isfinite(value)


# Vendi score


def test_the_score_counts_what_is_unlike() -> None:
    axes = torch.eye(6, dtype=torch.float64)
    assert diversity.vendi_score(axes * 7) == pytest.approx(6)
    assert diversity.vendi_score(axes[:4].repeat(5, 1)) == pytest.approx(4)
    assert diversity.vendi_score(torch.ones(9, 3)) == pytest.approx(1)
    # Shares 3/4 and 1/4 of two kinds: the exponential of their entropy.
    uneven = axes[[0, 0, 0, 1]]
    assert diversity.vendi_score(uneven) == pytest.approx(4 / 3**0.75)


def test_the_score_by_the_matrix_of_similarities() -> None:
    """Of more features than dimensions and of fewer, by the singular values of the rows."""
    for shape in ((30, 4), (5, 40)):
        points = cloud(*shape).numpy()
        rows = points / np.linalg.norm(points, axis=1, keepdims=True)
        shares = np.linalg.svd(rows / math.sqrt(len(rows)), compute_uv=False) ** 2
        expected = math.exp(-sum(x * math.log(x) for x in shares))
        assert diversity.vendi_score(torch.from_numpy(points)) == pytest.approx(expected)


# Authenticity


def test_copies_are_not_authentic_by_hand() -> None:
    train = digits(0, 10, 30)  # nearest others at 10, 10 and 20
    apart = clouds.nearest(train)[0]
    assert apart.tolist() == [10, 10, 20]
    fake = digits(10, 19, 21, 49, -11, -12)
    # 19 is 9 from 10, whose nearest is 10 away; 49 is 19 from 30, whose nearest is 20 away.
    assert copying.authentic(fake, train, apart=apart) == pytest.approx(2 / 6)


def test_distances_are_the_same_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    points, others = cloud(23, 3, 0), cloud(17, 3, 1)
    whole = torch.cdist(points, others)
    monkeypatch.setattr(clouds, "_BLOCK", 5)
    distance, number = clouds.nearest(points, others)
    assert torch.equal(number, whole.argmin(1))
    torch.testing.assert_close(distance, whole.amin(1))
    itself = torch.cdist(points, points).sort(1).values
    torch.testing.assert_close(clouds.reach(points, 4), itself[:, 4])


def test_copied_pictures_lower_authenticity() -> None:
    data = prepared(train=60, held_out=60)
    judged = evaluation(data)
    honest = copying.authenticity(judged.real("test"), judged)["authenticity"].value
    copied = copying.authenticity(judged.real("train"), judged)["authenticity"].value
    assert copied == 0
    assert honest > 0.4


def test_one_sample_and_constant_images_get_a_value_or_a_reason() -> None:
    judged = evaluation(prepared(held_out=40))
    constant = pictures(70)
    constant.pixels[:] = 0
    for measure in (
        sliced.mind,
        clipped.clipped,
        extrapolated.frechet_infinity,
        feature_likelihood.divergence,
        diversity.vendi,
        copying.authenticity,
    ):
        for name, measured in measure(constant, judged).items():
            assert math.isfinite(measured.value), name
        try:
            found = measure(pictures(1), judged)
        except NotComputedError:
            continue
        assert all(math.isfinite(each.value) for each in found.values())
