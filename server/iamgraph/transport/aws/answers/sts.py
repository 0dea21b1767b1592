"""Temporary credentials, and who asks."""

from __future__ import annotations

from collections.abc import Mapping

from ....app import assume_role_with_saml, federation_tokens, keys, session_tokens, sts, web_identity
from ....app.caller import Identity, federated_user_id
from ....app.questions.decoding import DecodeAuthorizationMessage, DecodedAuthorizationMessage
from ....app.temporary import Credentials
from ....domain.entities import PrincipalType
from ..action import Action, Asked
from ..models import Structure
from .base import instant


def _credentials(made: Credentials) -> Structure:
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
        "Expiration": instant(made.expiration),
    }


def _assumed(made: sts.AssumedRole, asked: Asked) -> Structure:
    session, op = made.session, asked.operation
    is_packed = op.policy is not None or op.policy_arns or op.tags
    return {
        "Credentials": _credentials(made.credentials),
        "AssumedRoleUser": {"AssumedRoleId": f"{session.principal_id}:{session.name}", "Arn": made.assumed_role_arn},
        "PackedPolicySize": made.packed_policy_size if is_packed else None,
        "SourceIdentity": session.source_identity,
    }


def _assumed_by_web_identity(made: web_identity.AssumedByWebIdentity, asked: Asked) -> Structure:
    session, op = made.session, asked.operation
    is_packed = op.policy is not None or op.policy_arns or session.tags
    return {
        "Credentials": _credentials(made.credentials),
        "SubjectFromWebIdentityToken": made.subject_from_web_identity_token,
        "AssumedRoleUser": {"AssumedRoleId": f"{session.principal_id}:{session.name}", "Arn": made.assumed_role_arn},
        "PackedPolicySize": made.packed_policy_size if is_packed else None,
        "Provider": made.provider,
        "Audience": made.audience,
        "SourceIdentity": session.source_identity,
    }


def _assumed_by_saml(made: assume_role_with_saml.AssumedBySaml, asked: Asked) -> Structure:
    session, op = made.session, asked.operation
    is_packed = op.policy is not None or op.policy_arns or session.tags
    return {
        "Credentials": _credentials(made.credentials),
        "AssumedRoleUser": {"AssumedRoleId": f"{session.principal_id}:{session.name}", "Arn": made.assumed_role_arn},
        "PackedPolicySize": made.packed_policy_size if is_packed else None,
        "Subject": made.subject,
        "SubjectType": made.subject_type,
        "Issuer": made.issuer,
        "Audience": made.audience,
        "NameQualifier": made.name_qualifier,
        "SourceIdentity": session.source_identity,
    }


def _session_token(made: session_tokens.SessionToken, asked: Asked) -> Structure:
    return {"Credentials": _credentials(made.credentials)}


def _federation_token(made: federation_tokens.FederationToken, asked: Asked) -> Structure:
    user = made.federated_user
    return {
        "Credentials": _credentials(made.credentials),
        "FederatedUser": {"FederatedUserId": user.federated_user_id, "Arn": user.arn},
        # Always, as AWS answers it, where AssumeRole has it of policies and tags only.
        "PackedPolicySize": made.packed_policy_size,
    }


def _identity(who: Identity, asked: Asked) -> Structure:
    return {"UserId": _user_id(who), "Account": who.account.id, "Arn": who.arn}


def _user_id(who: Identity) -> str:
    session = who.session
    if session is not None and session.is_federated_user:
        return federated_user_id(session)
    if session is not None and who.principal_type is PrincipalType.ROLE:
        return f"{who.principal_id}:{session.name}"
    return who.principal_id


def _key_info(account_id: str, asked: Asked) -> Structure:
    return {"Account": account_id}


def _decoded(decoded: DecodedAuthorizationMessage, asked: Asked) -> Structure:
    return {"DecodedMessage": decoded.decoded_message}


ACTIONS: Mapping[str, Action] = {
    "AssumeRole": Action(
        operation=sts.AssumeRole,
        answer=_assumed,
        differs="`ProvidedContexts` is not supported",
    ),
    "AssumeRoleWithWebIdentity": Action(
        operation=web_identity.AssumeRoleWithWebIdentity,
        answer=_assumed_by_web_identity,
        differs="tokens may also be signed with PS256 and its like, and EdDSA; clocks may differ by a minute; `ProviderId` "
        "is not supported",
    ),
    "AssumeRoleWithSAML": Action(
        operation=assume_role_with_saml.AssumeRoleWithSAML,
        answer=_assumed_by_saml,
        differs="a response can be used once; it is for the provider's own address and audience; "
        "`MinimumSessionTokenSize` is not supported",
    ),
    "GetAccessKeyInfo": Action(
        operation=keys.GetAccessKeyInfo, answer=_key_info, differs="tells of keys of the caller's own account alone"
    ),
    "DecodeAuthorizationMessage": Action(
        operation=DecodeAuthorizationMessage,
        answer=_decoded,
        differs="the message is the `EncodedAuthorizationMessage` in the `Error` of an `AccessDenied`; it holds more than "
        "AWS's",
    ),
    "GetFederationToken": Action(
        operation=federation_tokens.GetFederationToken,
        answer=_federation_token,
        differs="`MinimumSessionTokenSize` is not supported",
    ),
    "GetSessionToken": Action(operation=session_tokens.GetSessionToken, answer=_session_token),
    "GetCallerIdentity": Action(operation=sts.GetCallerIdentity, answer=_identity),
}
