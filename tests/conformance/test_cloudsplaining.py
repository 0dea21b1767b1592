"""cloudsplaining, which reads a whole account, pointed here by `AWS_ENDPOINT_URL` alone: it downloads and judges one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..service import ACCOUNT, Service, allow
from ..wire import aws_key
from .program import needed, run

WHERE = "IAMGRAPH_TEST_CLOUDSPLAINING"
MISSING = (
    f"{WHERE} does not say where cloudsplaining is: an environment with tests/conformance/cloudsplaining.txt has it"
)
TRUST = allow("sts:AssumeRole").replace('"Resource": "*"', '"Principal": {"Service": "ec2.amazonaws.com"}')


async def test_an_account_is_downloaded_and_judged(service: Service, tmp_path: Path) -> None:
    root = await aws_key(service)
    auditor = await aws_key(service, "auditor", allow("iam:GetAccountAuthorizationDetails"))
    made = await root.ask("CreatePolicy", PolicyName="leak", PolicyDocument=allow("s3:GetObject", "iam:PassRole"))
    arn = made.data["Policy"]["Arn"]
    await root.ask("CreateGroup", GroupName="devs")
    await root.ask("AttachGroupPolicy", GroupName="devs", PolicyArn=arn)
    await root.ask("AddUserToGroup", GroupName="devs", UserName="auditor")
    await root.ask("CreateRole", RoleName="ops", AssumeRolePolicyDocument=TRUST)
    await root.ask("PutRolePolicy", RoleName="ops", PolicyName="own", PolicyDocument=allow("iam:CreateAccessKey"))

    program = needed(os.environ.get(WHERE), MISSING)
    status, out, err = await run(program, "download", "--output", ".", key=auditor, home=tmp_path)
    assert status == 0, out + err
    whole = json.loads((tmp_path / "default.json").read_text())
    names = {kind: [one[f"{kind}Name"] for one in whole[f"{kind}DetailList"]] for kind in ("User", "Group", "Role")}
    assert names == {"User": ["auditor"], "Group": ["devs"], "Role": ["ops"]}
    assert [policy["Arn"] for policy in whole["Policies"]] == [arn]

    words = ("scan", "--input-file", "default.json", "--output", ".", "--skip-open-report")
    status, out, err = await run(program, *words, key=auditor, home=tmp_path)
    assert status == 0, out + err
    found = json.loads((tmp_path / "iam-results-default.json").read_text())
    (leak,) = found["customer_managed_policies"].values()
    assert leak["PolicyName"] == "leak" and "s3:GetObject" in leak["DataExfiltration"]["findings"]
    (ops,) = found["roles"].values()
    assert ops["arn"] == f"arn:aws:iam::{ACCOUNT}:role/ops"
    (own,) = (found["inline_policies"][id] for id in ops["inline_policies"])
    assert [one["type"] for one in own["PrivilegeEscalation"]["findings"]] == ["CreateAccessKey"]
