"""Passkeys: registered with a browser's answer to a challenge, listed with other MFA devices, taken away; and who may."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iamgraph.domain.limits import Quotas

from ..authenticator import EDDSA, ENABLED, ES256, ES384, RS256, Authenticator, asked, b64, begun, registered
from ..databases import STORES, fresh
from ..phone import enrolled
from ..service import ACCOUNT, Service, served
from .asking import account, arn, document, other_root, refused, statement

INNER = "mfaDevices { __typename id serialNumber enabledAt ... on Passkey { name transports } }"
REFUSED = "The passkey's answer is refused: "
NOT_OURS = "The passkey's answer is not to a challenge of this server for this user: begin again."


def given(credential: str, user: str | None = "alice", name: str = "key") -> dict[str, Any]:
    return {"passkeyName": name, "credential": credential} | ({"userName": user} if user is not None else {})


async def denied(service: Service, credential: str, user: str | None = "alice", token: str | None = None) -> str:
    """The message of an answer that must be refused, and change nothing."""
    error = await refused(service, "enablePasskey", given(credential, user), "InvalidPasskeyError", token=token)
    assert error["code"] == "INVALID_PASSKEY"
    return str(error["message"])


async def test_a_passkey_is_registered_listed_and_taken_away(service: Service) -> None:
    root = await service.root()
    await service.user("alice", path="/eng/")
    phone = await enrolled(service, "alice")
    options = json.loads(await begun(service, "alice"))
    challenge, user = options.pop("challenge"), options.pop("user")
    assert options == {
        "rp": {"name": "iamgraph", "id": "localhost"},
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (ES256, EDDSA, RS256)],
        "timeout": 300_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "preferred",
        },
        "attestation": "none",
    }
    assert (user["name"], user["displayName"], len(challenge) >= 22) == ("alice", "alice", True)
    key, passkey = await registered(service, "alice", Authenticator(transports=("usb", "nfc", "smoke")))
    shown = {
        "name": "key",
        "credentialId": b64(key.credential_id),
        "transports": ["nfc", "usb"],
        "user": {"name": "alice"},
    }
    assert {name: passkey[name] for name in shown} == shown
    head, _, suffix = passkey["serialNumber"].rpartition("-")
    assert (head, len(suffix)) == (arn("u2f/user/alice/key"), 26)

    listed = (await account(service, f'user(name: "alice") {{ {INNER} }}'))["user"]["mfaDevices"]
    assert [(device["__typename"], device["serialNumber"]) for device in listed] == [
        ("TotpDevice", phone.serial),
        ("Passkey", passkey["serialNumber"]),
    ]
    node = f'{{ node(id: "{passkey["id"]}") {{ ... on Passkey {{ serialNumber user {{ name }} }} }} }}'
    serial = {"serialNumber": passkey["serialNumber"]}
    assert (await service.ask(node, root)).only() == {**serial, "user": {"name": "alice"}}

    # Whoever has one can't be deleted; whoever is renamed has it still.
    await service.good("deactivateMFADevice", {"serialNumber": phone.serial, "userName": "alice"})
    await service.good("deleteLoginProfile", {"userName": "alice"})
    blocked = "message blockedBy { __typename ... on Passkey { serialNumber } }"
    error = await refused(service, "deleteUser", {"userName": "alice"}, "DeleteConflictError", blocked)
    assert error["message"] == "Cannot delete entity, must delete MFA device first."
    assert error["blockedBy"] == [{"__typename": "Passkey", **serial}]
    await service.good("updateUser", {"userName": "alice", "newUserName": "alicia"})
    renamed = {"serialNumber": arn(f"u2f/user/alicia/key-{suffix}")}
    assert (await service.ask(node, root)).only() == {**renamed, "user": {"name": "alicia"}}
    await refused(service, "deactivateMFADevice", serial | {"userName": "alicia"}, "NoSuchEntityError")
    gone = await service.good("deactivateMFADevice", renamed | {"userName": "alicia"}, "device { id }")
    assert gone["device"] is None
    assert (await service.ask(node, root)).data == {"node": None}
    await service.good("deleteUser", {"userName": "alicia"})


async def test_the_history_says_what_was_registered_and_no_secret(service: Service) -> None:
    await service.user("alice")
    key, passkey = await registered(service, "alice")
    serial = passkey["serialNumber"]
    await service.good("deactivateMFADevice", {"serialNumber": serial, "userName": "alice"})
    (begin,) = await service.events(name="BeginPasskeyRegistration")
    (enabled,) = await service.events(name="EnablePasskey")
    (gone,) = await service.events(name="DeactivateMFADevice")
    assert {(event.action, event.resources) for event in (begin, enabled)} == {
        ("iam:EnableMFADevice", (arn("user/alice"),))
    }
    assert enabled.parameters == '{"passkeyName": "key", "userName": "alice"}'
    shown = [("serialNumber", serial), ("enabledFor", arn("user/alice")), ("credentialId", b64(key.credential_id))]
    assert [(one.field, one.before, one.after) for one in enabled.changes] == [
        (name, None, value) for name, value in shown
    ]
    assert [(one.field, one.before, one.after) for one in gone.changes] == [
        (name, value, None) for name, value in shown
    ]
    assert begin.changes == () and "challenge" not in repr([begin, enabled, gone])


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_an_authenticator_signs_with_its_algorithm(service: Service, algorithm: int) -> None:
    """And vouches for itself, if it likes."""
    await service.user("alice")
    key = Authenticator(algorithm=algorithm)
    await service.good("enablePasskey", given(key.create(await begun(service, "alice"), fmt="packed")), ENABLED)
    options = (await asked(service))["passkeyOptions"]
    input = {
        "account": ACCOUNT,
        "userName": "alice",
        "password": "alice-Passw0rd!",
        "passkeyAssertion": key.get(options),
    }
    assert (await service.do("signIn", input, "viewer { mfaAuthenticated }"))["viewer"] == {"mfaAuthenticated": True}


@pytest.mark.parametrize(("key", "reason"), [
    (Authenticator(origin="http://localhost:8081"), 'Unexpected client data origin "http://localhost:8081", expected one of '
     "['http://localhost:8080']"),
    (Authenticator(rp_id="localhost.example"), "Unexpected RP ID hash"),
    (Authenticator(flags=0x04), "User presence was required, but was not present during attestation"),
    (Authenticator(algorithm=ES384), "its algorithm is -35, not one of ES256 (-7), EdDSA (-8) and RS256 (-257)"),
    (Authenticator(client={"type": "webauthn.get"}), 'Unexpected client data type "webauthn.get", expected '
     '"ClientDataType.WEBAUTHN_CREATE"'),
    (Authenticator(client={"crossOrigin": True}), "it was made in a frame of another site's page"),
    (Authenticator(credential_id=b"x" * 1024), "its id is another one than the authenticator's, or too long"),
], ids=["origin", "rp-id", "presence", "algorithm", "type", "frame", "long-id"])  # fmt: skip
async def test_a_credential_is_refused_for(service: Service, key: Authenticator, reason: str) -> None:
    await service.user("alice")
    assert await denied(service, key.create(await begun(service, "alice"))) == f"{REFUSED}{reason}."


async def test_an_attestation_is_none_or_the_credentials_own(service: Service) -> None:
    await service.user("alice")
    key = Authenticator()
    maker = f"{REFUSED}it has an attestation by the authenticator's maker; ask for none."
    for changes in ({"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"s", "x5c": [b"c"]}}, {"fmt": "fido-u2f"}):
        assert await denied(service, key.create(await begun(service, "alice"), **changes)) == maker
    forged = {"fmt": "packed", "attStmt": {"alg": ES256, "sig": Authenticator().sign(b"")}}
    message = await denied(service, key.create(await begun(service, "alice"), **forged))
    assert message == f"{REFUSED}Could not verify attestation statement signature (Packed|Self)."


async def test_a_challenge_registers_one_passkey(service: Service) -> None:
    await service.user("alice")
    options = await begun(service, "alice")
    await service.good("enablePasskey", given(Authenticator().create(options)))
    again = await denied(service, Authenticator().create(options))
    assert again == "The challenge has been answered already: begin again."


async def test_a_challenge_is_good_for_five_minutes(service: Service) -> None:
    await service.user("alice")
    service.clock.stop()
    options = await begun(service, "alice")
    service.clock.ahead += timedelta(minutes=5)
    late = await denied(service, Authenticator().create(options))
    assert late == f"The challenge was good until {service.clock():%Y-%m-%dT%H:%M:%SZ}: begin again."
    service.clock.ahead -= timedelta(milliseconds=10)
    await service.good("enablePasskey", given(Authenticator().create(options)))


async def test_a_challenge_is_for_one_user_and_who_asked(service: Service) -> None:
    """Not for another user, another who asks, another account, signing in; and none that was made up."""
    own = document(statement("Allow", "iam:EnableMFADevice"))
    alice, bob = await service.user("alice", own), await service.user("bob", own)
    other = await other_root(service)
    options = await begun(service, "alice")
    key = Authenticator()
    for user, token in (("bob", None), (None, None), ("alice", alice), (None, alice), ("alice", bob), (None, other)):
        assert await denied(service, key.create(options), user, token) == NOT_OURS
    await registered(service, "alice")
    sign_in = json.loads((await asked(service))["passkeyOptions"])
    for challenge in (sign_in["challenge"], b64(b"\xff"), b64(b""), b64(b"v2.00000000.AAAA")):
        made_up = json.dumps(json.loads(options) | {"challenge": challenge})
        assert await denied(service, key.create(made_up)) == NOT_OURS
    await service.good("enablePasskey", given(key.create(options)))


async def test_a_credential_is_registered_once(service: Service) -> None:
    """For the same user, another one and in another account, in the same words; browsers are told before they make one."""
    await service.user("alice")
    await service.user("bob")
    other = await other_root(service)
    key, _ = await registered(service, "alice")
    excluded = json.loads(await begun(service, "alice"))["excludeCredentials"]
    assert excluded == [{"id": b64(key.credential_id), "type": "public-key", "transports": ["usb"]}]
    assert json.loads(await begun(service, "bob"))["excludeCredentials"] == []
    thief = replace(key, key=Authenticator().key)
    for user, token in (("alice", None), ("bob", None), (None, None), (None, other)):
        input = given(thief.create(await begun(service, user, token)), user)
        error = await refused(service, "enablePasskey", input, "EntityAlreadyExistsError", token=token)
        assert error["message"] == "This passkey is registered already: use another authenticator, or a new passkey."


@pytest.mark.parametrize("credential", ["", "{}", "[]", "null", '{"id": 1}', "\u00e9\0"])
async def test_what_is_no_credential_is_refused(service: Service, credential: str) -> None:
    await service.user("alice")
    if credential == "":
        error = await refused(service, "enablePasskey", given(""), "InvalidInputError")
        assert error["message"] == "the value at 'credential' must have a length between 1 and 16384"
    else:
        assert (await denied(service, credential)).startswith(REFUSED)


async def test_what_is_too_long_or_not_cbor_is_refused(service: Service) -> None:
    await service.user("alice")
    key = Authenticator()
    made = json.loads(key.create(await begun(service, "alice")))
    error = await refused(
        service, "enablePasskey", given(json.dumps(made) + " " * 16_384), "InvalidInputError", "field"
    )
    assert error["field"] == "credential"
    nested, bomb = b"\x81" * 9000, b"\x9b" + b"\xff" * 8
    for data in (b"", b"\xff", nested, bomb, b"\x5b" + b"\xff" * 8, b"\xa1\x61", b"\xc2" * 5000):
        made["response"]["attestationObject"] = b64(data)
        assert await denied(service, json.dumps(made)) == f"{REFUSED}Could not parse attestationObject as CBOR data."


@pytest.mark.parametrize("kind", STORES)
async def test_quotas_hold(kind: str, tmp_path: Path) -> None:
    """For passkeys and virtual devices together, also where several are registered at once."""
    quotas = Quotas(mfa_devices_per_user=3)
    async with fresh(kind, tmp_path) as url, served(url, tmp_path, quotas=quotas) as service:
        await service.user("alice")
        phone = await enrolled(service, "alice")
        answers = [given(Authenticator().create(await begun(service, "alice"))) for _ in range(4)]
        root = await service.root()
        ends = await asyncio.gather(*(service.do("enablePasskey", input, token=root) for input in answers))
        assert sorted(end["__typename"] for end in ends) == ["EnablePasskeySuccess"] * 2 + ["LimitExceededError"] * 2
        for mutation, input in (
            ("beginPasskeyRegistration", {"userName": "alice"}),
            ("enableMFADevice", phone.pair() | {"userName": "alice", "serialNumber": arn("mfa/x")}),
        ):
            kind_ = "LimitExceededError" if mutation.startswith("begin") else "NoSuchEntityError"
            await refused(service, mutation, input, kind_)
        await registered(service, None)  # the root has its own


async def test_the_roots_passkeys_are_the_roots(service: Service) -> None:
    _, passkey = await registered(service, None)
    assert (passkey["user"], passkey["serialNumber"].rpartition("-")[0]) == (None, arn("u2f/root/key"))
    assert (await account(service, f"root {{ {INNER} }}"))["root"]["mfaDevices"][0]["id"] == passkey["id"]
    admin = await service.user("admin", document(statement("Allow", "*")))
    serial = {"serialNumber": passkey["serialNumber"]}
    await refused(service, "deactivateMFADevice", serial, "NoSuchEntityError", token=admin)
    await service.good("deactivateMFADevice", serial)


async def test_policies_see_what_is_registered(service: Service) -> None:
    """As AWS's guide has it: a key may be tried, and is taken only with a certification. Ours have none."""
    create = {"StringEquals": {"iam:RegisterSecurityKey": "Create"}}
    certified = {"StringEquals": {"iam:RegisterSecurityKey": "Activate", "iam:FIDO-certification": "L1"}}
    user = "arn:aws:iam::*:user/${aws:username}"
    alice = await service.user(
        "alice",
        document(
            statement("Allow", "iam:EnableMFADevice", user, Condition=create),
            statement("Allow", "iam:EnableMFADevice", user, Condition=certified),
        ),
    )
    credential = Authenticator().create(await begun(service, None, alice))
    input = given(credential, None)
    await refused(service, "enablePasskey", input, "AccessDeniedError", token=alice)
    activate = {"StringEquals": {"iam:RegisterSecurityKey": "Activate"}, "Null": {"iam:FIDO-certification": "true"}}
    policy = document(statement("Allow", "iam:EnableMFADevice", user, Condition=activate))
    await service.good("putUserPolicy", {"userName": "alice", "policyName": "own", "policyDocument": policy})
    await refused(service, "beginPasskeyRegistration", {}, "AccessDeniedError", token=alice)
    await service.good("enablePasskey", input, token=alice)
