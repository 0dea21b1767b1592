"""Instance profiles: one role each, put there only by who may pass it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iamgraph.app.caller import Origin
from iamgraph.app.instance_profiles import ListInstanceProfileTags
from iamgraph.app.kernel import Ask
from iamgraph.domain.entities import Tag
from iamgraph.domain.errors import AccessDenied, NoSuchEntity
from iamgraph.domain.limits import Quotas

from ..databases import STORES, fresh
from ..service import Service, allow, served
from .asking import account, arn, document, other_root, refused, role, statement, trusting

WEB = {"instanceProfileName": "web"}
HELD = {**WEB, "roleName": "app"}
IN_PROFILE = "Cannot delete entity, must remove roles from instance profile first."
BLOCKED = (
    "message blockedBy { __typename ... on InstanceProfile { name } ... on Role { name } ... on InlinePolicy { name } }"
)
PROFILE = "id arn name path uniqueId createdAt tags { key value } account { accountId } role { name arn trustPolicy }"


def ec2(**more: Any) -> str:
    trusted = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", **more}
    return document(trusted)


async def app(service: Service, **more: Any) -> str:
    made = await service.good(
        "createRole", {"roleName": "app", "assumeRolePolicyDocument": ec2(), **more}, "role { arn }"
    )
    found: str = made["role"]["arn"]
    return found


async def test_a_profile_is_made_filled_found_emptied_and_deleted(service: Service) -> None:
    root = await service.root()
    await app(service, path="/a/")
    tags = [{"key": "Team", "value": "é"}]
    made = await service.good(
        "createInstanceProfile", {**WEB, "path": "/eng/", "tags": tags}, f"instanceProfile {{ {PROFILE} }}"
    )
    profile = made["instanceProfile"]
    assert profile["uniqueId"].startswith("AIPA") and len(profile["uniqueId"]) == 21
    assert (profile["arn"], profile["role"]) == (arn("instance-profile/eng/web"), None)
    assert (profile["name"], profile["path"], profile["tags"]) == ("web", "/eng/", tags)
    fields = "instanceProfile { name role { name } } role { arn }"
    added = await service.good("addRoleToInstanceProfile", HELD, fields)
    assert added["instanceProfile"] == {"name": "web", "role": {"name": "app"}}
    assert added["role"] == {"arn": arn("role/a/app")}

    profile["role"] = {"name": "app", "arn": arn("role/a/app"), "trustPolicy": ec2()}
    reply = await service.ask(f'{{ node(id: "{profile["id"]}") {{ ... on InstanceProfile {{ {PROFILE} }} }} }}', root)
    assert reply.only() == profile
    by_arn = f'{{ resource(arn: "{profile["arn"]}") {{ ... on InstanceProfile {{ {PROFILE} }} }} }}'
    assert (await service.ask(by_arn, root)).only() == profile
    elsewhere = f'{{ resource(arn: "{arn("instance-profile/web")}") {{ id }} }}'
    assert (await service.ask(elsewhere, root)).data == {"resource": None}
    listed = await account(
        service,
        f'instanceProfiles(first: 9, pathPrefix: "/eng/") {{ nodes {{ {PROFILE} }} }} '
        f'none: instanceProfiles(first: 9, pathPrefix: "/ops/") {{ nodes {{ id }} }} '
        f'role(name: "app") {{ instanceProfiles(first: 9) {{ nodes {{ {PROFILE} }} }} }}',
    )
    assert listed["instanceProfiles"]["nodes"] == listed["role"]["instanceProfiles"]["nodes"] == [profile]
    assert listed["none"] == {"nodes": []}

    # AWS's order of deletion, in AWS's words.
    await service.good("putRolePolicy", {"roleName": "app", "policyName": "own", "policyDocument": allow("s3:*")})
    error = await refused(service, "deleteRole", {"roleName": "app"}, "DeleteConflictError", BLOCKED)
    blockers = [("InstanceProfile", "web"), ("InlinePolicy", "own")]
    assert (error["message"], [(one["__typename"], one["name"]) for one in error["blockedBy"]]) == (
        IN_PROFILE,
        blockers,
    )
    error = await refused(service, "deleteInstanceProfile", WEB, "DeleteConflictError", BLOCKED)
    assert (error["message"], error["blockedBy"]) == (IN_PROFILE, [{"__typename": "Role", "name": "app"}])
    await service.good("removeRoleFromInstanceProfile", HELD, fields)
    await service.good("deleteRolePolicy", {"roleName": "app", "policyName": "own"})
    await service.good("deleteRole", {"roleName": "app"})
    gone = await service.good("deleteInstanceProfile", WEB, "deletedInstanceProfileId")
    assert gone["deletedInstanceProfileId"] == profile["id"]
    assert (await service.ask(f'{{ node(id: "{profile["id"]}") {{ id }} }}', root)).data == {"node": None}


async def test_what_aws_refuses(service: Service) -> None:
    """The texts are AWS's."""
    await app(service)
    await service.good("createInstanceProfile", WEB)
    await role(service, "spare", trusting(arn("root")))
    await service.good("addRoleToInstanceProfile", HELD)
    said = {
        ("createInstanceProfile", "WEB", None): ("EntityAlreadyExistsError", "Instance Profile WEB already exists."),
        ("createInstanceProfile", "a b", None): ("InvalidInputError", "'a b' at 'instanceProfileName' must match"),
        ("deleteInstanceProfile", "Web", None): ("NoSuchEntityError", "Instance Profile Web cannot be found."),
        ("tagInstanceProfile", "none", ()): ("NoSuchEntityError", "Instance Profile none cannot be found."),
        ("addRoleToInstanceProfile", "none", "app"): ("NoSuchEntityError", "Instance Profile none cannot be found."),
        ("addRoleToInstanceProfile", "web", "none"): ("NoSuchEntityError", "The role with name none cannot be found."),
        ("addRoleToInstanceProfile", "web", "app"): (
            "LimitExceededError",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ),
        ("addRoleToInstanceProfile", "web", "spare"): (
            "LimitExceededError",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ),
        ("removeRoleFromInstanceProfile", "web", "spare"): (
            "NoSuchEntityError",
            "The role with name spare cannot be found.",
        ),
        ("removeRoleFromInstanceProfile", "web", "none"): (
            "NoSuchEntityError",
            "The role with name none cannot be found.",
        ),
    }
    for (mutation, name, further), (kind, message) in said.items():
        input: dict[str, Any] = {"instanceProfileName": name}
        if further is not None:
            input |= {"roleName": further} if further else {"tags": [{"key": "a", "value": "b"}]}
        assert (await refused(service, mutation, input, kind))["message"].startswith(message), mutation
    error = await refused(
        service, "tagInstanceProfile", {**WEB, "tags": [{"key": "aws:a", "value": ""}]}, "InvalidInputError"
    )
    assert "reserved" in error["message"]


@pytest.mark.parametrize("store", STORES)
async def test_an_account_has_so_many_profiles(store: str, tmp_path: Path) -> None:
    quotas = Quotas(instance_profiles_per_account=1, tags_per_entity=1)
    async with fresh(store, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        await service.good("createInstanceProfile", WEB)
        input = {"instanceProfileName": "more"}
        error = await refused(service, "createInstanceProfile", input, "LimitExceededError", "limit")
        assert (error["message"], error["limit"]) == ("Cannot exceed quota for InstanceProfilesPerAccount: 1", 1)
        input = {**WEB, "tags": [{"key": key, "value": ""} for key in "ab"]}
        await refused(service, "tagInstanceProfile", input, "LimitExceededError")
        other = await other_root(service)
        await service.good("createInstanceProfile", WEB, token=other)


async def test_only_who_may_pass_a_role_puts_it_into_a_profile(service: Service) -> None:
    """IAM User Guide, "Grant a user permissions to pass a role to an AWS service": on the role, for EC2."""
    app_arn = await app(service, path="/app/", tags=[{"key": "team", "value": "red"}])
    admin = await role(service, "admin", trusting(arn("root")))
    await service.good("createInstanceProfile", WEB)
    add = statement("Allow", ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile"])
    platform = await service.user("platform", document(add))

    async def put(*statements: dict[str, Any]) -> None:
        input = {"userName": "platform", "policyName": "own", "policyDocument": document(add, *statements)}
        await service.good("putUserPolicy", input)

    async def adds(name: str = "app") -> Any:
        return await service.do("addRoleToInstanceProfile", {**WEB, "roleName": name}, token=platform)

    def to(**keys: str) -> dict[str, Any]:
        return statement("Allow", "iam:PassRole", [app_arn], Condition={"StringEquals": keys})

    why = (
        f"User: {arn('user/platform')} is not authorized to perform: iam:PassRole on resource: {arn('role/app')} because no "
        "identity-based policy allows the iam:PassRole action"
    )
    instances = arn("x").replace("iam::", "ec2:*:").replace("x", "instance/*")
    known = statement("Allow", "iam:GetRole")
    told = why.replace("role/app", "role/app/app")
    for statements, message in (
        ((), why),
        ((known,), told),
        ((known, statement("Allow", "iam:PassRole", admin)), told),
        ((known, to(**{"iam:PassedToService": "lambda.amazonaws.com"})), told),
        ((known, to(**{"iam:AssociatedResourceArn": instances.replace("*:", "us-east-1:", 1)})), told),
        ((known, to(**{"aws:ResourceTag/team": "blue"})), told),
        # It may pass a role of that name, were there one: so it hears what it would hear then.
        ((statement("Allow", "iam:PassRole", arn("role/app")),), "The role with name app cannot be found."),
    ):
        await put(*statements)
        before = await service.snapshot()
        assert (await adds())["message"] == message
        assert await service.snapshot() == before
    denied = [one for one in await service.events(name="AddRoleToInstanceProfile") if one.error_code == "AccessDenied"]
    assert denied[0].resources == (arn("instance-profile/web"), app_arn)

    for keys in (
        {"iam:PassedToService": "ec2.amazonaws.com", "iam:AssociatedResourceArn": instances},
        {"aws:ResourceTag/team": "red", "iam:ResourceTag/team": "red"},
    ):
        await put(to(**keys))
        assert (await adds())["__typename"] == "AddRoleToInstanceProfileSuccess"
        assert (await adds("admin"))["__typename"] == "AccessDeniedError"
        done = await service.do("removeRoleFromInstanceProfile", HELD, token=platform)
        assert done["__typename"] == "RemoveRoleFromInstanceProfileSuccess"

    await put(statement("Allow", "iam:PassRole"), statement("Deny", "iam:PassRole", arn("role/app/*")))
    assert (await adds())["message"] == "The role with name app cannot be found."
    await put(statement("Allow", "iam:PassRole"))
    assert (await adds("admin"))["__typename"] == "AddRoleToInstanceProfileSuccess"


async def test_what_a_list_shows_of_a_profile_and_its_role(service: Service) -> None:
    """AWS's list has no tags; of the role, its name. The rest takes the reading of either."""
    await app(service)
    await service.good("createInstanceProfile", {**WEB, "tags": [{"key": "a", "value": "b"}]})
    await service.good("addRoleToInstanceProfile", HELD)
    token = await service.user("lister", allow("iam:ListInstanceProfiles"))
    fields = "name uniqueId tags { key } role { name path trustPolicy }"
    query = f"{{ viewer {{ account {{ instanceProfiles(first: 1) {{ nodes {{ {fields} }} }} }} }} }}"
    reply = await service.ask(query, token)
    (node,) = reply.only()["account"]["instanceProfiles"]["nodes"]
    assert node.pop("uniqueId").startswith("AIPA")
    assert node == {"name": "web", "tags": None, "role": {"name": "app", "path": "/", "trustPolicy": None}}
    assert reply.codes == ["ACCESS_DENIED"] * 2


async def test_tags_by_key_for_who_may_list_them(service: Service) -> None:
    """ListInstanceProfileTags, as AWS has it beside GetInstanceProfile."""
    tags = [{"key": key, "value": key.upper()} for key in "cab"]
    await service.good("createInstanceProfile", {**WEB, "tags": tags})
    origin = Origin(request_id="1", transport="TEST", ip_address=None, user_agent=None, is_secure=True)
    policy = allow("iam:ListInstanceProfileTags", resource=arn("instance-profile/web"))
    may = await service.kernel.authenticate(await service.user("may", policy), origin)
    not_ = await service.kernel.authenticate(await service.user("not"), origin)

    async def asked(caller: Any, **given: Any) -> Any:
        query = ListInstanceProfileTags(**{"instance_profile_name": "web", **given})
        return (await service.kernel.fetch(caller, [Ask(query)]))[0]

    first = await asked(may, max_items=2)
    assert (first.items, first.more) == ((Tag(key="a", value="A"), Tag(key="b", value="B")), True)
    last = await asked(may, marker=first.cursors[-1])
    assert (last.items, last.more) == ((Tag(key="c", value="C"),), False)
    assert (await asked(may, marker="x")).field == "marker"
    assert isinstance(await asked(not_), AccessDenied)
    assert isinstance(await asked(may, instance_profile_name="no"), AccessDenied)
    root = await service.kernel.authenticate(await service.root(), origin)
    assert isinstance(await asked(root, instance_profile_name="no"), NoSuchEntity)


async def test_a_profile_says_nothing_of_other_accounts(service: Service) -> None:
    other = await other_root(service)
    await app(service)
    made = await service.good("createInstanceProfile", WEB, "instanceProfile { id arn }")
    await service.good("addRoleToInstanceProfile", HELD)
    for query in (
        f'{{ node(id: "{made["instanceProfile"]["id"]}") {{ id }} }}',
        f'{{ resource(arn: "{made["instanceProfile"]["arn"]}") {{ id }} }}',
    ):
        reply = await service.ask(query, other)
        assert json.loads(reply.text)["data"] in ({"node": None}, {"resource": None})
    await refused(service, "deleteInstanceProfile", WEB, "NoSuchEntityError", token=other)
    await service.good("createInstanceProfile", WEB, token=other)
    await refused(service, "addRoleToInstanceProfile", HELD, "NoSuchEntityError", token=other)
