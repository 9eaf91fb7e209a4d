"""Entry point of `sqlrecover` and of `python -m sqlite_recovery_tui`; where the two faces meet."""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings

_INTERRUPTED = 130
_SWITCH_SECONDS = 0.0005
"""How long a thread that decodes may keep those waiting that ask a server for more."""


def program() -> None:
    """Be the program: do what `main` does, and end without taking apart what the kernel frees at once."""
    ending = _Ending()
    atexit.register(ending)
    try:
        main()
        ending.code = 0
    except SystemExit as end:
        ending.code = end.code
        raise


def main() -> None:
    """Run the command line; `version` answers before anything heavy is imported."""
    if sys.argv[1:] in (["version"], ["--version"], ["-version"]):
        from sqlite_recovery_tui import __version__

        sys.stdout.write(f"{__version__}\n")
        return
    _collect_seldom()
    if "replicate" not in sys.argv:
        _be_quick()
    from sqlite_recovery_tui.cli.main import run

    code = run(sys.argv[1:], console=_open_console)
    if code == _INTERRUPTED:
        # Threads may still wait for a server that does not answer; who interrupts does not want to.
        os._exit(code)
    sys.exit(code)


class _Ending:
    """Ends the process, once its threads have ended and all others who wait for its end were told."""

    code: object = None

    def __call__(self) -> None:
        if not isinstance(self.code, int):
            return  # Python has something to say
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                return
        os._exit(self.code)


def _collect_seldom() -> None:
    """Look for garbage seldom: what is imported is none, and is most of what is there.

    A tenth of the processor's time of a short restore went into such looks; the daemon stays, and must not
    grow.
    """
    gc.set_threshold(20_000 if "replicate" in sys.argv else 200_000, 20, 20)


def _be_quick() -> None:
    """Have threads switch often, and NumPy begin none for linear algebra: they run in circles at first.

    Not for the daemon: the application that it runs has its environment from here, and may need threads.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _open_console(
    settings: Settings | None, target: str | None, colour: bool, /, *, read_only: bool = False
) -> int:
    from sqlite_recovery_tui.tui.tuning import tune

    tune()
    from sqlite_recovery_tui.tui.app import run

    return run(settings, target=target, colour=colour, read_only="always" if read_only else True)


if __name__ == "__main__":
    program()
