"""Entry point of `sqlrecover` and of `python -m sqlite_recovery_tui`."""

import sys


def main() -> None:
    """Run the command line; `version` answers before anything heavy is imported."""
    if sys.argv[1:] in (["version"], ["--version"], ["-version"]):
        from sqlite_recovery_tui import __version__

        sys.stdout.write(f"{__version__}\n")
        return
    from sqlite_recovery_tui.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
