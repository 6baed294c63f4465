"""The page to play with a generator: a small server for this machine alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

import torch
from PIL.Image import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gantool.errors import ConfigError
from gantool.machine.local_page import guards, refusal
from gantool.sampling import latents, pictures
from gantool.sampling.generate import Pixels
from gantool.sampling.sampler import Sampler

_MOST_BYTES = 1_000_000  # of a request
_MOST_IMAGES = 64
_USUAL_POINTS, _MOST_POINTS = 512, 4096
_Answer = Callable[[Sampler, dict[str, Any]], dict[str, Any]]
_Endpoint = Callable[[Request], Awaitable[Response]]
_FILES = {
    "/": ("explore.html", "text/html"),
    "/explore.js": ("explore.js", "text/javascript"),
    "/explore.css": ("explore.css", "text/css"),
}


def application(sampler: Sampler) -> Starlette:
    """The server's application: the page, a description of the model, and drawing."""

    async def file(request: Request) -> Response:
        name, kind = _FILES[request.url.path]
        text = (resources.files("gantool.sampling") / "assets" / name).read_text(encoding="utf-8")
        return HTMLResponse(text, media_type=kind)

    async def about(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(describe, sampler))

    def answering(answer: _Answer) -> _Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                wanted = json.loads(await _body(request))
                if not isinstance(wanted, dict):
                    raise ConfigError("a JSON object is expected")
                return JSONResponse(await run_in_threadpool(answer, sampler, wanted))
            except ConfigError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
                return JSONResponse({"error": f"not understood: {error}"}, status_code=400)

        return endpoint

    routes = [Route(path, file) for path in _FILES]
    routes.append(Route("/about", about))
    for path, answer in (
        ("/draw", draw_latents),
        ("/interpolate", interpolate),
        ("/arithmetic", arithmetic),
    ):
        routes.append(Route(path, answering(answer), methods=["POST"]))
    return Starlette(routes=routes, middleware=[Middleware(_OwnPageOnly)])


def describe(sampler: Sampler) -> dict[str, Any]:
    """The model for the page.

    It has the model's description, the sample grid's latents and labels, and the drawn cells (of
    points none: they are drawn together, with the discriminator's landscape where it is known).
    """
    sample_grid = sampler.sample_grid
    points = sampler.model.shapes.kind == "points"
    return {
        **sampler.describe(),
        "columns": sample_grid.columns,
        "latents": sample_grid.latents.tolist(),
        "labels": None if sample_grid.labels is None else sample_grid.labels.tolist(),
        "cells": [] if points else _images(sampler.draw_sample_grid()),
        "judged": sampler.trained.judged,
    }


def draw_latents(sampler: Sampler, wanted: dict[str, Any]) -> dict[str, Any]:
    """Images of given latents: `z` [N, dimension] and for a conditional model `y` [N].

    Points are one picture, in which they are ringed among `n` others that `seed` gives.
    """
    z = torch.tensor(wanted["z"], dtype=torch.float32)
    if (
        z.ndim != 2
        or z.shape[1] != sampler.model.latent.dimension
        or not 1 <= len(z) <= _MOST_IMAGES
    ):
        raise ConfigError(
            f"z must be 1 to {_MOST_IMAGES} latents of {sampler.model.latent.dimension} numbers."
        )
    if not torch.isfinite(z).all():
        raise ConfigError("a latent's numbers must be finite.")
    y = None
    if sampler.model.conditional:
        y = torch.tensor(wanted["y"], dtype=torch.int64)
        if y.shape != (len(z),) or y.min() < 0 or y.max() >= len(sampler.classes):
            raise ConfigError(f"y must be one class a latent, 0 to {len(sampler.classes) - 1}.")
    drawn = sampler.draw(z, y)
    if sampler.model.shapes.kind == "points":
        n, seed = int(wanted.get("n", _USUAL_POINTS)), int(wanted.get("seed", 0))
        if not (1 <= n <= _MOST_POINTS and 0 <= seed < 2**63):
            raise ConfigError(f"1 to {_MOST_POINTS:,} samples are possible, and seeds from 0.")
        return {"images": [_address(sampler.marked(drawn, sampler.choose(n, seed)))]}
    return {"images": _images(drawn)}


def interpolate(sampler: Sampler, wanted: dict[str, Any]) -> dict[str, Any]:
    """The way between two cells: `from`, `to`, `steps`, `mode`, `label`."""
    steps, mode = int(wanted.get("steps", 9)), wanted.get("mode")
    if not 2 <= steps <= _MOST_IMAGES:
        raise ConfigError(f"2 to {_MOST_IMAGES} steps are possible.")
    if mode not in (None, *latents.PATHS):
        raise ConfigError(f"no mode {mode!r}.")
    if sampler.model.shapes.kind == "points":
        raise ConfigError("the way between two points is drawn by `gantool interpolate`.")
    label = sampler.label(wanted.get("label"))
    pixels = sampler.interpolate(
        str(wanted["from"]), str(wanted["to"]), steps=steps, mode=mode, label=label
    )
    return {"images": _images(pixels)}


def arithmetic(sampler: Sampler, wanted: dict[str, Any]) -> dict[str, Any]:
    """The image that an expression of cells comes to: `expression`, `label`."""
    drawn = sampler.arithmetic(str(wanted["expression"]), label=sampler.label(wanted.get("label")))
    return {
        "images": _images(drawn.result[None]),
        "means": _images(drawn.means),
        "z": drawn.latent.tolist(),
    }


def _images(pixels: Pixels) -> list[str]:
    return [_address(pictures.single(image)) for image in pictures.on_checkerboard(pixels)]


def _address(picture: Image) -> str:
    return f"data:image/png;base64,{base64.b64encode(pictures.png(picture)).decode()}"


async def _body(request: Request) -> bytes:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"a request has at most {_MOST_BYTES:,} bytes.")
    return content


class _OwnPageOnly(BaseHTTPMiddleware):
    """Refuse what another page or another name asks for."""

    async def dispatch(self, request: Request, call_next: _Endpoint) -> Response:
        refused = refusal(request.headers.get("host"), request.headers.get("origin"))
        if refused is not None:
            return PlainTextResponse(refused[1], status_code=refused[0])
        response = await call_next(request)
        response.headers.update(guards("data:"))
        return response
