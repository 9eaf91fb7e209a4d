"""The measured tasks: for each, the command lines that make every tool do the same work."""

from __future__ import annotations

import filecmp
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks.look import ROWS
from tests.benchmarks.ltx_replica import S3, TABLE
from tests.benchmarks.measure import Comparison, Contender, compare
from tests.benchmarks.relay import Relay, relay

SEGMENTS = 2000
SYNCS = 2000
LTX_ON_S3 = Path(S3).name
LISTED = 12_000
_TREE = Path(__file__).resolve().parents[2]
_OURS = Path(sys.executable).with_name("sqlrecover")


@dataclass(frozen=True)
class Place:
    """A replica as the tools are told of it: a configuration naming `database`."""

    label: str
    config: Path
    database: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = ""


def litestream(version: str) -> str:
    """Return the path of the Litestream binary that `make bench` installed."""
    path = _TREE / ".cache" / f"litestream-{version}" / "bin" / "litestream"
    if not path.is_file():
        sys.exit(f"Litestream {version} is missing; `make bench` installs it")
    return str(path)


def prepare_restore(folder: Path, megabytes: int) -> Path:
    """Build the v0.3 replica for a restore unless `folder` has it from an earlier run; return its folder."""
    words = ["restore", str(folder / f"restore-{megabytes}"), str(megabytes), str(SEGMENTS)]
    return _build(folder / f"restore-{megabytes}", "tests.benchmarks.replica", *words)


def prepare_ltx(folder: Path, megabytes: int) -> Path:
    """Have Litestream 0.5.17 write its own replica unless `folder` has it; return its folder."""
    words = [str(folder / f"ltx-{megabytes}"), str(megabytes), str(SYNCS), litestream("0.5.17")]
    return _build(folder / f"ltx-{megabytes}", "tests.benchmarks.ltx_replica", *words)


def prepare_listing(folder: Path, objects: int = LISTED) -> Path:
    """Build the replica for a listing unless `folder` has it from an earlier run; return its folder."""
    target = folder / f"list-{objects}"
    return _build(target, "tests.benchmarks.replica", "list", str(target), str(objects))


def _build(target: Path, program: str, *arguments: str) -> Path:
    done = target / "done"
    if not done.exists():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", program, *arguments], check=True, cwd=_TREE)
        done.touch()
    return target


def on_files(replica: Path) -> Place:
    """Return the replica in `replica` as a folder."""
    config = replica / "files.yml"
    config.write_text(_config(replica, f"type: file\n        path: {replica / 'bucket' / 'replica'}"))
    return Place("files", config, replica / "app.db")


@contextmanager
def on_s3(replica: Path, path: str = "replica") -> Iterator[Place]:
    """Serve the replica in `replica` by `rclone serve s3` for as long as the context lasts."""
    from tests.support.servers import rclone_s3

    with rclone_s3(replica) as server:
        place = Place("S3 (rclone)", replica / "s3.yml", replica / "app.db", server.environ, server.endpoint)
        _write_s3(place, path)
        yield place


@contextmanager
def counted(place: Place, path: str) -> Iterator[tuple[Place, Relay]]:
    """Put something before a server that counts what it sends, for as long as the context lasts."""
    with relay(place.endpoint) as between:
        through = replace(place, config=place.config.with_name("counted.yml"), endpoint=between.endpoint)
        _write_s3(through, path)
        yield through, between


def _write_s3(place: Place, path: str) -> None:
    settings = {
        "type": "s3",
        "bucket": "bucket",
        "path": path,
        "endpoint": place.endpoint,
        "region": place.environ["AWS_REGION"],
        "force-path-style": "true",
        "access-key-id": place.environ["AWS_ACCESS_KEY_ID"],
        "secret-access-key": place.environ["AWS_SECRET_ACCESS_KEY"],
    }
    lines = "\n        ".join(f"{name}: {value}" for name, value in settings.items())
    place.config.write_text(_config(place.database.parent, lines))


def _config(replica: Path, settings: str) -> str:
    return f"dbs:\n  - path: {replica / 'app.db'}\n    replicas:\n      - name: bench\n        {settings}\n"


def restore(place: Place, megabytes: int, runs: int, *, floor: bool) -> Comparison:
    """Compare restores of the newest state of a v0.3 replica."""
    contenders = _restores(place, "0.3.13", "0.5.17")
    if floor:
        (snapshot,) = place.database.parent.rglob("*.snapshot.lz4")
        decode = [sys.executable, "-m", "tests.benchmarks.floor", str(snapshot), str(_output(place))]
        contenders.append(Contender("floor: lz4 + fsync", decode, clean=contenders[0].clean))
    title = f"restore {megabytes} MB, a snapshot and {SEGMENTS:,} segments, from {place.label}"
    return compare(title, contenders, runs, place.database.parent)


def restore_ltx(place: Place, megabytes: int, runs: int) -> Comparison:
    """Compare restores of the newest state of a replica that Litestream 0.5.17 wrote."""
    title = f"restore {megabytes} MB of LTX, a snapshot and {SYNCS:,} files of level 0, from {place.label}"
    return compare(title, _restores(place, "0.5.17"), runs, place.database.parent)


def preview(place: Place, megabytes: int, runs: int) -> Comparison:
    """Compare a look at a table in the middle of the database with restores, in time and in bytes."""
    title = f"first rows of a table in {megabytes} MB of LTX, from {place.label}"
    outcome = compare(title, _looks(place), runs, place.database.parent)
    with counted(place, LTX_ON_S3) as (through, between):
        for contender, result in zip(_looks(through), outcome.results, strict=True):
            before = between.received
            compare(title, [contender], 1, place.database.parent, warm=True)
            result.fetched_bytes = between.received - before
    return outcome


def _looks(place: Place) -> list[Contender]:
    """Return the look, and the restores that would be needed instead."""
    said = place.database.with_name("output.txt")

    def check() -> None:
        with closing(sqlite3.connect(f"{place.database.as_uri()}?mode=ro", uri=True)) as database:
            query = f"SELECT id, hex(substr(body, 1, 32)) FROM {TABLE} ORDER BY id LIMIT {ROWS}"
            expected = [[str(row), body.lower()] for row, body in database.execute(query)]
        found = [[row, body[2:66]] for row, body in json.loads(said.read_text())["rows"]]
        if found != expected:
            raise RuntimeError("the rows that were seen differ from those of the original")

    words = [sys.executable, "-m", "tests.benchmarks.look", str(place.config), str(place.database), TABLE]
    ours, theirs = _restores(place, "0.5.17")
    return [
        Contender("sqlrecover preview", words, check, environ=place.environ),
        replace(ours, name="sqlrecover restore"),
        theirs,
    ]


def _output(place: Place) -> Path:
    return place.database.with_name("restored.db")


def _restores(place: Place, *versions: str) -> list[Contender]:
    """Return ours and Litestreams, all to restore the newest state; the result must be the database."""
    output = _output(place)

    def clean() -> None:
        for path in output.parent.glob("restored.db*"):
            path.unlink()

    def check() -> None:
        if not filecmp.cmp(output, place.database, shallow=False):
            raise RuntimeError("the restored database differs from the original")

    words = ["restore", "-config", str(place.config), "-o", str(output), str(place.database)]
    tools = {"sqlrecover": str(_OURS), **{f"litestream {each}": litestream(each) for each in versions}}
    return [
        Contender(name, [program, *words], check, clean, place.environ) for name, program in tools.items()
    ]


def listing(place: Place, runs: int) -> Comparison:
    """Compare listings of every segment; 0.5.17 cannot list this format."""
    arguments = ["wal", "-config", str(place.config), str(place.database)]
    contenders = [
        Contender("sqlrecover", [str(_OURS), *arguments], environ=place.environ),
        Contender("litestream 0.3.13", [litestream("0.3.13"), *arguments], environ=place.environ),
    ]
    return compare(f"list {LISTED:,} objects on {place.label}", contenders, runs, place.database.parent)


def start(folder: Path, runs: int) -> list[Comparison]:
    """Compare the time to the first answer that needs no replica."""
    python = Contender("floor: bare python", [sys.executable, "-I", "-S", "-c", "pass"])
    ours = [Contender("sqlrecover", [str(_OURS), argument]) for argument in ("version", "--help")]
    theirs = [Contender(f"litestream {each}", [litestream(each), "version"]) for each in ("0.3.13", "0.5.17")]
    return [
        compare("start: version", [ours[0], *theirs, python], runs, folder),
        compare("start: --help", [ours[1], python], runs, folder),
    ]
