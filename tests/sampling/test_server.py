"""The server of `gantool explore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def server(finished_run: Path) -> Any:
    from starlette.testclient import TestClient

    import gantool as names
    from gantool.sampling.server import application

    return TestClient(
        application(names.open(finished_run).sampler), base_url="http://127.0.0.1:8014"
    )


def test_the_server_draws(server: Any) -> None:
    about = server.get("/about").json()
    assert len(about["cells"]) == 64
    answer = server.post("/draw", json={"z": about["latents"][:2], "y": [0, 0]}).json()
    assert answer["images"] == about["cells"][:2]
    way = server.post("/interpolate", json={"from": 3, "to": 17, "steps": 5}).json()["images"]
    assert (way[0], way[-1]) == (about["cells"][3], about["cells"][17])
    assert (
        len(server.post("/arithmetic", json={"expression": "mean(1,2) - 3"}).json()["means"]) == 2
    )


def test_the_server_answers_its_own_page_only(server: Any) -> None:
    for headers, code in (
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1:8014", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "http://127.0.0.1:9"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "null"}, 403),
        ({"Host": "127.0.0.1:8014", "Origin": "http://127.0.0.1:8014"}, 200),
    ):
        assert server.get("/about", headers=headers).status_code == code, headers
    for path in (
        "/../run.json",
        "/run.json",
        "/explore.js/../../run.json",
        "/%2e%2e/server.py",
        "/assets/explore.js",
    ):
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
    assert (
        "at most 1,000,000 bytes" in server.post("/draw", content=b"[" * 2_000_000).json()["error"]
    )
    assert server.post("/draw", content=b"[" * 900_000).status_code == 400
