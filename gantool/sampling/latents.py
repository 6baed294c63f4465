"""Paths between latents, and arithmetic with them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from gantool.errors import ConfigError
from gantool.gan.base import Model
from gantool.gan.latent import Latent
from gantool.sampling.codes import Code, with_codes

Mode = Literal["lerp", "slerp"]
BLOCK = 256
_LONGEST = 500  # characters of an expression
_DEEPEST = 50  # brackets in each other
_PARALLEL = 1e-4  # radians below which the arc between two latents is the line between them
_REMEDY = (
    'Write cells as numbers and combine them, as in "mean(1,5,9) - mean(2,3,4) + mean(7,8,11)".'
)


def lerp(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Points on the line from a to b, ends included: float [steps, dimension]."""
    t = torch.linspace(0, 1, steps=steps, dtype=a.dtype).unsqueeze(1)
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Points on the arc from a to b, whose lengths change evenly: float [steps, dimension].

    This is the spherical interpolation of Shoemake 1985 and White 2016. The latents of a normal
    prior lie near a sphere, which a line between two of them cuts short; the arc does not. Where a
    or b is zero, or they point the same or opposite ways, it is the line.
    """
    lengths = a.norm(), b.norm()
    if not min(lengths):
        return lerp(a, b, steps=steps)
    cosine = torch.clamp(torch.dot(a / lengths[0], b / lengths[1]), -1, max=1)
    angle = torch.acos(cosine)
    if angle < _PARALLEL or torch.pi - angle < _PARALLEL:
        return lerp(a, b, steps=steps)
    t = torch.linspace(0, 1, steps=steps, dtype=a.dtype).unsqueeze(1)
    along_a, along_b = (
        torch.sin((1 - t) * angle) * (a / lengths[0]),
        torch.sin(t * angle) * (b / lengths[1]),
    )
    points: Tensor = (
        (along_a + along_b) / torch.sin(angle) * ((1 - t) * lengths[0] + t * lengths[1])
    )
    return points


PATHS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {"lerp": lerp, "slerp": slerp}


def path(latent: Latent, a: Tensor, b: Tensor, *, steps: int, mode: Mode | None) -> Tensor:
    """Points on the way from a to b, ends included: float [steps, dimension].

    Named parts go their ways side by side, each in its prior's usual mode where none is given: the
    arc for a normal prior, the line for a uniform one, whose box holds it. A categorical part has
    nothing between its values: it is exchanged half way.
    """
    if latent.parts:
        ways = [
            path(part, a[place], b[place], steps=steps, mode=mode)
            for part, place in zip(latent.parts.values(), latent.slices.values(), strict=True)
        ]
        return torch.cat(ways, dim=1)
    if latent.prior == "categorical":
        return torch.stack([a if 2 * i < steps else b for i in range(steps)])
    return PATHS[mode or ("slerp" if latent.prior == "normal" else "lerp")](a, b, steps)


def with_categories(latent: Latent, z: Tensor, *, of: Tensor) -> Tensor:
    """z, float [dimension], with the categorical parts of another latent."""
    z = z.clone()
    for part, place in zip(latent.parts.values(), latent.slices.values(), strict=True):
        if part.prior == "categorical":
            z[place] = of[place]
    return z


def stream(
    gan: Model[Any],
    n: int,
    *,
    seed: int,
    label: int | None = None,
    codes: Sequence[Code] = (),
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Draw n latents and labels in blocks of 256.

    Sample i depends on the seed and on i, not on the number that is asked for.

    Args:
        gan: the model.
        n: the number to draw.
        seed: of the random generator.
        label: that all get; labels are drawn as in training if None.
        codes: parts of the latent that all get, one value each.
    """
    rng = torch.Generator().manual_seed(seed)
    for start in range(0, n, BLOCK):
        z = gan.sample_latent(BLOCK, rng)
        y = gan.sample_labels(BLOCK, rng)
        if y is not None and label is not None:
            y = torch.full_like(y, label)
        z = with_codes(z, codes)
        take = min(BLOCK, n - start)
        yield z[:take], None if y is None else y[:take]


@dataclass(slots=True)
class Term:
    """A mean of cells in an expression: its cells, and the sign and factor it comes with."""

    cells: list[int]
    factor: float = 1.0


@dataclass(slots=True)
class Expression:
    """A sum of weighted means of cells."""

    terms: list[Term] = field(default_factory=list)

    def value(self, latents: Tensor) -> Tensor:
        """The latent that it comes to, float [dimension].

        `latents` are those of the sample grid, float [cells, dimension].
        """
        return torch.stack([term.factor * mean_of(term, latents) for term in self.terms]).sum(0)


def mean_of(term: Term, latents: Tensor) -> Tensor:
    """The mean of a term's cells, float [dimension]."""
    return latents[term.cells].mean(0)


def parse(text: str, cells: int) -> Expression:
    """Read an expression of cells.

    It may have numbers of cells, `mean(...)`, `+`, `-`, factors as in `0.5 * mean(1, 2)`, and
    brackets.

    Args:
        text: the expression.
        cells: the number of cells; they count from 0.

    Raises:
        ConfigError: it is none, or names a cell that is not there.
    """
    if len(text) > _LONGEST:
        raise ConfigError(
            f"the expression has {len(text)} characters; {_LONGEST} are the most.", _REMEDY
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ConfigError(f"{text!r} is no expression.", _REMEDY) from None
    return Expression(_terms(tree.body, 1.0, cells=cells, depth=0))


def _terms(node: ast.expr, factor: float, cells: int, depth: int) -> list[Term]:
    if depth > _DEEPEST:
        raise ConfigError("the expression has too many brackets in each other.", _REMEDY)
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return _terms(left, factor, cells=cells, depth=depth + 1) + _terms(
                right, factor, cells=cells, depth=depth + 1
            )
        case ast.BinOp(left, ast.Sub(), right):
            return _terms(left, factor, cells=cells, depth=depth + 1) + _terms(
                right, -factor, cells=cells, depth=depth + 1
            )
        case ast.UnaryOp(ast.USub(), operand):
            return _terms(operand, -factor, cells=cells, depth=depth + 1)
        case ast.UnaryOp(ast.UAdd(), operand):
            return _terms(operand, factor, cells=cells, depth=depth + 1)
        case ast.BinOp(ast.Constant(int() | float() as scale), ast.Mult(), right) if not isinstance(
            scale, bool
        ):
            if not -1e6 < scale < 1e6:
                raise ConfigError(f"the factor {scale:.3g} is out of all proportion.", _REMEDY)
            return _terms(right, factor * scale, cells=cells, depth=depth + 1)
        case ast.Call(ast.Name("mean"), [_, *_] as operands, []):
            return [Term([_cell(operand, cells) for operand in operands], factor)]
        case ast.Constant(int()):
            return [Term([_cell(node, cells)], factor)]
    raise ConfigError(f"{ast.unparse(node)!r} has no meaning here.", _REMEDY)


def _cell(node: ast.expr, cells: int) -> int:
    match node:
        case ast.Constant(int() as number) if not isinstance(number, bool):
            return check_cell(number, cells)
    raise ConfigError(f"{ast.unparse(node)!r} is no cell.", _REMEDY)


def check_cell(number: int, cells: int) -> int:
    """The number of a cell.

    Raises:
        ConfigError: there is no such cell.
    """
    if not 0 <= number < cells:
        raise ConfigError(
            f"there is no cell {number}: the sample grid has cells 0 to {cells - 1}, row by row.",
            "`gantool sheet RUN` draws them with their numbers.",
        )
    return number
