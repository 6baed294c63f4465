"""The server of the page: for this machine alone, threads of this process, reading only."""

from __future__ import annotations

import contextlib
import json
import stat
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gantool.machine.local_page import address_of, guards, listen, refusal
from gantool.report.colors import ALL
from gantool.watch.board import PERIOD, Board, Viewer

PORT = 8015
_WORD_EVERY = 10  # periods without news, after which a viewer is sent a word all the same
_LAST_WORDS = 2.0  # seconds that viewers have at the end
_QUIET = 0.5  # seconds without a request, after which nobody is taken to wait for an answer
_LARGEST = 64 << 20  # bytes of a picture
_FILES = {
    "/": ("gantool.watch", "watch.html", "text/html"),
    "/watch.js": ("gantool.watch", "watch.js", "text/javascript"),
    "/watch.css": ("gantool.watch", "watch.css", "text/css"),
    "/page.css": ("gantool.report", "page.css", "text/css"),
    "/theme.js": ("gantool.report", "theme.js", "text/javascript"),
    "/uplot.min.js": ("gantool.report", "uplot.min.js", "text/javascript"),
    "/uplot.min.css": ("gantool.report", "uplot.min.css", "text/css"),
}


class WatchServer(ThreadingHTTPServer):
    """Serves the page at a port of this machine, a thread a request; 0 takes any that is free.

    Raises:
        GantoolError: the port cannot be used.
    """

    daemon_threads = True

    def __init__(self, board: Board, port: int) -> None:
        listener = listen(port)
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.address = address_of(listener)
        self.board = board
        self.ending = threading.Event()
        self._told = threading.Condition()
        self._answering = 0
        self._asked = 0  # requests so far

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Count a request that is being answered."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._told:
            self._answering += more
            self._asked += max(0, more)
            self._told.notify_all()

    def end(self) -> None:
        """Tell every open page how things stand now, and that this was all; then close.

        Pages then ask for the pictures that the news names.
        """
        self.ending.set()
        last = time.monotonic() + _LAST_WORDS
        with self._told:
            while self._asked and time.monotonic() < last:
                self._told.wait_for(lambda: not self._answering, timeout=_LAST_WORDS)
                if not self._told.wait(_QUIET):
                    break
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer who has gone, or asks for nonsense, is no error."""
        if not isinstance(sys.exception(), (OSError, ValueError)):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving(board: Board, port: int) -> Iterator[WatchServer]:
    """Serve beside what this process does meanwhile.

    Raises:
        GantoolError: the port cannot be used.
    """
    server = WatchServer(board, port)
    threading.Thread(target=server.serve_forever, daemon=True, name="watch").start()
    try:
        yield server
    finally:
        server.end()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: WatchServer
    server_version, sys_version = "gantool", ""
    timeout = 30.0

    def do_GET(self) -> None:
        """The page's files, its stream of news, or a sample grid."""
        with self.server.answering():
            self._respond()

    def _respond(self) -> None:
        refused = refusal(self.headers.get("Host"), self.headers.get("Origin"))
        if refused is not None:
            self._answer(refused[1].encode(), "text/plain", status=refused[0])
            return
        asked = urlsplit(self.path)
        query = parse_qs(asked.query, max_num_fields=50)
        if asked.path in _FILES:
            package, name, kind = _FILES[asked.path]
            self._answer((resources.files(package) / "assets" / name).read_bytes(), kind)
        elif asked.path == "/news":
            self._tell(query.get("run", []))
        elif asked.path == "/grid" and (grid := self._grid(query)) is not None:
            self._answer(grid, "image/png")
        else:
            self._answer(b"there is nothing here", "text/plain", status=404)

    def _answer(self, content: bytes, kind: str, *, status: int = 200) -> None:
        self.send_response(status)
        text = "" if kind.startswith("image/") else "; charset=utf-8"
        self.send_header("Content-Type", kind + text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """Every answer has the guards."""
        for name, value in guards("'self' data:").items():
            self.send_header(name, value)
        super().end_headers()

    def _grid(self, query: dict[str, list[str]]) -> bytes | None:
        """The sample grid of a run that is followed; None where there is none."""
        try:
            run = self.server.board.runs[query["run"][0]]
            file = run.folder.sample_grid(int(query["step"][0]))
            state = file.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGEST:
                return None
            return file.read_bytes()
        except (KeyError, ValueError, OSError):
            return None

    def _tell(self, chosen: list[str]) -> None:
        """Send what is new until the viewer or the server goes."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        viewer, silent = Viewer(self.server.board, chosen), 0
        self._send("begin", {"colors": ALL, **viewer.news()})
        while not self.server.ending.wait(PERIOD):
            if news := viewer.news():
                self._send("news", news)
            silent = 0 if news else silent + 1
            if silent >= _WORD_EVERY:  # only talking shows that a viewer has gone
                self._send("word", {})
                silent = 0
        self._send("end", viewer.news(at_once=True))

    def _send(self, event: str, content: dict[str, Any]) -> None:
        self.wfile.write(f"event: {event}\ndata: {json.dumps(content)}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the run's."""
