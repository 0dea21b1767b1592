"""GraphQL over HTTP: media types, statuses, cookies, and errors that tell nothing they should not."""

from __future__ import annotations

import logging

import pytest

from iamgraph.app.users import ListUsers
from iamgraph.transport.graphql.http import COOKIE, GRAPHQL_RESPONSE, HEADER

from ...service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Service

SIGN_IN = """mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) {
  __typename ... on SignInSuccess { accessToken } ... on Error { code } } }"""


async def test_statuses_follow_the_draft(service: Service) -> None:
    token = await service.root()
    bad, good = {"query": "{ nonsense }"}, {"query": "{ viewer { arn } }"}
    for body, who, strict, legacy in ((bad, token, 400, 200), (good, token, 200, 200), (good, None, 401, 401)):
        reply = await service.post(body, who, Accept=GRAPHQL_RESPONSE)
        assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (strict, GRAPHQL_RESPONSE), reply.text
        assert (await service.post(body, who)).status == legacy
    reply = await service.post(good, token, **{"Content-Type": "text/plain"})
    assert (reply.status, reply.codes) == (415, ["BAD_REQUEST"])
    async with service.http.get(service.url, params=good) as response:
        assert response.status == 405


async def test_credentials_that_are_none(service: Service) -> None:
    for header in ("Bearer nonsense", "Basic cm9vdDpyb290", "Bearer", ""):
        reply = await service.post({"query": "{ viewer { arn } }"}, Authorization=header)
        assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"]), header
        assert reply.headers["WWW-Authenticate"] == "Bearer"


async def test_a_browser_gets_a_cookie_that_needs_the_header(service: Service) -> None:
    body = {"query": SIGN_IN, "variables": {"e": ROOT_EMAIL, "p": ROOT_PASSWORD}}
    assert "Set-Cookie" not in (await service.post(body)).headers
    cookie = (await service.post(body, **{HEADER: "1"})).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=igs_") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    sent = cookie.split(";")[0]
    service.http.cookie_jar.clear()
    viewer = {"query": "{ viewer { arn } }"}
    reply = await service.post(viewer, Cookie=sent)
    assert (reply.status, reply.codes) == (403, ["BAD_REQUEST"])
    reply = await service.post(viewer, Cookie=sent, **{HEADER: "1"})
    assert reply.data == {"viewer": {"arn": f"arn:aws:iam::{ACCOUNT}:root"}}
    out = await service.post({"query": "mutation { signOut { __typename } }"}, Cookie=sent, **{HEADER: "1"})
    assert f'{COOKIE}=""' in out.headers["Set-Cookie"]
    assert (await service.post(viewer, Cookie=sent, **{HEADER: "1"})).codes == ["UNAUTHENTICATED"]


async def test_a_fault_of_ours_is_masked_and_logged(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("postgres://user:secret@db/iam is down")

    monkeypatch.setattr(ListUsers, "fetch", broken)
    with caplog.at_level(logging.ERROR):
        reply = await service.ask(
            f'{{ account(by: {{id: "{ACCOUNT}"}}) {{ accountId users(first: 1) {{ nodes {{ id }} }} }} }}',
            await service.root(),
        )
    assert reply.data == {"account": {"accountId": ACCOUNT, "users": None}}
    assert reply.codes == ["INTERNAL"] and "secret" not in reply.text
    assert reply.body["errors"][0]["extensions"]["requestId"] == reply.headers["X-Request-Id"]
    assert reply.headers["X-Request-Id"] in caplog.text and "is down" in caplog.text


async def test_a_value_in_the_wrong_place_is_not_echoed(service: Service) -> None:
    query = "mutation($i: SignInInput!) { signIn(input: $i) { __typename } }"
    wrong = [
        {"query": query, "variables": {"i": {"account": "a", "userName": "b", "password": 73_519_204}}},
        {"query": query, "variables": {"i": {"account": "a", "userName": "b", "password": ["73519204"]}}},
        {"query": query, "variables": {"i": "73519204"}},
        {"query": 'mutation { signIn(input: {account: "a", userName: "b", password: 73519204}) { __typename } }'},
    ]
    for body in wrong:
        reply = await service.post(body)
        assert reply.codes == ["BAD_REQUEST"] and "73519204" not in reply.text, reply.text


async def test_without_credentials_introspection_is_for_development(service: Service) -> None:
    reply = await service.ask("{ __schema { queryType { name } } }")
    assert reply.data == {"__schema": {"queryType": {"name": "Query"}}}
    assert (await service.ask("{ __schema { queryType { name } } viewer { arn } }")).codes == ["UNAUTHENTICATED"]
