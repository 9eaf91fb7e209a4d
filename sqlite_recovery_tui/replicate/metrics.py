"""The daemon's status as metrics, in Litestream's names where it has them; labels are names, never paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replicate.endpoint import Endpoint, Page
from sqlite_recovery_tui.replicate.status import DaemonStatus, DatabaseStatus, ReplicaStatus

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Ask = Callable[[], DaemonStatus]
Values = Callable[[DatabaseStatus], float]


def serve_metrics(address: str, ask: Ask) -> Endpoint:
    """Serve `/metrics` and `/healthz` at HOST:PORT; raise `RecoverError`.

    `/healthz` answers 200 while every database is protected or only behind, 503 otherwise.
    """
    if find_spec("prometheus_client") is None:
        raise RecoverError(
            "addr asks for metrics, which need a package that is not installed",
            hint="pip install 'sqlite-recovery-tui[metrics]', or leave addr out",
        )
    return Endpoint(address, {"/metrics": lambda: _metrics(ask), "/healthz": lambda: _healthz(ask)})


def _healthz(ask: Ask) -> Page:
    status = ask()
    lines = [f"{each.name}: {each.health}" for each in status.databases]
    bad = status.health == "not protected"
    return Page("".join(f"{line}\n" for line in lines).encode(), 503 if bad else 200)


def _metrics(ask: Ask) -> Page:
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.platform_collector import PlatformCollector
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    registry.register(_Collector(ask()))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return Page(generate_latest(registry), kind=CONTENT_TYPE_LATEST)


class _Collector:
    """One scrape."""

    def __init__(self, status: DaemonStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        databases = self._status.databases
        yield from _of_databases(databases)
        yield from _of_replicas(databases, self._status.now)

    def describe(self) -> Iterable[Metric]:
        return ()


def _of_databases(databases: tuple[DatabaseStatus, ...]) -> Iterator[Metric]:
    yield _gauge("up", "Whether the database is followed.", databases, lambda each: each.following)
    yield _gauge("db_size", "The database's bytes.", databases, lambda each: each.database_bytes)
    yield _gauge("wal_size", "The log's bytes.", databases, lambda each: each.wal_bytes)
    yield _gauge("wal_unread_bytes", "Committed, not yet read.", databases, lambda each: each.unread_bytes)
    yield _gauge("spool_bytes", "Bytes waiting on this disk.", databases, lambda each: each.spool_bytes)
    yield _gauge(
        "longest_lock_seconds",
        "The longest time writers were held.",
        databases,
        lambda each: each.longest_lock_seconds,
    )
    yield _count("lock_seconds", "Time writers were held.", databases, lambda each: each.lock_seconds)
    yield _count("lock_wait_seconds", "Time waited for them.", databases, lambda each: each.wait_seconds)
    yield _kinds("events", "What happened, by kind.", "kind", databases, lambda each: each.events)
    yield _kinds("checkpoint_count", "Checkpoints.", "outcome", databases, lambda each: each.checkpoints)


def _of_replicas(databases: tuple[DatabaseStatus, ...], now: datetime) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ("db", "name")
    gauges: dict[str, tuple[str, Callable[[ReplicaStatus], float | None]]] = {
        "replica_protected": (
            "1 protected, 0.5 behind, 0 not protected.",
            lambda each: {"protected": 1.0, "behind": 0.5}.get(each.health, 0.0),
        ),
        "last_durable_commit_age_seconds": (
            "The age of the newest commit that is at the replica.",
            lambda each: _age(each.last_durable, now),
        ),
        "last_durable_commit_timestamp_seconds": (
            "When the newest commit that is at the replica was seen.",
            lambda each: each.last_durable.timestamp() if each.last_durable else None,
        ),
        "lag_seconds": ("For how long commits wait.", lambda each: each.lag_seconds),
        "unreplicated_bytes": ("Bytes that are not at the replica.", lambda each: each.backlog_bytes),
        "unreplicated_commits": ("Commits that are not there.", lambda each: each.backlog_commits),
        "last_verified_age_seconds": (
            "The age of the last proven restore.",
            lambda each: _age(each.verified, now),
        ),
        "coverage_gap_count": ("Holes in the history.", lambda each: each.gaps),
        "replica_wal_index": ("The WAL that was sent last.", lambda each: _place(each, "index")),
        "replica_wal_offset": ("Its bytes that were sent.", lambda each: _place(each, "offset")),
    }
    for name, (told, value) in gauges.items():
        family = GaugeMetricFamily(f"litestream_{name}", told, labels=labels)
        for database in databases:
            for replica in database.replicas:
                if (found := value(replica)) is not None:
                    family.add_metric((database.name, replica.name), found)
        yield family
    counts = CounterMetricFamily(
        "litestream_replica_operation", "Requests.", labels=(*labels, "replica_type", "operation")
    )
    sent = CounterMetricFamily("litestream_replica_operation_bytes", "Bytes sent.", labels=labels)
    errors = CounterMetricFamily("litestream_sync_error_count", "Failures.", labels=labels)
    for database in databases:
        for replica in database.replicas:
            sent.add_metric((database.name, replica.name), replica.sent_bytes)
            errors.add_metric((database.name, replica.name), replica.errors)
            for verb, number in replica.requests.items():
                counts.add_metric((database.name, replica.name, replica.type, verb.upper()), number)
    yield from (counts, sent, errors)


def _gauge(name: str, told: str, databases: tuple[DatabaseStatus, ...], value: Values) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"litestream_{name}", told, labels=("db",))
    for each in databases:
        family.add_metric((each.name,), float(value(each)))
    return family


def _count(name: str, told: str, databases: tuple[DatabaseStatus, ...], value: Values) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"litestream_{name}", told, labels=("db",))
    for each in databases:
        family.add_metric((each.name,), float(value(each)))
    return family


def _kinds(
    name: str,
    told: str,
    label: str,
    databases: tuple[DatabaseStatus, ...],
    value: Callable[[DatabaseStatus], Mapping[str, int]],
) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"litestream_{name}", told, labels=("db", label))
    for each in databases:
        for kind, number in value(each).items():
            family.add_metric((each.name, kind), number)
    return family


def _age(moment: datetime | None, now: datetime) -> float | None:
    return max((now - moment).total_seconds(), 0.0) if moment else None


def _place(replica: ReplicaStatus, part: str) -> float | None:
    found = (replica.position or {}).get(part)
    return float(found) if found is not None else None
