"""GraphQL over HTTP: media types, statuses, cookies, and errors that tell nothing they should not."""

from __future__ import annotations

import logging
from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from iamgraph.app.users import ListUsers
from iamgraph.transport.cookies import Cookies
from iamgraph.transport.graphql.http import GRAPHQL_RESPONSE, HEADER
from iamgraph.transport.origin import origin_of

from ...service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Service, allow

COOKIE = Cookies(is_secure=False).session
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


async def test_a_secret_that_does_not_fit_is_not_told(service: Service) -> None:
    token = await service.root()
    await service.good("createUser", {"userName": "echo"})
    for name, input in (
        ("createLoginProfile", {"userName": "echo", "password": "MySecret\u20acPassw0rd"}),
        ("createLoginProfile", {"userName": "echo", "password": "MySecret" * 30}),
        ("signIn", {"account": "a", "userName": "b", "password": "MySecret" * 200}),
        ("signIn", {"account": "MySecret" * 50, "userName": "b", "password": "c"}),
    ):
        done = await service.do(name, input, token=token)
        assert done["code"] == "INVALID_INPUT" and "MySecret" not in done["message"], done
    assert "MySecret" not in str(await service.events())


async def test_a_request_sees_what_it_has_changed(service: Service) -> None:
    """Two changes in one request: the second payload has both."""
    token = await service.root()
    await service.good("createUser", {"userName": "u"})
    for name in ("one", "two"):
        await service.good("createPolicy", {"policyName": name, "policyDocument": allow("deploy:*")})
    fields = "... on AttachUserPolicySuccess { user { attachedPolicies(first: 5) { nodes { name } } } }"
    arn = f"arn:aws:iam::{ACCOUNT}:policy/"
    reply = await service.ask(
        f'mutation {{ a: attachUserPolicy(input: {{userName: "u", policyArn: "{arn}one"}}) {{ {fields} }} '
        f'b: attachUserPolicy(input: {{userName: "u", policyArn: "{arn}two"}}) {{ {fields} }} }}',
        token,
    )
    assert [node["name"] for node in reply.data["b"]["user"]["attachedPolicies"]["nodes"]] == ["one", "two"]


async def test_only_trusted_proxies_say_where_a_request_comes_from() -> None:
    """The nearest proxy may append to the header, or add a line of its own below what the client sent."""
    trusted = (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"))
    for lines, proxies, expected in (
        (["6.6.6.6"], (), "127.0.0.1"),
        (["6.6.6.6, 9.9.9.9"], trusted, "9.9.9.9"),
        (["6.6.6.6", "9.9.9.9"], trusted, "9.9.9.9"),
        (["6.6.6.6, 9.9.9.9, 10.1.2.3"], trusted, "9.9.9.9"),
        (["nonsense"], trusted, "127.0.0.1"),
        (["::1%zone"], trusted, "127.0.0.1"),
        ([], trusted, "127.0.0.1"),
    ):
        request = make_mocked_request("POST", "/graphql", CIMultiDict([("X-Forwarded-For", line) for line in lines]))
        assert origin_of(request.clone(remote="127.0.0.1"), "GRAPHQL", proxies).ip_address == expected, lines


async def test_a_compressed_body_is_refused(service: Service) -> None:
    reply = await service.post(b"nonsense", **{"Content-Encoding": "gzip"})
    assert (reply.status, reply.codes) == (415, ["BAD_REQUEST"])
