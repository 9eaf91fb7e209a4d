"""What a bucket does by itself to the history in it is found by asking it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.doctor.bucket import Bucket
from sqlite_recovery_tui.doctor.bucket_rules import judge_encryption, judge_lifecycle, judge_lock
from sqlite_recovery_tui.replica.health import Check
from tests.doctor.conftest import encrypt, s3_client, s3_replica
from tests.doctor.support import bad, by_name
from tests.support.fault_proxy import ALWAYS, FaultProxy, s3_error
from tests.support.servers import S3Server

WEEK = timedelta(days=7)


def asked(replica: ReplicaConfig) -> dict[str, Check]:
    return by_name(Bucket(replica).examine())


def test_a_bucket_of_another_region(moto: S3Server) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    s3_client(moto).create_bucket(Bucket="far-away", CreateBucketConfiguration=where)
    check = asked(s3_replica(moto, "far-away", region="us-east-1"))["region"]
    assert (check.status, check.message) == (
        "fail",
        "the bucket is in eu-west-1, configured is us-east-1",
    )
    assert asked(s3_replica(moto, "far-away", region="eu-west-1"))["region"].status == "ok"


def test_a_bucket_without_versions(moto: S3Server, bucket: str) -> None:
    assert asked(s3_replica(moto, bucket))["versioning"].status == "ok"
    s3_client(moto).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert asked(s3_replica(moto, bucket))["versioning"].status == "warn"


def test_a_lock_that_outlasts_the_retention(moto: S3Server) -> None:
    client = s3_client(moto)
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    assert asked(s3_replica(moto, "locked", retention=WEEK))["object lock"].status == "ok"
    client.put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}},
        },
    )
    found = Bucket(s3_replica(moto, "locked", retention=WEEK))
    check = by_name(found.examine())["object lock"]
    assert check.status == "warn"
    assert check.message.startswith("everything is locked for 30 days, longer than the retention of 7 d")
    assert found.locked_days == 30
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Years": 1}}}
    assert judge_lock(lock, s3_replica(moto, "b", retention=timedelta(days=400))).status == "ok"


@pytest.mark.parametrize(
    ("rule", "status", "told"),
    [
        (
            {"Prefix": "", "Expiration": {"Days": 3}},
            "fail",
            "deletes objects after 3 days, but restores need",
        ),
        ({"Prefix": "app/gen", "Expiration": {"Days": 1}}, "fail", "after 1 day"),
        ({"Prefix": "", "Expiration": {"Days": 60}}, "warn", "the only snapshot"),
        ({"Prefix": "other/", "Expiration": {"Days": 1}}, "ok", "0 rules"),
        ({"Prefix": "", "Transitions": [{"Days": 2, "StorageClass": "GLACIER"}]}, "fail", "wait for hours"),
        ({"Prefix": "", "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]}, "ok", "1 rule"),
        ({"Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, "ok", "1 rule"),
    ],
)
def test_rules_that_eat_the_history(
    moto: S3Server, bucket: str, rule: dict[str, Any], status: str, told: str
) -> None:
    whole = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": rule["Prefix"]}, **rule}
    del whole["Prefix"]
    s3_client(moto).put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [whole]}
    )
    check = asked(s3_replica(moto, bucket, retention=WEEK))["lifecycle"]
    assert check.status == status
    assert told in check.message
    off = [{**whole, "Status": "Disabled"}]
    assert judge_lifecycle(off, s3_replica(moto, bucket)).status == "ok"


def test_rules_by_date_by_tag_and_against_a_history_for_ever() -> None:
    replica = ReplicaConfig("r", "s3", bucket="b", path="app")
    one: dict[str, Any] = {"Status": "Enabled", "Prefix": "app/"}
    dated = {**one, "Expiration": {"Date": datetime(2027, 1, 1, tzinfo=UTC)}}
    assert "everything on 2027-01-01" in judge_lifecycle([dated], replica).message
    late = {**one, "Expiration": {"Days": 1000}}
    assert judge_lifecycle([late], replica).status == "warn"
    assert judge_lifecycle([late], replace(replica, retention=timedelta())).status == "fail"
    both = {"Prefix": "app/", "Tags": [{"Key": "temporary", "Value": "1"}]}
    tagged = {"Status": "Enabled", "Filter": {"And": both}, "Expiration": {"Days": 1}}
    assert judge_lifecycle([tagged], replica).status == "ok", "objects of a replica carry no tags"
    assert judge_lifecycle([late, dated], replica).status == "fail", "the worst counts"


def test_encryption(moto: S3Server, bucket: str) -> None:
    assert asked(s3_replica(moto, bucket))["encryption"].message == "AES256"
    encrypt(moto, bucket, "aws:kms")
    assert "kms:Decrypt" in asked(s3_replica(moto, bucket))["encryption"].message
    s3_client(moto).delete_bucket_encryption(Bucket=bucket)
    assert asked(s3_replica(moto, bucket))["encryption"].status == "warn"
    for own in ({"sse_customer_key": Secret("k")}, {"age_recipients": ("age1",)}):
        assert judge_encryption((), s3_replica(moto, bucket, **own)).status == "ok"


def test_what_may_not_be_asked_is_not_known(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS, target="?lifecycle"))
    found = asked(s3_replica(moto, bucket, endpoint=proxy.endpoint))
    assert bad(found.values()) == {"lifecycle": "warn"}
    assert found["lifecycle"].message == "not known: AccessDenied"
    assert "s3:GetLifecycleConfiguration" in found["lifecycle"].hint


def test_a_server_that_knows_no_such_thing(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    proxy.add(s3_error("NotImplemented", status=501, times=ALWAYS, target="?"))
    assert bad(asked(s3_replica(moto, bucket, endpoint=proxy.endpoint)).values()) == {}


def test_a_bucket_that_locks_what_is_written_is_not_written_to(moto: S3Server) -> None:
    from tests.doctor.test_store import everything_in, looked

    client = s3_client(moto)
    client.create_bucket(Bucket="locks-all", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket="locks-all", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    found = by_name(looked(s3_replica(moto, "locks-all", retention=WEEK)).checks)
    assert "would keep what is written for 1 day" in found["put"].message
    assert everything_in(moto, "locks-all") == []


def test_unfinished_uploads_of_a_probe_are_ended_and_no_others(moto: S3Server, bucket: str) -> None:
    client = s3_client(moto)
    for key in ("app/probe-1-large", "app/other"):
        client.create_multipart_upload(Bucket=bucket, Key=key)
    assert Bucket(s3_replica(moto, bucket)).forget("probe-1-") == ""
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["Key"] for one in left] == ["app/other"]


def test_versions_that_may_not_be_deleted_are_named(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    moto.put(bucket, "app/probe-1-small", b"data")
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS, method="DELETE"))
    left = Bucket(s3_replica(moto, bucket, endpoint=proxy.endpoint)).forget("probe-1-")
    assert left == "older versions of the probes (AccessDenied)"
