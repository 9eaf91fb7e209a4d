"""How far this machine's clock is from the storage's, whose times say what a restore to a time gives."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.storage.probe import probe
from sqlite_recovery_tui.storage.timeouts import PATIENT
from sqlite_recovery_tui.words import span

_NOTICED = timedelta(seconds=2)
_REFUSED = timedelta(minutes=5)
"""S3 refuses requests that are a quarter of an hour off; other services earlier."""


def judge_skew(skew: timedelta | None) -> Check:
    """Say how far ahead this clock is; None: nobody told a time."""
    if skew is None:
        return Check("clock", "ok", "the storage tells no time")
    if abs(skew) <= _NOTICED:
        return Check("clock", "ok", "this machine and the storage agree on the time")
    side = "ahead of" if skew > timedelta() else "behind"
    return Check(
        "clock",
        "fail" if abs(skew) > _REFUSED else "warn",
        f"this machine is {span(abs(skew).total_seconds())} {side} the storage: restores to a time are "
        "off by that",
        "set the clock by NTP: timedatectl set-ntp true",
    )


def server_time(replica: ReplicaConfig) -> datetime | None:
    """Ask an S3 service what time it is, without credentials; None where nobody answers or tells."""
    if replica.type != "s3":
        return None
    base = replica.endpoint or "https://s3.amazonaws.com"
    url = f"{base}/{quote(replica.bucket)}"
    answer = probe(url, timeout_seconds=PATIENT.connect_seconds, verify=not replica.skip_verify)
    return answer.time if answer else None
