"""The recipe, followed by hand with ordinary tools, gives the planned state; its words survive any shell."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.recipe import recipe
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import at, timeline

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("lz4", "sqlite3", "truncate", "sh")),
    reason="needs lz4, sqlite3 and truncate",
)


def rows(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY a")]


@needs_tools
@pytest.mark.parametrize("what", ["latest", "time", "index", "offset", "snapshot"])
def test_the_recipe_followed_gives_the_state(what: str, tmp_path: Path) -> None:
    replica = tmp_path / 'it\'s a replica, 100% "mine" $HOME'
    with GenerationWriter(tmp_path / "app.db", replica, page_size=1024) as writer:
        writer.connection.execute("CREATE TABLE t(a)")
        writer.new_generation(at(0))
        for number in range(1, 7):
            writer.connection.execute(f"INSERT INTO t VALUES ({number})")
            writer.ship(at(number * 10))
            if number % 2 == 0:
                writer.checkpoint("RESTART")
        ends = [commit.position for commit in writer.commits]
    targets: dict[str, tuple[Target, list[int]]] = {
        "latest": (Latest(), [1, 2, 3, 4, 5, 6]),
        "time": (AtTime(at(35)), [1, 2, 3]),
        "index": (AtPosition(1), [1, 2, 3, 4]),
        "offset": (AtPosition(ends[3].index, ends[3].offset), [1, 2, 3]),
        "snapshot": (AtTime(at(5)), []),
    }
    target, expected = targets[what]
    config = replica_from_url(replica.as_uri())
    store = open_store(config)
    made = make_plan(scan(store), target, database=None, replica="file", url=config.url)
    store.close()
    folder = tmp_path / "out put's"
    folder.mkdir()
    script = "set -e\n" + "\n".join(recipe(made, folder / "re stored.db"))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"
    assert rows(folder / "re stored.db") == expected


KEY = "generations/aaaaaaaaaaaaaaaa/snapshots/00000000.snapshot.lz4"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///srv/a b", f"cat '/srv/a b/{KEY}'"),
        ("file:///srv/100%25/", f"cat /srv/100%/{KEY}"),
        ("s3://bucket", f"aws s3 cp s3://bucket/{KEY} -"),
        (
            "s3://bucket/app db?endpoint=https://minio:9000&region=eu-west-1&skipVerify=true",
            f"aws s3 cp 's3://bucket/app db/{KEY}' - --endpoint-url https://minio:9000"
            " --region eu-west-1 --no-verify-ssl",
        ),
        ("gs://bucket/app", f"gcloud storage cat gs://bucket/app/{KEY}"),
        (
            "abs://me@box/app",
            "az storage blob download --account-name me --container-name box"
            f" --name app/{KEY} --file /dev/stdout",
        ),
        ("sftp://me@host/srv/app", f"ssh me@host 'cat /srv/app/{KEY}'"),
        ("sftp://me@host:2022/~/a b", f"""ssh -p 2022 me@host 'cat '"'"'a b/{KEY}'"'"''"""),
        ("memory://demo", f"cat memory://demo/{KEY}"),
    ],
)
def test_every_kind_of_place_is_read_with_its_own_tool(url: str, expected: str) -> None:
    made = make_plan(timeline("S0@0"), Latest(), database=None, replica="x", url=url)
    assert recipe(made, Path("out.db"))[0] == f"{expected} | lz4 -dc > out.db"
