"""A page for this machine alone: its port, who is answered, and the guards in its answers."""

from __future__ import annotations

import os
import re
import socket

from gantool.errors import GantoolError

HOSTS = ("127.0.0.1", "localhost", "[::1]")


def listen(port: int) -> socket.socket:
    """A socket that listens at a port of this machine alone; 0 takes any that is free.

    Raises:
        GantoolError: the port cannot be used.
    """
    listener = socket.socket()
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise GantoolError(
            f"port {port} cannot be used: {error.strerror or error}",
            "Give another with --port, or 0 for any.",
        ) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of the page that is served there."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def refusal(host: str | None, origin: str | None) -> tuple[int, str] | None:
    """The status and the words with which a request is refused; None where it may be answered.

    Neither an address that another name leads to nor a page from elsewhere may use the server.

    Args:
        host: the request's header of that name.
        origin: likewise.
    """
    if re.sub(r":\d+$", "", host or "") not in HOSTS:
        return 400, "this server answers to names of this machine only"
    if origin is not None and origin != f"http://{host}":
        return 403, "this server answers its own page only"
    return None


def guards(pictures: str) -> dict[str, str]:
    """The headers that tell the browser to do the same.

    Args:
        pictures: their source, as in a content security policy.
    """
    return {
        "Content-Security-Policy": f"default-src 'none'; img-src {pictures}; style-src 'self'; "
        "script-src 'self'; connect-src 'self'; base-uri 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
