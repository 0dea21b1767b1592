"""Groups: members, and what keeps a group from being deleted."""

from __future__ import annotations

import asyncio

from ..service import Service, allow
from .asking import account, arn, refused, works

GROUP = {"groupName": "g"}


async def test_what_blocks_a_groups_deletion_is_named(service: Service) -> None:
    """UG-02: member, inline and attached policy, each alone."""
    await service.good("createGroup", GROUP)
    await service.good("createUser", {"userName": "u"})
    await service.good("createPolicy", {"policyName": "p", "policyDocument": allow("s3:*")})
    member, policy = {**GROUP, "userName": "u"}, {**GROUP, "policyArn": arn("policy/p")}
    inline = {**GROUP, "policyName": "own"}
    for put, input, take, undo, kind in (
        ("addUserToGroup", member, "removeUserFromGroup", member, "User"),
        ("putGroupPolicy", {**inline, "policyDocument": allow("s3:*")}, "deleteGroupPolicy", inline, "InlinePolicy"),
        ("attachGroupPolicy", policy, "detachGroupPolicy", policy, "ManagedPolicy"),
    ):
        await service.good(put, input)
        error = await refused(service, "deleteGroup", GROUP, "DeleteConflictError", "blockedBy { __typename }")
        assert error["blockedBy"] == [{"__typename": kind}]
        await service.good(take, undo)
        await refused(service, take, undo, "NoSuchEntityError")
    await service.good("deleteGroup", GROUP)


async def test_a_membership_counts_at_the_next_request(service: Service) -> None:
    """A group's policies are its members' while they are in it, and a group's renaming changes nothing of that."""
    token = await service.user("u")
    await service.good("createGroup", GROUP)
    await service.good("putGroupPolicy", {**GROUP, "policyName": "own", "policyDocument": allow("iam:ListUsers")})
    ask = f'{{ account(by: {{ id: "{arn("x").split(":")[4]}" }}) {{ users(first: 1) {{ nodes {{ name }} }} }} }}'
    assert (await service.ask(ask, token)).codes == ["ACCESS_DENIED"]
    await service.good("addUserToGroup", {**GROUP, "userName": "u"})
    assert (await service.ask(ask, token)).codes == []
    await service.good("updateGroup", {**GROUP, "newGroupName": "h", "newPath": "/x/"})
    assert (await service.ask(ask, token)).codes == []
    shown = await account(service, 'user(name: "u") { groups(first: 9) { nodes { arn } } }')
    assert shown["user"]["groups"]["nodes"] == [{"arn": arn("group/x/h")}]
    await service.good("removeUserFromGroup", {"groupName": "h", "userName": "u"})
    assert (await service.ask(ask, token)).codes == ["ACCESS_DENIED"]
    assert await works(service, token)


async def test_memberships_in_parallel_keep_the_quota(service: Service) -> None:
    """CC-02, groups: of fifteen groups at once a user gets into ten."""
    root = await service.root()
    await service.good("createUser", {"userName": "u"})
    names = [f"g{i:02}" for i in range(15)]
    await asyncio.gather(*(service.do("createGroup", {"groupName": name}, token=root) for name in names))
    into = [{"groupName": name, "userName": "u"} for name in names]
    done = await asyncio.gather(*(service.do("addUserToGroup", one, token=root) for one in into))
    ends = [one["__typename"] for one in done]
    assert (ends.count("AddUserToGroupSuccess"), ends.count("LimitExceededError")) == (10, 5), ends
    shown = await account(service, 'user(name: "u") { groups(first: 99) { nodes { name } } }')
    assert len(shown["user"]["groups"]["nodes"]) == 10
