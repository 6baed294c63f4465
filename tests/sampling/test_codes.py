"""Parts of the latent, by name."""

from __future__ import annotations

import pytest
import torch

from gantool import Latent
from gantool.errors import ConfigError
from gantool.sampling.codes import columns_of, read_codes, with_codes
from gantool.sampling.latents import path, with_categories

NOISE, DIGIT, STYLE = Latent("normal", 3), Latent("categorical", 4), Latent("uniform", 2)
LATENT = Latent.of(noise=NOISE, digit=DIGIT, style=STYLE)


def draw(n: int) -> torch.Tensor:
    return LATENT.sample(n, torch.Generator().manual_seed(0))


def test_parts_lie_one_after_the_other_and_are_what_their_priors_say() -> None:
    z = draw(2000)
    parts = LATENT.split(z)
    assert torch.equal(torch.cat(list(parts.values()), dim=1), z)
    assert {name: part.shape[1] for name, part in parts.items()} == {
        "noise": 3,
        "digit": 4,
        "style": 2,
    }
    assert torch.equal(parts["digit"].sum(1), torch.ones(2000))
    assert parts["digit"].unique().tolist() == [0, 1]
    assert (parts["digit"].mean(0) - 0.25).abs().max() < 0.05  # five standard errors
    assert parts["style"].abs().max() <= 1
    assert parts["noise"].abs().max() > 2
    assert [part["name"] for part in LATENT.describe()["parts"]] == ["noise", "digit", "style"]


def test_a_code_sets_its_dimensions_and_no_other() -> None:
    z = draw(5)
    codes = read_codes(["digit=2", "style.1=-0.5"], LATENT)
    found = with_codes(z, codes)
    assert found[:, 3:7].tolist() == [[0, 0, 1, 0]] * 5
    assert found[:, 8].tolist() == [-0.5] * 5
    rest = [0, 1, 2, 7]
    assert torch.equal(found[:, rest], z[:, rest])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("digit=all", torch.eye(4)),
        ("style.0=all", torch.linspace(-1, 1, steps=9)[:, None]),
        ("noise.2=all", torch.linspace(-2, 2, steps=9)[:, None]),
    ],
)
def test_all_values_are_columns_with_the_rest_alike(text: str, values: torch.Tensor) -> None:
    z = draw(3)
    (code,) = read_codes([text], LATENT)
    found = columns_of(code, z).reshape(3, len(values), LATENT.dimension)
    for row in range(3):
        assert torch.equal(found[row, :, code.place], values)
    others = [i for i in range(LATENT.dimension) if not code.place.start <= i < code.place.stop]
    assert (found[:, :, others] == z[:, None, others]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("digt=3", "Did you mean 'digit'?"),
        ("digit=4", "0 to 3"),
        ("digit=-1", "0 to 3"),
        ("digit=two", "0 to 3"),
        ("digit.1=1", "no dimension"),
        ("style=1", "style.0 to style.1"),
        ("style.2=1", "style.0 to style.1"),
        ("style.0=nan", "is no number"),
        ("style.0=inf", "is no number"),
        ("style.0=wide", "is no number"),
        ("digit", "Write NAME=VALUE"),
        ("=3", "Write NAME=VALUE"),
    ],
)
def test_what_is_no_code_is_answered_with_what_there_is(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_codes([text], LATENT)
    assert words in str(error.value)


def test_one_part_is_set_once_and_a_plain_latent_has_none() -> None:
    with pytest.raises(ConfigError, match="the same part"):
        read_codes(["digit=1", "digit=2"], LATENT)
    with pytest.raises(ConfigError, match="no named parts"):
        read_codes(["digit=1"], NOISE)
    for wrong in ({"prior": "gauss", "dimension": 3}, {"prior": "normal", "dimension": 0}):
        with pytest.raises(ConfigError):
            Latent(**wrong)  # type: ignore[arg-type]


def test_on_a_way_each_part_goes_as_its_prior_and_categories_change_half_way() -> None:
    a, b = draw(2)
    a[3:7], b[3:7] = torch.eye(4)[0], torch.eye(4)[2]
    found = path(LATENT, a, b, steps=6, mode=None)
    torch.testing.assert_close(found[0], a)
    torch.testing.assert_close(found[-1], b)
    assert found[:, 3:7].argmax(1).tolist() == [0, 0, 0, 2, 2, 2]
    assert found[:, 3:7].unique().tolist() == [0, 1]
    torch.testing.assert_close(found[:, :3], path(NOISE, a[:3], b[:3], steps=6, mode="slerp"))
    torch.testing.assert_close(found[:, 7:], path(STYLE, a[7:], b[7:], steps=6, mode="lerp"))
    mixed = with_categories(LATENT, (a + b) / 2, of=a)
    assert torch.equal(mixed[3:7], a[3:7])
    assert torch.equal(mixed[7:], ((a + b) / 2)[7:])
