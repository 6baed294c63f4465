"""The console script `gantool` and `python -m gantool`."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from gantool.errors import GantoolError, printable


def main() -> None:
    """Run the command line; every error becomes one message and an exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if os.environ.get("TORCHELASTIC_RUN_ID") and os.environ.get("RANK", "0") != "0" and not debug:
        # The first of torchrun's processes speaks for all.
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    try:
        from gantool.cli import command

        command()(args=[a for a in arguments if a != "--debug"], prog_name="gantool")
    except GantoolError as error:
        if debug:
            traceback.print_exc()
        print(f"gantool: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("gantool: interrupted.", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(
            f"gantool: unexpected {type(error).__name__}: {printable(str(error))}\n"
            "The same command with --debug shows where.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
