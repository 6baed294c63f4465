"""Paths between latents, and expressions of cells."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.errors import ConfigError
from gantool.sampling import latents
from gantool.sampling.latents import lerp, parse, slerp


def test_lerp_and_slerp_by_hand() -> None:
    a, b = torch.tensor([2.0, 0, 0]), torch.tensor([0, 4.0, 0])
    torch.testing.assert_close(
        lerp(a, b, steps=3), torch.tensor([[2.0, 0, 0], [1, 2, 0], [0, 4, 0]])
    )
    middle = 3 / math.sqrt(2)  # half way round the quarter circle, at the mean of both lengths
    torch.testing.assert_close(
        slerp(a, b, steps=3), torch.tensor([[2.0, 0, 0], [middle, middle, 0], [0, 4, 0]])
    )


@pytest.mark.parametrize("b", [(1.0, 0.0), (-1.0, 0.0), (0.0, 0.0)])
def test_slerp_has_an_answer_where_there_is_no_arc(b: tuple[float, float]) -> None:
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor(b), steps=5)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[-1], torch.tensor(b))


@given(st.integers(0, 2**31), st.integers(2, 30))
def test_paths_begin_and_end_where_they_should_and_slerp_keeps_the_length(
    seed: int, steps: int
) -> None:
    a, b = torch.randn(2, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for path in (lerp, slerp):
        found = path(a, b, steps)
        torch.testing.assert_close(found[0], a)
        torch.testing.assert_close(found[-1], b)
    lengths = slerp(a, b, steps=steps).norm(dim=1)
    torch.testing.assert_close(
        lengths,
        torch.linspace(0, 1, steps=steps, dtype=torch.float64) * (b.norm() - a.norm()) + a.norm(),
    )


def test_arithmetic_by_hand() -> None:
    z = torch.arange(20.0).reshape(10, 2)
    for text, value in (
        ("3", z[3]),
        (
            "mean(1, 5, 9) - mean(2,3,4) + mean(7,8)",
            z[[1, 5, 9]].mean(0) - z[[2, 3, 4]].mean(0) + z[[7, 8]].mean(0),
        ),
        ("-(1 - 2) + 0.5 * mean(3, 4)", -z[1] + z[2] + 0.5 * z[[3, 4]].mean(0)),
        ("2 * (1 + 3)", 2 * z[1] + 2 * z[3]),
        ("+7", z[7]),
    ):
        torch.testing.assert_close(parse(text, 10).value(z), value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1 +",
            "mean()",
            "mean",
            "10",
            "-1 * ",
            "mean(1, 10)",
            "mean(1.5)",
            "1.5",
            "x",
            "__import__('os')",
            "1 / 2",
        ),
        *(
            "1 if 2 else 3",
            "mean(*[1])",
            "mean(1, x=2)",
            "True",
            "True * 1",
            "1e9 * 2",
            "'a' * 3",
            "1 ** 2",
            "[1]",
            "1;2",
        ),
        *(
            "(" * 1000 + "1",
            "(" * 60 + "1 - 1" + ")" * 60 * 0,
            "-" * 300 + "1",
            "1" * 501,
            "9" * 499,
        ),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, 10)


@settings(max_examples=300)
@given(st.text(alphabet="0123456789.+-*()mean, e_'[]{}:=\n\0\\", max_size=60))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    try:
        found = parse(text, 64)
    except ConfigError:
        return
    assert found.value(torch.zeros(64, 3)).shape == (3,)


def test_stream_is_drawn_in_blocks_whatever_the_number() -> None:
    from gantool.gan.latent import Latent

    class Model:
        latent = Latent("normal", 3)

        def sample_latent(self, n: int, rng: torch.Generator) -> torch.Tensor:
            return self.latent.sample(n, rng)

        def sample_labels(self, n: int, rng: torch.Generator) -> torch.Tensor:
            return torch.randint(5, (n,), generator=rng)

    few = list(latents.stream(Model(), 10, seed=7))  # type: ignore[arg-type]
    many = list(latents.stream(Model(), 1000, seed=7))  # type: ignore[arg-type]
    assert [len(z) for z, _ in many] == [256, 256, 256, 232]
    assert (few[0][0] == many[0][0][:10]).all()
    assert (many[0][0] != many[1][0]).any()
    assert all(
        (y == 4).all() for _, y in latents.stream(Model(), 300, seed=7, label=4) if y is not None
    )
