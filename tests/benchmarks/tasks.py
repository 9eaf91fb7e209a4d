"""The measured tasks: for each, the command lines that make every tool do the same work."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.measure import Comparison, Contender, compare

SEGMENTS = 2000
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


def litestream(version: str) -> str:
    """Return the path of the Litestream binary that `make bench` installed."""
    path = _TREE / ".cache" / f"litestream-{version}" / "bin" / "litestream"
    if not path.is_file():
        sys.exit(f"Litestream {version} is missing; `make bench` installs it")
    return str(path)


def prepare_restore(folder: Path, megabytes: int) -> Path:
    """Build the replica for a restore unless `folder` has it from an earlier run; return its folder."""
    return _build(folder / f"restore-{megabytes}", "restore", str(megabytes), str(SEGMENTS))


def prepare_listing(folder: Path) -> Path:
    """Build the replica for a listing unless `folder` has it from an earlier run; return its folder."""
    return _build(folder / "list", "list", str(LISTED))


def _build(target: Path, kind: str, *arguments: str) -> Path:
    done = target / "done"
    if not done.exists():
        target.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.benchmarks.replica", kind, str(target), *arguments]
        subprocess.run(command, check=True, cwd=_TREE)
        done.touch()
    return target


def on_files(replica: Path) -> Place:
    """Return the replica in `replica` as a folder."""
    config = replica / "files.yml"
    config.write_text(_config(replica, f"type: file\n        path: {replica / 'bucket' / 'replica'}"))
    return Place("files", config, replica / "app.db")


@contextmanager
def on_s3(replica: Path) -> Iterator[Place]:
    """Serve the replica in `replica` by `rclone serve s3` for as long as the context lasts."""
    from tests.support.servers import rclone_s3

    with rclone_s3(replica) as server:
        keys = f"access-key-id: {server.access_key}\n        secret-access-key: {server.secret_key}"
        where = (
            f"type: s3\n        bucket: bucket\n        path: replica\n        endpoint: {server.endpoint}"
        )
        config = replica / "s3.yml"
        config.write_text(
            _config(
                replica,
                f"{where}\n        region: {server.region}\n        force-path-style: true\n        {keys}",
            )
        )
        yield Place("S3 (rclone)", config, replica / "app.db", server.environ)


def _config(replica: Path, settings: str) -> str:
    return f"dbs:\n  - path: {replica / 'app.db'}\n    replicas:\n      - name: bench\n        {settings}\n"


def restore(place: Place, megabytes: int, runs: int, *, floor: bool) -> Comparison:
    """Compare restores of the newest state; each tool's first result must be the database itself."""
    output = place.database.with_name("restored.db")

    def clean() -> None:
        for path in output.parent.glob("restored.db*"):
            path.unlink()

    def check() -> None:
        if not filecmp.cmp(output, place.database, shallow=False):
            raise RuntimeError("the restored database differs from the original")

    arguments = ["restore", "-config", str(place.config), "-o", str(output), str(place.database)]
    contenders = [
        Contender("sqlrecover", [str(_OURS), *arguments], check, clean, place.environ),
        Contender("litestream 0.3.13", [litestream("0.3.13"), *arguments], check, clean, place.environ),
        Contender("litestream 0.5.17", [litestream("0.5.17"), *arguments], check, clean, place.environ),
    ]
    if floor:
        (snapshot,) = place.database.parent.rglob("*.snapshot.lz4")
        decode = [sys.executable, "-m", "tests.benchmarks.floor", str(snapshot), str(output)]
        contenders.append(Contender("floor: lz4 + fsync", decode, clean=clean))
    title = f"restore {megabytes} MB, a snapshot and {SEGMENTS:,} segments, from {place.label}"
    return compare(title, contenders, runs, place.database.parent)


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
