"""Models without a discriminator, and a plugin's objective, in all that shows a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from probe_plugin import install_probes
from support import Outcome, run_cli


class Site:
    """A working directory in which the plugin is installed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.env = install_probes(place / "site")

    def __call__(self, *words: str, plugins: bool = True) -> Outcome:
        return run_cli(*words, cwd=self.place, env=self.env if plugins else {"COLUMNS": "200"})

    def record(self, name: str) -> dict[str, object]:
        content: dict[str, object] = json.loads(
            (self.place / "experiments" / name / "run.json").read_text()
        )
        return content


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_outsider_is_shown_as_it_is_and_compared_with_a_gan(site: Site) -> None:
    done = site("run", "probe-vae", "--steps", "6", "--name", "vae")
    assert done.code == 0, done.err
    assert "loss vae" in done.err
    assert "D(x)" not in done.err
    assert site.record("vae")["objective"] is None
    done = site("run", "probe-infogan", "--steps", "6", "--name", "gan", "--loss", "cubic")
    assert done.code == 0, done.err
    assert "D(x)" in done.err
    assert site.record("gan")["objective"] == {
        "name": "cubic",
        "formula": "D: E|r - 1|^3 + E|f|^3; G: E|f - 1|^3",
        "source": "Someone 2030",
    }
    done = site("compare", "experiments", plugins=False)
    assert done.code == 0, done.err
    assert "loss vae" in done.out
    assert "different objectives (cubic, probe-vae's own)" in done.out
    for page in ("comparison/index.html", "experiments/gan/report.html"):
        assert "D: E|r - 1|^3 + E|f|^3; G: E|f - 1|^3" in (site.place / page).read_text()
    report = (site.place / "experiments" / "vae" / "report.html").read_text()
    assert "probe-vae has no discriminator: there is no D(x) to show." in report


def test_the_formula_of_a_plugins_objective_is_in_help(site: Site) -> None:
    shown = " ".join(site("run", "dcgan", "--help").out.split())
    assert "--loss cubic: D: E|r - 1|^3 + E|f|^3; G: E|f - 1|^3" in shown
    assert "--loss hinge: D: E[max(0, 1 - r)] + E[max(0, 1 + f)]; G: -E[f]" in shown
    assert "cubic" not in site("run", "dcgan", "--help", plugins=False).out


def test_a_game_of_its_own_states_its_losses_and_fixes_its_options(site: Site) -> None:
    shown = site("run", "probe-began", "--dry-run", "--json")
    assert shown.json["objective"] == {
        "name": "probe-began's own",
        "formula": "D: the probe's; G: [its] own",
        "source": "Nobody 2031",
    }
    words = " ".join(site("run", "probe-began", "--help").out.split())
    assert "The losses: D: the probe's; G: [its] own" in words
    for flag in ("--loss=hinge", "--penalty-weight=3"):
        done = site("run", "probe-began", flag)
        name = flag[2:].partition("=")[0].replace("-", " ")
        assert done.code == 2
        assert f"probe-began fixes the {name}: its own game has no use for the option." in done.err
    assert "No such option" in site("run", "probe-began", "--los", "hinge").err
    assert not (site.place / "experiments").exists()


def test_an_outsider_that_diverges_says_so_without_a_discriminator(site: Site) -> None:
    done = site(
        "run", "probe-vae", "--steps", "40", "--name", "x", "--lr", "10", "--optimizer", "sgd"
    )
    assert done.code == 3, done.err
    assert "loss_vae" in done.err
    assert "not finite" in done.err
    assert "Try a lower --lr, --precision fp32, or another --seed" in done.err
    assert "iscriminator" not in done.err
    assert site.record("x")["status"] == "diverged"
