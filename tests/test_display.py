"""The line that a step leaves on a terminal."""

from __future__ import annotations

import pytest

from gantool.display import PlainDisplay, TerminalDisplay, describe, losses_of_step
from gantool.report.curves import heading_of_loss

POSITION = {"step": 3, "epoch": 1.25, "images": 48, "seconds": 0.1, "images_per_second": 480.0}
NOTHING = dict.fromkeys(("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after"))


def test_a_gan_shows_both_losses_and_the_answers_of_d() -> None:
    metrics = {
        **POSITION,
        **{"loss_d": 1.2, "loss_g": 0.7, "d_real": 0.6, "d_fake": 0.3, "d_fake_after": None},
    }
    assert describe(metrics) == (
        "epoch 1.2  loss D 1.200 G 0.700  D(x) 0.600  D(G(z)) 0.300 / -  480 img/s"
    )


@pytest.mark.parametrize("key", ["loss_vae", "loss_g"])
def test_an_outsider_shows_its_loss_and_no_discriminator(key: str) -> None:
    player = {"loss_vae": "vae", "loss_g": "G"}[key]
    metrics = {**POSITION, **NOTHING, key: 52.25, "kl": 4.0}
    assert describe(metrics) == f"epoch 1.2  loss {player} 52.250  480 img/s"


def test_a_step_without_losses_has_none() -> None:
    assert describe({**POSITION, **NOTHING}) == "epoch 1.2  480 img/s"


def test_points_are_no_images() -> None:
    assert describe({**POSITION, **NOTHING, "noun": "points"}) == "epoch 1.2  480 points/s"
    assert describe({**POSITION, **NOTHING, "noun": "images"}) == "epoch 1.2  480 img/s"


def test_players_have_one_name_on_terminal_and_page() -> None:
    for key in ("loss_d", "loss_g", "loss_encoder"):
        (player,) = losses_of_step({key: 1.0})
        assert heading_of_loss(key) == f"loss {player}"


def test_each_set_of_images_that_scores_read_has_a_bar_until_it_is_read() -> None:
    display = TerminalDisplay()
    for done in (100, 200):
        display.scoring("samples", done, total=200)
        display.scoring("noise", done // 2, total=200)
    (task,) = display.bar.tasks
    assert (task.description, task.completed, task.total) == ("scoring noise", 100, 200)
    display.scoring("samples", 50, total=200)
    assert [task.completed for task in display.bar.tasks] == [100, 50]


def test_one_bar_says_which_score_is_computed_until_all_are_had() -> None:
    display = TerminalDisplay()
    display.measuring("drawing samples", 32, total=100)
    display.measuring("drawing samples", 100, total=100)
    display.measuring("parzen", 1, total=3)
    display.scoring("noise", 5, total=10)
    display.measuring("memorised", 2, total=3)
    shown = [(task.description, task.completed, task.total) for task in display.bar.tasks]
    assert shown == [("scoring, memorised", 2, 3), ("scoring noise", 5, 10)]
    display.measuring("done", 3, total=3)
    assert [task.description for task in display.bar.tasks] == ["scoring noise"]


def test_a_log_says_now_and_then_which_score_is_computed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 6.0, 6.0, 7.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    display = PlainDisplay()
    for done, score in enumerate(["recall", "parzen", "memorised"]):
        display.measuring(score, done, total=3)
    found = capsys.readouterr()
    assert (found.out, found.err) == ("", "scoring, parzen: 1 of 3\n")
