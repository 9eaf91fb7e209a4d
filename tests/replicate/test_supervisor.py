"""Many databases in one process: each fares alone, resting ones cost next to nothing, caps hold."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import DaemonConfig, DatabaseConfig, replica_from_url
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.replicate.events import Event
from sqlite_recovery_tui.replicate.minder import Minder, Shared
from sqlite_recovery_tui.replicate.outlet import Slots
from sqlite_recovery_tui.replicate.status import DatabaseStatus
from sqlite_recovery_tui.replicate.supervisor import Supervisor
from tests.support.daemon import SECONDS, wait_until
from tests.support.faults import Gate
from tests.support.sql_process import SqlProcess

MANY = 500 if os.environ.get("SOAK") else 50
Start = Callable[..., Supervisor]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "app.db"
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (a)")
    return path


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Supervisor] = []

    def begin(*databases: DatabaseConfig, **more: object) -> Supervisor:
        config = DaemonConfig(shutdown_sync_timeout=timedelta(seconds=10))
        running.append(Supervisor(databases, config, **more))  # type: ignore[arg-type]
        running[-1].start()
        return running[-1]

    yield begin
    for supervisor in running:
        lost = supervisor.stop(10)
        assert lost == "" or "garbage.db: it is not replicated" in lost
        supervisor.close()


def database(template: Path, folder: Path, name: str, *, is_there: bool = True) -> DatabaseConfig:
    folder.mkdir(exist_ok=True)
    path = folder / name
    if is_there:
        shutil.copy(template, path)
    replica = replica_from_url((folder / f"{name}-replica").as_uri())
    return DatabaseConfig(path, name, (replica,))


def told(supervisor: Supervisor, config: DatabaseConfig) -> DatabaseStatus:
    return next(each for each in supervisor.status().databases if each.path == str(config.path))


def wait_protected(supervisor: Supervisor, *configs: DatabaseConfig) -> None:
    for config in configs:
        wait_until(
            lambda config=config: told(supervisor, config).health == "protected",  # type: ignore[misc]
            f"{config.path} is never protected",
        )


def test_what_is_wrong_with_one_leaves_the_others_alone(start: Start, template: Path, tmp_path: Path) -> None:
    good = database(template, tmp_path, "good.db")
    missing = database(template, tmp_path, "missing.db", is_there=False)
    garbage = database(template, tmp_path, "garbage.db")
    garbage.path.write_bytes(b"no database at all" * 100)
    supervisor = start(good, missing, garbage)
    wait_protected(supervisor, good)
    wait_until(lambda: "no database" in told(supervisor, missing).reason, "it is not told what is missing")
    wait_until(lambda: "garbage.db" in told(supervisor, garbage).reason, "it is not told what is wrong")
    assert supervisor.status().health == "not protected"
    with SqlProcess(good.path) as application:
        application.rows("INSERT INTO t VALUES (1)")
    shutil.copy(template, missing.path)
    wait_protected(supervisor, missing)
    assert told(supervisor, garbage).health == "not protected"


@pytest.mark.parametrize("notify", [True, False])
def test_a_commit_after_a_long_rest_is_shipped(
    start: Start, template: Path, tmp_path: Path, notify: bool
) -> None:
    config = database(template, tmp_path, "app.db")
    supervisor = start(config, notify=notify)
    wait_protected(supervisor, config)
    time.sleep(5.2 if notify else 0)  # until it is only listened for
    with SqlProcess(config.path) as application:
        application.rows("INSERT INTO t VALUES (1)")
        wait_until(lambda: told(supervisor, config).replicas[0].last_durable is not None, "never shipped")
        (replica,) = told(supervisor, config).replicas
        assert (replica.backlog_commits, replica.lag_seconds) == (0, 0)


def test_a_second_supervisor_refuses(start: Start, template: Path, tmp_path: Path) -> None:
    config = database(template, tmp_path, "app.db")
    start(config)
    second = Supervisor([config], DaemonConfig())
    with pytest.raises(RefusedError, match=f"process {os.getpid()} replicates"):
        second.start()
    second.close()


def test_a_snapshot_is_made_when_asked_and_writers_go_on(
    start: Start, template: Path, tmp_path: Path
) -> None:
    config = database(template, tmp_path, "app.db")
    supervisor = start(config)
    wait_protected(supervisor, config)
    (minder,) = supervisor.minders
    with SqlProcess(config.path) as application:
        application.rows("INSERT INTO t VALUES (1)")
        minder.ask_snapshot()
        wait_until(
            lambda: (
                len(list((tmp_path / "app.db-replica").rglob("*.snapshot.lz4"))) > 1
                or not minder.wants_snapshot
            ),
            "the snapshot is never made",
        )
        application.rows("INSERT INTO t VALUES (2)")


def test_what_is_there_is_shipped_while_more_is_being_read(template: Path, tmp_path: Path) -> None:
    config = database(template, tmp_path, "app.db")
    gate = Gate()

    def tell(_minder: Minder, event: Event) -> None:
        if event.kind == "began":  # the step goes on after that
            gate.wait()

    shared = Shared(
        SYSTEM,
        Slots(1),
        threading.Semaphore(),
        1 << 20,
        tell=tell,
        tell_protected=lambda _minder, _outlet: None,
        arm=lambda _path: False,
        wake=lambda _minder: None,
    )
    minder = Minder(config, "app.db", shared)
    step = threading.Thread(target=minder.step)
    step.start()
    assert gate.entered.wait(SECONDS)
    look = threading.Thread(target=minder.glance)
    look.start()
    look.join(SECONDS / 3)
    assert not look.is_alive()
    assert step.is_alive()
    wait_until(lambda: bool(list((tmp_path / "app.db-replica").rglob("*.snapshot.lz4"))), "it is not shipped")
    gate.open()
    step.join()
    minder.stop(SECONDS)
    assert not minder.missing()


def test_names_tell_databases_apart(template: Path, tmp_path: Path) -> None:
    one = database(template, tmp_path / "one", "app.db")
    two = database(template, tmp_path / "two", "app.db")
    supervisor = Supervisor([one, two], DaemonConfig())
    assert [each.name for each in supervisor.status().databases] == ["one/app.db", "two/app.db"]
    supervisor.close()


def test_resting_databases_cost_next_to_nothing(start: Start, template: Path, tmp_path: Path) -> None:
    configs = [database(template, tmp_path, f"{number}.db") for number in range(MANY)]
    supervisor = start(*configs)
    wait_protected(supervisor, *configs)
    wait_until(lambda: all(minder.rests for minder in supervisor.minders), "they never come to rest")
    requests = [each.replicas[0].requests for each in supervisor.status().databases]
    before, began = time.process_time(), time.monotonic()
    threading.Event().wait(6.0)
    used = time.process_time() - before
    per_minute = used / (time.monotonic() - began) * 60 * 50 / MANY
    assert per_minute < 0.5, f"{per_minute:.2f} CPU seconds a minute for 50"
    assert [each.replicas[0].requests for each in supervisor.status().databases] == requests
