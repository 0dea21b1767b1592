"""AWS's SDK for JavaScript, pointed here by `AWS_ENDPOINT_URL` alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ..service import ACCOUNT, Service, allow
from ..wire import AwsKey, aws_key

FOLDER = Path(__file__).with_name("javascript")
MISSING = "needs Node.js, and once `npm ci` in tests/conformance/javascript"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    },
}


def node() -> str:
    """Where Node.js is; the test is skipped where it is not, unless nothing may be."""
    found = shutil.which("node")
    if found is not None and (FOLDER / "node_modules").exists():
        return found
    if os.environ.get("IAMGRAPH_TEST_NO_SKIPS") == "1":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


async def run(key: AwsKey, home: Path) -> Any:
    environ = {
        "AWS_ENDPOINT_URL": key.service.url.removesuffix("/graphql"),
        "AWS_ACCESS_KEY_ID": key.id or "",
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": "eu-central-1",
        "HOME": str(home),
    }
    process = await asyncio.create_subprocess_exec(
        node(),
        str(FOLDER / "main-job.js"),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_main_job(service: Service, tmp_path: Path) -> None:
    ci = await aws_key(service, "ci", allow("iam:ListUsers", "iam:GetRole", "iam:GetUser", "sts:AssumeRole"))
    root = await aws_key(service)
    for name in ("alice", "bob"):
        made = await root.ask("CreateUser", UserName=name, Path="/eng/", Tags=[{"Key": "team", "Value": "é + ü"}])
        assert made.status == 200, made.text
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=json.dumps(TRUST))
    await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("iam:GetUser"))

    said = await run(ci, tmp_path)
    users = [(user["UserName"], user["Path"], user["Arn"], user["isDate"]) for page in said["pages"] for user in page]
    assert users == [
        ("alice", "/eng/", f"arn:aws:iam::{ACCOUNT}:user/eng/alice", True),
        ("bob", "/eng/", f"arn:aws:iam::{ACCOUNT}:user/eng/bob", True),
        ("ci", "/", f"arn:aws:iam::{ACCOUNT}:user/ci", True),
    ]
    assert [len(page) for page in said["pages"]] == [2, 1]
    assert json.loads(said["trust"]) == TRUST
    assert said["caller"] == f"arn:aws:iam::{ACCOUNT}:user/ci"
    assert said["assumed"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/run"
    assert 840 < said["secondsLeft"] <= 900
    assert said["found"] == [{"Key": "team", "Value": "é + ü"}]
    assert said["denied"] == {
        "name": "AccessDenied",
        "message": f"User: arn:aws:sts::{ACCOUNT}:assumed-role/ops/run is not authorized to perform: iam:GetRole on "
        f"resource: arn:aws:iam::{ACCOUNT}:role/ops because no identity-based policy allows the iam:GetRole action",
        "fault": "client",
        "status": 403,
        "isModeled": False,
    }
    assert said["missing"] == {
        "name": "NoSuchEntityException",
        "message": "The user with name ghost cannot be found.",
        "fault": "client",
        "status": 404,
        "isModeled": True,
    }
