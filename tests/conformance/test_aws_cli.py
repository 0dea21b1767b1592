"""AWS's command line, pointed here by `AWS_ENDPOINT_URL` alone."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..service import ACCOUNT, Service, allow
from ..wire import AwsKey, aws_key
from .program import run

AWS = Path(sys.executable).with_name("aws")


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs the command line with one key."""

    key: AwsKey
    home: Path

    async def run(self, *words: str) -> tuple[int, str, str]:
        return await run(AWS, *words, key=self.key, home=self.home)

    async def good(self, *words: str) -> Any:
        status, out, err = await self.run(*words)
        assert status == 0, err
        return json.loads(out) if out else None


async def test_the_main_job(service: Service, tmp_path: Path) -> None:
    root = Shell(key=await aws_key(service), home=tmp_path)
    assert (await root.good("sts", "get-caller-identity"))["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    user = await root.good("iam", "create-user", "--user-name", "alice", "--tags", "Key=team,Value=red")
    assert user["User"]["Tags"] == [{"Key": "team", "Value": "red"}]
    policy = json.loads(allow("iam:ListUsers", "sts:AssumeRole"))
    await root.good(
        "iam", "put-user-policy", "--user-name", "alice", "--policy-name", "own", "--policy-document", json.dumps(policy)
    )  # fmt: skip
    words = ("iam", "get-user-policy", "--user-name", "alice", "--policy-name", "own")
    assert (await root.good(*words))["PolicyDocument"] == policy
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": user["User"]["Arn"]}, "Action": "sts:AssumeRole"},
    }
    role = await root.good(
        "iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", json.dumps(trust)
    )
    key = (await root.good("iam", "create-access-key", "--user-name", "alice"))["AccessKey"]
    alice = Shell(key=AwsKey(service=service, id=key["AccessKeyId"], secret=key["SecretAccessKey"]), home=tmp_path)
    listed = await alice.good("iam", "list-users", "--query", "Users[].UserName")
    assert listed == ["alice"]
    status, out, err = await alice.run("iam", "create-user", "--user-name", "mallory")
    assert (
        status != 0 and out == "" and "(AccessDenied) when calling the CreateUser operation: User: arn:aws:iam::" in err
    )

    words = ("sts", "assume-role", "--role-arn", role["Role"]["Arn"], "--role-session-name", "run")
    given = (await alice.good(*words))["Credentials"]
    session = AwsKey(
        service=service, id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"]
    )
    who = await Shell(key=session, home=tmp_path).good("sts", "get-caller-identity")
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/run"
