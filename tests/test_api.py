"""The Python names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gantool.errors import ConfigError, GantoolError


def test_python_has_the_words_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gantool as names

    monkeypatch.chdir(tmp_path)
    run = names.train(
        "dcgan", steps=6, ngf=8, ndf=8, nz=16, threads=1, evaluate=False, name="it", progress=False
    )
    assert run.path == Path("experiments/it")
    assert run.record.status == "finished"
    assert run.record.sources["ngf"] == "command line"
    assert run.metrics["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert run.samples(9).size == (3 * 30 + 2, 3 * 30 + 2)
    assert run.sheet().width > 600
    assert run.interpolate(3, 17, steps=4).width == 4 * 90 + 6
    assert run.arithmetic("1 - 2 + 3").width > 100
    assert run.sampler.sample(3, seed=0).shape == (3, 28, 28, 1)
    assert isinstance(run.generator, torch.nn.Module)
    assert run.export("pt2").name == "generator.pt2"
    assert {score.metric for score in run.evaluate(samples=20, metrics=("parzen",))} == {"parzen"}
    assert [score.metric for score in run.scores] == ["parzen"]
    assert "it: dcgan on mnist5k" in run._repr_html_()
    assert "data:image/png;base64," in run._repr_html_()
    assert "finished" in repr(names.open("experiments/it"))
    comparison = names.compare([run])
    assert comparison.result.variants[0].name == "dcgan"
    assert "<table>" in comparison._repr_html_()
    assert comparison.write(tmp_path / "out").is_file()


def test_python_validates_as_the_command_line_does(tmp_path: Path) -> None:
    import gantool as names

    for arguments, said in (
        ({"model": "dcgam"}, "Did you mean 'dcgan'"),
        ({"model": "dcgan", "epoch": 3}, "Did you mean 'epochs'"),
        ({"model": "dcgan", "epochs": 0}, "greater than or equal to 1"),
        ({"model": "dcgan", "preset": "none"}, "no preset"),
    ):
        with pytest.raises(ConfigError, match=said):
            names.train(**arguments)  # type: ignore[arg-type]
    with pytest.raises(GantoolError, match="is not a run"):
        names.open(tmp_path)
