"""The log: one line a record and a request, with no secret in it, and no reader that can hold the server up."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.refusals import Refusals
from iamgraph.domain.policy.evaluate import Decision
from iamgraph.transport.logs import MAX_LINES, REQUEST_ID, JsonFormatter, LineHandler, TextFormatter, tamed

from ..service import ACCOUNT, ROOT_PASSWORD, Service, allow
from .graphql.test_signed import ANY_OF_IT, assumed, programmer, role


class Log:
    """What the server would write, in both formats."""

    def __init__(self) -> None:
        self.json, self.text = io.StringIO(), io.StringIO()
        self.handlers = [logging.StreamHandler(self.json), logging.StreamHandler(self.text)]
        for handler, formatter in zip(self.handlers, (JsonFormatter(), TextFormatter()), strict=True):
            handler.setFormatter(formatter)

    def lines(self, logger: str) -> list[dict[str, Any]]:
        every = [json.loads(line) for line in self.json.getvalue().splitlines()]
        return [line for line in every if line["logger"] == logger]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    made, root, own = Log(), logging.getLogger(), logging.getLogger("iamgraph")
    levels = root.level, own.level
    # The test server's own, which the server itself does without.
    monkeypatch.setattr(logging.getLogger("aiohttp.access"), "disabled", True)
    for handler in made.handlers:
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    yield made
    for handler in made.handlers:
        root.removeHandler(handler)
    root.setLevel(levels[0])
    own.setLevel(levels[1])


async def test_no_secret_is_in_the_log_of_anything(service: Service, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [ROOT_PASSWORD, "$argon2", "an-0ther-Passw0rd", "a-Guessed-passw0rd", "not-a-token", "in-the-Query"]
    root = await service.root()
    ann = await service.user("ann", json.dumps(ANY_OF_IT))
    ci = await programmer(service, json.dumps(ANY_OF_IT))
    await role(service)
    session, _ = await assumed(ci)
    secrets += [root, ann, "ann-Passw0rd!", ci.secret, session.secret, str(session.token)]
    assert await session.works()
    await service.good(
        "changePassword", {"oldPassword": "ann-Passw0rd!", "newPassword": "an-0ther-Passw0rd"}, token=ann
    )
    guess = {"account": ACCOUNT, "userName": "ann", "password": "a-Guessed-passw0rd"}
    assert (await service.do("signIn", guess))["__typename"] == "InvalidCredentialsError"
    await service.ask("{ viewer { arn } }", "not-a-token")
    misplaced = (
        'mutation { signIn(input: {account: 7, userName: [], password: {x: "a-Guessed-passw0rd"}}) { __typename } }'
    )
    await service.ask(misplaced, root)
    await service.post('{"query": "a-Guessed-passw0rd', root)
    await service.post("a-Guessed-passw0rd", root, Cookie="iam-development=not-a-token")
    async with service.http.post(f"{service.url}?token=in-the-Query", json={"query": "{ a }"}) as response:
        assert response.status == 401

    def broken(*_: object) -> Decision:
        raise RuntimeError("the engine is broken")

    monkeypatch.setattr(Refusals, "decided", broken)
    failed = await service.do("createLoginProfile", {"userName": "ci", "password": "an-0ther-Passw0rd"}, token=root)
    assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"

    written = log.json.getvalue() + log.text.getvalue()
    assert [secret for secret in secrets if secret in written] == []
    done = {name for line in log.lines("iamgraph.access") for name in line["operations"]}
    assert {"SignInAsRoot", "CreateAccessKey", "AssumeRole", "ChangePassword", "CreateLoginProfile"} <= done
    assert len(log.lines("iamgraph.access")) == log.text.getvalue().count(" iamgraph.access ") > 15


async def test_a_line_says_who_did_what(service: Service, log: Log) -> None:
    token = await service.user("ann", allow("iam:GetUser"))
    asked = {
        "query": "query($arn: ARN!) { resource(arn: $arn) { ... on User { name createdAt } } }",
        "variables": {"arn": f"arn:aws:iam::{ACCOUNT}:user/ann"},
    }
    forged = {"X-Request-Id": "forged", "Request-Id": "forged", "X-Forwarded-For": "192.0.2.7"}
    reply = await service.post(asked, token, **forged)
    assert reply.data["resource"]["name"] == "ann", reply.text
    line = log.lines("iamgraph.access")[-1]
    assert 0 < line.pop("milliseconds") < 60_000 and line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "iamgraph.access",
        "message": "POST /graphql 200",
        "request_id": reply.headers["X-Request-Id"],
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "ip": "192.0.2.7",
        "operations": ["GetUser"],
        "principal": f"arn:aws:iam::{ACCOUNT}:user/ann",
    }
    assert "forged" not in str(reply.headers) + log.json.getvalue() + log.text.getvalue()

    before = len(log.lines("iamgraph.access"))
    base = service.url.removesuffix("/graphql")
    await service.http.get(f"{base}/healthz")
    async with service.http.get(f"{base}/a%0A{{%22b%22}}?c=d") as response:
        assert response.status == 404
    quiet, lost = log.lines("iamgraph.access")[before:]
    assert (quiet["level"], quiet["path"], quiet["operations"], quiet["principal"]) == ("DEBUG", "/healthz", [], None)
    assert (lost["status"], lost["path"]) == (404, "/a%0A%7B%22b%22%7D")
    assert quiet["request_id"] != lost["request_id"]
    assert REQUEST_ID.get() is None


async def test_a_fault_has_its_traceback_in_its_line(
    service: Service, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await service.root()

    def broken(*_: object) -> Decision:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(Refusals, "decided", broken)
    reply = await service.ask('mutation { createUser(input: {userName: "x"}) { __typename } }', token)
    (fault,) = log.lines("iamgraph.transport.graphql.http")
    assert (fault["level"], fault["request_id"]) == ("ERROR", reply.headers["X-Request-Id"])
    assert fault["exception"].startswith("Traceback") and fault["exception"].endswith("first line\nsecond line")
    assert reply.body["errors"][0]["extensions"] == {"code": "INTERNAL", "requestId": fault["request_id"]}
    assert "second line" not in reply.text


async def test_of_what_is_no_request_nothing_is_logged(service: Service, log: Log) -> None:
    logging.getLogger("aiohttp.server").addFilter(tamed)
    try:
        port = service.url.split(":")[2].split("/")[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization\x00: Bearer not-a-token\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    finally:
        logging.getLogger("aiohttp.server").removeFilter(tamed)
    (line,) = log.lines("aiohttp.server")
    assert (line["level"], "exception" in line) == ("INFO", False)
    assert line["message"].startswith("what came is no HTTP request: ")
    assert "not-a-token" not in log.json.getvalue() + log.text.getvalue()


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("there", logging.INFO, __file__, 1, "%s", (message,), None)


@pytest.mark.parametrize("message", ["a\nb", 'a"}\r\n{"level":"INFO', "\x1b[31m", "\ud800", "\u2028", "é"])
def test_no_message_begins_a_line_of_its_own(message: str) -> None:
    line = JsonFormatter().format(record(message))
    assert (json.loads(line)["message"] == message and line.isprintable()) or message == "\u2028"
    text = TextFormatter().format(record(message))
    assert text.isprintable() and text.startswith("20") and " INFO there " in text
    assert len(line.splitlines()) <= 2 and "\n" not in line + text


def test_a_pipe_that_nobody_empties_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    handler = LineHandler(os.fdopen(writing, "w"))
    handler.setFormatter(JsonFormatter())
    for n in range(3 * MAX_LINES):
        handler.handle(record(f"{n}"))
    written, left = b"", 0
    while left < 3 * MAX_LINES:
        written += os.read(reading, 65536)
        messages = [json.loads(line)["message"] for line in written.decode().splitlines(True) if line.endswith("\n")]
        kept = [int(message) for message in messages if message.isdecimal()]
        dropped = [int(message.split()[0]) for message in messages if message.endswith(" lines were dropped")]
        left = len(kept) + sum(dropped)
    handler.close()
    os.close(reading)
    assert kept == sorted(kept) and kept[0] == 0 and len(kept) >= MAX_LINES
    assert dropped and left == len(kept) + sum(dropped) == 3 * MAX_LINES and len(messages) == len(kept) + len(dropped)


def test_what_is_logged_last_is_written_before_the_end(tmp_path: Path) -> None:
    program = (
        "import logging; from iamgraph.transport.logs import log_to_stderr; log_to_stderr(level='DEBUG'); "
        "logging.getLogger('iamgraph.x').debug('ours'); logging.getLogger('aiosqlite').debug('parameters'); "
        "logging.getLogger('asyncio').info('theirs')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == ["ours", "theirs"]
