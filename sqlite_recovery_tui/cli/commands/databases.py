"""`sqlrecover databases`: the databases of the configuration and their replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session, no_configuration
from sqlite_recovery_tui.words import ago, rfc3339, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import DatabaseConfig


@subcommand("databases")
def command(session: Session) -> int:
    """List the databases of the configuration and the names of their replicas.

    Nothing is opened and no storage is asked.
    """
    if session.settings is None:
        raise no_configuration()
    databases = session.settings.databases
    members = [_member(database) for database in databases]
    session.out.table(("path", "replicas", "size", "changed"), [_row(session, member) for member in members])
    session.document({"config": str(session.settings.file), "databases": members})
    return 0


def _member(database: DatabaseConfig) -> dict[str, Any]:
    from sqlite_recovery_tui.replica.live import changed_at

    changed = changed_at(database.path)
    return {
        "path": str(database.path),
        "name": database.name,
        "exists": database.path.exists(),
        "size": database.path.stat().st_size if database.path.exists() else None,
        "changed": rfc3339(changed, fraction=True) if changed else None,
        "replicas": [
            {"name": replica.name, "type": replica.type, "url": replica.url} for replica in database.replicas
        ],
    }


def _row(session: Session, member: dict[str, Any]) -> tuple[object, ...]:
    from datetime import datetime

    changed = member["changed"]
    age = ago(datetime.fromisoformat(changed), session.clock.now()) if changed else "-"
    names = ",".join(replica["name"] for replica in member["replicas"])
    return member["path"], names, size(member["size"]) if member["exists"] else "missing", age
