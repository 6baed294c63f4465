"""The server of `gantool watch`: answers its own page alone, and tells what is new."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from support import Cli

from gantool.cli.watch import watched
from gantool.machine.local_page import refusal
from gantool.watch.board import Board
from gantool.watch.server import WatchServer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WatchServer]:
    make_run(tmp_path / "experiments" / "a")
    with serving(Board([tmp_path / "experiments"]), 0) as served:
        yield served


def ask(
    server: WatchServer, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer, answer.read()


def news(answer: Any) -> tuple[str, Any]:
    """The next event of a stream."""
    event = answer.readline().decode().split()[1]
    data = answer.readline().decode().removeprefix("data: ")
    assert answer.readline() == b"\n"
    return event, json.loads(data)


def test_it_answers_its_own_page_only(server: WatchServer) -> None:
    own = f"127.0.0.1:{server.server_address[1]}"
    for headers, code in (
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example"}, 400),
        ({"Host": ""}, 400),
        ({"Host": own, "Origin": "http://evil.example"}, 403),
        ({"Host": own, "Origin": "http://127.0.0.1:9"}, 403),
        ({"Host": own, "Origin": "null"}, 403),
        ({"Host": own, "Origin": f"http://{own}"}, 200),
    ):
        assert ask(server, "/", **headers)[0].status == code, headers
    for path in (
        "/../run.json",
        "/run.json",
        "/watch.js/../../run.json",
        "/%2e%2e/server.py",
        "/grid",
        "/grid?run=../a&step=100",
        "/grid?run=a&step=x",
        "/" + "&".join("x=1" for _ in range(9)),
    ):
        assert ask(server, path)[0].status == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, "/", method)[0].status == 501
    for path in ("/", "/watch.js", "/theme.js", "/page.css", "/nothing"):
        answer, _ = ask(server, path)
        assert "default-src 'none'" in str(answer.headers["Content-Security-Policy"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_requests_are_refused_by_host_and_origin() -> None:
    assert refusal(None, None) == (400, "this server answers to names of this machine only")
    for host in ("127.0.0.1:80", "localhost", "localhost:8015", "[::1]:8015"):
        assert refusal(host, None) is None
        assert refusal(host, f"http://{host}") is None
        assert refusal(host, f"https://{host}") is not None


def test_grids_are_those_of_followed_runs(server: WatchServer, tmp_path: Path) -> None:
    server.board.look()
    (key,) = server.board.runs
    answer, content = ask(server, f"/grid?run={key}&step=100")
    assert answer.headers["Content-Type"] == "image/png"
    grid = tmp_path / "experiments" / "a" / "samples" / "00000100.png"
    assert content == grid.read_bytes()
    grid.unlink()
    grid.symlink_to(tmp_path / "experiments" / "a" / "run.json")
    assert ask(server, f"/grid?run={key}&step=100")[0].status == 404


def test_news_come_as_they_happen_and_end_with_the_server(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", status="running", steps=60)
    with serving(Board([tmp_path]), 0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
        connection.request("GET", "/news")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        event, told = news(answer)
        (key,) = told["cards"]
        assert (event, told["cards"][key]["step"]) == ("begin", 60)
        with (run / "metrics.jsonl").open("a") as file:
            file.write('{"step": 61}\n')
        event, told = news(answer)
        assert (event, told["cards"][key]["step"]) == ("news", 61)
        (run / "metrics.jsonl").write_text('{"step": 62}\n')
    event, told = news(answer)
    while event == "news":
        event, told = news(answer)
    assert event == "end"
    assert answer.read() == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=5)


def test_a_page_beside_a_run_ends_with_it_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    with watched(False) as nothing:
        assert nothing is None
    with socket.create_server(("127.0.0.1", 0)) as taken:  # by another run
        monkeypatch.setattr("gantool.watch.server.PORT", taken.getsockname()[1])
        with pytest.raises(KeyboardInterrupt), watched(True) as board:
            assert board is not None
            board.add(make_run(tmp_path / "a"))
            address = capsys.readouterr().err.split()[-1]
            port = int(address.rstrip("/").rpartition(":")[2])
            assert port != taken.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            raise KeyboardInterrupt
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_wrong_use_is_one_message(cli: Cli, tmp_path: Path) -> None:
    done = cli("watch", "nothing", "--no-browser")
    assert (done.code, done.err.count("\n")) == (2, 2)
    assert "nothing is not there" in done.err
    file = tmp_path / "file"
    file.touch()
    assert "is a file" in cli("watch", file, "--no-browser").err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cli("watch", "--port", port, "--no-browser")
    assert done.code == 1
    assert f"port {port} cannot be used: Address already in use" in done.err
    assert "Give another with --port" in done.err
    assert not (tmp_path / "experiments").exists()
