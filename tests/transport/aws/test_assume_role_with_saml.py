"""AssumeRoleWithSAML over AWS's wire: nothing is signed but the response."""

from __future__ import annotations

import json

from ...app.test_assume_role_with_saml import CORP, ISSUER, role, says, trusted
from ...service import ACCOUNT, PUBLIC_URL, Service
from ...wire import AwsKey


async def test_it_answers_in_awss_words(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    nobody = AwsKey(service=service)
    given = {"RoleArn": dev, "PrincipalArn": CORP}
    answer = await nobody.ask("AssumeRoleWithSAML", "sts", **given, SAMLAssertion=says(service, dev))
    assert answer.status == 200, answer.text
    told = answer.data
    who, user = nobody.holding(told.pop("Credentials")), told.pop("AssumedRoleUser")
    assert user["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/alice.a"
    assert len(told["NameQualifier"]) == 28
    assert told == {
        "Subject": "alice", "SubjectType": "persistent", "Issuer": ISSUER,
        "Audience": f"{PUBLIC_URL}/sso/saml/{ACCOUNT}/Corp/acs", "NameQualifier": told["NameQualifier"],
    }  # fmt: skip
    assert (await who.ask("GetCallerIdentity", "sts")).data["Arn"] == user["Arn"]


async def test_errors_are_awss(service: Service) -> None:
    await trusted(service)
    dev = await role(service)
    other = await role(service, principal="arn:aws:iam::111122223333:saml-provider/Other", name="other")
    nobody = AwsKey(service=service)
    late = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    for role_arn, response, status, code in (
        (dev, "AAAA", 400, "InvalidIdentityToken"),
        (dev, says(service, dev, status=late, signs_response=True), 403, "IDPRejectedClaim"),
        (other, says(service, other), 403, "AccessDenied"),
        (dev, "x", 400, "ValidationError"),
    ):
        given = {"RoleArn": role_arn, "PrincipalArn": CORP, "SAMLAssertion": response}
        answer = await nobody.ask("AssumeRoleWithSAML", "sts", **given)
        assert (answer.status, answer.code) == (status, code), answer.text
    assert json.loads((await service.events(name="AssumeRoleWithSAML"))[0].parameters).get("samlAssertion") is None
