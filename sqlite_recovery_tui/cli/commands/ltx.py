"""`sqlrecover ltx`: LTX files of each replica, in Litestream's columns and the TXID they lead to."""

from __future__ import annotations

from sqlite_recovery_tui.cli.options import level_option, replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session


@subcommand("ltx")
@target_argument(required=False)
@replica_option
@level_option
def command(session: Session, target: str | None, replica: str | None, level: str) -> int:
    """List LTX files: level, first and last TXID, bytes as stored, time.

    The last column is the state that the file leads to, as `restore -txid` takes it; - when nothing
    connects it to a file that begins with TXID 1.
    """
    from sqlite_recovery_tui.cli.listing import scan_all, show
    from sqlite_recovery_tui.cli.ltx import files_section, of_level, tell_other_levels

    states = scan_all(session, session.refs(target, replica))
    code = show(session, states, files_section(states, of_level(level)))
    if not session.out.as_json:
        tell_other_levels(session, states, level)
    return code
