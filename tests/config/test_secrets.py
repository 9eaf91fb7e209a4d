"""A secret is never shown: not in settings, errors, tracebacks with locals, JSON or pickles."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from sqlite_recovery_tui.config import Secret, Settings, load, replica_from_url
from sqlite_recovery_tui.errors import ConfigError, UsageError
from tests.config.conftest import Loader

CANARY = "c4n4ry-0f-4-k1nd"
EVERY_SECRET = f"""\
access-key-id: {CANARY}
secret-access-key: "{CANARY}"
webdav-password: {CANARY}
jwt: {CANARY}
heartbeat-url: https://x/{CANARY}
dbs:
- path: /data/app.db
  replicas:
  - url: sftp://me:{CANARY}@host/x
  - type: s3
    bucket: b
    secret-access-key: '{CANARY}'
    access-key-id: $ID
    sse-customer-key: {CANARY}
    password: |
      {CANARY}
  - type: abs
    bucket: c
    account-name: a
    account-key: {CANARY}
    sas-token: {CANARY}
  - path: /r
    age: {{identities: [AGE-{CANARY}]}}
"""
FAULTS = [
    "nonsense: 1",
    "dbs: []",  # a duplicate
    f"password: [{CANARY}]",
    f"password: {{{CANARY}: x}}",
    f"password: {CANARY}: x",
    f"password: '{CANARY}",
    f"password: &{CANARY.replace('-', '')} x\ntoken: *{CANARY.replace('-', '')}",
    f"password: !{CANARY} x",
    f"password: @{CANARY}",
    f"password: `{CANARY}",
    f'password: "\\q{CANARY}"',
    f"password {CANARY}",
    f"? {CANARY}\n  {CANARY}\n: x",
    f"{CANARY} {CANARY}: x",
    f"- {CANARY}",
    f"\t{CANARY}",
    f"password: \x01{CANARY}",
    f'password: "\\x01{CANARY}"',
    "skip-verify: $SECRET",
    "sync-interval: $SECRET",
    "concurrency: $SECRET",
    "part-size: ${SECRET}",
    "$SECRET: x",
    "x$SECRET: {a: b}",
    f"endpoint: https://me:{CANARY}@host",
    f"age: {{identities: {CANARY}}}",
    f"sqlrecover: {CANARY}",
    f"{'[' * 40}{CANARY}",
]
ENVIRON = {"SECRET": CANARY, "ID": CANARY, "HOME": f"/home/{CANARY}"}


def printed(error: BaseException) -> str:
    """Everything that a program might print of an error, its locals above all."""
    console = Console(file=io.StringIO(), width=400, color_system=None)
    trace = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=1000,
        locals_max_string=100000,
    )
    console.print(trace)
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    lines = [*plain.format(), str(error), repr(error), repr(vars(error)), repr(error.args)]
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue() + "\n".join(lines)


def error_of(action: Callable[[], object]) -> BaseException:
    """Return what `action` raises, its traceback without the frames of this test."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        action()
    ours = caught.tb.tb_next
    assert ours is not None
    return caught.value.with_traceback(ours.tb_next)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_do_not_show_secrets(config_file: Path, fault: str) -> None:
    config_file.write_text(f"{EVERY_SECRET}\n{fault}\n", encoding="utf-8")
    error = error_of(lambda: load(config_file, environ=ENVIRON))
    assert isinstance(error, ConfigError)
    shown = printed(error)
    assert "loading.py" in shown
    assert CANARY not in shown
    assert CANARY.replace("-", "") not in shown
    assert CANARY not in json.dumps(error.to_json())


@pytest.mark.parametrize("part", ["resolve", "walk", "parse", "expand", "_warnings"])
def test_our_own_bugs_do_not_show_secrets(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(f"sqlite_recovery_tui.config.loading.{part}", broken)
    config_file.write_text(EVERY_SECRET)
    error = error_of(lambda: load(config_file, environ=ENVIRON))
    assert isinstance(error, ZeroDivisionError)
    assert CANARY not in printed(error)


def test_url_errors_do_not_show_secrets_in_locals() -> None:
    url = f"sftp://me:{CANARY}@host:x/y"
    error = error_of(lambda: replica_from_url(url, environ=ENVIRON))
    assert isinstance(error, UsageError)
    assert CANARY not in printed(error)


@pytest.fixture
def settings(loaded: Loader) -> Settings:
    return loaded(EVERY_SECRET, environ={"ID": CANARY})


def test_secrets_arrive(settings: Settings) -> None:
    sftp, s3, azure, file = settings.databases[0].replicas
    found = (sftp.password, s3.secret_access_key, s3.access_key_id, s3.sse_customer_key, azure.account_key)
    assert {secret.reveal() for secret in found if secret} == {CANARY}
    assert file.age_identities[0].reveal() == f"AGE-{CANARY}"


def test_settings_do_not_show_secrets(settings: Settings) -> None:
    shown = [repr(settings), str(settings), pprint.pformat(settings), pretty_repr(settings)]
    shown += [f"{settings}", f"{settings!r:>10}", "%s %r" % (settings, settings)]  # noqa: UP031
    shown += [str(dataclasses.asdict(settings)), str(dataclasses.astuple(settings)), *settings.warnings]
    for replica in settings.databases[0].replicas:
        shown += [replica.url, f"{replica.password} {replica.access_key_id:>20}"]
    assert CANARY not in "\n".join(shown)
    assert "***" in repr(settings)


def test_secrets_are_not_serialised(settings: Settings) -> None:
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(settings)
    with pytest.raises(TypeError):
        json.dumps(dataclasses.asdict(settings))
    assert CANARY not in json.dumps(dataclasses.asdict(settings), default=str)


def test_copies_are_the_same(settings: Settings) -> None:
    assert copy.deepcopy(settings) == copy.copy(settings) == settings
    assert dataclasses.replace(settings, warnings=()).databases == settings.databases


def test_secret_as_a_value() -> None:
    secret = Secret("x")
    assert (str(secret), repr(secret), f"{secret:>9}", secret.reveal()) == ("***", "***", "***", "x")
    assert secret == Secret("x")
    assert secret != Secret("y")
    assert secret != "x"
    assert len({secret, Secret("x")}) == 1
    assert secret
    assert not Secret("")
    with pytest.raises(AttributeError):
        secret.other = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "mode", "warned"),
    [
        ("password: x", 0o644, True),
        ("password: x", 0o640, True),
        ("password: x", 0o604, True),
        ("password: x", 0o600, False),
        ("password: x", 0o620, False),
        ("password: $SECRET", 0o644, False),
        ("region: x", 0o644, False),
        ("age: {identities: [x]}", 0o644, True),
        ("dbs: [{path: /a, replicas: [{url: 'sftp://me:pw@host/x'}]}]", 0o644, True),
        ("dbs: [{path: /a, replicas: [{url: 'abs://account@c/x'}]}]", 0o644, False),
        ("dbs: [{path: /a, replicas: [{url: 's3://b/x'}]}]", 0o644, False),
        ("endpoint: https://x:9000", 0o644, False),
        ("heartbeat-url: https://x", 0o644, True),
    ],
)
def test_file_that_others_can_read(config_file: Path, text: str, mode: int, warned: bool) -> None:
    config_file.write_text(text + "\n")
    config_file.chmod(mode)
    warnings = [one for one in load(config_file, environ=ENVIRON).warnings if "chmod 600" in one]
    assert len(warnings) == warned
    if warned:
        assert f"mode {mode:04o}" in warnings[0]
