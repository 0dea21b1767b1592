"""Writes events in CloudTrail's record shape, for tools that read that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime

import orjson

from ...domain.arn import OIDC_PROVIDER, SAML_PROVIDER
from ...domain.entities import Event
from ...store.session import StoreSession
from ..operation import OPERATIONS, Query

BATCH = 1000
Json = dict[str, object]
_TYPES = {"signin": "AwsConsoleSignIn"}
_KINDS = {
    "root": "Root",
    "user": "IAMUser",
    "assumed-role": "AssumedRole",
    "federated-user": "FederatedUser",
    # What an agent asks for is done by EC2, for it.
    "agent": "AWSService",
}


async def exported(data: StoreSession, *, account_id: str | None, since: datetime | None) -> AsyncIterator[bytes]:
    """The events of an account, or all, oldest first: a line of JSON each, without its end."""
    after = 0
    while events := await data.events.forward(account_id, since=since, after=after, limit=BATCH):
        for event in events:
            after = event.seq or after
            yield orjson.dumps(record(event))


def record(event: Event) -> Json:
    """The event as CloudTrail writes it (CloudTrail User Guide, "CloudTrail record contents"). What this service adds has
    the place that CloudTrail gives to such things, `additionalEventData`."""
    made: Json = {
        "eventVersion": "1.11",
        "userIdentity": _identity(event),
        "eventTime": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{event.action.partition(':')[0]}.amazonaws.com",
        "eventName": event.name,
        "awsRegion": "us-east-1",  # where AWS records what global services such as IAM do
        "sourceIPAddress": event.ip_address,
        "userAgent": event.user_agent,
    }
    if event.error_message is not None:
        made |= {"errorCode": event.error_code or "InternalFailure", "errorMessage": event.error_message}
    return made | {
        "requestParameters": orjson.loads(event.parameters),
        "responseElements": None,
        "additionalEventData": _additional(event),
        "requestID": event.request_id,
        "eventID": event.id,
        "readOnly": _is_read(event.name),
        "resources": [_resource(arn) for arn in event.resources if arn != "*"],
        "eventType": _TYPES.get(event.action.partition(":")[0], "AwsApiCall"),
        "managementEvent": True,
        "recipientAccountId": event.account_id,
        "eventCategory": "Management",
    }


def _identity(event: Event) -> Json:
    if event.principal_arn is None:
        return {"type": "Unknown", "principalId": "", "accountId": event.account_id or "", "userName": ""}
    account_id, resource = _parts(event.principal_arn)
    kind, _, rest = resource.partition("/")
    made: Json = {
        "type": _KINDS.get(kind, "Unknown"),
        "principalId": event.principal_id,
        "arn": event.principal_arn,
        "accountId": account_id,
    }
    if kind == "user":
        made["userName"] = rest.rpartition("/")[2]
    if kind == "assumed-role":
        role = rest.partition("/")[0]
        # The role's own ARN has its path, which the session's ARN does not: the issuer is named without it.
        made["principalId"] = f"{event.principal_id}:{rest.partition('/')[2]}"
        issuer = {"type": "Role", "principalId": event.principal_id, "accountId": account_id, "userName": role}
        made["sessionContext"] = {"sessionIssuer": issuer}
    if kind == OIDC_PROVIDER:
        # `provider:audience:subject`, as CloudTrail names who came with a token.
        subject = (event.principal_id or "").removeprefix(event.principal_arn + ":").partition(":")[2]
        return {
            "type": "WebIdentityUser",
            "principalId": event.principal_id,
            "userName": subject,
            "identityProvider": event.principal_arn,
        }
    if kind == SAML_PROVIDER:
        # `qualifier:subject`, as CloudTrail names who came with an assertion.
        qualifier, _, subject = (event.principal_id or "").partition(":")
        return {
            "type": "SAMLUser",
            "principalId": event.principal_id,
            "userName": subject,
            "identityProvider": qualifier,
        }
    if kind == "federated-user":
        made["principalId"] = f"{account_id}:{rest}"
        issuer_kind = "Root" if event.principal_id == account_id else "IAMUser"
        issuer = {"type": issuer_kind, "principalId": event.principal_id, "accountId": account_id}
        made["sessionContext"] = {"sessionIssuer": issuer}
    if event.access_key_id is not None:
        made["accessKeyId"] = event.access_key_id
    return made


def _additional(event: Event) -> Json:
    made: Json = {"outcome": event.outcome.value, "transport": event.transport, "sequence": event.seq}
    if event.changes:
        made["changes"] = [asdict(change) for change in event.changes]
    return made


def _resource(arn: str) -> Json:
    return {"ARN": arn, "accountId": _parts(arn)[0] or None}


def _parts(arn: str) -> tuple[str, str]:
    """The account and the resource of an ARN; empty for what is none."""
    parts = arn.split(":", 5)
    return (parts[4], parts[5]) if len(parts) == 6 else ("", "")


def _is_read(name: str) -> bool:
    operation = OPERATIONS.get(name)
    return operation is not None and issubclass(operation, Query)
