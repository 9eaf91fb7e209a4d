"""`drill` restores what nobody asked for yet, finds what is damaged, and remembers what holds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sqlite_recovery_tui.apart.process import Worker
from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.progress import CancelToken, ProgressFn
from sqlite_recovery_tui.verify.drill import Order, Verdict, random_point
from sqlite_recovery_tui.verify.drills import Drill, Processes, cluster, drills
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case, cases
from tests.support.held_worker import ROOT

_SOAK = os.environ.get("SOAK") == "1"
DATABASES = 200 if _SOAK else 12
_SEEDS = 20 if _SOAK else 1
_REPLICAS = None if _SOAK else 1


@pytest.fixture
def plain(tmp_path: Path) -> Case:
    return case("v03-plain", tmp_path)


def spoil(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte[0] ^ 0xFF]))


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("generations/*/wal/*.lz4"))


@pytest.mark.parametrize("name", [*cases("v03")[:_REPLICAS], *cases("v05")[:_REPLICAS]])
def test_real_replicas_restore_at_random_points(name: str, cli: Cli, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    for seed in range(_SEEDS):
        answer = cli("drill", "-at", "random", "-seed", seed, "-json", replica.url)
        assert answer.code == 0, answer
        [drill] = answer.document["drills"]
        assert drill["ok"]
        assert drill["points"] > 1
        assert drill["integrity"]["verdict"] == "ok"


def test_a_drill_proves_the_newest_state_and_the_history_keeps_it(
    cli: Cli, plain: Case, tmp_path: Path
) -> None:
    answer = cli("drill", plain.url)
    assert answer.code == 0
    assert "checks passed" in answer.out
    assert not list((tmp_path / "home").rglob("drill.db"))
    [entry] = cli("history", "-json").document["entries"]
    assert (entry["kind"], entry["proof"], entry["integrity"]) == ("drill", "proven", "ok")
    [replica] = cli("replicas", "-json", plain.url).document["replicas"]
    assert replica["proven"]["how"] == "a full restore"


def test_damage_alarms_by_code_monitor_line_record_and_webhook(cli: Cli, plain: Case) -> None:
    spoil(segments(plain.replica)[-1])
    told: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            answer = cli("drill", plain.url, "-webhook", f"http://127.0.0.1:{server.server_port}/hook")
        finally:
            server.shutdown()
            thread.join()
    assert answer.code == 4
    assert "not restored" in answer.out
    [[failed]] = [document["failed"] for document in told]
    assert failed["error"]["code"] == 4
    nagios = cli("drill", plain.url, "-nagios")
    assert nagios.code == 2
    assert nagios.out.startswith("SQLRECOVER CRITICAL - ")
    assert {entry["proof"] for entry in cli("history", "-json").document["entries"]} == {"failed"}
    unheard = cli("drill", plain.url, "-webhook", "http://user:secret@127.0.0.1:9/hook")
    assert unheard.code == 4
    assert "nobody was told" in unheard.err
    assert "secret" not in unheard.err


def test_an_assertion_that_does_not_hold_fails_the_drill(cli: Cli, plain: Case, tmp_path: Path) -> None:
    config = tmp_path / "drill.yml"
    config.write_text(
        f"dbs:\n  - path: {tmp_path}/app.db\n    replicas:\n      - url: {plain.url}\n"
        "sqlrecover:\n  assertions:\n    - name: no tables\n"
        "      sql: SELECT count(*) FROM sqlite_schema\n      expect: 0\n"
    )
    answer = cli("drill", "-config", config, "-all", "-json")
    assert answer.code == 5
    [drill] = answer.document["drills"]
    assert drill["integrity"]["verdict"] == "ok"
    assert [(each["name"], each["ok"]) for each in drill["assertions"]] == [("no tables", False)]


def test_what_to_drill_has_to_be_said(cli: Cli) -> None:
    assert cli("drill").code == 2
    assert cli("drill", "-all", "file:///somewhere").code == 2
    assert cli("drill", "file:///nowhere", "-at", "soon").code == 2
    assert cli("drill", "file:///nowhere/at/all").code in (3, 6)


def test_any_point_is_as_likely_as_another(plain: Case) -> None:
    points: Any = range(5)
    found = [random_point(points, seed) for seed in range(500)]
    assert {count for _, count in found} == {5}
    chosen: list[Any] = [point for point, _ in found]
    counts = [chosen.count(number) for number in range(5)]
    assert min(counts) > 60
    assert random_point(points, 7) == random_point(points, 7)
    assert random_point([], 7) == (None, 0)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """Many small replicas in one configuration, every sixth one damaged; return file and victims."""
    root = tmp_path_factory.mktemp("many")
    source = case("v03-page1024", root).replica
    lines, damaged = ["dbs:"], set()
    for number in range(DATABASES):
        place = root / f"replica-{number}"
        shutil.copytree(source, place)  # with the objects' times
        lines += [f"  - path: {root}/app-{number}.db", "    replicas:", f"      - url: file://{place}"]
        if number % 6 == 5:
            spoil(segments(place)[1])
            damaged.add(f"{root}/app-{number}.db")
    lines += ["sqlrecover:", f"  scratch-dir: {root}/scratch"]
    config = root / "many.yml"
    config.write_text("\n".join(lines) + "\n")
    return config, damaged


def _orders(config: Path) -> list[Order]:
    from sqlite_recovery_tui import config as configuration
    from sqlite_recovery_tui.replica.fleet import refs
    from sqlite_recovery_tui.verify.drill import order_for

    settings = configuration.load(config)
    return [order_for(ref, config, "latest", 0) for ref in refs(settings, None)]


def _bad(verdicts: list[Verdict]) -> set[str]:
    assert len({verdict.order for verdict in verdicts}) == len(verdicts) == DATABASES
    return {str(verdict.order.database) for verdict in verdicts if not verdict.ok}


def test_processes_find_what_is_damaged_and_prove_the_rest(cli: Cli, many: tuple[Path, set[str]]) -> None:
    config, damaged = many
    answer = cli("drill", "-config", config, "-all", "-json")
    assert answer.code == 4
    found = answer.document["drills"]
    assert {drill["database"] for drill in found if not drill["ok"]} == damaged
    assert len(found) == DATABASES
    assert len(cli("history", "-json", "-limit", 1000).document["entries"]) == DATABASES


class _Stricken(Worker):
    """The first of them is killed while it does its first drill, and others are begun and do theirs."""

    killed: ClassVar[list[int]] = []

    def _begin(self, task: Task[Any]) -> None:
        super()._begin(task)
        if not self.killed:
            self.killed.append(self._process.pid)
            os.kill(self._process.pid, signal.SIGKILL)


def test_a_worker_that_is_killed_changes_no_verdict(
    monkeypatch: pytest.MonkeyPatch, many: tuple[Path, set[str]]
) -> None:
    monkeypatch.setattr("sqlite_recovery_tui.apart.crew.Worker", _Stricken)
    config, damaged = many
    found = list(drills(_orders(config), Processes, 2))
    assert _Stricken.killed
    assert _bad(found) == damaged
    assert not any("no try" in verdict.words for verdict in found)


@dataclass(frozen=True)
class _Dying(Drill):
    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> Verdict:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(self.order)


def test_a_drill_that_kills_its_worker_each_time_is_a_failure_of_its_own(
    monkeypatch: pytest.MonkeyPatch, many: tuple[Path, set[str]]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("sqlite_recovery_tui.verify.drills.Drill", _Dying)
    order = _orders(many[0])[0]
    [found] = list(drills([order], Processes, 1))
    assert not found.ok
    assert "no try came to an end" in found.words
    assert "SIGKILL" in found.words


@pytest.fixture
def dask() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_verdicts_also_when_a_worker_is_killed(
    dask: Any, many: tuple[Path, set[str]]
) -> None:
    config, damaged = many
    found: list[Verdict] = []
    with cluster(dask.scheduler_address) as make:
        for verdict in drills(_orders(config), make, DATABASES):
            if not found:
                os.kill(next(iter(dask.workers.values())).pid, signal.SIGKILL)
            found.append(verdict)
    assert _bad(found) == damaged


def test_a_cluster_that_is_not_there_is_told(cli: Cli, plain: Case) -> None:
    pytest.importorskip("distributed")
    answer = cli("drill", plain.url, "-scheduler", "nonsense://127.0.0.1:1")
    assert answer.code == 1
    assert "no scheduler answers" in answer.err


def test_a_time_is_drilled_too(cli: Cli, plain: Case) -> None:
    moment = next(moment.timestamp for moment in plain.moments if moment.timestamp is not None)
    answer = cli("drill", plain.url, "-at", moment, "-json")
    assert answer.code == 0
    assert answer.document["drills"][0]["time"] <= moment
