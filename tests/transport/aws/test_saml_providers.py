"""SAML providers over AWS's wire: as AWS's command line walks it."""

from __future__ import annotations

from ...saml_idp import metadata, pair
from ...service import ACCOUNT, Service
from ...wire import aws_key

ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/Corp"
TAG = {"Key": "Team", "Value": "red"}
DOCUMENT = metadata("https://idp.example.com", pair("idp"), attributes=' validUntil="2099-01-01T00:00:00Z"')
PEM = pair("ours").key.decode()


async def test_a_provider_from_its_making_to_its_end(service: Service) -> None:
    root = await aws_key(service)
    given = {"Name": "Corp", "SAMLMetadataDocument": DOCUMENT, "Tags": [TAG]}
    made = await root.ask("CreateSAMLProvider", **given)
    assert made.data == {"SAMLProviderArn": ARN, "Tags": [TAG]}
    found = (await root.ask("GetSAMLProvider", SAMLProviderArn=ARN)).data
    created = found.pop("CreateDate")
    assert 22 <= len(found.pop("SAMLProviderUUID")) <= 64
    end = found.pop("ValidUntil")
    assert end.year == 2099
    assert found == {"SAMLMetadataDocument": DOCUMENT, "Tags": [TAG]}
    listed = (await root.ask("ListSAMLProviders")).data
    assert listed == {"SAMLProviderList": [{"Arn": ARN, "ValidUntil": end, "CreateDate": created}]}
    tags = (await root.ask("ListSAMLProviderTags", SAMLProviderArn=ARN)).data
    assert tags == {"Tags": [TAG], "IsTruncated": False}
    assert (await root.ask("GetAccountSummary")).data["SummaryMap"]["Providers"] == 1
    changed = await root.ask(
        "UpdateSAMLProvider", SAMLProviderArn=ARN, AddPrivateKey=PEM, AssertionEncryptionMode="Required"
    )
    assert changed.data == {"SAMLProviderArn": ARN}
    assert (await root.ask("UntagSAMLProvider", SAMLProviderArn=ARN, TagKeys=["Team"])).data == {}
    found = (await root.ask("GetSAMLProvider", SAMLProviderArn=ARN)).data
    (key,) = found["PrivateKeyList"]
    assert (found["AssertionEncryptionMode"], "Tags" in found) == ("Required", False)
    answer = await root.ask("UpdateSAMLProvider", SAMLProviderArn=ARN, RemovePrivateKey=key["KeyId"])
    assert (answer.status, answer.code) == (400, "InvalidInput")
    assert (await root.ask("DeleteSAMLProvider", SAMLProviderArn=ARN)).data == {}
    answer = await root.ask("GetSAMLProvider", SAMLProviderArn=ARN)
    assert (answer.status, answer.code, answer.message) == (404, "NoSuchEntity", f"Manifest not found for arn {ARN}")


async def test_errors_are_in_awss_words(service: Service) -> None:
    root = await aws_key(service)
    given = {"Name": "Corp", "SAMLMetadataDocument": DOCUMENT}
    for more, code in (
        ({"SAMLMetadataDocument": "<x>" + " " * 1000 + "</x>"}, "InvalidInput"),
        ({"SAMLMetadataDocument": "<x/>"}, "ValidationError"),
        ({"AddPrivateKey": "x"}, "InvalidInput"),
        ({"AssertionEncryptionMode": "Required"}, "InvalidInput"),
        ({"AssertionEncryptionMode": "Never"}, "ValidationError"),
    ):
        answer = await root.ask("CreateSAMLProvider", **{**given, **more})
        assert (answer.status, answer.code) == (400, code), answer.text
    await root.ask("CreateSAMLProvider", **given)
    answer = await root.ask("CreateSAMLProvider", **given)
    assert (answer.status, answer.code) == (409, "EntityAlreadyExists")
