"""Signed requests on /graphql, signed by botocore as any of AWS's SDKs would."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from iamgraph.app.sts import AssumeRole
from iamgraph.app.users import CreateUser
from iamgraph.domain.entities import EventOutcome, KeyStatus
from iamgraph.security.sealing import Sealer
from iamgraph.security.sigv4 import SignedRequest
from iamgraph.store.keys import Keys
from iamgraph.store.sessions import Sessions
from iamgraph.transport.graphql.http import GRAPHQL_RESPONSE

from ...service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Client, Reply, Service, allow

WHO = "{ viewer { arn mfaAuthenticated sourceIdentity session { id } } }"
ANY_OF_IT = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A request as it is sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    async def send(self, service: Client) -> Reply:
        url = URL(self.url, encoded=True)
        async with service.http.post(url, headers=self.headers, data=self.body) as response:
            text = await response.text()
            return Reply(response.status, response.headers, text, await response.json(content_type=None))


@dataclass(frozen=True, kw_only=True)
class Key:
    """An access key, and how a program signs with it."""

    service: Client
    id: str
    secret: str
    token: str | None = None
    name: str = "iamgraph"
    region: str = "eu-central-1"

    def sign(self, query: str, variables: Mapping[str, Any] | None = None, **headers: str) -> Wire:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        sent = {"Content-Type": "application/json", "Accept": GRAPHQL_RESPONSE} | headers
        request = AWSRequest(method="POST", url=self.service.url, data=body, headers=sent)
        signer = SigV4Auth(Credentials(self.id, self.secret, self.token), self.name, self.region)
        with patch("botocore.auth.get_current_datetime", lambda *_, **__: self.service.clock()):
            signer.add_auth(request)
        return Wire(url=self.service.url, headers=dict(request.headers.items()), body=body)

    async def ask(self, query: str = WHO, **variables: Any) -> Reply:
        return await self.sign(query, variables).send(self.service)

    async def do(self, mutation: str, input: Mapping[str, Any], fields: str = "__typename") -> Any:
        name = mutation[0].upper() + mutation[1:]
        query = f"""mutation($input: {name}Input!) {{ {mutation}(input: $input) {{
          __typename ... on {name}Success {{ {fields} }} ... on Error {{ code message }} }} }}"""
        return (await self.ask(query, input=input)).only()

    async def refused(self) -> str:
        """Why the key's request is refused."""
        reply = await self.ask()
        assert (reply.status, reply.codes, reply.data) == (401, ["UNAUTHENTICATED"], None), reply.text
        message: str = reply.body["errors"][0]["message"]
        return message

    async def works(self) -> bool:
        reply = await self.ask()
        return reply.status == 200 and reply.codes == []


async def key_of(service: Client, user: str | None, token: str | None = None) -> Key:
    """A new long-term key: of a user, or of whose token it is."""
    input = {"userName": user} if user else {}
    made = await service.good("createAccessKey", input, "secretAccessKey accessKey { accessKeyId }", token)
    return Key(service=service, id=made["accessKey"]["accessKeyId"], secret=made["secretAccessKey"])


async def programmer(service: Service, policy: str | None = None) -> Key:
    """A user without a password, and its key."""
    await service.good("createUser", {"userName": "ci", "path": "/apps/"})
    if policy is not None:
        await service.good("putUserPolicy", {"userName": "ci", "policyName": "own", "policyDocument": policy})
    return await key_of(service, "ci")


ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
ASSUME = "credentials { accessKeyId secretAccessKey sessionToken } session { id parent { id } }"


async def role(service: Service) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
    }
    await service.good(
        "createRole",
        {"roleName": "deploy", "assumeRolePolicyDocument": json.dumps(trust), "maxSessionDuration": 43200},
    )
    anything = {"roleName": "deploy", "policyName": "own", "policyDocument": json.dumps(ANY_OF_IT)}
    await service.good("putRolePolicy", anything)


async def assumed(by: Key, name: str = "run", seconds: int = 900) -> tuple[Key, dict[str, Any]]:
    """The key of a session of the role, and the session."""
    done = await by.do("assumeRole", {"roleArn": ROLE, "roleSessionName": name, "durationSeconds": seconds}, ASSUME)
    assert done["__typename"] == "AssumeRoleSuccess", done
    made = done["credentials"]
    key = replace(by, id=made["accessKeyId"], secret=made["secretAccessKey"], token=made["sessionToken"])
    return key, done["session"]


async def test_keys_of_a_user_the_root_and_a_role_session_sign(service: Service) -> None:
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    root = await key_of(service, None, await service.root())
    session, _ = await assumed(ci)
    assert (ci.id[:4], session.id[:4]) == ("AKIA", "ASIA")
    nothing = {"mfaAuthenticated": False, "sourceIdentity": None, "session": None}
    for name, region in (("iamgraph", "eu-central-1"), ("iam", "us-east-1"), ("sts", "global"), ("iam", "")):
        for key, arn in ((ci, f"arn:aws:iam::{ACCOUNT}:user/apps/ci"), (root, f"arn:aws:iam::{ACCOUNT}:root")):
            reply = await replace(key, name=name, region=region).ask()
            assert reply.data == {"viewer": {"arn": arn, **nothing}}, reply.text
        reply = await replace(session, name=name, region=region).ask()
        assert reply.data["viewer"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"
        assert reply.data["viewer"]["session"] is not None
    refusal = await replace(ci, name="s3").refused()
    assert "'s3'" in refusal and "iamgraph" in refusal


async def test_the_life_of_a_credential_counts_at_each_request(service: Service) -> None:
    """Inactive keys, expired sessions, and session keys with no token or another's (reports ST-03)."""
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    session, _ = await assumed(ci)
    other, _ = await assumed(ci, "other")
    not_valid = await replace(ci, id="AKIA" + "A" * 16).refused()
    assert "does not match the signature" in not_valid

    await service.good("updateAccessKey", {"userName": "ci", "accessKeyId": ci.id, "status": "INACTIVE"})
    assert await ci.refused() == not_valid
    await service.good("updateAccessKey", {"userName": "ci", "accessKeyId": ci.id, "status": "ACTIVE"})
    assert await ci.works() and await session.works()

    assert "needs its session token" in await replace(session, token=None).refused()
    assert await replace(session, token=other.token).refused() == not_valid
    assert await replace(session, token="igt_" + "A" * 43).refused() == not_valid
    assert await replace(session, token="").refused()
    assert "takes no x-amz-security-token" in await replace(ci, token=other.token).refused()
    assert await replace(session, secret=other.secret).refused() == not_valid

    service.clock.ahead = 15 * MINUTE
    assert "is expired" in await session.refused()
    # Only who can prove that the session was theirs hears that it ran out.
    assert await replace(session, token=other.token).refused() == not_valid
    assert await replace(session, secret=other.secret).refused() == not_valid
    assert await ci.works()


async def test_a_key_that_is_unknown_answers_like_one_that_is_not(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer after the same work: one secret opened, one signature made, one look-up."""
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    inactive, (session, _) = await key_of(service, "ci"), await assumed(ci)
    await service.good("updateAccessKey", {"userName": "ci", "accessKeyId": inactive.id, "status": "INACTIVE"})
    done: list[str] = []

    def counted(kind: type[Any], name: str) -> None:
        plain = getattr(kind, name)

        def counting(self: Any, *args: Any, **more: Any) -> Any:
            done.append(name)
            return plain(self, *args, **more)

        monkeypatch.setattr(kind, name, counting)

    counted(Sealer, "unseal")
    counted(SignedRequest, "is_by")
    counted(Keys, "with_owner")
    counted(Sessions, "by_access_key")
    answers = []
    for key, looked_up in (
        (replace(ci, id="AKIA" + "A" * 16), "with_owner"),
        (replace(ci, secret="a" * 40), "with_owner"),
        (inactive, "with_owner"),
        (replace(inactive, secret="a" * 40), "with_owner"),
        (replace(session, id="ASIA" + "A" * 16), "by_access_key"),
        (replace(session, secret="a" * 40), "by_access_key"),
        (replace(session, token="igt_" + "A" * 43), "by_access_key"),
    ):
        done.clear()
        reply = await key.ask()
        assert done == [looked_up, "unseal", "is_by"]
        answers.append((reply.status, reply.body, set(reply.headers)))
    assert len(answers) == 7 and all(answer == answers[0] for answer in answers)


async def test_five_minutes_either_way(service: Service) -> None:
    ci = await programmer(service)
    for ahead, works in ((4.5, True), (-4.5, True), (5.5, False), (-5.5, False)):
        service.clock.ahead = timedelta()
        wire = ci.sign(WHO)
        service.clock.ahead = ahead * MINUTE
        reply = await wire.send(service)
        assert (reply.status, reply.codes) == ((200, []) if works else (401, ["UNAUTHENTICATED"])), (ahead, reply.text)
        assert works or "5 min.)" in reply.text


async def test_what_was_changed_on_the_way_is_refused(service: Service) -> None:
    ci = await programmer(service)
    good = ci.sign(WHO, **{"X-Amz-Meta": "one", "Iamgraph-Request": "1"})
    assert (await good.send(service)).status == 200
    authorization = good.headers["Authorization"]

    def headed(**changed: str) -> Wire:
        return replace(good, headers={**good.headers, **{k.replace("_", "-"): v for k, v in changed.items()}})

    wrong = [
        replace(good, body=good.body.replace(b"arn", b"arn ")),
        replace(good, body=good.body + b" "),
        replace(good, url=good.url + "?a=1"),
        headed(X_Amz_Meta="two"),
        headed(Iamgraph_Request="2"),
        headed(Accept="application/json"),
        headed(Host="iam.example.com"),
        headed(X_Amz_Other="unsigned"),
        headed(X_Amz_Date=f"{service.clock() + timedelta(seconds=2):%Y%m%dT%H%M%SZ}"),
        headed(X_Amz_Content_Sha256="UNSIGNED-PAYLOAD"),
        headed(Authorization=authorization.replace("eu-central-1", "eu-central-2")),
        headed(Authorization=authorization.replace("/iamgraph/", "/iam/")),
        headed(Authorization=authorization.replace("host;", "")),
        headed(Authorization=authorization[:-1] + ("0" if authorization[-1] != "0" else "1")),
        headed(Authorization=authorization.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        headed(Authorization="AWS4-HMAC-SHA256"),
        replace(good, headers={k: v for k, v in good.headers.items() if k != "X-Amz-Date"}),
    ]
    for wire in wrong:
        reply = await wire.send(service)
        assert (reply.status, reply.codes, reply.data) == (401, ["UNAUTHENTICATED"], None), (wire, reply.text)
        assert ci.secret not in reply.text
    assert await ci.works()


async def test_a_request_with_a_query_is_signed_with_it(service: Service) -> None:
    there = replace(service, url=service.url + "?a=&a=x%20y&b=%C3%A9&c=")
    key = replace(await programmer(service), service=there)
    assert (await key.ask()).status == 200
    wire = key.sign(WHO)
    assert (await replace(wire, url=service.url + "?c&b=%C3%A9&a=x%20y&a").send(service)).status == 200
    assert (await replace(wire, url=service.url + "?a=&a=x%20y&b=%C3%A8&c=").send(service)).status == 401


async def test_deleting_a_key_a_user_or_an_account_is_felt_at_the_next_request(service: Service) -> None:
    first = await programmer(service)
    second = await key_of(service, "ci")
    assert await first.works() and await second.works()
    not_valid = await replace(first, secret="a" * 40).refused()
    await service.good("deleteAccessKey", {"userName": "ci", "accessKeyId": first.id})
    assert await first.refused() == not_valid and await second.works()
    await service.good("deleteAccessKey", {"userName": "ci", "accessKeyId": second.id})
    await service.good("deleteUser", {"userName": "ci"})
    assert await second.refused() == not_valid

    await service.good(
        "createAccount", {"email": "b@example.com", "rootPassword": ROOT_PASSWORD, "accountId": "444455556666"}
    )
    sign_in = {"email": "b@example.com", "password": ROOT_PASSWORD}
    token = (await service.do("signInAsRoot", sign_in, "accessToken"))["accessToken"]
    theirs = await key_of(service, None, token)
    assert (await theirs.ask()).data["viewer"]["arn"] == "arn:aws:iam::444455556666:root"
    await service.good("closeAccount", {"accountId": "444455556666"})
    assert await theirs.refused() == not_valid


async def test_a_revoked_session_signs_no_more(service: Service) -> None:
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    parent, made = await assumed(ci)
    child, chained = await assumed(parent, "child")
    assert made["parent"] is None and chained["parent"] == {"id": made["id"]}
    assert await parent.works() and await child.works()
    await service.good("revokeSession", {"sessionId": made["id"]})
    not_valid = await replace(ci, secret="a" * 40).refused()
    assert await parent.refused() == not_valid and await child.refused() == not_valid
    assert await ci.works()


async def test_a_session_revokes_itself_and_signs_out(service: Service) -> None:
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    key, made = await assumed(ci)
    deny = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    await service.good("putRolePolicy", {"roleName": "deploy", "policyName": "not", "policyDocument": deny})
    assert (await key.do("revokeSession", {"sessionId": made["id"]}))["__typename"] == "RevokeSessionSuccess"
    await key.refused()
    other, _ = await assumed(ci)
    out = "mutation { signOut { ... on SignOutSuccess { signedOut } } }"
    assert (await other.ask(out)).data == {"signOut": {"signedOut": True}}
    await other.refused()
    # A long-term key has no session to end.
    assert (await ci.ask(out)).data == {"signOut": {"signedOut": False}}
    assert await ci.works()


async def test_how_long_a_role_may_be_assumed_for(service: Service) -> None:
    """Twelve hours with a long-term key, one with a role's (reports ST-01)."""
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    key, _ = await assumed(ci, seconds=43200)
    await assumed(key, seconds=3600)
    for seconds, by in ((3601, key), (43200, key), (43201, ci), (899, ci)):
        wanted = {"roleArn": ROLE, "roleSessionName": "xx", "durationSeconds": seconds}
        done = await by.do("assumeRole", wanted)
        assert done["__typename"] == "InvalidInputError", (seconds, done)
    service.clock.ahead = 719 * MINUTE
    assert await key.works()
    service.clock.ahead = 720 * MINUTE
    assert "is expired" in await key.refused()


async def test_changing_the_password_with_a_key_ends_every_sign_in(service: Service) -> None:
    token = await service.user("alice", allow("iam:ChangePassword"))
    alice = await key_of(service, "alice")
    change = {"oldPassword": "alice-Passw0rd!", "newPassword": "alice-Passw0rd?"}
    assert (await alice.do("changePassword", change))["__typename"] == "ChangePasswordSuccess"
    assert (await service.ask(WHO, token)).status == 401
    assert await alice.works()


@pytest.mark.parametrize("operator", ["Null", "Bool"])
async def test_long_term_keys_bring_no_keys_of_sessions(service: Service, operator: str) -> None:
    """PE-03: aws:TokenIssueTime and aws:MultiFactorAuthPresent are there for temporary credentials only (IAM User Guide)."""
    conditions = {
        "Null": {"Null": {"aws:TokenIssueTime": "true", "aws:MultiFactorAuthPresent": "true"}},
        "Bool": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    }
    statement = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", "Condition": conditions[operator]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    token = await service.user("alice", policy)
    key = await key_of(service, "alice")
    query = "query($u: ARN!) { resource(arn: $u) { ... on User { uniqueId } } }"
    alice = f"arn:aws:iam::{ACCOUNT}:user/alice"
    by_key, by_session = await key.ask(query, u=alice), await service.ask(query, token, u=alice)
    allowed, refused = (by_key, by_session) if operator == "Null" else (by_session, by_key)
    assert allowed.data["resource"]["uniqueId"] and "ACCESS_DENIED" in refused.codes


async def test_policies_see_who_signs(service: Service) -> None:
    own = {
        "Effect": "Allow",
        "Action": "iam:*AccessKey*",
        "Resource": f"arn:aws:iam::{ACCOUNT}:user/apps/${{aws:username}}",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:PrincipalType": "User"}},
    }
    key = await programmer(service, json.dumps({"Version": "2012-10-17", "Statement": own}))
    assert (await key.do("createAccessKey", {}))["__typename"] == "AccessDeniedError"
    await service.good("tagUser", {"userName": "ci", "tags": [{"key": "team", "value": "red"}]})
    assert (await key.do("createAccessKey", {}))["__typename"] == "CreateAccessKeySuccess"
    # The key can even take itself away.
    assert (await key.do("deleteAccessKey", {"accessKeyId": key.id}))["__typename"] == "DeleteAccessKeySuccess"
    await key.refused()


@pytest.mark.parametrize("command", [CreateUser, AssumeRole])
async def test_a_command_reads_the_key_again_in_its_transaction(
    service: Service, monkeypatch: pytest.MonkeyPatch, command: type[Any]
) -> None:
    await role(service)
    key = await programmer(service, allow("iam:CreateUser", "sts:AssumeRole"))
    plain = command.prepare

    async def meanwhile(*args: Any) -> Any:
        async with service.database.writing() as data:
            await data.keys.set_status(key.id, KeyStatus.INACTIVE)
        return await plain(*args)

    monkeypatch.setattr(command, "prepare", meanwhile)
    before = {k: v for k, v in (await service.snapshot()).items() if k != "access_key"}
    input = {"userName": "new"} if command is CreateUser else {"roleArn": ROLE, "roleSessionName": "xx"}
    name = command.__name__
    field = name[0].lower() + name[1:]
    query = f"mutation($input: {name}Input!) {{ {field}(input: $input) {{ __typename }} }}"
    reply = await key.ask(query, input=input)
    assert reply.codes == ["UNAUTHENTICATED"], reply.text
    assert {k: v for k, v in (await service.snapshot()).items() if k != "access_key"} == before


async def test_a_session_that_ends_meanwhile_does_not_go_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await role(service)
    key, made = await assumed(await programmer(service, allow("sts:AssumeRole")))
    plain = CreateUser.prepare

    async def meanwhile(*args: Any) -> Any:
        await service.good("revokeSession", {"sessionId": made["id"]})
        return await plain(*args)

    monkeypatch.setattr(CreateUser, "prepare", meanwhile)
    query = "mutation($input: CreateUserInput!) { createUser(input: $input) { __typename } }"
    assert (await key.ask(query, input={"userName": "new"})).codes == ["UNAUTHENTICATED"]


async def test_the_history_names_who_signed_and_has_what_was_refused(service: Service) -> None:
    """AU-01: who signed wrongly is nobody. AU-02: the key's id is in each event, of what was done, refused and read."""
    ci = await programmer(service, allow("iam:CreateGroup", "sts:AssumeRole"))
    assert (await ci.do("createGroup", {"groupName": "g"}))["__typename"] == "CreateGroupSuccess"
    (event,) = await service.events(name="CreateGroup")
    assert (event.principal_arn, event.session_id) == (f"arn:aws:iam::{ACCOUNT}:user/apps/ci", None)
    await ci.do("deleteGroup", {"groupName": "g"})
    await ci.ask(f'{{ account(by: {{ id: "{ACCOUNT}" }}) {{ group(name: "g") {{ id }} }} }}')
    await role(service)
    temporary, _ = await assumed(ci)
    await temporary.do("deleteGroup", {"groupName": "g"})
    signed = {(one.name, one.access_key_id) for one in await service.events() if one.access_key_id}
    assert signed - {("DescribeAccount", ci.id)} == {
        *((name, ci.id) for name in ("CreateGroup", "DeleteGroup", "GetGroup", "AssumeRole")),
        ("DeleteGroup", temporary.id),
    }
    assert {one.access_key_id for one in await service.events(name="CreateUser")} == {None}
    async with service.database.reading() as data:
        sql = "SELECT * FROM event WHERE account_id IS NULL AND name = 'Viewer'"
        before = len(await data.users._db.fetch(sql))
        await replace(ci, secret="a" * 40).refused()
        rows = await data.users._db.fetch(sql)
    assert len(rows) == before + 1 and rows[-1]["outcome"] == EventOutcome.DENIED.value
    assert (rows[-1]["principal_arn"], rows[-1]["principal_id"], rows[-1]["access_key_id"]) == (None, None, None)
    assert ci.secret not in repr([dict(row) for row in rows])


async def test_nobody_signs_in_beside_a_wrong_signature(service: Service) -> None:
    ci = await programmer(service)
    query = """mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) {
      ... on SignInSuccess { accessToken } } }"""
    variables = {"e": ROOT_EMAIL, "p": ROOT_PASSWORD}
    before = await service.snapshot()
    for wrong in (replace(ci, secret="a" * 40), replace(ci, name="s3")):
        for asked in (query, "{ __schema { queryType { name } } }"):
            reply = await wrong.ask(asked, **(variables if asked is query else {}))
            assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"]), reply.text
    assert await service.snapshot() == before


async def test_a_signature_goes_before_a_cookie(service: Service) -> None:
    ci = await programmer(service)
    cookie = {"Cookie": f"iam-development={await service.root()}"}
    reply = await ci.sign(WHO, **cookie).send(service)
    assert reply.data["viewer"]["arn"].endswith("user/apps/ci")


async def test_the_documented_program_runs(service: Service) -> None:
    await role(service)
    ci = await programmer(service, allow("sts:AssumeRole"))
    session, _ = await assumed(ci)
    text = (Path(__file__).parents[3] / "docs/signing.md").read_text("utf-8")
    program = text.split("```python\n")[1].split("```")[0]
    for key, arn in ((ci, "user/apps/ci"), (session, "assumed-role/deploy/run")):
        secrets = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, "GRAPHQL_URL": service.url}
        if key.token is not None:
            secrets["AWS_SESSION_TOKEN"] = key.token
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=secrets, stdout=asyncio.subprocess.PIPE
        )
        shown, _ = await run.communicate()
        assert run.returncode == 0 and arn in shown.decode(), shown
