"""The export: CloudTrail's records, whoever acted and however it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

import iamgraph.app.history.audit
import iamgraph.app.users  # noqa: F401 (so that there are operations to ask about)
from iamgraph.app.history import export
from iamgraph.app.history.export import exported, record
from iamgraph.domain.entities import Change, EventOutcome

from ...store.made import ACCOUNT, NOW, OTHER, event
from ..sealed import Sealed


def test_a_record_is_cloudtrails() -> None:
    changes = (Change(field="path", before="/", after="/x/"), Change(field="tags.Team", before="a", after=None))
    assert record(event(1, seq=7, access_key_id="AKIA00000000000000AA", changes=changes)) == {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDA00000000000000001",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": ACCOUNT,
            "userName": "alice",
            "accessKeyId": "AKIA00000000000000AA",
        },
        "eventTime": "2026-03-01T12:00:01Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "test",
        "requestParameters": {"userName": "u"},
        "responseElements": None,
        "additionalEventData": {
            "outcome": "SUCCEEDED",
            "transport": "graphql",
            "sequence": 7,
            "changes": [
                {"field": "path", "before": "/", "after": "/x/"},
                {"field": "tags.Team", "before": "a", "after": None},
            ],
        },
        "requestID": "request 1",
        "eventID": "event1",
        "readOnly": False,
        "resources": [{"ARN": "arn:aws:iam::111122223333:user/u1", "accountId": ACCOUNT}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "Root"),
        (f"arn:aws:iam::{ACCOUNT}:user/division/alice", "IAMUser"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci", "AssumedRole"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/kim", "FederatedUser"),
        (f"arn:aws:iamgraph::{ACCOUNT}:agent/ag-0123456789abcdef0", "AWSService"),
        ("what is no ARN", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_who_acted(arn: str | None, kind: str) -> None:
    identity = record(event(1, principal_arn=arn))["userIdentity"]
    assert isinstance(identity, dict)
    assert identity["type"] == kind and "accessKeyId" not in identity


def test_a_role_session_names_its_role_and_the_key_it_was_given() -> None:
    """CloudTrail User Guide, "CloudTrail userIdentity element"."""
    made = record(
        event(
            1,
            name="AssumeRole",
            action="sts:AssumeRole",
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
            principal_id="AROA00000000000000001",
            access_key_id="ASIA00000000000000AA",
        )
    )
    assert made["userIdentity"] == {
        "type": "AssumedRole",
        "principalId": "AROA00000000000000001:ci",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIA00000000000000AA",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROA00000000000000001",
                "accountId": ACCOUNT,
                "userName": "deploy",
            }
        },
    }
    assert (made["eventSource"], made["eventType"]) == ("sts.amazonaws.com", "AwsApiCall")
    signed_in = record(event(1, name="SignIn", action="signin:SignIn"))
    assert (signed_in["eventSource"], signed_in["eventType"]) == ("signin.amazonaws.com", "AwsConsoleSignIn")


def test_a_federated_user_names_who_made_it() -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/kim"
    for principal_id, kind in (("AIDA00000000000000001", "IAMUser"), (ACCOUNT, "Root")):
        assert record(event(1, principal_arn=arn, principal_id=principal_id))["userIdentity"] == {
            "type": "FederatedUser",
            "principalId": f"{ACCOUNT}:kim",
            "arn": arn,
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": kind, "principalId": principal_id, "accountId": ACCOUNT}},
        }


def test_errors_and_reads() -> None:
    failed = record(
        event(
            1,
            name="GetUser",
            outcome=EventOutcome.DENIED,
            error_code="AccessDenied",
            error_message="no",
            resources=("*",),
        )
    )
    assert (failed["errorCode"], failed["errorMessage"], failed["readOnly"]) == ("AccessDenied", "no", True)
    assert failed["resources"] == []
    assert record(event(1, error_message="KeyError"))["errorCode"] == "InternalFailure"


async def test_an_account_or_all_oldest_first(history: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH", 2)
    for n, account_id in enumerate((ACCOUNT, OTHER, None, ACCOUNT, ACCOUNT)):
        await history.write(n, account_id=account_id)

    async def ids(account_id: str | None = None, since: datetime | None = None) -> list[str]:
        async with history.database.snapshot() as data:
            lines = [line async for line in exported(data, account_id=account_id, since=since)]
        return [orjson.loads(line)["eventID"] for line in lines]

    assert await ids() == [f"event{n}" for n in range(5)]
    assert await ids(ACCOUNT) == ["event0", "event3", "event4"]
    assert await ids(None, NOW + timedelta(seconds=3)) == ["event3", "event4"]
    assert await ids(ACCOUNT, datetime(2030, 1, 1, tzinfo=UTC)) == []
