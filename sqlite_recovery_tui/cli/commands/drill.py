"""`sqlrecover drill`: restore for the proof of it, check, measure, remember, before it is needed."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import DamagedError, UsageError, VerificationFailed
from sqlite_recovery_tui.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.verify.drill import Order, Verdict

_PRECEDENCE = (DamagedError.code, VerificationFailed.code)
"""Of several failures the exit code tells the first of these, then whatever came first."""
_NAGIOS_CRITICAL = 2


@dataclass(frozen=True)
class Wish:
    """The options as they were given."""

    replica: str | None
    everything: bool
    at: str
    seed: int | None
    at_once: int | None
    scheduler: str | None
    webhook: str | None
    nagios: bool


@subcommand("drill")
@click.argument("targets", nargs=-1, metavar="[DB|URL]...")
@replica_option
@click.option("--all", "everything", is_flag=True, help="Every replica of every database.")
@click.option(
    "--at",
    default="latest",
    metavar="latest|random|T",
    show_default=True,
    help="What to restore: the latest state, any restore point as likely as any other, or a time.",
)
@click.option("--seed", type=int, metavar="N", help="With --at random: pick the same point again.")
@click.option(
    "--at-once", type=click.IntRange(1), metavar="N", help="Drills at a time.  [default: one for each core]"
)
@click.option(
    "--scheduler", metavar="ADDR", help="Let the workers of this Dask scheduler restore, as tcp://host:8786."
)
@click.option("--webhook", metavar="URL", help="Send the verdicts that are bad there, as JSON.")
@click.option("--nagios", is_flag=True, help="One summary line, exit 0 or 2 as monitors expect.")
def command(session: Session, targets: tuple[str, ...], **wished: object) -> int:
    """Restore, check, measure and remove again: what nobody restored is no backup.

    Each replica is restored into the scratch directory and put to integrity_check, foreign_key_check and the
    assertions of the configuration. The history keeps what was proven; the console's fleet shows it. Exit
    code 4: history is damaged; 5: restored, and it does not hold.
    """
    wish = Wish(**wished)  # type: ignore[arg-type]
    if wish.everything == bool(targets):
        raise UsageError("drill takes databases or URLs, or else --all", hint="add -h for help")
    refs = [ref for target in (targets or (None,)) for ref in session.refs(target, wish.replica)]
    orders = _orders(session, refs, wish)
    verdicts = []
    with session.meter() as meter:
        for verdict in _carried_out(session, refs, orders, wish):
            verdicts.append(verdict)
            _remember(session, verdict)
            _progress(meter, verdicts, orders)
            if not wish.nagios:
                _tell(session, verdict)
    bad = [verdict for verdict in verdicts if not verdict.ok]
    session.document({"drills": [verdict.to_json() for verdict in verdicts], "failed": len(bad)})
    listener = wish.webhook or _configured_listener(session)
    if bad and listener:
        _send(session, listener, bad)
    return _nagios(session, verdicts, bad) if wish.nagios else _summary(session, verdicts, bad)


def _orders(session: Session, refs: Sequence[ReplicaRef], wish: Wish) -> list[Order]:
    from sqlite_recovery_tui.restore.target import format_utc, parse_time
    from sqlite_recovery_tui.verify.drill import LATEST, RANDOM, order_for

    at = wish.at
    if at not in (LATEST, RANDOM):
        at = format_utc(parse_time(at, now=session.clock.now()).time)
    settings = session.settings if any(ref.database is not None for ref in refs) else None
    file = settings.file if settings is not None else None
    seed = secrets.randbits(32) if wish.seed is None else wish.seed
    return [order_for(ref, file, at, seed + number) for number, ref in enumerate(refs)]


def _carried_out(
    session: Session, refs: Sequence[ReplicaRef], orders: Sequence[Order], wish: Wish
) -> Iterator[Verdict]:
    """Yield the verdicts as they come in; a single drill runs in this process."""
    from sqlite_recovery_tui.verify.drill import carry_out
    from sqlite_recovery_tui.verify.drills import Processes, cluster, drills

    if wish.scheduler is not None:
        with cluster(wish.scheduler) as make:
            yield from drills(orders, make, len(orders), cancel=session.cancel)
    elif len(orders) == 1:
        with session.meter() as meter:
            yield carry_out(
                orders[0], ref=refs[0], progress=meter, cancel=session.cancel, clock=session.clock
            )
    else:
        at_once = wish.at_once or os.cpu_count() or 1
        yield from drills(orders, Processes, at_once, cancel=session.cancel)


def _configured_listener(session: Session) -> str | None:
    settings = session.settings if session.common.config is not None else None
    hook = settings.daemon.drill_webhook if settings is not None else None
    return hook.reveal() if hook is not None else None


def _progress(meter: Any, verdicts: Sequence[Verdict], orders: Sequence[Order]) -> None:
    from sqlite_recovery_tui.progress import Progress

    if len(orders) > 1:
        meter(Progress("drilling", len(verdicts), len(orders), "replicas", verdicts[-1].order.label))


def _remember(session: Session, verdict: Verdict) -> None:
    """Let the history know, as of a restore that somebody looked at."""
    from datetime import timedelta

    from sqlite_recovery_tui import __version__
    from sqlite_recovery_tui.history.entry import Entry
    from sqlite_recovery_tui.history.facts import of_point, repeatable
    from sqlite_recovery_tui.history.process import who

    order, restored = verdict.order, dict(verdict.restored)
    damaged = verdict.error is not None and verdict.code == DamagedError.code
    integrity = (verdict.integrity or {}).get("verdict")
    entry = Entry(
        kind="drill",
        started=verdict.started,
        ended=(verdict.started + timedelta(seconds=verdict.seconds)).astimezone(UTC),
        duration=verdict.seconds,
        version=__version__,
        database=order.database,
        replica=order.replica,
        url=order.url,
        asked=order.at,
        outcome="ok" if verdict.ok else "damaged" if damaged or integrity == "damaged" else "failed",
        error=None if verdict.ok else verdict.words,
        verdict=restored.get("continuity") or ("damaged" if damaged else None),
        integrity=integrity,
        results={"drill": verdict.to_json(), "restored_only": True},
        command=repeatable(session.words, {}),
        **(of_point(restored) if restored else {}),
        **who(),
    )
    session.history.record(entry)


def _tell(session: Session, verdict: Verdict) -> None:
    from sqlite_recovery_tui.restore.target import format_seconds

    session.out.marked(
        "ok" if verdict.ok else "fail", "ok  " if verdict.ok else "FAIL", f"  {verdict.order.label}"
    )
    restored = verdict.restored
    if restored:
        which = f" (any of {plural(verdict.points, 'point')})" if verdict.points else ""
        took = f"restored and checked in {format_seconds(verdict.seconds)} s"
        session.out.line(f"      the state of {restored['time']}{which}, {took}")
    session.out.line(f"      {verdict.words}")
    if verdict.error is not None and verdict.error.get("hint"):
        session.out.line(f"      hint: {verdict.error['hint']}")


def _summary(session: Session, verdicts: Sequence[Verdict], bad: Sequence[Verdict]) -> int:
    if len(verdicts) > 1:
        session.out.line()
        session.out.line(f"{plural(len(verdicts), 'drill')}, {len(bad)} failed")
    codes = [verdict.code for verdict in bad]
    return next((code for code in _PRECEDENCE if code in codes), codes[0] if codes else 0)


def _nagios(session: Session, verdicts: Sequence[Verdict], bad: Sequence[Verdict]) -> int:
    if not bad:
        session.out.line(f"SQLRECOVER OK - {plural(len(verdicts), 'replica')} restored and checked")
        return 0
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    session.out.line(f"SQLRECOVER CRITICAL - {bad[0].order.label}: {bad[0].words}{more}")
    return _NAGIOS_CRITICAL


def _send(session: Session, url: str, bad: Sequence[Verdict]) -> None:
    """Send what is bad to whoever listens; that it cannot be sent is said and changes nothing else."""
    from sqlite_recovery_tui.cli.webhook import post
    from sqlite_recovery_tui.errors import RecoverError

    try:
        post(url, {"failed": [verdict.to_json() for verdict in bad]})
    except RecoverError as error:
        session.err.warning(f"{error}")
