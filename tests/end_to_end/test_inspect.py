"""`gantool inspect` as a user meets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import Cli, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(60):
        picture(tmp_path / "pets" / ("cat" if i % 3 else "dog") / f"{i}.png", seed=i)
    picture(tmp_path / "pets" / "dog" / "twin.png", seed=15)
    (tmp_path / "pets" / "dog" / "torn.png").write_bytes(b"torn")
    return tmp_path / "pets"


def test_it_prints_and_writes_a_page_that_holds_all(cli: Cli, folder: Path) -> None:
    done = cli("inspect", folder, "--image-size", "16x24", "--fit", "pad")
    assert done.code == 0, done.err
    for words in (
        "61: train",
        "16x24",
        "--fit pad",
        "dog/torn.png: cannot",
        "dog/15.png = dog/twin",
    ):
        assert words in done.out
    page = folder.parent / "inspect-pets.html"
    assert done.out.rstrip().endswith("page: inspect-pets.html")
    html = page.read_text()
    assert "dog/torn.png" in html
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert html.count("<img ") >= 3


def test_json_is_one_document_and_the_data_that_a_run_trains_on(cli: Cli, folder: Path) -> None:
    options = ("--image-size", "16", "--unique-test", "--channels", "3")
    done = cli("inspect", folder, *options, "--json")
    assert done.code == 0, done.err
    found = done.json
    # Both fall into the test split, where one of them is left out.
    assert (found["images"], found["equal"]["groups"]) == (60, 0)
    assert [entry["name"] for entry in found["classes"]] == ["cat", "dog"]
    assert not list(folder.parent.glob("*.html"))
    run = cli("run", "dcgan", "--data", folder, *options, "--dry-run", "--json")
    assert run.json["data"]["fingerprint"] == found["fingerprint"]
    assert run.json["config"]["unique_test"] is True


def test_named_data_sets_and_a_place_for_the_page(cli: Cli, tmp_path: Path) -> None:
    done = cli("inspect", "mnist5k", "--json", "--output", tmp_path)
    assert done.code == 0, done.err
    found = done.json
    assert found["splits"] == {"train": 4000, "validation": 500, "test": 500}
    assert [entry["images"] for entry in found["classes"]] == [500] * 10
    assert found["nearly_gray"] == 5000
    assert (tmp_path / "inspect-mnist5k.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing-here"], "no data set, folder or file 'nothing-here'"),
        (["mnist5"], "Did you mean 'mnist5k'?"),
        (["ring"], "points in the plane"),
        (["empty"], "holds no images"),
        (["pets", "--image-size", "3"], "8 to 1024"),
        (["pets", "--fit", "squeeze"], "squeeze"),
        (["pets", "--output", "missing/page.html"], "cannot write missing/page.html"),
    ],
)
def test_bad_input_is_one_message(cli: Cli, folder: Path, arguments: list[str], words: str) -> None:
    (folder.parent / "empty").mkdir()
    done = cli("inspect", *arguments)
    assert done.code in (1, 2)
    assert words in done.err
    assert "Traceback" not in done.err
    assert not list(folder.parent.glob("**/*.html"))


def test_unique_test_is_for_images(cli: Cli) -> None:
    done = cli("run", "vanilla", "--data", "ring", "--unique-test", "--dry-run")
    assert done.code == 2
    assert "--unique-test is for images" in done.err
