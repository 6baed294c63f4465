"""The ways of playing the turns of a step: in turn, at one point, at a point ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import nn

from gantool.errors import ConfigError
from gantool.gan.game import DISCRIMINATOR, Batch, Losses, Turn
from gantool.training.draws import Drawn, Draws

Played = list[tuple[Turn, Losses]]


class Loop(Protocol):
    """The part of the training loop that a move works with."""

    draws: Draws
    parameters: dict[str, list[nn.Parameter]]
    makers: set[str]

    def loss(self, turn: Turn, batch: Batch) -> Losses:
        """The losses of a turn."""

    def differentiate(self, player: str, losses: Losses, *, retain_graph: bool = False) -> None:
        """Set the gradients of this player's parameters."""

    def move(self, player: str) -> None:
        """Let a player's optimizer step."""


def alternating(loop: Loop, turns: Sequence[Turn], drawn: Drawn | None = None) -> Played:
    """Each turn is played where the one before it has left the networks."""
    drawn = drawn or Drawn()
    played = []
    for i, turn in enumerate(turns):
        user = _user_of_graph(loop, turns, i)
        batch = loop.draws.take(turn, drawn=drawn, graph=user is not None)
        if user != i and batch.fake is not None:
            batch = replace(batch, fake=batch.fake.detach())
        losses = loop.loss(turn, batch)
        loop.differentiate(turn.player, losses)
        loop.move(turn.player)
        played.append((turn, losses))
    return played


def simultaneous(loop: Loop, turns: Sequence[Turn]) -> Played:
    """The gradients of all players are taken at one point, then all move.

    That is each player's last turn; turns of its before that are played one after the other first.
    """
    last = {turn.player: i for i, turn in enumerate(turns)}
    before = [turn for i, turn in enumerate(turns) if i != last[turn.player]]
    drawn = Drawn()
    played = alternating(loop, before, drawn)
    at_one_point = [turn for i, turn in enumerate(turns) if i == last[turn.player]]
    return played + _together(loop, at_one_point, drawn)


def extragradient(loop: Loop, turns: Sequence[Turn]) -> Played:
    """All move to an extrapolated point, go back, and move by the gradients of that point.

    Korpelevich 1976; Gidel et al. 2019, algorithm 4 (ExtraAdam): both half-steps update the
    optimizers' moments, and each draws its own batch.
    """
    if len({turn.player for turn in turns}) < len(turns):
        raise ConfigError(
            "an extragradient step has one turn of each player, and this game has more.",
            "Use --update alternating or simultaneous.",
        )
    parameters = [p for own in loop.parameters.values() for p in own]
    weights = [parameter.detach().clone() for parameter in parameters]
    _together(loop, turns, Drawn())

    def go_back() -> None:
        with torch.no_grad():
            for parameter, weight in zip(parameters, weights, strict=True):
                parameter.copy_(weight)

    return _together(loop, turns, Drawn(), before_moving=go_back)


def _together(
    loop: Loop,
    turns: Sequence[Turn],
    drawn: Drawn,
    *,
    before_moving: Callable[[], None] = lambda: None,
) -> Played:
    """All gradients at one point, then all moves; what D says of a batch is asked for once."""
    played: Played = []
    known = Losses(torch.empty(0))
    for turn in turns:
        if "new" in (turn.real, turn.latent):
            known = Losses(torch.empty(0))
        batch = loop.draws.take(turn, drawn=drawn, graph=True)
        if turn.player == DISCRIMINATOR:
            known = losses = loop.loss(turn, batch)
        else:
            losses = loop.loss(turn, _with_answers(batch, known))
        played.append((turn, losses))
    for i, (turn, losses) in enumerate(played):
        loop.differentiate(turn.player, losses, retain_graph=i < len(played) - 1)
    before_moving()
    for turn, _ in played:
        loop.move(turn.player)
    # Nothing is known of D's answer after its update.
    return [
        (turn, losses if turn.player == DISCRIMINATOR else replace(losses, fake_logits=None))
        for turn, losses in played
    ]


def _with_answers(batch: Batch, known: Losses) -> Batch:
    return replace(batch, real_logits=known.real_logits, fake_logits=known.fake_logits)


def _user_of_graph(loop: Loop, turns: Sequence[Turn], position: int) -> int | None:
    """The turn that differentiates through the fakes which this turn sees, if there is one.

    Raises:
        ConfigError: two turns want to; a graph serves one.
    """
    news = [i for i, turn in enumerate(turns) if turn.latent == "new"]
    begin = max((i for i in news if i <= position), default=0)
    end = min((i for i in news if i > position), default=len(turns))
    users = [
        i
        for i in range(begin, end)
        if turns[i].player in loop.makers and turns[i].latent != "none" and turns[i].fake
    ]
    if len(users) > 1:
        raise ConfigError(
            f"two turns of a step move the generator ({turns[users[0]].player}, "
            f"{turns[users[1]].player}) by one draw of latents.",
            "Give the second one latent='new' in its Turn.",
        )
    return users[0] if users else None


MOVES: dict[str, Callable[[Loop, Sequence[Turn]], Played]] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
    "extragradient": extragradient,
}
