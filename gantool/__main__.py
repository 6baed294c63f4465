"""The console script `gantool` and `python -m gantool`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from gantool.errors import ConfigError, GantoolError, RunInterruptedError, of_disk, printable
from gantool.machine.streams import make_sound


def main() -> None:
    """Run the command line; every error becomes one message and an exit code."""
    make_sound()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    rank = _rank()
    if rank and not debug:
        # The first of torchrun's processes speaks for all; the others speak only of what befalls
        # them alone.
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    try:
        _check_surroundings(arguments)
        from gantool.cli import command

        command()(args=[a for a in arguments if a != "--debug"], prog_name="gantool")
    except GantoolError as error:
        if debug:
            traceback.print_exc()
        shared = isinstance(error, RunInterruptedError) or (
            isinstance(error, ConfigError) and _is_first_machine()
        )
        if not (rank and shared):
            _say(str(error), rank)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("interrupted.", 0)
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        of_place = of_disk(error) if isinstance(error, OSError) else None
        # The first process says that another is gone.
        if not (rank and "gloo" in str(error).lower()):
            _say(
                str(of_place)
                if of_place
                else f"unexpected {type(error).__name__}: {error}\n"
                "The same command with --debug shows where.",
                rank,
            )
        sys.exit(1)


def _check_surroundings(arguments: Sequence[str]) -> None:
    """Refuse what libraries could not live with, and would not say clearly.

    Raises:
        ConfigError: the current folder is gone, or a name cannot be spelled in this locale.
    """
    try:
        here = str(Path.cwd())
    except FileNotFoundError:
        raise ConfigError("the current folder is gone.", "`cd` to one that is there.") from None
    own = [value for key, value in os.environ.items() if key.startswith("GANTOOL_")]
    for text in (*arguments, here, *own):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{os.fsencode(text).decode(errors='backslashreplace')} is not spelled in this "
                f"locale's encoding, {sys.getfilesystemencoding()}.",
                "Rename it, or in a locale of another encoding set PYTHONUTF8=1.",
            ) from None


def _rank() -> int:
    """The rank of this process among torchrun's; 0 where it started none."""
    return int(os.environ.get("RANK", "0")) if "TORCHELASTIC_RUN_ID" in os.environ else 0


def _is_first_machine() -> bool:
    return os.environ.get("GROUP_RANK", "0") == "0"


def _say(message: str, rank: int) -> None:
    speaker = f"gantool, process {rank}" if rank else "gantool"
    print(f"{speaker}: {printable(message)}", file=sys.__stderr__ if rank else sys.stderr)


if __name__ == "__main__":
    main()
