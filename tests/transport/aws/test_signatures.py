"""Whatever is changed in a signed request, and whenever it comes: refused, with AWS's code, and nothing is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from botocore.awsrequest import AWSRequest

from ...service import Service, allow
from ...wire import Answer, AwsKey, aws_key
from .test_sessions import assumed, role, session_id

BODY = b"Action=CreateUser&Version=2010-05-08&UserName=mallory"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "x-amz-meta": "red"}
MINUTE = timedelta(minutes=1)
Change = Callable[[dict[str, str]], dict[str, str]]


def header(name: str, old: str, new: str) -> Change:
    """Makes `old` in a header's value `new`."""

    def change(headers: dict[str, str]) -> dict[str, str]:
        assert old in headers[name], headers[name]
        return {**headers, name: headers[name].replace(old, new, 1)}

    return change


def scope(old: str, new: str) -> Change:
    return header("Authorization", f"/{old}/", f"/{new}/")


async def send(key: AwsKey, change: Change | None = None, body: bytes = BODY) -> Answer:
    """A request that would make a user, signed, then changed."""
    signed = key.signed(AWSRequest("POST", key.url, data=BODY, headers=FORM), "iam")
    headers = dict(signed.headers.items())
    sent = AWSRequest("POST", key.url, data=body, headers=change(headers) if change else headers)
    return await key.send(sent, "CreateUser")


async def test_what_is_changed_on_the_way_or_comes_at_another_time(service: Service) -> None:
    root = await aws_key(service)
    service.clock.stop()
    day, second = f"{service.clock():%Y%m%d}", f"{service.clock():%Y%m%dT%H%M%SZ}"
    next_day, next_second = (f"{service.clock() + timedelta(days=1):%Y%m%d}",
                             f"{service.clock() + timedelta(seconds=1):%Y%m%dT%H%M%SZ}")  # fmt: skip
    ci = await aws_key(service, "ci", allow("sts:AssumeRole", "iam:CreateUser"))
    other = await aws_key(service, "other", allow("iam:CreateUser"))
    ops = await role(root, "ops", allow("iam:CreateUser", "sts:AssumeRole"))
    session, beside = await assumed(ci, ops), await assumed(ci, ops, "beside")
    assert ci.id and other.id and session.id and session.token and beside.token
    signature = ci.signed(AWSRequest("POST", ci.url, data=BODY, headers=FORM), "iam").headers["Authorization"][-64:]
    digit = "1" if signature[-1] == "0" else "0"
    wrong, unknown, unreadable = (
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidClientTokenId"),
        (400, "IncompleteSignature"),
    )
    changes: list[tuple[AwsKey, Change, tuple[int, str]]] = [
        (ci, header("x-amz-meta", "red", "rec"), wrong),
        (ci, header("Content-Type", "urlencoded", "urlencoded; charset=utf-8"), wrong),
        (ci, header("X-Amz-Date", second, next_second), wrong),
        (ci, lambda headers: {**headers, "x-amz-other": "unsigned"}, wrong),
        (ci, header("Authorization", ";x-amz-meta", ""), wrong),
        (ci, lambda headers: {name: value for name, value in headers.items() if name != "x-amz-meta"}, unreadable),
        (ci, scope(day, next_day), wrong),
        (ci, scope("us-east-1", "us-east-2"), wrong),
        (ci, scope("iam", "sts"), wrong),
        (ci, scope("iam", "s3"), wrong),
        (ci, header("Authorization", f"Signature={signature}", f"Signature={signature[:-1]}{digit}"), wrong),
        (ci, header("Authorization", signature, signature[:-1]), unreadable),
        (ci, header("Authorization", "aws4_request", "aws4_other"), unreadable),
        (ci, header("Authorization", ci.id, other.id), wrong),
        (ci, header("Authorization", ci.id, "AKIA" + "A" * 16), unknown),
        (ci, lambda headers: {**headers, "X-Amz-Security-Token": beside.token or ""}, unknown),
        (session, header("X-Amz-Security-Token", session.token, beside.token), unknown),
        (session, header("X-Amz-Security-Token", session.token, session.token[:-1]), unknown),
        (session, lambda headers: {name: value for name, value in headers.items() if "Token" not in name}, unreadable),
    ]  # fmt: skip
    before = await service.snapshot()
    for number, (key, change, expected) in enumerate(changes):
        answer = await send(key, change)
        assert (answer.status, answer.code) == expected, (number, answer.text)
    for place in range(len(BODY)):
        # A change in Action, Version or in a name may be told of first: that is no answer to anybody's right either.
        answer = await send(ci, body=BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :])
        assert (answer.status, answer.code) in (
            wrong, (400, "InvalidAction"), (400, "MissingAction"), (400, "MalformedInput"),
        ), (place, answer.text)  # fmt: skip
    assert (await send(replace(ci, secret=other.secret))).code == "SignatureDoesNotMatch"
    assert (await send(replace(ci, id=None))).code == "MissingAuthenticationToken"

    signed = ci.signed(AWSRequest("POST", ci.url, data=BODY, headers=FORM), "iam")
    for ahead, said in ((5 * MINUTE + timedelta(seconds=1), "Signature expired: "),
                        (-5 * MINUTE - timedelta(seconds=1), "Signature not yet current: ")):  # fmt: skip
        service.clock.ahead = ahead
        answer = await ci.send(signed, "CreateUser")
        assert (answer.status, answer.code) == wrong and answer.message.startswith(said)
    service.clock.ahead = timedelta()

    await service.good("revokeSession", {"sessionId": await session_id(service, "ci")})
    before["session"] = (await service.snapshot())["session"]
    answer = await send(session)
    assert (answer.status, answer.code) == unknown
    service.clock.ahead = 61 * MINUTE
    answer = await send(beside)
    assert (answer.status, answer.code) == (403, "ExpiredToken")
    service.clock.ahead = timedelta()
    assert await service.snapshot() == before
    # And unchanged, in time, it is done.
    assert (await ci.send(signed, "CreateUser")).status == 200
