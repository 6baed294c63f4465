"""The groups of scores: each metric's own, also in runs that were scored before there were any."""

from __future__ import annotations

import pytest

from gantool.plugins.registry import load_registry
from gantool.plugins.spec import InvalidSpecError, MetricSpec
from gantool.runs.records import SCORE_GROUPS, Score


def test_gantools_own_scores_have_groups_and_earlier_records_the_same_ones() -> None:
    own = [spec for spec in load_registry().metrics.values() if spec.measure.startswith("gantool.")]
    assert own and all(spec.group for spec in own)
    for spec in own:
        earlier = Score(step=1, metric=spec.name)
        assert earlier.group == spec.group or spec.on_request


def test_a_group_that_no_page_has_is_refused() -> None:
    MetricSpec("mine", "a score", better="lower", measure="a:b").check()
    with pytest.raises(InvalidSpecError, match="group must be one of 'fidelity', 'diversity'"):
        MetricSpec("mine", "a score", better="lower", measure="a:b", group="beauty").check()


def test_the_last_group_is_that_of_scores_without_one() -> None:
    assert list(SCORE_GROUPS)[-1] == ""
    assert Score(step=1, metric="mine").group == ""
