"""`sqlrecover verify`: prove replicas object by object, and database files page by page."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import (
    Cancelled,
    ConfigError,
    DamagedError,
    NotFoundError,
    RecoverError,
    UsageError,
    VerificationFailed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.config import Assertion
    from sqlite_recovery_tui.history.act import Act
    from sqlite_recovery_tui.progress import ProgressFn
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.storage.base import Store
    from sqlite_recovery_tui.verify.assertions import Outcome
    from sqlite_recovery_tui.verify.integrity import IntegrityReport
    from sqlite_recovery_tui.verify.replica import Fault, ReplicaProof

_PRECEDENCE = (DamagedError.code, VerificationFailed.code)
"""Of several failures the exit code tells the first of these, then whatever came first."""


@dataclass(frozen=True)
class Drill:
    """A full restore that was made only to look at it, or why it could not be made."""

    result: RestoreResult | None
    report: IntegrityReport | None
    error: RecoverError | None
    assertions: tuple[Outcome, ...] = ()

    @property
    def code(self) -> int:
        if self.error is not None:
            return self.error.code
        sound = self.report is None or self.report.ok
        return 0 if sound and all(each.ok for each in self.assertions) else VerificationFailed.code

    def to_json(self) -> dict[str, Any]:
        from sqlite_recovery_tui.cli.reports import integrity_member

        restored = self.result.to_json() if self.result else {}
        restored.pop("output", None)
        return {
            **restored,
            "integrity": integrity_member(self.report, "full"),
            "assertions": [each.to_json() for each in self.assertions],
            "error": self.error.to_json() if self.error else None,
        }


@subcommand("verify")
@target_argument(required=False, what="DB|URL|FILE")
@replica_option
@click.option("--all", "everything", is_flag=True, help="Every replica of every database.")
@click.option("--full", is_flag=True, help="Also restore the latest state, check it, and remove it again.")
@click.option(
    "--assert",
    "asserted",
    multiple=True,
    metavar="SQL=VALUE",
    help="What a file, or with --full the state, must answer as well.",
)
def command(
    session: Session,
    target: str | None,
    replica: str | None,
    *,
    everything: bool,
    full: bool,
    asserted: tuple[str, ...],
) -> int:
    """Prove replicas or a database file; exit 4 for a damaged replica, 5 for a damaged database.

    A replica: every object is fetched, every checksum verified, every chain replayed from snapshot to
    snapshot, every LTX file held against those of other levels. A file: integrity_check and
    foreign_key_check. What the configuration asserts of a database is asked of its scratches and, with
    --full, of its latest state: exit 5 where it does not hold.
    """
    from sqlite_recovery_tui.cli.assertions import typed

    if everything == (target is not None):
        raise UsageError("verify takes a database, a URL or a file, or else --all", hint="add -h for help")
    file = None if target is None else _as_file(session, target)
    if file is not None:
        return _verify_file(session, file, typed(asserted))
    if asserted and not full:
        raise UsageError("--assert needs a file, or --full", hint="a replica answers once it is restored")
    return _verify_replicas(session, session.refs(target, replica), full, typed(asserted))


def _as_file(session: Session, target: str) -> Path | None:
    """Return the file that `target` names, unless it names a database of the configuration."""
    path = Path(target)
    if not path.is_file():
        return None
    try:
        settings = session.settings
    except ConfigError as error:
        if session.common.config is not None:
            raise
        session.err.warning(f"{error}; {target} is taken for a file")
        return path
    with suppress(NotFoundError):
        if settings is not None:
            settings.database(target)
            return None
    return path


def _verify_file(session: Session, path: Path, more: tuple[Assertion, ...]) -> int:
    from sqlite_recovery_tui.cli import assertions
    from sqlite_recovery_tui.cli.reports import first_few, integrity_member, integrity_words
    from sqlite_recovery_tui.history.facts import shown
    from sqlite_recovery_tui.verify.integrity import check_database

    with session.act("verify", output=str(path.absolute())) as act:
        act.begin()
        with session.meter() as meter:
            report = check_database(path, kind="full", progress=meter, cancel=session.cancel)
            wanted = (*_of_file(session, path), *more)
            outcomes = assertions.ask(session, path, wanted, meter)
        found, asked = report.to_json(), [each.to_json() for each in outcomes]
        results = {"integrity": found, **({"assertions": asked} if asked else {})}
        act.finish(shown(None, report.verdict), integrity=report.verdict, results=results)
    session.history.checked(path, report.verdict, found)
    session.out.marked("ok" if report.ok else "fail", report.verdict, f"  {path}")
    session.out.line(f"    {integrity_words(report)}")
    session.out.lines(f"    {message}" for message in first_few(report.messages))
    assertions.tell(session, outcomes, indent="    ")
    member = integrity_member(report, "full")
    session.document({"file": str(path), "integrity": member, "assertions": asked})
    return VerificationFailed.code if not report.ok else assertions.code(outcomes)


def _of_file(session: Session, path: Path) -> tuple[Assertion, ...]:
    """Return what the configuration asserts of a file; nothing where there is none that can be read."""
    from sqlite_recovery_tui.cli.assertions import of_file

    try:
        return of_file(session, path)
    except ConfigError:  # that was said before
        return ()


def _verify_replicas(
    session: Session, refs: Sequence[ReplicaRef], full: bool, more: tuple[Assertion, ...]
) -> int:
    from sqlite_recovery_tui.cli.listing import errors_of, report_errors, scan_all, single_error

    states = scan_all(session, refs)
    for state in states:
        if state.error is not None:
            _act(session, state.ref, full).fail(state.error)
    single_error(states)
    codes, members = [report_errors(session, states)], []
    for state in states:
        if state.timeline is None:
            continue
        try:
            with _act(session, state.ref, full) as act:
                act.begin()
                code, member = _verify_one(session, state, act, full=full, more=more)
        except Cancelled:
            raise
        except RecoverError as error:
            if len(states) == 1:
                raise
            session.err.error(RecoverError(f"{state.ref.label}: {error}", hint=error.hint))
            code, member = error.code, {"error": error.to_json()}
        codes.append(code)
        members.append({**_identity(state.ref), **member})
    session.document({"replicas": members, "errors": errors_of(states)})
    failures = [code for code in codes if code]
    return next((code for code in _PRECEDENCE if code in failures), failures[0] if failures else 0)


def _act(session: Session, ref: ReplicaRef, full: bool) -> Act:
    act = session.act("drill" if full else "verify")
    act.learn(database=ref.database_name, replica=ref.replica.name, url=ref.replica.url)
    return act


def _identity(ref: ReplicaRef) -> dict[str, Any]:
    from sqlite_recovery_tui.cli.listing import identity

    return identity(ref)


def _verify_one(
    session: Session, state: ReplicaState, act: Act, *, full: bool, more: tuple[Assertion, ...]
) -> tuple[int, dict[str, Any]]:
    from sqlite_recovery_tui.storage.open import open_store
    from sqlite_recovery_tui.verify.replica import verify_replica

    assert state.timeline is not None
    store = open_store(state.ref.replica, clock=session.clock)
    try:
        with session.meter() as meter:
            proof = verify_replica(
                store,
                state.timeline,
                age_identities=state.ref.identities,
                folder=_work_folder(state.ref),
                progress=meter,
                cancel=session.cancel,
            )
            drill = _drill(session, state, store, meter, more) if full else None
    finally:
        store.close()
    _keep(act, proof, drill)
    _print_proof(session, state, proof, drill)
    code = DamagedError.code if proof.verdict == "damaged" else drill.code if drill else 0
    return code, {**proof.to_json(), "drill": drill.to_json() if drill else None}


def _keep(act: Act, proof: ReplicaProof, drill: Drill | None) -> None:
    """Let the history know what was shown of a replica."""
    from sqlite_recovery_tui.history.act import outcome_of
    from sqlite_recovery_tui.history.facts import of_proof, shown

    newest = proof.newest.to_json() if proof.newest is not None else None
    members = of_proof(proof.to_json(), newest, drill.to_json() if drill is not None else None)
    outcome, error = shown(members["verdict"], members["integrity"]), next(iter(proof.faults), None)
    words = f"{error.object}: {error.message}" if error is not None else None
    if drill is not None and drill.error is not None and outcome == "ok":
        outcome, words = outcome_of(drill.error), f"the restore drill failed: {drill.error}"
    act.finish(outcome, error=words, **members)


def _work_folder(ref: ReplicaRef) -> Path | None:
    """Return the scratch directory, which is sized for databases; the system's own when it cannot be had."""
    folder = ref.replica.scratch_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _drill(
    session: Session, state: ReplicaState, store: Store, progress: ProgressFn, more: tuple[Assertion, ...]
) -> Drill:
    """Restore the latest state into a directory that is removed again, and check the whole of it."""
    from sqlite_recovery_tui.cli.assertions import ask
    from sqlite_recovery_tui.restore.choose import choose
    from sqlite_recovery_tui.restore.run import RestoreOptions, restore
    from sqlite_recovery_tui.restore.target import Latest
    from sqlite_recovery_tui.verify.integrity import check_database

    with tempfile.TemporaryDirectory(prefix="sqlrecover-drill-", dir=_work_folder(state.ref)) as own:
        file = Path(own) / "drill.db"
        try:
            plan = choose([state], Latest()).plan
            result = restore(
                store,
                plan,
                RestoreOptions(file, memory_bytes=state.ref.replica.memory_bytes),
                age_identities=state.ref.identities,
                progress=progress,
                cancel=session.cancel,
                clock=session.clock,
            )
        except Cancelled:
            raise
        except RecoverError as error:
            return Drill(None, None, error)
        report = check_database(file, kind="full", progress=progress, cancel=session.cancel)
        wanted = (*state.ref.replica.assertions, *more)
        return Drill(result, report, None, ask(session, file, wanted, progress))


def _print_proof(session: Session, state: ReplicaState, proof: ReplicaProof, drill: Drill | None) -> None:
    from sqlite_recovery_tui.cli.assertions import tell
    from sqlite_recovery_tui.cli.reports import continuity_facts, first_few
    from sqlite_recovery_tui.words import plural, size

    style = "fail" if proof.verdict == "damaged" else "ok"
    session.out.marked(style, proof.verdict, f"  {state.ref.label}")
    looked_at = f"{plural(proof.objects, 'object')}, {size(proof.bytes_fetched)}"
    assert state.timeline is not None
    facts = [("  read", looked_at), ("  holds", state.timeline.holds)]
    facts += [("  reaches", str(lineage.end)) for lineage in proof.lineages[-1:] if lineage.end]
    summed = [str(lineage.summed) for lineage in proof.lineages if lineage.summed]
    facts += [("  all pages", f"as they were replicated, up to {place}") for place in summed[-1:]]
    facts += [(f"  {name}", words) for name, words in continuity_facts(proof.verdict, proof.unproven)]
    session.out.facts(facts)
    for fault in proof.faults:
        _print_fault(session, fault)
    if drill is not None:
        session.out.lines(f"  {line}" for line in first_few(list(_drill_lines(drill))))
        tell(session, drill.assertions, indent="  ")
    session.out.line()


def _print_fault(session: Session, fault: Fault) -> None:
    from sqlite_recovery_tui.words import both_zones

    session.out.marked("fail", "  damaged", f"  {fault.object}: {fault.message}")
    if fault.last_good is not None:
        point = fault.last_good
        session.out.line(f"    last good point:    {both_zones(point.time)} ({point.reached})")
    if fault.next_good is not None:
        point = fault.next_good
        session.out.line(f"    next good point:    {both_zones(point.time)} ({point.reached})")


def _drill_lines(drill: Drill) -> list[str]:
    from sqlite_recovery_tui.cli.reports import integrity_words
    from sqlite_recovery_tui.words import both_zones, span

    if drill.error is not None or drill.result is None:
        return [f"restore drill failed: {drill.error}"]
    reached = both_zones(drill.result.time)
    return [
        f"restore drill: the state of {reached} in {span(drill.result.duration_seconds)}",
        f"integrity: {integrity_words(drill.report)}",
        *(drill.report.messages if drill.report else ()),
    ]
