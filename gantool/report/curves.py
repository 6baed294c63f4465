"""The curves that runs have: the losses of their players, further terms, the answers of D."""

from __future__ import annotations

from collections.abc import Iterable

from gantool.report.format import plain
from gantool.report.load import RunData
from gantool.report.result import Variant
from gantool.report.series import LOSS, USUAL_LOSSES, losses_of, terms_of

_PLAYERS = dict(zip(USUAL_LOSSES, ("discriminator", "generator"), strict=True))


def losses_in(runs: Iterable[RunData]) -> list[str]:
    """The keys of the losses that any of the runs has, D's and G's first."""
    keys = dict.fromkeys(key for run in runs for key in losses_of(run.series))
    first = [key for key in USUAL_LOSSES if key in keys]
    return first + [key for key in keys if key not in USUAL_LOSSES]


def terms_in(runs: Iterable[RunData]) -> list[str]:
    """The keys of the further terms that any of the runs has."""
    return list(dict.fromkeys(key for run in runs for key in terms_of(run.series)))


def player_of(loss: str) -> str:
    """The player whose loss it is, by its key."""
    return _PLAYERS.get(loss, plain(loss.removeprefix(LOSS)))


def heading_of_loss(loss: str) -> str:
    """The loss in a table: "loss D", "loss G", or with the player's name."""
    player = player_of(loss)
    return f"loss {player[0].upper() if loss in _PLAYERS else player}"


def no_answers(names: Iterable[str], *, discriminator: bool) -> str:
    """The reason why D(x) and D(G(z)) are not shown.

    Args:
        names: of the models or variants that it is about, at least one.
        discriminator: whether they have one.
    """
    listed = [plain(name) for name in names]
    one = len(listed) == 1
    if discriminator:
        verb = "gives" if one else "give"
        return f"The discriminator of {', '.join(listed)} {verb} no D(x) to show."
    verb = "has" if one else "have"
    return f"{', '.join(listed)} {verb} no discriminator: there is no D(x) to show."


def without_answers(variants: Iterable[Variant]) -> list[str]:
    """Sentences on the variants whose D(x) and D(G(z)) are not shown."""
    variants = list(variants)
    unknown = [plain(variant.name) for variant in variants if variant.elsewhere]
    sentences = []
    if unknown:
        sentences.append(
            f"Of {', '.join(unknown)} nothing but samples is known: no curves, no D(x)."
        )
    silent = [variant for variant in variants if variant.d_scale is None and not variant.elsewhere]
    for having in (False, True):
        names = [variant.name for variant in silent if variant.has_discriminator is having]
        if names:
            sentences.append(no_answers(names, discriminator=having))
    return sentences
