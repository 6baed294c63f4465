"""Claims of a study: what they are about, and what runs say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run

from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.report.load import read_runs
from gantool.report.result import ClaimVerdict
from gantool.report.scoreboard import compare_by_data
from gantool.study.claims import about, check_claims, spelled, with_claims
from gantool.study.file import Study
from gantool.study.job import Job, expand

MODELS: list[Any] = ["dcgan", "vanilla", {"model": "vanilla", "options": {"loss": "hinge"}}]
PLAIN = {"model": "vanilla", "options": {"loss": "hinge"}}
CLAIM: dict[str, Any] = {"better": "dcgan", "than": PLAIN, "score": "frechet-distance"}


def study_of(*claims: dict[str, Any], **more: Any) -> tuple[Study, list[Job]]:
    content = {"models": MODELS, "seeds": [0, 1, 2], "budget": {"steps": 5}, **more}
    study = Study.model_validate({**content, "claims": list(claims)})
    return study, expand(study, load_registry())


def judged(where: Path, values: dict[str, list[float]], claim: dict[str, Any]) -> ClaimVerdict:
    """The claim on runs of such distances; a key says the model, with a + its other option."""
    study, jobs = study_of(claim)
    for job in jobs:
        key = job.model + ("+" if job.options else "")
        make_run(
            where / job.name,
            model=job.model,
            seed=job.seed,
            scores={"frechet-distance": values[key][job.seed]},
            config=dict(job.options),
        )
    (each,) = with_claims(study, jobs, compare_by_data(read_runs([where]).runs))
    (found,) = each.result.claims
    return found


@pytest.mark.parametrize(
    ("distances", "verdict"),
    [
        ([5.0, 5.1, 5.2], "holds"),
        ([25.0, 25.1, 25.2], "does not hold"),
        ([9.0, 9.9, 10.3], "cannot tell yet"),
    ],
)
def test_a_claim_holds_or_not_or_cannot_be_told(
    distances: list[float], verdict: str, tmp_path: Path
) -> None:
    values = {"dcgan": distances, "vanilla": [1.0, 1.1, 1.2], "vanilla+": [10.0, 10.1, 10.2]}
    found = judged(tmp_path, values, {**CLAIM, "paper": "somebody"})
    assert (found.verdict, found.paper) == (verdict, "somebody")
    assert found.claim == "dcgan is better than vanilla loss=hinge in frechet-distance"
    assert "n = 3 and 3" in found.why


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": "beauty"}, "no score 'beauty'"),
        (
            {"than": "cgan"},
            "cgan is no variant of the study.\nThere are: dcgan, vanilla, vanilla lo",
        ),
        ({"than": "dcgan"}, "both sides are dcgan"),
        ({"data": "robots"}, "no data 'robots'"),
    ],
)
def test_a_claim_about_what_the_study_lacks_is_refused(change: dict[str, Any], words: str) -> None:
    study, jobs = study_of({**CLAIM, **change})
    with pytest.raises(ConfigError, match=words):
        check_claims(study, jobs, load_registry())


def test_a_name_is_of_the_variant_that_has_nothing_beside_it() -> None:
    study, jobs = study_of({**CLAIM, "than": "vanilla"})
    check_claims(study, jobs, load_registry())
    assert {spelled(job) for job in about("vanilla", None, jobs=jobs)} == {"vanilla"}
    both = [{"model": "vanilla", "options": {"loss": loss}} for loss in ("hinge", "minimax")]
    study, jobs = study_of({**CLAIM, "than": "vanilla"}, models=["dcgan", *both])
    with pytest.raises(ConfigError, match="vanilla is 2 variants of the study"):
        check_claims(study, jobs, load_registry())


def test_a_claim_names_its_data_where_there_are_several_and_its_score_is_measured() -> None:
    study, jobs = study_of(CLAIM, data=["mnist5k", "fashion-mnist"])
    with pytest.raises(ConfigError, match="several data sets"):
        check_claims(study, jobs, load_registry())
    study, jobs = study_of({**CLAIM, "data": "mnist5k"}, data=["mnist5k", "fashion-mnist"])
    check_claims(study, jobs, load_registry())
    study, jobs = study_of(CLAIM, scores=["recall"])
    with pytest.raises(ConfigError, match="lack frechet-distance"):
        check_claims(study, jobs, load_registry())
    study, jobs = study_of({**CLAIM, "score": "mind"})
    with pytest.raises(ConfigError, match="mind is computed on request only"):
        check_claims(study, jobs, load_registry())
    study, jobs = study_of({**CLAIM, "score": "high-quality"}, scores=["high-quality", "recall"])
    with pytest.raises(ConfigError, match="high-quality is no score of mnist5k"):
        check_claims(study, jobs, load_registry())
