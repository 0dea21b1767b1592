"""AWS's wire over HTTP: who is let in, what is refused in which words, and what is left in the history."""

from __future__ import annotations

import gzip
import json
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from botocore.awsrequest import AWSRequest
from yarl import URL

from iamgraph.app.kernel import Kernel
from iamgraph.domain.budget import Bucket
from iamgraph.domain.entities import EventOutcome
from iamgraph.domain.errors import ServiceUnavailable
from iamgraph.main import application, listening
from iamgraph.transport.aws.actions import ACTIONS
from iamgraph.transport.aws.http import MAX_BODY
from iamgraph.transport.aws.models import services

from ...databases import fresh
from ...service import ACCOUNT, Service, allow, served, settings_for
from ...wire import AwsKey, aws_key

MINUTE = timedelta(minutes=1)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', f'"Principal": {{"AWS": "{ACCOUNT}"}}')
IDENTITY = ("GetCallerIdentity", "sts")


async def test_users_roots_and_role_sessions_are_known_by_their_keys(service: Service) -> None:
    ci = await aws_key(service, "ci", allow("sts:AssumeRole", "iam:GetUser"))
    root = await aws_key(service)
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=TRUST)
    for region in ("us-east-1", "eu-central-1", "global", ""):
        assert (await replace(ci, region=region).ask(*IDENTITY)).data["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ci"
    assert (await root.ask(*IDENTITY)).data == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": ROOT}
    assert (await root.ask("GetUser")).data["User"].keys() == {"UserId", "Arn", "CreateDate", "PasswordLastUsed"}
    assert (await ci.ask("GetUser")).data["User"]["UserName"] == "ci"

    arn = f"arn:aws:iam::{ACCOUNT}:role/ops"
    made = (await ci.ask("AssumeRole", "sts", RoleArn=arn, RoleSessionName="run")).data
    assert made.keys() == {"Credentials", "AssumedRoleUser"}
    given = made["Credentials"]
    session = replace(ci, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    who = (await session.ask(*IDENTITY)).data
    assert who["Arn"] == made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/run"
    assert who["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]
    for token, code in ((None, "InvalidClientTokenId"), ("igt_" + "A" * 43, "InvalidClientTokenId")):
        answer = await replace(session, token=token).ask(*IDENTITY)
        assert (answer.status, answer.code) == (403, code)
    refused = await session.ask("GetUser")
    assert (refused.status, refused.code) == (403, "AccessDenied")
    await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("iam:GetUser"))
    refused = await session.ask("GetUser")
    assert (refused.status, refused.code, refused.message) == (
        400,
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )
    service.clock.ahead = 61 * MINUTE
    expired = await session.ask(*IDENTITY)
    assert (expired.status, expired.code) == (403, "ExpiredToken")


async def test_who_is_not_believed_is_told_why_in_aws_s_words(service: Service) -> None:
    ci = await aws_key(service, "ci", allow("iam:*"))
    unsigned = await AwsKey(service=service).ask("ListUsers")
    assert (unsigned.status, unsigned.code) == (403, "MissingAuthenticationToken")
    unknown = await replace(ci, id="AKIA" + "A" * 16).ask("ListUsers")
    assert (unknown.status, unknown.code, unknown.message) == (
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
    wrong = await replace(ci, secret="a" * 40).ask("ListUsers")
    assert (wrong.status, wrong.code) == (403, "SignatureDoesNotMatch")
    assert wrong.message.startswith("The request signature we calculated does not match the signature you provided.")
    other = await replace(ci, signing_name="sts").ask("ListUsers")
    assert (other.status, other.code) == (403, "SignatureDoesNotMatch") and "'sts'" in other.message
    request = ci.signed(AWSRequest("POST", ci.url, data=b"Action=ListUsers&Version=2010-05-08", headers=FORM), "iam")
    for header, code, status in (
        ("AWS4-HMAC-SHA256 Credential=x", "IncompleteSignature", 400),
        ("Bearer x", "IncompleteSignature", 400),
        (request.headers["Authorization"].replace("HMAC-SHA256", "ECDSA-P256-SHA256"), "IncompleteSignature", 400),
    ):
        request.headers.replace_header("Authorization", header)
        answer = await ci.send(request, "ListUsers")
        assert (answer.status, answer.code) == (status, code), header
    for ahead, told in ((6, "Signature expired: "), (-6, "Signature not yet current: ")):
        request = ci.signed(
            AWSRequest("POST", ci.url, data=b"Action=ListUsers&Version=2010-05-08", headers=FORM), "iam"
        )
        service.clock.ahead = ahead * MINUTE
        answer = await ci.send(request, "ListUsers")
        service.clock.ahead = timedelta()
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch") and answer.message.startswith(told)
    # Nobody's events are of no account.
    async with service.database.reading() as data:
        rows = await data.users._db.fetch("SELECT error_code FROM event WHERE transport = 'AWS' AND account_id IS NULL")
    assert sorted(row["error_code"] for row in rows) == [
        *["IncompleteSignature"] * 3,
        *["SignatureDoesNotMatch"] * 4,
        *["Unauthenticated"] * 2,
    ]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_kubernetes_token_is_good_for_a_quarter_of_an_hour(service: Service) -> None:
    """What `aws eks get-token` and aws-iam-authenticator make: GetCallerIdentity, presigned with the cluster's name."""
    ci = await aws_key(service, "ci", allow("iam:GetUser"))
    token = ci.presign("GetCallerIdentity", expires=60, **{"x-k8s-aws-id": "cluster"})
    for ahead in (0, 14):
        service.clock.ahead = ahead * MINUTE
        answer = await ci.send(token, "GetCallerIdentity", "sts")
        assert (answer.status, answer.data.get("Arn")) == (200, f"arn:aws:iam::{ACCOUNT}:user/ci"), answer.text
    service.clock.ahead = 16 * MINUTE
    answer = await ci.send(token, "GetCallerIdentity", "sts")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch") and "15 min" in answer.message
    service.clock.ahead = timedelta()
    for change in (
        lambda url, headers: (url, {**headers, "x-k8s-aws-id": "other"}),
        lambda url, headers: (url.replace("GetCallerIdentity", "GetSessionToken"), headers),
        lambda url, headers: (url + "&DurationSeconds=900", headers),
    ):
        url, headers = change(token.url, dict(token.headers.items()))
        answer = await ci.send(AWSRequest("GET", url, headers=headers), "GetCallerIdentity", "sts")
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch"), answer.text
    both = ci.signed(AWSRequest("GET", token.url, headers={"x-k8s-aws-id": "cluster"}), "sts")
    assert (await ci.send(both, "GetCallerIdentity", "sts")).code == "IncompleteSignature"


async def test_what_names_no_operation(service: Service) -> None:
    ci = await aws_key(service, "ci", allow("iam:*"))

    async def code(fields: dict[str, str], **headers: str) -> tuple[int, str | None]:
        request = AWSRequest("POST", ci.url, data=urlencode(fields).encode(), headers=FORM | headers)
        answer = await ci.send(ci.signed(request, "iam"), "ListUsers")
        assert answer.headers["x-amzn-RequestId"] in answer.text
        return answer.status, answer.code

    assert await code({}) == (400, "MissingAction")
    assert await code({"Action": "ListUsers", "Version": "2010-05-08"}, **{"Content-Type": "application/json"}) == (
        400,
        "MissingAction",
    )
    for version in ("2011-06-15", "2010-05-09", ""):
        assert await code({"Action": "ListUsers", "Version": version}) == (400, "InvalidAction")
    assert await code({"Action": "ListUsers"}) == (400, "InvalidAction")
    assert await code({"Action": "Nothing", "Version": "2010-05-08"}) == (400, "InvalidAction")
    assert await code({"Action": "ListUsers", "Version": "2010-05-08", "Pathprefix": "/"}) == (400, "UnknownParameter")
    assert await code({"Action": "ListUsers", "Version": "2010-05-08", "x": "y" * MAX_BODY}) == (
        413,
        "RequestEntityTooLarge",
    )
    missing = next(name for name in services()["2010-05-08"].actions if name not in ACTIONS["iam"])
    assert await code({"Action": missing, "Version": "2010-05-08"}) == (501, "NotImplemented")
    assert await code({"Action": "CreateLoginProfile", "Version": "2010-05-08", "UserName": "ci", "Password": "x",
                       "MaxSigninSessionDuration": "3600"}) == (501, "NotImplemented")  # fmt: skip


async def test_a_body_must_not_be_compressed(service: Service) -> None:
    root = await aws_key(service)
    body = gzip.compress(b"Action=CreateUser&Version=2010-05-08&UserName=mallory")
    request = AWSRequest("POST", root.url, data=body, headers=FORM | {"Content-Encoding": "gzip"})
    answer = await root.send(root.signed(request, "iam"), "CreateUser")
    assert (answer.status, answer.code, answer.message) == (400, "MalformedInput", "The body must not be compressed.")
    assert (await root.ask("GetUser", UserName="mallory")).code == "NoSuchEntity"


async def test_what_only_calls_itself_compressed_is_told_so_too(tmp_path: Path) -> None:
    """As the server listens, which a test's own does not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        settings = replace(settings_for(url, tmp_path), port=port)
        async with listening(settings, application(settings, service.kernel)):
            for path, status in (("", 400), ("graphql", 415)):
                headers = {
                    "Content-Encoding": "gzip",
                    "Content-Type": "application/json" if path else FORM["Content-Type"],
                }
                async with service.http.post(
                    f"http://127.0.0.1:{port}/{path}", data=b"{}", headers=headers
                ) as response:
                    assert response.status == status
                    assert "must not be compressed" in await response.text()


async def test_a_query_does_what_a_form_does_and_a_browser_finds_nothing(service: Service) -> None:
    ci = await aws_key(service, "ci", allow("iam:ListUsers"))
    request = ci.signed(AWSRequest("GET", f"{ci.url}?Action=ListUsers&Version=2010-05-08"), "iam")
    assert [user["UserName"] for user in (await ci.send(request, "ListUsers")).data["Users"]] == ["ci"]
    for path in ("", "?x=y"):
        async with service.http.get(ci.url + path) as response:
            assert (response.status, await response.text()) == (404, "404: Not Found")


async def test_no_other_path_is_served_whatever_it_is_signed_as(service: Service) -> None:
    """`/x/..` has the signature of `/`, and is not it."""
    root = await aws_key(service)
    body = b"Action=CreateUser&Version=2010-05-08&UserName=mallory"
    signed = dict(root.signed(AWSRequest("POST", root.url, data=body, headers=FORM), "iam").headers.items())
    for path in ("x/..", "/", "./", "graphql/..", "..", "%2e%2e"):
        async with service.http.post(URL(root.url + path, encoded=True), headers=signed, data=body) as response:
            assert response.status == 404, path
    assert (await root.ask("GetUser", UserName="mallory")).code == "NoSuchEntity"
    async with service.http.post(URL(root.url, encoded=True), headers=signed, data=body) as response:
        assert response.status == 200
    assert (await root.ask("GetUser", UserName="mallory")).status == 200


async def test_parameters_are_told_of_before_permissions_and_missing_entities_after(service: Service) -> None:
    nobody = await aws_key(service, "nobody", allow("deploy:*"))
    denied = await nobody.ask("CreateUser", UserName="x")
    assert (denied.status, denied.code) == (403, "AccessDenied")
    assert denied.message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: iam:CreateUser on resource: "
        f"arn:aws:iam::{ACCOUNT}:user/x because no identity-based policy allows the iam:CreateUser action"
    )
    opener = await aws_key(service, "opener", allow("sts:DecodeAuthorizationMessage"))
    message = denied.result["Error"]["EncodedAuthorizationMessage"]
    decoded = json.loads(
        (await opener.ask("DecodeAuthorizationMessage", "sts", EncodedMessage=message)).data["DecodedMessage"]
    )
    assert decoded["context"]["principal"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/nobody"
    assert (await nobody.ask("DecodeAuthorizationMessage", "sts", EncodedMessage=message)).code == "AccessDenied"
    for text in (message[:-4], "A" * 10_241):
        none = await opener.ask("DecodeAuthorizationMessage", "sts", EncodedMessage=text)
        assert (none.status, none.code) == (400, "InvalidAuthorizationMessageException")
    bad = await nobody.ask("CreateUser", UserName="x y")
    assert (bad.status, bad.code) == (400, "ValidationError")
    assert bad.message.startswith(
        "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must"
    )
    assert (await nobody.ask("DeleteUser", UserName="ghost")).code == "AccessDenied"
    # Whatever the caller is told, the history has that it was refused.
    assert len(await service.events(name="CreateUser", outcome=EventOutcome.DENIED, transport="AWS")) == 2

    root = await aws_key(service)
    for action, parameters, status, code, message in (
        ("DeleteUser", {"UserName": "ghost"}, 404, "NoSuchEntity", "The user with name ghost cannot be found."),
        ("CreateUser", {"UserName": "NOBODY"}, 409, "EntityAlreadyExists", "User with name NOBODY already exists."),
        ("DeleteUser", {"UserName": "nobody"}, 409, "DeleteConflict",
         "Cannot delete entity, must delete access keys first."),
        ("AttachUserPolicy", {"UserName": "nobody", "PolicyArn": "longpolicynamebutnoarn"}, 400, "ValidationError",
         "Invalid ARN:  Could not be parsed!"),
        ("DeletePolicy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p"}, 404, "NoSuchEntity",
         f"Policy arn:aws:iam::{ACCOUNT}:policy/p was not found."),
        ("AddUserToGroup", {"GroupName": "ghosts", "UserName": "ghost"}, 404, "NoSuchEntity",
         "The group with name ghosts cannot be found."),
        ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": allow("kms:CreateGrant", resource=["*", None])}, 400,
         "MalformedPolicyDocument", "Syntax errors in policy."),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{"}, 400, "MalformedPolicyDocument",
         "This policy contains invalid Json"),
        ("GetAccountPasswordPolicy", {}, 404, "NoSuchEntity",
         f"The Password Policy with domain name {ACCOUNT} cannot be found."),
        ("ListUsers", {"Marker": "10"}, 400, "ValidationError", "Invalid Marker."),
        ("TagUser", {"UserName": "nobody", "Tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}, 400,
         "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ):  # fmt: skip
        answer = await root.ask(action, **parameters)
        assert (answer.status, answer.code, answer.message) == (status, code, message), answer.text
    answer = await nobody.ask("AssumeRole", "sts", RoleArn="nothing-valid-in-here", RoleSessionName="Session1")
    assert (answer.status, answer.code, answer.message) == (400, "ValidationError", "nothing-valid-in-here is invalid")


async def test_lists_have_pages(service: Service) -> None:
    root = await aws_key(service)
    for name in ("a", "b", "c"):
        await root.ask("CreateUser", UserName=name)
    await root.ask("CreateAccessKey", UserName="a")
    await root.ask("CreateAccessKey", UserName="a")
    for action, parameters, list_, item, size in (
        ("ListUsers", {}, "Users", "UserName", 3),
        ("ListAccessKeys", {"UserName": "a"}, "AccessKeyMetadata", "AccessKeyId", 2),
    ):
        found, marker = [], {}
        for left in range(size - 1, -1, -1):
            page = (await root.ask(action, MaxItems=1, **parameters, **marker)).data
            found += [one[item] for one in page[list_]]
            assert page["IsTruncated"] is (left > 0) and ("Marker" in page) is (left > 0)
            marker = {"Marker": page.get("Marker")}
        whole = (await root.ask(action, **parameters)).data
        assert found == [one[item] for one in whole[list_]] and "Marker" not in whole
    for size, code in ((0, "ValidationError"), (1001, "ValidationError")):
        for action, parameters in (("ListUsers", {}), ("ListAccessKeys", {"UserName": "a"})):
            assert (await root.ask(action, MaxItems=size, **parameters)).code == code


async def test_entities_of_a_policy_are_filtered_as_on_aws(service: Service) -> None:
    root = await aws_key(service)
    policy = (await root.ask("CreatePolicy", PolicyName="p", PolicyDocument=allow("deploy:*"))).data["Policy"]["Arn"]
    other = (await root.ask("CreatePolicy", PolicyName="q", PolicyDocument=allow("deploy:*"))).data["Policy"]["Arn"]
    await root.ask("CreateUser", UserName="bound", Path="/a/", PermissionsBoundary=policy)
    await root.ask("CreateUser", UserName="both", PermissionsBoundary=policy)
    await root.ask("CreateGroup", GroupName="devs")
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=TRUST)
    await root.ask("AttachUserPolicy", UserName="both", PolicyArn=policy)
    await root.ask("AttachGroupPolicy", GroupName="devs", PolicyArn=policy)
    await root.ask("AttachRolePolicy", RoleName="ops", PolicyArn=policy)

    async def entities(**filters: str) -> list[str]:
        found = (await root.ask("ListEntitiesForPolicy", PolicyArn=policy, **filters)).data
        assert found["IsTruncated"] is False
        return [one[f"{kind}Name"] for kind in ("User", "Group", "Role") for one in found[f"Policy{kind}s"]]

    assert await entities() == ["both", "bound", "devs", "ops"]
    assert await entities(EntityFilter="User") == ["both", "bound"]
    assert await entities(EntityFilter="User", PolicyUsageFilter="PermissionsPolicy") == ["both"]
    assert await entities(PolicyUsageFilter="PermissionsBoundary") == ["both", "bound"]
    assert await entities(PathPrefix="/a/") == ["bound"]
    assert await entities(EntityFilter="AWSManagedPolicy") == []

    async def policies(**filters: str | bool) -> list[str]:
        return [one["Arn"] for one in (await root.ask("ListPolicies", **filters)).data["Policies"]]

    service_owned = await policies(Scope="AWS")
    assert await policies(Scope="Local") == [policy, other]
    # Without a scope, all; by their names.
    assert await policies() == await policies(Scope="All") == [*service_owned, policy, other]
    assert await policies(OnlyAttached=True) == await policies(PolicyUsageFilter="PermissionsBoundary") == [policy]


async def test_a_spent_budget_and_a_silent_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        fresh("sqlite", tmp_path) as url,
        served(url, tmp_path, bucket=Bucket(limit=5000, restore_rate=1)) as service,
    ):
        root = await aws_key(service)
        while (answer := await root.ask("ListUsers", MaxItems=1000)).status == 200:
            pass
        # The status that SDKs try again after.
        assert (answer.status, answer.code) == (400, "Throttling") and int(answer.headers["Retry-After"]) >= 1

        async def silent(*_: object) -> None:
            raise ServiceUnavailable("The store does not answer.")

        monkeypatch.setattr(Kernel, "authenticate", silent)
        answer = await root.ask("ListUsers")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "ServiceUnavailable", "1")

        async def broken(*_: object) -> None:
            raise RuntimeError("a secret")

        monkeypatch.setattr(Kernel, "authenticate", broken)
        answer = await root.ask("ListUsers")
        assert (answer.status, answer.code) == (500, "InternalFailure") and "a secret" not in answer.text


async def test_a_stated_default_of_what_is_not_supported_is_no_error(service: Service) -> None:
    """No `ProvidedContexts` ask for nothing; what is asked for in vain changes nothing."""
    ci = await aws_key(service, "ci", allow("sts:AssumeRole"))
    await (await aws_key(service)).ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=TRUST)
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/ops", "RoleSessionName": "run"}
    assert (await ci.ask("AssumeRole", "sts", **asked, ProvidedContexts=[])).status == 200
    before = await service.snapshot()
    provided = {"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "x" * 10}
    refused = await ci.ask("AssumeRole", "sts", **asked, ProvidedContexts=[provided])
    assert (refused.status, refused.code) == (501, "NotImplemented") and "ProvidedContexts" in refused.message
    assert await service.snapshot() == before
