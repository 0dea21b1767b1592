"""Access keys: two a user, and a secret that is shown once."""

from __future__ import annotations

import asyncio

from ..service import Service, allow
from .asking import account, arn, refused, role, trusting

KEYS = 'user(name: "u") { accessKeys { accessKeyId status } }'


async def test_two_keys_even_in_parallel(service: Service) -> None:
    """CC-02: of 20 at once two are made; an inactive one counts; a deleted one does not."""
    root, user = await service.root(), {"userName": "u"}
    await service.good("createUser", user)
    done = await asyncio.gather(
        *(service.do("createAccessKey", user, "accessKey { accessKeyId } secretAccessKey", root) for _ in range(20))
    )
    ends = [one["__typename"] for one in done]
    assert (ends.count("CreateAccessKeySuccess"), ends.count("LimitExceededError")) == (2, 18), ends
    made = sorted(one["accessKey"]["accessKeyId"] for one in done if "accessKey" in one)
    assert all(key.startswith("AKIA") and len(key) == 20 for key in made)
    keys = (await account(service, KEYS))["user"]["accessKeys"]
    assert sorted(key["accessKeyId"] for key in keys) == made
    await service.good("updateAccessKey", {**user, "accessKeyId": made[0], "status": "INACTIVE"})
    error = await refused(service, "createAccessKey", user, "LimitExceededError", "limit")
    assert error["limit"] == 2
    await service.good("deleteAccessKey", {**user, "accessKeyId": made[0]})
    await service.good("createAccessKey", user)
    keys = (await account(service, KEYS))["user"]["accessKeys"]
    assert len(keys) == 2 and made[0] not in [key["accessKeyId"] for key in keys]


async def test_without_a_name_the_keys_are_the_callers_own(service: Service) -> None:
    """A user's and the root's; a role has none, and another's key is as if it did not exist."""
    token = await service.user("u", allow("iam:*AccessKey", resource=arn("user/u")))
    made = await service.good("createAccessKey", {}, "accessKey { accessKeyId owner { id } }", token)
    key = made["accessKey"]["accessKeyId"]
    root = await service.good("createAccessKey", {}, "accessKey { accessKeyId owner { arn } }")
    assert root["accessKey"]["owner"] == {"arn": arn("root")}
    for other in (root["accessKey"]["accessKeyId"], "AKIA" + "A" * 16):
        error = await refused(service, "deleteAccessKey", {"accessKeyId": other}, "NoSuchEntityError", token=token)
        assert error["message"] == f"The Access Key with id {other} cannot be found."
    await role(service, "r", trusting(arn("user/u")), allow("iam:*"))
    done = await service.good("assumeRole", {"roleArn": arn("role/r"), "roleSessionName": "ci"}, "accessToken", token)
    await refused(service, "createAccessKey", {}, "InvalidInputError", token=done["accessToken"])
    await service.good("deleteAccessKey", {"accessKeyId": key}, token=token)
