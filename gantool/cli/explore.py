"""`gantool explore RUN`."""

from __future__ import annotations

from typing import Annotated

import typer

from gantool.cli.playing import AtOption, DeviceOption, RunArgument


def explore(
    run: RunArgument,
    at: AtOption = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any that is free.")
    ] = 8014,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    device: DeviceOption = "cpu",
) -> None:
    """Play with a generator in the browser: sliders, interpolation, arithmetic.

    The page is for this machine alone.
    """
    import webbrowser

    from gantool.cli.playing import open_sampler
    from gantool.errors import GantoolError
    from gantool.machine.garbage import imports_uncollected
    from gantool.machine.local_page import address_of, listen

    try:
        with imports_uncollected():
            import uvicorn

            from gantool.sampling.server import application
    except ImportError:
        raise GantoolError(
            "the page needs two more packages.", "pip install 'gantool[explore]'"
        ) from None
    sampler = open_sampler(run, at, device=device)
    listener = listen(port)
    address = address_of(listener)
    print(f"{address}  (Ctrl-C ends it)", flush=True)
    if browser:
        webbrowser.open(address)
    with listener:
        config = uvicorn.Config(application(sampler), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
