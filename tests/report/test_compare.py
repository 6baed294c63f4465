"""What a comparison concludes from runs: groups, columns, ranking, flags, words."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import CONFIG, make_outsider, make_run

from gantool.config import GANConfig
from gantool.errors import ConfigError
from gantool.report import page, tables
from gantool.report.beside import with_what_lies_beside
from gantool.report.compare import UnknownNameError, compare
from gantool.report.format import cut, plain, short, with_deviation
from gantool.report.load import read_run, read_runs
from gantool.report.page import stretches
from gantool.report.result import ComparisonResult
from gantool.runs.folder import RunFolder
from gantool.runs.records import Score


def compared(*paths: Path, **options: Any) -> ComparisonResult:
    return compare(read_runs(paths).runs, **options)


def three_seeds(where: Path, model: str, *values: float, **options: Any) -> list[Path]:
    return [
        make_run(
            where / f"{model}-{i}",
            model=model,
            seed=i,
            scores={"frechet-distance": value},
            **options,
        )
        for i, value in enumerate(values)
    ]


def messages(result: ComparisonResult) -> str:
    return "\n".join(flag.message for flag in result.flags)


def test_runs_that_differ_by_seed_are_one_variant(tmp_path: Path) -> None:
    paths = [
        *three_seeds(tmp_path, "dcgan", 5.0, 6.0, 7.0),
        make_run(
            tmp_path / "elsewhere",
            seed=3,
            scores={"frechet-distance": 6.0},
            config={
                "device": "cuda",
                "threads": 8,
                "data_dir": "/data",
                "sheet_every": 7,
                "evaluate_every": 9,
            },
        ),
    ]
    result = compared(*paths)
    (variant,) = result.variants
    assert variant.seeds == [0, 1, 2, 3]
    assert variant.scores["frechet-distance"].values == [5, 6, 7, 6]
    assert variant.scores["frechet-distance"].mean == 6


def test_a_run_given_twice_counts_once(tmp_path: Path) -> None:
    (path,) = three_seeds(tmp_path, "dcgan", 5.0)
    assert len(compared(path, path, tmp_path / "." / path.name).runs) == 1


def test_runs_of_one_name_in_two_folders_are_two_runs(tmp_path: Path) -> None:
    for i, place in enumerate(("here", "there")):
        for model, value in (("a", 5.0), ("b", 9.0)):
            make_run(
                tmp_path / place / model,
                model=model,
                seed=i,
                name="baseline",
                scores={"frechet-distance": value + i},
            )
    result = compared(tmp_path / "here", tmp_path / "there")
    assert {
        variant.name: variant.scores["frechet-distance"].values for variant in result.variants
    } == {
        "a": [5.0, 6.0],
        "b": [9.0, 10.0],
    }
    (pair,) = result.pairs
    assert pair.contrast.difference == -4.0


def test_the_same_configuration_and_seed_counts_once_and_says_so(tmp_path: Path) -> None:
    good = make_run(tmp_path / "a", scores={"frechet-distance": 5.0})
    short = make_run(
        tmp_path / "b", scores={"frechet-distance": 50.0}, status="interrupted", steps=50
    )
    result = compared(short, good)
    assert result.variants[0].runs == ["a"]
    assert {row.name: row.repeat_of for row in result.runs} == {"a": None, "b": "a"}
    assert "1 run repeats a configuration and seed" in messages(result)


def test_a_score_of_a_run_that_does_not_count_ranks_nothing(tmp_path: Path) -> None:
    score = make_run(tmp_path / "a", scores={"equilibrium": 5.0}, steps=50) / "scores.jsonl"
    score.write_text(score.read_text().replace('"real":0.5', '"real":null'))
    make_run(tmp_path / "b", steps=100)
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    assert result.verdict[0].startswith("No run has a score")
    assert page.render(result, runs, title="t").count('class="strip"') == 0


def test_of_a_run_and_its_repeat_the_scored_one_counts(tmp_path: Path) -> None:
    distance = {"frechet-distance": 5.0}
    make_run(tmp_path / "a", scores=distance)
    make_run(tmp_path / "b")
    result = compared(tmp_path)
    assert {row.name: row.repeat_of for row in result.runs} == {"a": None, "b": "a"}
    assert "frechet-distance" in result.verdict[0]


def test_a_distance_that_no_run_that_counts_has_ranks_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", steps=50)
    RunFolder(run).add_scores([Score(step=50, metric="frechet-distance", value=5.0, ratio=True)])
    make_run(tmp_path / "b", steps=100)
    assert compared(tmp_path).verdict[0].startswith("No run has a score")


def test_damaged_lines_of_scores_are_counted(tmp_path: Path) -> None:
    scores = make_run(tmp_path / "a", scores={"frechet-distance": 5.0}) / "scores.jsonl"
    assert "damaged" not in messages(compared(tmp_path))
    with scores.open("a") as file:
        file.write('{"step": 1}\n[]\n\x00\n{"step": 100, "metric": "recall", "val')
    assert "damaged and hold no score: 3 of a." in messages(compared(tmp_path))


def game(name: str) -> dict[str, Any]:
    return {"name": name, "formula": f"D: {name} of f; G: -f", "source": "Someone 2030"}


def test_gans_and_outsiders_are_ranked_by_scores_and_not_by_losses(tmp_path: Path) -> None:
    make_run(tmp_path / "gan", scores={"frechet-distance": 5.0})
    for seed in range(2):
        make_outsider(tmp_path / f"vae-{seed}", seed=seed, scores={"frechet-distance": 4.0})
    result = compared(tmp_path)
    assert [variant.name for variant in result.variants] == ["vae", "dcgan"]
    vae, gan = result.variants
    assert (vae.loss, vae.d_scale, vae.has_discriminator) == (None, None, False)
    assert (gan.loss, gan.has_discriminator) == ("non-saturating", True)
    assert "objectives (non-saturating, vae's own) cannot be compared" in messages(result)
    assert result.losses == ["loss_d", "loss_g", "loss_vae"]
    assert vae.losses == {"loss_vae": pytest.approx(52.25)}
    assert set(gan.losses) == {"loss_d", "loss_g"}
    assert vae.values["d_real"] is vae.values["d_fake"] is vae.values["equilibrium"] is None
    document = json.loads(json.dumps(result.model_dump(mode="json"), allow_nan=False))
    assert [row["losses"].keys() for row in document["runs"]] == [
        {"loss_d", "loss_g"},
        {"loss_vae"},
        {"loss_vae"},
    ]


def test_tables_have_the_losses_there_are_and_dashes_elsewhere(tmp_path: Path) -> None:
    make_run(tmp_path / "gan", d_scale="raw")
    make_outsider(tmp_path / "vae")
    result = compared(tmp_path)
    headings, rows = tables.losses(result)
    assert headings[1:] == ["dcgan", "vae"]
    assert [row[0] for row in rows] == ["loss D", "loss G", "loss vae"]
    assert rows[0][2] == rows[2][1] == "-"
    assert rows[2][2] == "52.25"
    first, second = csv.DictReader(io.StringIO(tables.as_csv(result)))
    assert float(first["loss_d"]) > 1
    assert (first["loss_vae"], second["loss_d"], second["d_real"]) == ("", "", "")
    assert float(second["loss_vae"]) == pytest.approx(52.25)
    headings, rows = tables.headline(result)
    cells = dict(zip(headings, rows[1], strict=True))
    assert (cells["D(x)"], cells["D(G(z))"]) == ("-", "-")
    assert dict(zip(headings, rows[0], strict=True))["D(x)"] == "0.6 raw"


def test_a_column_that_no_run_has_is_left_out(tmp_path: Path) -> None:
    make_outsider(tmp_path / "vae", scores={"frechet-distance": 4.0})
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    assert "D(x)" not in tables.headline(result)[0]
    html = page.render(result, runs, title="t", single=True)
    table = html.split('<table id="variants"')[1].split("</table>")[0]
    assert "D(x)" not in table
    assert "MACs" not in html.split('<h2 id="cost-title">')[1].split("</table>")[0]
    assert "steps" in table
    spans = [int(part.split('"')[0]) for part in table.split("</tr>")[-3].split('colspan="')[1:]]
    assert table.count('<th scope="col"') == 1 + sum(spans) + len(result.columns)


def test_the_page_says_why_there_is_no_discriminator_and_shows_no_nan(tmp_path: Path) -> None:
    make_outsider(tmp_path / "vae")
    make_run(tmp_path / "began", model="began", d_scale=None)
    runs = read_runs([tmp_path]).runs
    html = page.render(compare(runs), runs, title="t")
    shown = html.split("<main>")[1].split("</main>")[0]
    assert "vae has no discriminator: there is no D(x) to show." in shown
    assert "The discriminator of began gives no D(x) to show." in shown
    assert not re.search(r"\b(nan|None)\b", shown, re.IGNORECASE)
    data = json.loads(html.split('id="data">')[1].split("</script>")[0])
    assert [one["id"] for one in data["losses"]] == ["loss_d", "loss_g", "loss_vae"]
    assert [one["id"] for one in data["terms"]] == ["kl"]
    vae = next(run for run in data["runs"] if run["name"] == "vae")
    assert set(vae["series"]) == {"step", "images", "seconds", "loss_vae", "kl"}
    assert all(isinstance(value, float) for value in vae["series"]["loss_vae"])


def test_terms_beyond_those_that_have_charts_are_named(tmp_path: Path) -> None:
    make_run(tmp_path / "a", metrics=lambda step: {f"term{i}": i for i in range(30)})
    runs = read_runs([tmp_path]).runs
    html = page.render(compare(runs), runs, title="t")
    assert "in metrics.jsonl only: term24, term25, term26, term27, term28, term29." in html


def test_an_objective_is_shown_with_its_formula_and_paper(tmp_path: Path) -> None:
    make_run(tmp_path / "a", config={"loss": "cubic"}, objective=game("cubic"))
    make_run(tmp_path / "b", config={"loss": "hinge"})  # before run.json had objectives
    make_outsider(tmp_path / "c", objective=None)
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    found = {v.objective: (v.loss, v.formula, v.source) for v in result.variants}
    assert found == {
        "cubic": ("cubic", "D: cubic of f; G: -f", "Someone 2030"),
        "hinge": ("hinge", "", ""),
        "vae's own": (None, "", ""),
    }
    html = page.render(result, runs, title="t")
    table = html.split('<table id="objectives"')[1].split("</table>")[0]
    assert "D: cubic of f; G: -f" in table
    assert "Someone 2030" in table
    rows = [re.findall(r">([^<>]+)</t", row) for row in table.split("</tr>")[1:-1]]
    assert ["hinge", "-", "-"] in [row[:3] for row in rows]
    assert ["vae&#39;s own", "-", "-"] in [row[:3] for row in rows]


def test_a_game_of_its_own_is_shown_with_its_formula(tmp_path: Path) -> None:
    own = {**game("own"), "name": "began's own"}
    path = make_run(tmp_path / "a", model="began", objective=own)
    record = json.loads((path / "run.json").read_text())
    del record["config"]["loss"]
    (path / "run.json").write_text(json.dumps(record))
    (began,) = compared(tmp_path).variants
    assert (began.objective, began.formula) == (own["name"], own["formula"])


def test_a_gan_without_the_option_has_an_objective_of_its_own(tmp_path: Path) -> None:
    path = make_run(tmp_path / "a", model="began", objective=game("hinge"))
    record = json.loads((path / "run.json").read_text())
    del record["config"]["loss"]
    (path / "run.json").write_text(json.dumps(record))
    make_run(tmp_path / "b", config={"loss": "hinge"}, objective=game("hinge"))
    result = compared(tmp_path)
    began, dcgan = sorted(result.variants, key=lambda variant: variant.model)
    assert (began.objective, began.formula) == ("began's own", "")
    assert "loss" not in began.config
    assert dcgan.formula == "D: hinge of f; G: -f"
    runs = read_runs([tmp_path]).runs
    options = page.render(result, runs, title="t").split("Options that differ")[1]
    row = options.split(">loss</th>")[1].split("</tr>")[0]
    assert re.findall("<td>([^<]*)</td>", row) == ["-", "hinge"]


def test_an_option_that_is_younger_than_a_run_has_its_default_there(tmp_path: Path) -> None:
    young = {"augment": "none", "ada_images": 500_000, "width": 8}
    assert not set(young) & set(CONFIG)
    assert GANConfig.model_fields["ada_images"].default == 500_000
    for i in range(2):
        make_run(tmp_path / f"old-{i}", seed=i)
    core = {key: young[key] for key in ("augment", "ada_images")}
    new = make_run(tmp_path / "new", seed=2, config=core)
    result = compared(tmp_path)
    assert [variant.seeds for variant in result.variants] == [[0, 1, 2]]
    assert not result.differences
    make_run(tmp_path / "other", seed=3, config={**core, "augment": "ada"})
    result = compared(tmp_path)
    assert {v.name: v.seeds for v in result.variants} == {
        "dcgan augment=none": [0, 1, 2],
        "dcgan augment=ada": [3],
    }
    assert list(result.differences) == ["augment"]
    # What is no option of the core has no default that is known here.
    make_run(new.parent / "plugin", seed=4, config=young)
    assert len(compared(tmp_path).variants) == 3


def test_an_option_that_no_run_of_a_model_has_is_none_of_its_own(tmp_path: Path) -> None:
    make_run(tmp_path / "a", config={"augment": "ada"})
    make_outsider(tmp_path / "b")
    variants = {variant.model: variant.config for variant in compared(tmp_path).variants}
    assert variants["dcgan"]["augment"] == "ada"
    assert "augment" not in variants["vae"]


def test_variants_are_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    result = compared(
        make_run(tmp_path / "a"),
        make_run(tmp_path / "b", config={"loss": "hinge"}),
        make_run(tmp_path / "c", model="vanilla"),
        make_run(tmp_path / "d", model="vanilla", preset="paper", config={"lr": 0.1}),
    )
    names = {variant.name for variant in result.variants}
    assert names == {"dcgan loss=non-saturating", "dcgan loss=hinge", "vanilla", "vanilla paper"}
    assert result.differences["loss"]["dcgan loss=hinge"] == "hinge"
    assert "precision" not in result.differences


def test_another_plugin_version_is_another_variant(tmp_path: Path) -> None:
    newer = make_run(tmp_path / "b", seed=1)
    record = json.loads((newer / "run.json").read_text())
    record["plugin"]["version"] = "0.2.0"
    (newer / "run.json").write_text(json.dumps(record))
    result = compared(make_run(tmp_path / "a"), newer)
    assert {variant.name for variant in result.variants} == {"dcgan 0.1.0", "dcgan 0.2.0"}


def test_ranking_follows_the_direction_of_the_score(tmp_path: Path) -> None:
    for model, frechet, recall in (("a", 5.0, 0.2), ("b", 4.0, 0.1)):
        make_run(
            tmp_path / model, model=model, scores={"frechet-distance": frechet, "recall": recall}
        )
    result = compared(tmp_path)
    assert [variant.name for variant in result.variants] == ["b", "a"]
    assert result.sorted_by == "frechet-distance"
    assert [variant.name for variant in compared(tmp_path, sort="recall").variants] == ["a", "b"]


def test_a_ranking_on_one_run_says_so(tmp_path: Path) -> None:
    for model in ("a", "b"):
        make_run(tmp_path / model, model=model, scores={"frechet-distance": 5.0 + len(model)})
    assert "with one run of a variant a ranking means little" in compared(tmp_path).verdict[0]


def test_equals_share_the_first_place(tmp_path: Path) -> None:
    for model in ("a", "b", "c"):
        three_seeds(tmp_path, model, 5.0, 5.1, 4.9)
    three_seeds(tmp_path, "d", 9.0, 9.1, 8.9)
    said = compared(tmp_path).verdict[0]
    assert said.endswith(
        " and shares the first place with b, c; it is better than d "
        "(5% chance of any error in 6 tests) at n = 3."
    )
    assert "Other scores" not in "".join(compared(tmp_path).verdict)


def test_distances_are_ranked_as_they_are_told_apart(tmp_path: Path) -> None:
    """One failure in ten makes the mean the larger one, and not the geometric mean."""
    for seed in range(10):
        a, b = 1.0 + seed / 100 if seed else 30.0, 3.6 + seed / 100
        for model, value in (("a", a), ("b", b)):
            folder = make_run(tmp_path / f"{model}{seed}", model=model, seed=seed)
            score = Score(step=100, metric="frechet-distance", value=value, ratio=True)
            RunFolder(folder).add_scores([score])
    result = compared(tmp_path)
    assert [variant.name for variant in result.variants] == ["a", "b"]
    means = [variant.scores["frechet-distance"].mean for variant in result.variants]
    assert means[0] > means[1]
    assert ", a has " in result.verdict[0]
    assert result.verdict[0].endswith(
        "better than every other variant at n = 10 (5% chance of error)."
    )


def test_a_first_that_its_pairs_put_behind_is_said_to_be_worse(tmp_path: Path) -> None:
    """Of the seeds that both have a is always behind; its other seeds bring it to the front."""
    for model, values in (
        ("a", {0: 5.1, 1: 6.21, 2: 7.3, 3: 1.0, 4: 1.1}),
        ("b", {0: 5.0, 1: 6.1, 2: 7.2}),
    ):
        for seed, value in values.items():
            scores = {"frechet-distance": value}
            make_run(tmp_path / f"{model}{seed}", model=model, seed=seed, scores=scores)
    said = compared(tmp_path, paired=True).verdict[0]
    assert ", a has " in said
    assert said.endswith("comes first, but is worse than b at n = 3.")


def test_the_runs_without_a_score_do_not_count_as_its_repetitions(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 5.1)
    make_run(tmp_path / "a-2", model="a", seed=2, status="diverged")
    result = compared(tmp_path)
    (row,) = tables.headline(result)[1]
    assert row[1] == "2 of 3"
    assert tables.full(result)[1][0][1] == "2 of 3"
    assert '<td data-value="3">2 of 3</td>' in page.render(
        result, read_runs([tmp_path]).runs, title="t"
    )


def test_one_run_of_one_variant_spoils_nothing_that_is_said_of_others(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 5.1, 4.9)
    three_seeds(tmp_path, "b", 9.0, 9.1, 8.9)
    three_seeds(tmp_path, "c", 7.0)
    said = compared(tmp_path).verdict[0]
    assert said.endswith(
        "comes first; it is better than b (5% chance of error), "
        "but was not tested against c (one run) at n = 3."
    )


def test_variants_that_cannot_be_told_apart_are_said_to_be(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 6.0, 7.0)
    three_seeds(tmp_path, "b", 5.5, 6.5, 7.5)
    three_seeds(tmp_path, "c", 50.0, 51.0, 52.0)
    result = compared(tmp_path)
    assert "a has 6.0 ± 1.0 (standard deviation over 3 seeds)" in result.verdict[0]
    assert "it is better than c (5% chance of any error in 3 tests)" in result.verdict[0]
    assert "but is not distinguishable from b at n = 3" in result.verdict[0]
    found = {(pair.a, pair.b): pair.contrast for pair in result.pairs}
    assert found["a", "b"].verdict == "not distinguishable"
    assert found["a", "b"].wins == pytest.approx(6 / 9)
    assert found["b", "c"].verdict == "better"


def test_a_clear_winner_is_said_to_be_one(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 5.1, 4.9)
    three_seeds(tmp_path, "b", 9.0, 9.1, 8.9)
    result = compared(tmp_path)
    assert "better than every other variant at n = 3" in result.verdict[0]
    assert result.verdict[1] == "All 6 runs finished."


def test_a_first_is_better_only_than_what_it_was_tested_against(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 5.1, 4.9)
    three_seeds(tmp_path, "b", 5.01, 5.11, 4.91)
    three_seeds(tmp_path, "c", 90.0, 91.0, 92.0)
    said = compared(tmp_path, baseline="c").verdict[0]
    assert said.endswith(
        "comes first; it is better than c (5% chance of any error in 2 tests), "
        "but was not tested against b at n = 3."
    )


def test_pairs_without_a_shared_seed_are_not_tested(tmp_path: Path) -> None:
    for model, seeds in (("a", (0, 1, 2)), ("b", (3, 4, 5))):
        for seed in seeds:
            make_run(
                tmp_path / f"{model}{seed}",
                model=model,
                seed=seed,
                scores={"frechet-distance": 5.0 + seed},
            )
    said = compared(tmp_path, paired=True).verdict[0]
    assert said.endswith("comes first, but was not tested against b at n = 3.")
    assert "5%" not in said


def test_splits_are_repetitions_too(tmp_path: Path) -> None:
    for model, shift in (("a", 0.0), ("b", 10.0)):
        for split in (0, 1, 2):
            make_run(
                tmp_path / f"{model}{split}",
                model=model,
                config={"split_seed": split},
                scores={"frechet-distance": 5.0 + shift + (1 + shift) * split / 100},
            )
    for paired in (False, True):
        (pair,) = compared(tmp_path, paired=paired).pairs
        assert (pair.contrast.n_a, pair.contrast.n_b, pair.contrast.verdict) == (3, 3, "better")


def test_a_score_of_an_earlier_step_is_said_to_be_one(tmp_path: Path) -> None:
    earlier = "Scores are not of the end of the run: early of step 50 of 100."
    RunFolder(make_run(tmp_path / "early", model="a")).add_scores(
        [Score(step=50, metric="frechet-distance", value=3.0)]
    )
    at_the_end = RunFolder(make_run(tmp_path / "end", model="b"))
    at_the_end.add_scores(
        [Score(step=step, metric="frechet-distance", value=float(step)) for step in (50, 100)]
    )
    assert earlier in messages(compared(tmp_path))
    RunFolder(tmp_path / "early").add_scores(
        [Score(step=100, metric="frechet-distance", reason="features are not finite")]
    )
    result = compared(tmp_path)
    assert earlier not in messages(result)
    assert [v.name for v in result.variants if v.scores] == ["b"]


def test_a_folder_that_cannot_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "runs" / "a", scores={"frechet-distance": 5.0})
    (tmp_path / "runs" / "lost+found").mkdir()
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    reading = read_runs([tmp_path / "runs" / "a", tmp_path / "runs" / "lost+found"])
    assert reading.skipped == {str(tmp_path / "runs" / "lost+found"): "Permission denied"}
    assert len(read_runs([tmp_path / "runs"]).runs) == 1


def test_a_baseline_is_what_the_others_are_contrasted_with(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 6.0, 7.0)
    three_seeds(tmp_path, "b", 15.0, 16.0, 17.0)
    three_seeds(tmp_path, "c", 25.0, 26.0, 27.0)
    result = compared(tmp_path, baseline="b")
    assert {(pair.a, pair.b): pair.contrast.difference for pair in result.pairs} == {
        ("a", "b"): -10,
        ("c", "b"): 10,
    }
    with pytest.raises(UnknownNameError):
        compared(tmp_path, baseline="d")
    with pytest.raises(UnknownNameError):
        compared(tmp_path, sort="fid")


def test_protocols_are_never_mixed(tmp_path: Path) -> None:
    make_run(tmp_path / "a", model="a", scores={"frechet-distance": 5.0})
    make_run(tmp_path / "b", model="b", scores={"frechet-distance": 6.0})
    make_run(tmp_path / "c", model="c", scores={"frechet-distance": 1.0}, protocol={"n_fake": 500})
    result = compared(tmp_path)
    assert [column.id for column in result.columns] == ["frechet-distance", "frechet-distance (2)"]
    assert result.columns[1].note == "n_fake 500"
    assert [variant.name for variant in result.variants] == ["a", "b", "c"]
    assert all({pair.a, pair.b} == {"a", "b"} for pair in result.pairs)
    assert "columns of their own (frechet-distance (2): n_fake 500)" in messages(result)


def test_averaged_weights_belong_to_the_variant_not_to_the_protocol(tmp_path: Path) -> None:
    make_run(
        tmp_path / "a", model="a", scores={"frechet-distance": 5.0}, protocol={"averaged": True}
    )
    make_run(
        tmp_path / "b", model="b", scores={"frechet-distance": 6.0}, protocol={"averaged": False}
    )
    assert len(compared(tmp_path).columns) == 1


def test_the_last_evaluation_counts_and_the_best_within_the_same_budget(tmp_path: Path) -> None:
    """Scores get worse by (100 - step) / 100 the earlier they are taken.

    B sees half the images of a.
    """
    make_run(tmp_path / "a", model="a", scores={"frechet-distance": 5.0}, score_steps=(20, 50, 100))
    make_run(
        tmp_path / "b",
        model="b",
        scores={"frechet-distance": 5.2},
        score_steps=(20, 50, 100),
        images_a_step=8,
    )
    result = compared(tmp_path)
    assert result.budget == 800
    assert {v.name: v.scores["frechet-distance"].mean for v in result.variants} == pytest.approx(
        {"a": 5.0, "b": 5.2}
    )
    assert {v.name: v.best["frechet-distance"].mean for v in result.variants} == pytest.approx(
        {"a": 5.5, "b": 5.2}
    )
    assert "Budgets differ (images seen): 800 by b, 1,600 by a. Look at " in messages(result)
    assert compared(tmp_path, budget_axis="step").budget == 100
    assert compared(tmp_path, budget_axis="seconds").budget == pytest.approx(10)


def test_missing_scores_are_said(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 6.0)
    make_run(tmp_path / "a-2", model="a", seed=2, scores={"frechet-distance": None})
    result = compared(tmp_path)
    assert result.variants[0].scores["frechet-distance"].n == 2
    assert "Runs without frechet-distance: 1 of a." in messages(result)


def test_health(tmp_path: Path) -> None:
    make_run(
        tmp_path / "a",
        status="diverged",
        steps=30,
        events=[{"step": 30, "kind": "divergence", "message": "nan"}],
    )
    make_run(
        tmp_path / "b",
        seed=1,
        events=[
            {"step": 10, "kind": "collapse", "detector": "few-modes", "message": "x"},
            {"step": 40, "kind": "recovery", "detector": "few-modes", "message": "x"},
            {"step": 60, "kind": "collapse", "detector": "samples-alike", "message": "x"},
        ],
    )
    make_run(tmp_path / "c", seed=2, status="running", steps=50)
    make_run(tmp_path / "d", seed=3)
    result = compared(tmp_path)
    rows = {row.name: row for row in result.runs}
    assert rows["a"].diverged_at == 30
    assert [(c.step, c.detector, c.until) for c in rows["b"].collapses] == [
        (10, "few-modes", 40),
        (60, "samples-alike", None),
    ]
    assert rows["c"].status == "stale"
    assert rows["d"].values["equilibrium"] == pytest.approx((0.1 + 0.2) / 2)
    (variant,) = result.variants
    assert variant.failure_rate == 0.25
    assert variant.collapsed == 1
    assert variant.statuses == {"diverged": 1, "finished": 2, "stale": 1}
    assert "Of 4 runs, 1 diverged or failed" in result.verdict[1]
    assert "1 ended in what a detector takes for a collapse" in result.verdict[1]


def test_what_makes_a_comparison_unfair_is_flagged(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    other = make_run(tmp_path / "b", seed=1, config={"precision": "bf16", "loss": "hinge"}, side=32)
    record = json.loads((other / "run.json").read_text())
    record["data"] |= {"fingerprint": "e" * 64, "name": "mnist"}
    record["environment"] = {"versions": {"torch": "3"}, "device": "cuda"}
    (other / "run.json").write_text(json.dumps(record))
    result = compared(tmp_path)
    unfair = " ".join(flag.message for flag in result.flags if flag.unfair)
    assert "different images (mnist, mnist5k)" in unfair
    assert "image sizes differ" in unfair
    for text in (
        "different objectives (hinge, non-saturating)",
        "precision",
        "versions",
        "speeds",
        "same seeds",
    ):
        assert text in messages(result), text


def test_no_run_is_an_error_that_says_what_one_is(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    with pytest.raises(ConfigError, match="there is no run") as caught:
        read_runs([tmp_path / "README.md", tmp_path / "nothing", tmp_path])
    assert "run.json" in str(caught.value)


def test_what_is_no_run_is_skipped_with_its_reason(tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    (tmp_path / "README.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, content in (
        ("newer", '{"format": 99}'),
        ("torn", '{"format": 1, "na'),
        ("deep", "[" * 100_000),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)
    reading = read_runs(sorted(tmp_path.iterdir()))
    assert [run.record.name for run in reading.runs] == ["good"]
    reasons = {Path(path).name: reason for path, reason in reading.skipped.items()}
    assert reasons["README.txt"] == "not a folder"
    assert reasons["empty"] == "no run.json"
    assert "format 99" in reasons["newer"]
    assert "cannot be read" in reasons["torn"]
    assert "deep" in reasons


def test_what_a_checkout_has_beside_runs(tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "claims" / "packing").mkdir(parents=True)
    (tmp_path / "claims" / "packing.toml").write_text("")
    skipped = read_runs(sorted(tmp_path.iterdir())).skipped
    assert skipped == {str(tmp_path / "claims"): "studies, name one"}


def test_hostile_lines_are_passed_over(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", steps=3)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(
            '{"step": 4, "loss_d": "<b>", "loss_g": 1e999, "d_real": NaN, "d_fake": '
            + "9" * 400
            + "}\n"
        )
        file.write('{"step": "five"}\n[1, 2]\n{"loss_d": 3}\nnot json\n{"step": 6, "loss_d": 1')
    series = read_run(run).series
    assert series["step"].tolist() == [1, 2, 3, 4]
    assert all(np.isnan(series[key][3]) for key in ("loss_d", "loss_g", "d_real", "d_fake"))
    assert np.isfinite(series["loss_d"][:3]).all()
    compare([read_run(run)])


def test_thinned_curves_are_means_of_stretches() -> None:
    series = {
        "step": np.arange(1.0, 1001),
        "images": np.arange(1.0, 1001) * 16,
        "seconds": np.arange(1.0, 1001) / 10,
        "loss_d": np.where(np.arange(1000) % 2 == 0, 1.0, np.nan),
    }
    found = stretches(series, 100, keys=["loss_d", "loss_g"])
    assert found["step"] == [float(step) for step in range(10, 1001, 10)]
    assert found["loss_d"] == [1.0] * 100
    assert "loss_g" not in found
    short = {key: column[:7] for key, column in series.items()}
    assert stretches(short, 100, keys=[])["step"] == [1, 2, 3, 4, 5, 6, 7]
    assert stretches({}, 100, keys=["loss_d"]) == {}


@pytest.fixture
def hostile(tmp_path: Path) -> ComparisonResult:
    name = "<script>alert(1)</script>\"'\n\u202e$x$ | & %_#{}~^\\"
    make_run(
        tmp_path / "a",
        name=name,
        model="<img src=x onerror=alert(2)>",
        scores={"frechet-distance": 5.0},
    )
    make_run(tmp_path / "b", name="=HYPERLINK(1)", model="b", scores={"frechet-distance": 6.0})
    return compared(tmp_path)


def test_tables_for_papers_escape_what_has_a_meaning(hostile: ComparisonResult) -> None:
    markdown = tables.markdown(tables.full(hostile))
    assert "\\<img src=x onerror=alert(2)\\>" in markdown
    assert all(line.startswith("|") for line in markdown.splitlines())
    latex = tables.latex(tables.full(hostile))
    assert r"\textless{}img src=x onerror=alert(2)\textgreater{}" in latex
    assert r"frechet-distance $\downarrow$" in latex
    assert latex.count(r"\\") == 5  # headings, two variants, real images, noise


def test_the_csv_has_a_row_a_run_and_no_formulas(hostile: ComparisonResult) -> None:
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(hostile))))
    assert len(rows) == 2
    assert {row["name"][:12] for row in rows} == {"<script>aler", "'=HYPERLINK("}
    assert {float(row["frechet-distance"]) for row in rows} == {5.0, 6.0}


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [
        (2.2041, 0.204, "2.20 ± 0.20"),
        (0.5512, 0.00707, "0.5512 ± 0.0071"),
        (16.96, 2.5, "17.0 ± 2.5"),
        (123456.7, 987.6, "123,457 ± 988"),
        (-0.4, 14.0, "0 ± 14"),
        (-1.2, 15.0, "-1 ± 15"),
        (3.0, 0.0, "3 ± 0"),
        (1e-9, 2e-10, "1e-09 ± 2e-10"),
    ],
)
def test_a_mean_has_the_digits_that_its_deviation_allows(
    mean: float, deviation: float, text: str
) -> None:
    assert with_deviation(mean, deviation) == text


def test_a_long_name_is_cut_where_variants_do_not_differ() -> None:
    found = [cut(f"dcgan spectral_norm={value}") for value in (False, True)]
    assert found == ["dcgan sp…norm=False", "dcgan sp…_norm=True"]
    assert cut("dcgan lr=0.001") == "dcgan lr=0.001"
    assert len(cut("x" * 50, 16)) == 16


def test_names_lose_characters_that_turn_text_round() -> None:
    assert plain("a\u202eb\nc\x1b[31m\u200bd") == "a b c [31m d"


def test_the_terminals_table_fits_100_columns(tmp_path: Path) -> None:
    metrics = ("frechet-distance", "kernel-distance", "parzen", "recall", "memorised")
    for i, model in enumerate(
        ("dcgan", "vanilla", "a-model-with-a-name-that-is-far-too-long-for-a-table")
    ):
        make_run(tmp_path / model, model=model, scores=dict.fromkeys(metrics, 1234.5 * (i + 1)))
    headings, rows = tables.headline(compared(tmp_path))
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    assert sum(widths) + 3 * len(widths) <= 100
    assert "frechet-distance ↓" in headings
    headings, rows = tables.scores(compared(tmp_path))
    assert len(rows) == len(metrics)


def test_the_scores_of_a_kept_generator_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    """The best on validation is not the last here; what chose it is no score."""
    values = {0: (3.0, 1.0, 2.0), 1: (2.0, 2.0, 9.0)}
    for seed, on_validation in values.items():
        path = make_run(
            tmp_path / f"{seed}",
            seed=seed,
            scores={"frechet-distance": 5.0},
            score_steps=(20, 60, 100),
        )
        chose = {"chooses": True, "split": "validation"}
        RunFolder(path).add_scores(
            [
                Score(step=step, metric="frechet-distance", value=value, protocol=chose)
                for step, value in zip((20, 60, 100), on_validation, strict=True)
            ]
        )
    other = make_run(tmp_path / "other", model="vanilla", scores={"frechet-distance": 4.0})
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    (dcgan,) = (variant for variant in result.variants if variant.model == "dcgan")
    assert [column.id for column in result.columns] == [
        "frechet-distance",
        "frechet-distance (best)",
    ]
    # A step before the last has 1/100 more a step (`make_run`).
    assert dcgan.scores["frechet-distance"].values == [5.0, 5.0]
    assert dcgan.scores["frechet-distance (best)"].values == pytest.approx([5.4, 5.8])
    assert result.sorted_by == "frechet-distance"
    rows = {row.name: row.values for row in result.runs}
    assert [(rows[n]["best_step"], rows[n]["candidates"]) for n in ("0", "1", "other")] == [
        *((60, 3), (20, 3), (None, None)),
    ]
    said = (
        "chose by frechet-distance on the validation split, from 3 candidates a run: that of step "
        "20 to 60."
    )
    assert said in messages(result)
    html = page.render(result, runs, title="t")
    assert "frechet-distance (best)" in html
    assert "chosen_by: frechet-distance on validation" in html
    assert "best at step" in html
    assert "(best)" not in messages(compared(other))


def test_missing_seeds_of_a_study_are_named(tmp_path: Path) -> None:
    paths = three_seeds(tmp_path / "it", "dcgan", 5.0, 6.0, 7.0)
    plan = [{"name": f"dcgan-{i}", "variant": "dcgan", "steps": 100} for i in range(5)]
    plan += [{"name": "vanilla-0", "variant": "vanilla", "steps": 100}]
    (tmp_path / "it" / "study.json").write_text(json.dumps({"study": {}, "runs": plan}))
    runs = with_what_lies_beside(read_runs(paths[:2]).runs)
    said = messages(compare(runs))
    assert "3 of 5 planned runs of these variants are not here (dcgan-2, dcgan-3, dcgan-4)" in said
    assert "A part of a study" not in messages(compare(read_runs(paths).runs))
    (tmp_path / "it" / "study.json").write_text("[")
    assert not messages(compare(with_what_lies_beside(read_runs(paths).runs)))


def test_settings_that_were_tried_are_counted_where_the_runs_lie(tmp_path: Path) -> None:
    """Three of dcgan, whatever their seeds; one of vanilla; another folder does not count."""
    here = tmp_path / "here"
    for i, lr in enumerate((1e-4, 2e-4, 2e-4, 4e-4)):
        make_run(here / f"dcgan-{i}", seed=i, config={"lr": lr}, scores={"frechet-distance": i + 1})
    make_run(here / "vanilla", model="vanilla", scores={"frechet-distance": 5.0})
    make_run(tmp_path / "there" / "dcgan", config={"lr": 9.0}, scores={"frechet-distance": 5.0})
    runs = with_what_lies_beside(read_runs([here / "dcgan-0", here / "vanilla"]).runs)
    result = compare(runs)
    assert result.tried == {"dcgan": 3, "vanilla": 1}
    headings, rows = tables.conditions(result)
    assert headings == ["differs", "dcgan", "vanilla"]
    assert rows == [["settings tried", "3", "1"]]
    assert "What differs" in page.render(result, runs, title="t")


def test_conditions_that_differ_stand_before_the_table(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", config={"batch_size": 16, "ema": 0.0, "lr": 1e-3})
    b = make_run(tmp_path / "b", model="vanilla", config={"batch_size": 64, "ema": 0.0, "lr": 2e-3})
    assert tables.conditions(compared(a, b)) == (
        ["differs", "dcgan", "vanilla"],
        [["batch_size", "16", "64"]],
    )
    assert tables.conditions(compared(a))[1] == []


def test_a_repeat_with_other_scores_is_named(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", scores={"frechet-distance": 5.0})
    b = make_run(tmp_path / "b", scores={"frechet-distance": 5.1})
    c = make_run(tmp_path / "c", scores={"frechet-distance": 5.0})
    assert "gave other scores: b and a" in messages(compared(a, b))
    assert "gave other scores" not in messages(compared(a, c))


def test_splits_that_vary_with_the_seed_are_runs_of_one_variant(tmp_path: Path) -> None:
    a, b = (
        three_seeds(tmp_path / name, name, 5.0 + i, 6.0 + i, 7.0 + i)
        for i, name in enumerate(("dcgan", "vanilla"))
    )
    for folder in (*a, *b):
        record = json.loads((folder / "run.json").read_text())
        record["config"]["split_seed"] = record["config"]["seed"]
        (folder / "run.json").write_text(json.dumps(record))
    result = compared(*a, *b)
    assert [len(variant.runs) for variant in result.variants] == [3, 3]
    assert "Splits vary from run to run" in messages(result)
    assert "split by other seeds" in messages(compared(*a[:2], *b))


def test_one_seed_on_two_splits_is_two_runs(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, scores={"frechet-distance": 5.0}) for name in "ab"]
    for number, folder in enumerate(folders):
        record = json.loads((folder / "run.json").read_text())
        record["config"]["split_seed"] = number
        (folder / "run.json").write_text(json.dumps(record))
    assert compared(*folders).variants[0].runs == ["a", "b"]


def test_lost_runs_are_a_share_and_the_others_have_a_mean(tmp_path: Path) -> None:
    paths = three_seeds(tmp_path, "dcgan", 5.0, 6.0)
    paths.append(
        make_run(tmp_path / "bad", seed=5, status="diverged", scores={"frechet-distance": 800.0})
    )
    collapse = {"kind": "collapse", "step": 9, "detector": "d", "message": "m"}
    paths.append(
        make_run(tmp_path / "c", seed=6, events=[collapse], scores={"frechet-distance": 90.0})
    )
    result = compared(*paths)
    (variant,) = result.variants
    assert (variant.lost.k, variant.lost.n) == (2, 4)
    assert variant.scores["frechet-distance"].mean == pytest.approx((5 + 6 + 800 + 90) / 4)
    assert variant.scores_of_others["frechet-distance"].values == [5.0, 6.0]
    (row,) = tables.lost(result)[1]
    assert row[1:3] == ["2 of 4", "7% to 93%"]
    assert row[4] == "5.50 ± 0.71"
    assert tables.lost(compared(*paths[:2]))[1] == []


def test_contrasts_are_corrected_for_all_pairs_or_for_those_with_a_baseline(tmp_path: Path) -> None:
    for i, model in enumerate(("a", "b", "c", "d")):
        three_seeds(tmp_path, model, i + 1.0, i + 1.1, i + 1.2)
    families = {
        name: {pair.contrast.family for pair in compared(tmp_path, **options).pairs}
        for name, options in {
            "all": {},
            "baseline": {"baseline": "c"},
            "none": {"corrected": False},
        }.items()
    }
    assert families == {"all": {6}, "baseline": {3}, "none": {1}}
    assert "5% chance of any error in 6 tests" in compared(tmp_path).verdict[0]
    assert tables.correction(compared(tmp_path, corrected=False)).startswith("Not corrected")
    assert "Corrected for 3 comparisons" in tables.correction(compared(tmp_path, baseline="c"))


def test_of_many_variants_the_first_is_contrasted_and_all_pairs_count(tmp_path: Path) -> None:
    """The figures chose which variant is the first, so that the others' pairs count too."""
    for i in range(14):
        three_seeds(tmp_path, f"m{i:02d}", i + 1.0, i + 1.1)
    pairs = compared(tmp_path).pairs
    assert len(pairs) == 13
    assert {pair.contrast.family for pair in pairs} == {14 * 13 // 2}


def test_scores_that_disagree_are_named(tmp_path: Path) -> None:
    for model, distance, recall in (("a", 1.0, 0.2), ("b", 2.0, 0.6), ("c", 3.0, 0.4)):
        for seed in range(2):
            make_run(
                tmp_path / f"{model}{seed}",
                model=model,
                seed=seed,
                scores={"frechet-distance": distance + seed / 100, "recall": recall},
            )
    result = compared(tmp_path)
    assert result.verdict[1] == "Other scores put others first: b by recall."
    # Of the three pairs recall turns two round.
    assert result.agreement["frechet-distance"]["recall"] == pytest.approx(-1 / 3)
    assert result.chances_of_first["frechet-distance"]["a"] > 0.95
    assert "recall" not in result.chances_of_first  # without spread nothing is a chance


def test_three_runs_rest_on_normality_and_five_do_not(tmp_path: Path) -> None:
    for model in ("a", "b"):
        three_seeds(tmp_path / "3", model, 1.0, 2.0, 3.5)
        three_seeds(tmp_path / "5", model, 1.0, 2.0, 3.5, 4.0, 4.1)
    assert "With 3 runs against 3 no test of ranks can go below p = 0.10" in messages(
        compared(tmp_path / "3")
    )
    assert "no test of ranks" not in messages(compared(tmp_path / "5"))


def test_equal_is_within_the_distance_of_real_images_unless_said(tmp_path: Path) -> None:
    for model, shift in (("a", 0.0), ("b", 0.01)):
        for seed in range(4):
            path = make_run(tmp_path / f"{model}{seed}", model=model, seed=seed)
            score = Score(
                step=100, metric="frechet-distance", value=5.0 + shift + seed / 50, real=0.6
            )
            RunFolder(path).add_scores([score])
    assert compared(tmp_path).pairs[0].contrast.verdict == "equal"
    assert tables.contrasts(compared(tmp_path))[1][0][1] == "equal within 0.6"
    strict = compared(tmp_path, matters=0.001)
    assert strict.pairs[0].contrast.verdict == "not distinguishable"
    headings, (row,) = tables.contrasts(strict)
    found = strict.pairs[0].contrast
    assert headings[-2:] == ["runs needed", "these could show"]
    assert row[-2:] == [f"{found.runs} of each", short(found.detectable)]


def test_a_distance_of_nothing_anywhere_takes_ratios_from_the_whole_column(tmp_path: Path) -> None:
    """Ranks, intervals, tests and chances are of one kind of mean."""

    def of(a: float) -> ComparisonResult:
        for model, values in (("a", (a, 9.0)), ("b", (4.0, 4.2)), ("c", (5.0, 5.5))):
            for seed, value in enumerate(values):
                path = make_run(tmp_path / f"{a}" / f"{model}{seed}", model=model, seed=seed)
                score = Score(step=100, metric="frechet-distance", value=value, ratio=True)
                RunFolder(path).add_scores([score])
        return compared(tmp_path / f"{a}")

    geometric, arithmetic = of(0.1), of(0.0)
    assert [variant.name for variant in geometric.variants] == ["a", "b", "c"]
    assert [variant.name for variant in arithmetic.variants] == ["b", "a", "c"]
    assert "compared in it by differences and not, as distances are" in messages(arithmetic)
    assert "by differences" not in messages(geometric)
    b = arithmetic.variants[0].scores["frechet-distance"]
    assert b.center == pytest.approx(4.1)
    assert not any(pair.contrast.ratio for pair in arithmetic.pairs)
    assert all(pair.contrast.ratio for pair in geometric.pairs)


def test_a_repeat_says_nothing_of_how_a_column_is_compared(tmp_path: Path) -> None:
    for model, values in (("a", (1.0, 1.1)), ("b", (4.0, 4.2))):
        for seed, value in enumerate(values):
            _one_distance(tmp_path / f"{model}{seed}", value, model=model, seed=seed)
    _one_distance(tmp_path / "again", 0.0, model="a", seed=0, step=50)
    result = compared(tmp_path)
    assert [row.repeat_of for row in result.runs if Path(row.path).name == "again"] == ["a0"]
    assert result.sorted_by == "frechet-distance"
    assert all(p.contrast.ratio for p in result.pairs if p.column == result.sorted_by)


def test_a_first_by_geometric_means_alone_is_said_to_be_one(tmp_path: Path) -> None:
    for seed, value in enumerate((0.01, 0.011, 0.009, 5.0)):
        _one_distance(tmp_path / f"a{seed}", value, model="a", seed=seed)
        _one_distance(tmp_path / f"b{seed}", 0.5 + seed / 100, model="b", seed=seed)
    result = compared(tmp_path)
    assert result.variants[0].name == "a"
    assert "By arithmetic means, which tables show, b would come before a" in messages(result)
    assert "By arithmetic means" not in messages(compared(tmp_path, baseline="a", sort="recall"))


def _one_distance(path: Path, value: float, *, model: str, seed: int, step: int = 100) -> None:
    run = make_run(path, model=model, seed=seed, steps=step)
    score = Score(step=step, metric="frechet-distance", value=value, ratio=True)
    extra = Score(step=step, metric="recall", value=0.5 + seed / 100, better="higher")
    RunFolder(run).add_scores([score, extra])


def test_of_equals_the_other_scores_say_who_stands_first(tmp_path: Path) -> None:
    others = {"a": (0.9, 0.8, 8.0), "b": (0.8, 0.2, 2.0), "c": (0.85, 0.3, 3.0)}
    for model, (recall, mind, kernel) in others.items():
        for seed in range(2):
            scores = {"frechet-distance": 5.0 + seed, "recall": recall}
            scores |= {"mind": mind, "kernel-distance": kernel}
            make_run(tmp_path / f"{model}{seed}", model=model, seed=seed, scores=scores)
    result = compared(tmp_path)
    assert [variant.name for variant in result.variants] == ["b", "c", "a"]
    assert "b has 5.50 ± 0.71" in result.verdict[0]
    assert "shares the first place with c, a" in result.verdict[0]


def test_pairs_by_seed_say_what_they_rest_on(tmp_path: Path) -> None:
    for seed in range(6):
        _one_distance(tmp_path / f"a{seed}", 5.0 + seed**2 / 10, model="a", seed=seed)
        _one_distance(tmp_path / f"b{seed}", 9.0 + seed, model="b", seed=seed + 2)
        _one_distance(tmp_path / f"c{seed}", 9.5 + seed, model="c", seed=seed)
    result = compared(tmp_path, paired=True, baseline="a")
    assert " at n = 4" in result.verdict[0]
    said = messages(result)
    assert "Only runs with a seed in common are paired: b and a have 4." in said
    assert "With 4 pairs of runs no test of ranks can go below p = 0.12" in said
    apart = [tmp_path / "a0", tmp_path / "a1", *(tmp_path / f"b{seed}" for seed in range(3))]
    lonely = compared(*apart, paired=True)
    assert "No two variants have a seed in common" in messages(lonely)
    assert tables.correction(lonely).startswith("A test needs two runs of each side")


def test_equal_within_what_matters_is_said_in_the_verdict_too(tmp_path: Path) -> None:
    three_seeds(tmp_path, "a", 5.0, 5.1, 5.2)
    three_seeds(tmp_path, "b", 5.01, 5.12, 5.21)
    said = compared(tmp_path, matters=5.0).verdict[0]
    assert said.endswith("comes first, but is equal, within what matters, to b at n = 3.")


def test_many_budgets_are_named_in_short(tmp_path: Path) -> None:
    for images_a_step, models in ((8, "abcde"), (16, "f"), (32, "g"), (64, "h"), (128, "ij")):
        for model in models:
            make_run(tmp_path / model, model=model, images_a_step=images_a_step)
    said = messages(compared(tmp_path))
    assert (
        "Budgets differ (images seen): 800 by 5 variants, ... 12,800 by i and j. Train all " in said
    )


def test_differences_that_are_shown_need_no_more_runs_and_say_which_they_are(
    tmp_path: Path,
) -> None:
    for model, height in (("a", 1.0), ("b", 100.0), ("c", 10_000.0)):
        three_seeds(tmp_path, model, height, 1.01 * height, 1.02 * height)
    result = compared(tmp_path)
    headings, rows = tables.contrasts(result)
    assert [row[:3] for row in rows] == [["a", "better", "b"], ["a", "better", "c"]]
    assert headings[-1] == "pairs won"
    assert {len(row) for row in rows} == {len(headings)}
    said = tables.correction(result)
    assert said.startswith("Corrected for 3 comparisons (Holm), 2 of which are shown: ")
    against = compared(tmp_path, baseline="b")
    assert tables.correction(against).startswith("Corrected for 2 comparisons (Holm): ")


@pytest.mark.parametrize(
    ("coverages", "said"), [((0.3, 0.05), ""), ((0.05, 0.3), "5%"), ((None, 0.3), "")]
)
def test_a_ranking_of_variants_that_all_draw_badly_is_said_to_be_one(
    coverages: tuple[float | None, float], said: str, tmp_path: Path
) -> None:
    """The coverage is that of the first by the score that ranks."""
    for model, distance, coverage in zip("ab", (40.0, 41.0), coverages, strict=True):
        path = make_run(tmp_path / model, model=model)
        scores = [Score(step=100, metric="frechet-distance", value=distance)]
        if coverage is not None:
            scores.append(Score(step=100, metric="coverage", value=coverage))
        RunFolder(path).add_scores(scores)
    found = messages(compared(tmp_path))
    if said:
        assert f"Even the first is near only {said} of the real images (coverage)" in found
    else:
        assert "Even the first" not in found


def test_the_error_of_an_evaluation_is_told_from_the_spread_over_seeds(tmp_path: Path) -> None:
    for folder, error in (("quiet", 0.1), ("noisy", 0.6)):
        for seed, value in enumerate((4.0, 5.0, 6.0)):
            path = make_run(tmp_path / folder / str(seed), seed=seed)
            score = Score(step=100, metric="frechet-distance", value=value, error=error)
            RunFolder(path).add_scores([score])
    quiet, noisy = compared(tmp_path / "quiet"), compared(tmp_path / "noisy")
    assert noisy.variants[0].errors == {"frechet-distance": pytest.approx(0.6)}
    said = "In frechet-distance the error of one evaluation is no less than half of the spread"
    assert said in messages(noisy)
    assert said not in messages(quiet)
    html = page.render(noisy, read_runs([tmp_path / "noisy"]).runs, title="t")
    assert "error of one evaluation 0.6" in html
