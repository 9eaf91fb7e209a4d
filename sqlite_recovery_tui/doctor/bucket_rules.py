"""What the settings of an S3 bucket mean for the history kept in it: pure functions of boto3's answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.doctor.configuration import DEFAULT_RETENTION
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.words import plural, span

Rule = Mapping[str, Any]
_FROZEN = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes from which nothing can be read before it was asked for, hours ahead."""
_DAYS_PER_YEAR = 365


def judge_region(replica: ReplicaConfig, region: str) -> Check:
    """Compare where the bucket is with what the configuration says."""
    if not region:
        return Check("region", "ok", "the server tells none")
    if replica.region and replica.region != region:
        hint = f"write region: {region}, or see whether this is the bucket that was meant"
        return Check("region", "fail", f"the bucket is in {region}, configured is {replica.region}", hint)
    return Check(
        "region", "ok", region if replica.region else f"{region}, which the configuration leaves open"
    )


def judge_versioning(status: str | None) -> Check:
    """Say whether what is deleted or written over can be brought back."""
    if status == "Enabled":
        return Check("versioning", "ok", "on: what is deleted can be brought back")
    return Check(
        "versioning",
        "warn",
        "off: whoever gets hold of the credentials can delete the history for good",
        "turn it on, with a lifecycle rule that ends older versions after some weeks",
    )


def locked_days(lock: Mapping[str, Any]) -> int:
    """Return for how many days the bucket locks whatever is written."""
    kept = lock.get("Rule", {}).get("DefaultRetention", {})
    return int(kept.get("Days", 0)) + _DAYS_PER_YEAR * int(kept.get("Years", 0))


def judge_lock(lock: Mapping[str, Any], replica: ReplicaConfig) -> Check:
    """Say whether objects are kept from deletion, and longer than anybody wants them."""
    if lock.get("ObjectLockEnabled") != "Enabled":
        return Check("object lock", "ok", "off")
    days = locked_days(lock)
    if not days:
        return Check("object lock", "ok", "possible, but nothing is locked unless who writes it asks for it")
    kept = _retention(replica)
    shown = f"everything is locked for {plural(days, 'day')}"
    if timedelta(days=days) > kept > timedelta():
        return Check(
            "object lock",
            "warn",
            f"{shown}, longer than the retention of {_length(kept)}: what it deletes is kept and paid for",
            "bring both together: a lock no longer than the retention",
        )
    return Check("object lock", "ok", shown)


def judge_lifecycle(rules: Sequence[Rule], replica: ReplicaConfig) -> Check:
    """Say whether a rule of the bucket deletes, or freezes, what restores need.

    To restore to the beginning of the retention takes a snapshot that may be one interval older.
    """
    kept = _retention(replica)
    needed = kept + (replica.snapshot_interval or kept) if kept > timedelta() else None
    faults = [fault for rule in rules if _applies(rule, replica) for fault in _faults(rule, needed)]
    if faults:
        status, message, hint = next((one for one in faults if one[0] == "fail"), faults[0])
        return Check("lifecycle", "fail" if status == "fail" else "warn", message, hint)
    mine = sum(_applies(rule, replica) for rule in rules)
    return Check("lifecycle", "ok", f"{plural(mine, 'rule')} for this path, none deletes history")


def _faults(rule: Rule, needed: timedelta | None) -> Iterator[tuple[str, str, str]]:
    """Yield status, message and hint for whatever a rule does to a replica; `needed` None: for ever."""
    name = f"rule {rule.get('ID') or '(without a name)'}"
    hint = "leave deleting to the retention of replication; a rule may end older versions"
    for move in rule.get("Transitions", ()):
        if move.get("StorageClass") in _FROZEN:
            where = f"moves objects to {move['StorageClass']} after {plural(int(move.get('Days', 0)), 'day')}"
            yield "fail", f"{name} {where}: a restore would wait for hours", "take this path out of the rule"
    expiration = rule.get("Expiration", {})
    if "Date" in expiration:
        yield "fail", f"{name} deletes everything on {expiration['Date']:%Y-%m-%d}", hint
    if "Days" in expiration:
        days = int(expiration["Days"])
        after = f"{name} deletes objects after {plural(days, 'day')}"
        if needed is None:
            yield "fail", f"{after}, but history shall be kept for ever", hint
        elif timedelta(days=days) < needed:
            yield "fail", f"{after}, but restores need them for {_length(needed)}", hint
        else:
            yield "warn", f"{after}, also the only snapshot of a database that nobody writes to", hint


def _applies(rule: Rule, replica: ReplicaConfig) -> bool:
    """Tell whether a rule is on and for objects of the replica, which carry no tags."""
    if rule.get("Status") != "Enabled":
        return False
    chosen = rule.get("Filter", {})
    both = chosen.get("And", {})
    if "Tag" in chosen or both.get("Tags"):
        return False
    prefix = chosen.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or ""
    root = f"{replica.path}/" if replica.path else ""
    return root.startswith(prefix) or prefix.startswith(root)


def judge_encryption(rules: Sequence[Rule], replica: ReplicaConfig) -> Check:
    """Say how what lies there is encrypted, and what a restore needs besides the credentials."""
    if replica.sse_customer_key or replica.sse_customer_key_path:
        return Check("encryption", "ok", "by a key of your own: keep a copy of it where the bucket is not")
    if replica.age_recipients:
        return Check("encryption", "ok", "by age: keep a copy of an identity where the bucket is not")
    by: Mapping[str, Any] = next((rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules), {})
    algorithm = by.get("SSEAlgorithm")
    if algorithm is None:
        hint = "turn the bucket's default encryption on (SSE-S3 costs nothing)"
        return Check("encryption", "warn", "the bucket does not encrypt what is written", hint)
    if "kms" in algorithm:
        key = by.get("KMSMasterKeyID") or "of the account"
        return Check("encryption", "ok", f"{algorithm}, KMS key {key}: restores need kms:Decrypt on it")
    return Check("encryption", "ok", algorithm)


def _retention(replica: ReplicaConfig) -> timedelta:
    return replica.retention if replica.retention is not None else DEFAULT_RETENTION


def _length(amount: timedelta) -> str:
    return span(int(amount.total_seconds()))
