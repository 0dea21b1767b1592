"""AWS's SDK for JavaScript, pointed here by `AWS_ENDPOINT_URL` alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..service import ACCOUNT, Service, allow
from ..wire import aws_key
from .program import needed, run

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


async def test_the_main_job(service: Service, tmp_path: Path) -> None:
    ci = await aws_key(service, "ci", allow("iam:ListUsers", "iam:GetRole", "iam:GetUser", "sts:AssumeRole"))
    root = await aws_key(service)
    for name in ("alice", "bob"):
        made = await root.ask("CreateUser", UserName=name, Path="/eng/", Tags=[{"Key": "team", "Value": "é + ü"}])
        assert made.status == 200, made.text
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=json.dumps(TRUST))
    await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("iam:GetUser"))

    node = needed(shutil.which("node") if (FOLDER / "node_modules").exists() else None, MISSING)
    status, out, err = await run(node, str(FOLDER / "main-job.js"), key=ci, home=tmp_path)
    assert status == 0, err
    said = json.loads(out)
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
