"""Drawing from a trained generator: paths, arithmetic, files, exports, the Python names; and what is refused."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import make_run
from PIL import Image
from safetensors import safe_open
from support import Outcome, gantool

from gantool.errors import ConfigError, GantoolError
from gantool.playground import latents
from gantool.playground.latents import lerp, parse, slerp

Cli = Callable[..., Outcome]


@pytest.fixture(scope="session")
def conditional_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A small conditional run."""
    pytest.importorskip("gantool_cgan")
    where = tmp_path_factory.mktemp("conditional")
    done = gantool("run", "cgan", "--steps", "40", "--name", "c", "--keep-generators-every", "20", cwd=where)
    assert done.code == 0, done.err
    return where / "experiments" / "c"


# Paths and arithmetic


def test_lerp_and_slerp_by_hand() -> None:
    a, b = torch.tensor([2.0, 0, 0]), torch.tensor([0, 4.0, 0])
    torch.testing.assert_close(lerp(a, b, 3), torch.tensor([[2.0, 0, 0], [1, 2, 0], [0, 4, 0]]))
    middle = 3 / math.sqrt(2)  # half way round the quarter circle, at the mean of both lengths
    torch.testing.assert_close(slerp(a, b, 3), torch.tensor([[2.0, 0, 0], [middle, middle, 0], [0, 4, 0]]))


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("b", [(1.0, 0.0), (-1.0, 0.0), (0.0, 0.0)])
def test_slerp_has_an_answer_where_there_is_no_arc(b: tuple[float, float]) -> None:
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor(b), 5)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[-1], torch.tensor(b))


@given(st.integers(0, 2**31), st.integers(2, 30))
def test_paths_begin_and_end_where_they_should_and_slerp_keeps_the_length(seed: int, steps: int) -> None:
    a, b = torch.randn(2, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for path in (lerp, slerp):
        found = path(a, b, steps)
        torch.testing.assert_close(found[0], a)
        torch.testing.assert_close(found[-1], b)
    lengths = slerp(a, b, steps).norm(dim=1)
    torch.testing.assert_close(
        lengths, torch.linspace(0, 1, steps, dtype=torch.float64) * (b.norm() - a.norm()) + a.norm()
    )


def test_arithmetic_by_hand() -> None:
    z = torch.arange(20.0).reshape(10, 2)
    for text, value in (
        ("3", z[3]),
        ("mean(1, 5, 9) - mean(2,3,4) + mean(7,8)", z[[1, 5, 9]].mean(0) - z[[2, 3, 4]].mean(0) + z[[7, 8]].mean(0)),
        ("-(1 - 2) + 0.5 * mean(3, 4)", -z[1] + z[2] + 0.5 * z[[3, 4]].mean(0)),
        ("2 * (1 + 3)", 2 * z[1] + 2 * z[3]),
        ("+7", z[7]),
    ):
        torch.testing.assert_close(parse(text, 10).value(z), value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1 +",
            "mean()",
            "mean",
            "10",
            "-1 * ",
            "mean(1, 10)",
            "mean(1.5)",
            "1.5",
            "x",
            "__import__('os')",
            "1 / 2",
        ),
        *(
            "1 if 2 else 3",
            "mean(*[1])",
            "mean(1, x=2)",
            "True",
            "True * 1",
            "1e9 * 2",
            "'a' * 3",
            "1 ** 2",
            "[1]",
            "1;2",
        ),
        *("(" * 1000 + "1", "(" * 60 + "1 - 1" + ")" * 60 * 0, "-" * 300 + "1", "1" * 501, "9" * 499),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, 10)


@settings(max_examples=300)
@given(st.text(alphabet="0123456789.+-*()mean, e_'[]{}:=\n\0\\", max_size=60))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    try:
        found = parse(text, 64)
    except ConfigError:
        return
    assert found.value(torch.zeros(64, 3)).shape == (3,)


# The commands


def read(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.slow
def test_samples_depend_on_seed_and_number_alone(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    for name, n, seed in (("a", 300, 1), ("b", 300, 1), ("c", 300, 2), ("d", 20, 1)):
        done = cli(
            "sample", finished_run, "-n", n, "--seed", seed, "--format", "npz", "--output", tmp_path / f"{name}.npz"
        )
        assert done.code == 0, done.err
    a, b, c, d = (np.load(tmp_path / f"{name}.npz") for name in "abcd")
    assert a["images"].shape == (300, 28, 28, 1)
    assert a["images"].dtype == np.uint8
    assert a["latents"].shape == (300, 16)
    assert "labels" not in a.files
    assert (a["images"] == b["images"]).all()
    assert (a["images"] != c["images"]).any()
    assert (a["latents"][:20] == d["latents"]).all()


def test_samples_are_what_the_networks_give(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    """The same weights in a generator built from the tutorial's layers, in evaluation mode."""
    from gantool.gan import Shapes
    from gantool.models.dcgan.model import generator
    from gantool.sampling import to_pixels

    cli("sample", finished_run, "-n", 5, "--format", "npz", "--output", tmp_path / "x.npz")
    found = np.load(tmp_path / "x.npz")
    network = generator(Shapes(28, 1, 10), 16, 8)
    with safe_open(finished_run / "generator.safetensors", "pt") as file:
        network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    with torch.no_grad():
        images = to_pixels(network.eval()(torch.tensor(found["latents"])))
    assert np.abs(images.astype(int) - found["images"].astype(int)).max() <= 1


@pytest.mark.slow
def test_a_grid_single_files_and_classes(conditional_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("sample", conditional_run, "-n", 30, "--labels", "all")
    assert done.code == 0, done.err
    assert read(Path(done.out.strip())).shape == (3 * 30 + 2, 10 * 30 + 2, 3)
    done = cli("sample", conditional_run, "-n", 3, "--separate", "--label", "7", "--output", tmp_path / "single")
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "single").iterdir()) == [f"{i:08d}.png" for i in range(3)]
    assert "not empty" in cli("sample", conditional_run, "--separate", "--output", tmp_path / "single").err
    cli("sample", conditional_run, "-n", 300, "--label", "7", "--format", "npz", "--output", tmp_path / "x.npz")
    assert (np.load(tmp_path / "x.npz")["labels"] == 7).all()
    cli("sample", conditional_run, "-n", 300, "--format", "npz", "--output", tmp_path / "y.npz")
    assert set(np.load(tmp_path / "y.npz")["labels"]) == set(range(10))


@pytest.mark.slow
def test_generators_of_earlier_steps(conditional_run: Path, tmp_path: Path, cli: Cli) -> None:
    pictures = {}
    for step in ("20", "40"):
        done = cli("sample", conditional_run, "--at", step, "--output", tmp_path / f"{step}.png")
        assert done.code == 0, done.err
        pictures[step] = read(tmp_path / f"{step}.png")
    assert (pictures["20"] != pictures["40"]).any()
    done = cli("sample", conditional_run, "--at", "30")
    assert done.code == 2
    assert "no generator of step 30" in done.err
    assert "20, 40" in done.err


def test_the_sheet_is_the_runs_last_one(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("sheet", finished_run, "--output", tmp_path / "sheet.png")
    assert done.code == 0, done.err
    numbered, sheet = read(tmp_path / "sheet.png"), read(finished_run / "samples" / "00000060.png")
    side, gap, head = 84, 6, 16
    for row, column in ((0, 0), (3, 5), (7, 7)):
        top, left = gap + row * (side + head + gap) + head, gap + column * (side + gap)
        cell = numbered[top : top + side : 3, left : left + side : 3]
        assert (cell == sheet[2 + row * 30 : 30 + row * 30, 2 + column * 30 : 30 + column * 30]).all()


@pytest.mark.slow
def test_interpolations(finished_run: Path, conditional_run: Path, tmp_path: Path, cli: Cli) -> None:
    two = ["--from", "3", "--to", "17", "--from", "seed:5", "--to", "8", "--steps", "7"]
    done = cli("interpolate", finished_run, *two, "--output", tmp_path / "a.png")
    assert done.code == 0, done.err
    assert read(tmp_path / "a.png").shape == (2 * (84 + 22 + 6) + 6, 7 * 90 + 6, 3)
    cli("interpolate", finished_run, *two, "--mode", "lerp", "--output", tmp_path / "b.png")
    assert (read(tmp_path / "a.png") != read(tmp_path / "b.png")).any()
    done = cli(
        "interpolate",
        conditional_run,
        "--from",
        "3",
        "--to",
        "17",
        "--across-labels",
        "3,8",
        "--output",
        tmp_path / "c.png",
    )
    assert done.code == 0, done.err
    assert read(tmp_path / "c.png").shape[0] == 2 * (84 + 22 + 6) + 6
    done = cli("interpolate", finished_run, "--from", "3", "--to", "17", "--gif", "--output", tmp_path / "d.gif")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "d.gif") as animation:
        assert animation.n_frames == 18  # ten there, eight back


@pytest.mark.slow
def test_arithmetic_pictures(finished_run: Path, conditional_run: Path, cli: Cli) -> None:
    for run in (finished_run, conditional_run):
        done = cli("arithmetic", run, "mean(1,5,9) - mean(2,3,4) + 7")
        assert done.code == 0, done.err
        assert Path(done.out.strip()).parent == run / "pictures"
        assert read(Path(done.out.strip())).shape[2] == 3


def test_animations_of_runs_in_step(tmp_path: Path, cli: Cli) -> None:
    a = make_run(tmp_path / "a", sheets=(0, 50, 100))
    b = make_run(tmp_path / "b", sheets=(25, 100))
    done = cli("animate", a, b, "--output", tmp_path / "x.gif")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "x.gif") as animation:
        assert animation.n_frames == 4
        assert animation.width > 2 * 320
    assert cli("animate", make_run(tmp_path / "c", sheets=())).code == 2
    assert "a .gif or an .mp4" in cli("animate", a, "--output", tmp_path / "x.avi").err
    no_encoder = cli("animate", a, "--output", tmp_path / "x.mp4", env={"PATH": "/nowhere"})
    assert no_encoder.code == 1
    assert "Install ffmpeg" in no_encoder.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["interpolate", "--from", "3", "--to", "64"], "no cell 64: the sheet has cells 0 to 63"),
        (["interpolate", "--from", "x", "--to", "6"], "neither a cell nor a seed"),
        (["interpolate", "--from", "3"], "--to"),
        (["interpolate", "--from", "3", "--to", "4", "--to", "5"], "each way needs both ends"),
        (["interpolate", "--from", "3", "--to", "4", "--from", "3", "--to", "5", "--gif"], "animates one way"),
        (["interpolate", "--from", "3", "--to", "4", "--label", "3"], "takes no labels"),
        (["interpolate", "--from", "3", "--to", "4", "--mode", "bezier"], "bezier"),
        (["arithmetic", "mean(1, 99)"], "no cell 99"),
        (["arithmetic", "__import__('os').system('x')"], "no meaning here"),
        (["sample", "--labels", "all"], "takes no labels"),
        (["sample", "-n", "20000"], "too large to look at"),
        (["sample", "--separate", "--format", "npz"], "one of the two"),
        (["sample", "--at", "7"], "no generator of step 7"),
        (["export", "--format", "pickle"], "pickle"),
        (["sheet", "--output", "/proc/nothing/x.png"], "/proc/nothing"),
    ],
)
def test_wrong_wishes_are_answered(arguments: list[str], said: str, finished_run: Path, cli: Cli) -> None:
    done = cli(arguments[0], finished_run, *arguments[1:])
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_wrong_classes_are_answered(conditional_run: Path, cli: Cli) -> None:
    for arguments in (
        ["sample", "--label", "ten"],
        ["interpolate", "--from", "1", "--to", "2", "--across-labels", "3,x"],
    ):
        done = cli(arguments[0], conditional_run, *arguments[1:])
        assert done.code == 2
        assert "Classes: 0, 1, 2" in done.err


def test_a_copied_run_needs_neither_its_data_nor_its_place(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "elsewhere"
    shutil.copytree(finished_run, run)
    record = json.loads((run / "run.json").read_text())
    record["config"] |= {"data": "/gone", "data_dir": "/gone", "device": "cuda"}
    record["environment"]["device"] = "cuda"
    (run / "run.json").write_text(json.dumps(record))
    assert cli("sample", run).code == 0


def test_a_run_whose_plugin_is_missing_names_what_to_install(conditional_run: Path, cli: Cli) -> None:
    done = cli("sample", conditional_run, env={"GANTOOL_PLUGINS": "vanilla"})
    assert done.code == 2
    assert "pip install gantool-cgan" in done.err


def test_a_hostile_checkpoint_runs_nothing(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    import hashlib

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "boom"),))

    run = tmp_path / "hostile"
    shutil.copytree(finished_run, run)
    (run / "generator.safetensors").unlink()
    for path in (run / "checkpoints").glob("*.pt"):
        torch.save({"gan": Bomb(), "steps": 60}, path)
        path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    done = cli("sample", run)
    assert done.code == 1
    assert "has no generator yet" in done.err
    done = cli("sample", run, "--at", "60")
    assert done.code == 1
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02}q\x00.",
        (2**62).to_bytes(8, "little") + b"{}",
        (40).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_of',
        (2).to_bytes(8, "little") + b"[]",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
)
def test_hostile_weights_are_refused(content: bytes, finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "hostile"
    shutil.copytree(finished_run, run)
    (run / "generator.safetensors").write_bytes(content)
    done = cli("sample", run)
    assert done.code == 1
    assert "generator.safetensors is damaged" in done.err


# Exports


@pytest.fixture(params=["finished_run", "conditional_run"])
def any_run(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def inputs_of(run: Path, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    import gantool as names

    gan = names.open(run).player.gan
    z = torch.randn(n, gan.latent.dimension, generator=torch.Generator().manual_seed(0))
    return z, torch.arange(n) % 10 if gan.conditional else None


def drawn(run: Path, z: torch.Tensor, y: torch.Tensor | None) -> np.ndarray:
    import gantool as names

    with torch.no_grad():
        return names.open(run).player.gan.generate(z, y).numpy()


@pytest.mark.slow
def test_the_exported_program_draws_the_same(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", any_run, "--format", "pt2", "--output", tmp_path / "x.pt2")
    assert done.code == 0, done.err
    extra = {"gantool.json": ""}
    program = torch.export.load(tmp_path / "x.pt2", extra_files=extra).module()
    z, y = inputs_of(any_run, 5)
    found = program(z) if y is None else program(z, y)
    np.testing.assert_allclose(found.detach().numpy(), drawn(any_run, z, y), atol=1e-5)
    assert json.loads(extra["gantool.json"])["latent"]["dimension"] == z.shape[1]


def test_the_onnx_model_draws_the_same(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    import onnxruntime

    done = cli("export", any_run, "--format", "onnx", "--output", tmp_path / "x.onnx")
    assert done.code == 0, done.err
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 7):
        z, y = inputs_of(any_run, n)
        given = {"z": z.numpy()} if y is None else {"z": z.numpy(), "y": y.numpy()}
        (found,) = session.run(["images"], given)
        np.testing.assert_allclose(found, drawn(any_run, z, y), atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["gantool"])
    assert about["latent"].keys() >= {"prior", "dimension"}
    assert about["image"] == {"size": 28, "channels": 1, "range": [-1, 1]}


def test_exported_weights_say_what_they_are(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", any_run, "--output", tmp_path / "x.safetensors")
    assert done.code == 0, done.err
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        about = json.loads(file.metadata()["gantool"])
    assert about["model"] in ("dcgan", "cgan")
    assert about["latent"]["dimension"] > 0


def test_a_million_samples_do_not_fill_the_memory(finished_run: Path, tmp_path: Path) -> None:
    """Not a million here: what is held at once does not grow with the number."""
    import tracemalloc

    import gantool as names
    from gantool.playground.streaming import to_npz

    player = names.open(finished_run).player
    peaks = []
    for n in (1000, 5000):
        tracemalloc.start()
        to_npz(player, n, 0, None, tmp_path / f"{n}.npz", lambda done, total: None)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000  # 4,000 more images would be 3 MB
    with zipfile.ZipFile(tmp_path / "5000.npz") as archive:
        assert archive.testzip() is None


# The Python names


def test_python_has_the_words_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gantool as names

    monkeypatch.chdir(tmp_path)
    run = names.train("dcgan", steps=6, ngf=8, ndf=8, nz=16, threads=1, evaluate=False, name="it", progress=False)
    assert run.path == Path("experiments/it")
    assert run.record.status == "finished"
    assert run.record.sources["ngf"] == "command line"
    assert run.metrics["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert run.samples(9).size == (3 * 30 + 2, 3 * 30 + 2)
    assert run.sheet().width > 600
    assert run.interpolate(3, 17, steps=4).width == 4 * 90 + 6
    assert run.arithmetic("1 - 2 + 3").width > 100
    assert run.player.sample(3, seed=0).shape == (3, 28, 28, 1)
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


# The server


@pytest.fixture
def server(finished_run: Path) -> Any:
    from starlette.testclient import TestClient

    import gantool as names
    from gantool.playground.server import application

    return TestClient(application(names.open(finished_run).player), base_url="http://127.0.0.1:8014")


def test_the_server_draws(server: Any) -> None:
    about = server.get("/about").json()
    assert len(about["cells"]) == 64
    answer = server.post("/draw", json={"z": about["latents"][:2], "y": [0, 0]}).json()
    assert answer["images"] == about["cells"][:2]
    way = server.post("/interpolate", json={"from": 3, "to": 17, "steps": 5}).json()["images"]
    assert (way[0], way[-1]) == (about["cells"][3], about["cells"][17])
    assert len(server.post("/arithmetic", json={"expression": "mean(1,2) - 3"}).json()["means"]) == 2


def test_the_server_answers_its_own_page_only(server: Any) -> None:
    for headers, code in (
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1:8014", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "http://127.0.0.1:9"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "null"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "http://127.0.0.1:8014"}, 200),
    ):
        assert server.get("/about", headers=headers).status_code == code, headers
    for path in ("/../run.json", "/run.json", "/explore.js/../../run.json", "/%2e%2e/server.py", "/assets/explore.js"):
        assert server.get(path).status_code == 404, path
    assert "default-src 'none'" in server.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/draw", {"z": [[0.0] * 15]}),
        ("/draw", {"z": []}),
        ("/draw", {"z": [["x"] * 16]}),
        ("/draw", {"z": [[1e999] * 16]}),
        ("/draw", {"z": [[0.0] * 16] * 65}),
        ("/draw", {}),
        ("/draw", [1]),
        ("/interpolate", {"from": 3, "to": 99}),
        ("/interpolate", {"from": 3, "to": 4, "steps": 10**9}),
        ("/interpolate", {"from": 3, "to": 4, "mode": "x"}),
        ("/arithmetic", {"expression": "__import__('os')"}),
        ("/arithmetic", {"expression": "1", "label": "3"}),
    ],
)
def test_the_server_refuses_what_it_cannot_draw(server: Any, path: str, content: Any) -> None:
    answer = server.post(path, content=json.dumps(content))
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_server_bounds_a_request(server: Any) -> None:
    assert "at most 1,000,000 bytes" in server.post("/draw", content=b"[" * 2_000_000).json()["error"]
    assert server.post("/draw", content=b"[" * 900_000).status_code == 400


def test_stream_is_drawn_in_blocks_whatever_the_number() -> None:
    from gantool.gan import Latent

    class Model:
        latent = Latent("normal", 3)

        def sample_latent(self, n: int, rng: torch.Generator) -> torch.Tensor:
            return self.latent.sample(n, rng)

        def sample_labels(self, n: int, rng: torch.Generator) -> torch.Tensor:
            return torch.randint(5, (n,), generator=rng)

    few = list(latents.stream(Model(), 10, 7))  # type: ignore[arg-type]
    many = list(latents.stream(Model(), 1000, 7))  # type: ignore[arg-type]
    assert [len(z) for z, _ in many] == [256, 256, 256, 232]
    assert (few[0][0] == many[0][0][:10]).all()
    assert (many[0][0] != many[1][0]).any()
    assert all((y == 4).all() for _, y in latents.stream(Model(), 300, 7, label=4) if y is not None)  # type: ignore[arg-type]


def test_pictures_survive_any_number_of_channels() -> None:
    from gantool.playground import pictures

    grey = np.zeros((3, 8, 8, 1), np.uint8)
    colour = np.zeros((3, 8, 8, 3), np.uint8)
    for cells in (grey, colour):
        assert pictures.numbered(cells, 2).size == (2 * 78 + 6, 2 * 94 + 6)
        with Image.open(io.BytesIO(pictures.gif(pictures.tall(list(cells))))) as animation:
            assert animation.size == (256, 256)


@pytest.mark.slow
def test_a_run_that_is_being_extended_is_drawn_from_at_its_newest_state(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    import gantool as names

    run = tmp_path / "extended"
    shutil.copytree(finished_run, run)
    done = cli("resume", run, "--steps", "70")
    assert done.code == 0, done.err
    shutil.copy(finished_run / "generator.safetensors", run)
    assert names.open(run).player.trained.step == 70
    shutil.rmtree(run / "checkpoints")
    assert names.open(run).player.trained.step == 60
