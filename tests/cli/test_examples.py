"""The examples that come with the package do what they say, without Docker and systemd."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import sqlite_recovery_tui
from sqlite_recovery_tui.cli.commands.replicate import command
from sqlite_recovery_tui.cli.options import with_two_dashes
from tests.support.daemon import Daemon
from tests.support.sql_process import SqlProcess

EXAMPLES = Path(sqlite_recovery_tui.__file__).with_name("examples")
APPLICATION = """
import sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY)")
connection.execute("INSERT INTO runs DEFAULT VALUES")
"""


def test_the_container_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    dockerfile = (EXAMPLES / "Dockerfile").read_text()
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)
    program, name, *words = json.loads(line)
    assert (program, name, words[-1]) == ("sqlrecover", "replicate", "-exec")
    (copied,) = re.findall(r"^COPY (\S+) /etc/sqlrecover.yml$", dockerfile, re.MULTILINE)
    data, config = tmp_path / "data", tmp_path / "etc.yml"
    text = (EXAMPLES / copied).read_text().replace("/data/", f"{data}/").replace("127.0.0.1:9090", ":0")
    config.write_text(text)
    (tmp_path / "server.py").write_text(APPLICATION)
    words = [str(config) if word == "/etc/sqlrecover.yml" else word for word in words]
    run = f"{sys.executable} {tmp_path / 'server.py'} {data / 'app.db'}"
    environ = {"REPLICA_URL": (tmp_path / "replica").as_uri(), "AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    for _ in range(3):
        data.mkdir()
        with Daemon(*words, run, environ={**environ, "AWS_SECRET_ACCESS_KEY": ""}) as daemon:
            assert daemon.wait() == 0, daemon.said
        with SqlProcess(data / "app.db") as reader:
            count = reader.value("SELECT count(*) FROM runs")
        shutil.rmtree(data)
    assert count == 3, "each container had what those before it wrote"


def test_the_unit_starts_a_command_that_there_is() -> None:
    unit = (EXAMPLES / "sqlrecover.service").read_text()
    (line,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    program, name, *words = shlex.split(line)
    assert (program, name) == ("sqlrecover", "replicate")
    assert with_two_dashes(words, command.params) == ["--config", "/etc/sqlrecover.yml"]
    assert "KillMode=mixed" in unit, "the application's signals come from us, not from systemd"
