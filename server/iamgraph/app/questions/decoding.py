"""DecodeAuthorizationMessage: the whole reason of a refusal, from the message that the refused caller was given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from ...domain.errors import IamError, InvalidAuthorizationMessage
from ...domain.names import Doc, Secret
from ...domain.policy.evaluate import Outcome
from ...domain.policy.explanation import Explanation, ToldNearMiss, ToldStatement
from ..operation import Query, camel, operation
from ..targets import EVERYTHING
from ..work import Work
from .authorization_message import opened


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedAuthorizationMessage:
    """What a message holds: as JSON text in AWS's form, with more beside what AWS has, and as values."""

    decoded_message: str
    explanation: Explanation


@operation("sts:DecodeAuthorizationMessage", on=EVERYTHING, raises=(InvalidAuthorizationMessage,))
class DecodeAuthorizationMessage(Query[DecodedAuthorizationMessage]):
    """Open the encoded message of a refusal: who was refused what, in which context, by which statements or for want of
    what. Messages open in the account of who was refused."""

    # Longer ones are refused as what is no message: it is all one what is wrong with it. Out of the history: the message
    # is for those who may open it.
    encoded_message: Annotated[
        str, Secret(), Doc("The message that came with the refusal, with at most 10,240 characters.")
    ]

    @classmethod
    async def fetch(
        cls, work: Work, asks: Sequence[tuple[DecodeAuthorizationMessage, None]]
    ) -> Sequence[DecodedAuthorizationMessage | IamError]:
        return [_decoded(work, query) for query, _ in asks]


def _decoded(work: Work, query: DecodeAuthorizationMessage) -> DecodedAuthorizationMessage | IamError:
    try:
        explanation = opened(query.encoded_message, work.caller.account_id, work.tools.sealer)
    except InvalidAuthorizationMessage as error:
        return error
    return DecodedAuthorizationMessage(decoded_message=document(explanation), explanation=explanation)


def document(explanation: Explanation) -> str:
    """The explanation as AWS writes it (STS API Reference and AWS CLI Command Reference, decode-authorization-message).
    Ours are, in a statement, `policy`, `place` and each condition's `operator`; and at the top all from `accountId` on."""
    x = explanation
    who = {"id": x.principal_id, "name": x.principal_name, "arn": x.principal_arn}
    more = {"abridged": True} if x.is_abridged else {}
    shown = {
        "allowed": x.outcome is Outcome.ALLOWED,
        "explicitDeny": x.outcome is Outcome.EXPLICITLY_DENIED,
        "matchedStatements": _items(map(_statement, x.because)),
        "failures": _items(()),
        "context": {
            "principal": {name: value for name, value in who.items() if value is not None},
            "action": x.action,
            "resource": x.resource,
            "conditions": _items({"key": one.key, "values": _values(one.values)} for one in x.context),
        },
        "accountId": x.account_id,
        "time": x.at,
        "reason": x.reason,
        "lacking": x.blocked.value if x.blocked else None,
        "nearMisses": _items(map(_near, x.near)),
        "missingContextKeys": _values(x.missing_context),
    }
    return json.dumps(shown | more, ensure_ascii=False)


def _statement(told: ToldStatement) -> dict[str, Any]:
    attached = [told.attached_to] if told.attached_to else []
    groups = [one for one in attached if one.startswith("AGPA")]
    named = told.principals or [one for one in attached if one not in groups]
    return {
        "statementId": told.sid or "",
        "effect": told.effect.upper(),
        "notPrincipals" if told.not_principal else "principals": _values(named),
        "principalGroups": _values(groups),
        "notActions" if told.not_action else "actions": _values(told.actions),
        "notResources" if told.not_resource else "resources": _values(told.resources),
        "conditions": _items(
            {"key": one.key, "operator": one.operator, "values": _values(one.values)} for one in told.conditions
        ),
        "policy": {
            "kind": told.kind.value,
            "name": told.policy_name,
            "arn": told.arn,
            "version": told.policy_version,
            "attachedTo": told.attached_to,
        },
        "place": told.place and {camel(name): number for name, number in asdict(told.place).items()},
    }


def _near(near: ToldNearMiss) -> dict[str, Any]:
    unmet = (
        {"key": one.key, "operator": one.operator, "values": _values(one.values), "isMissing": one.is_missing}
        for one in near.unmet
    )
    return {**_statement(near.match), "unmet": _items(unmet)}


def _values(values: Iterable[str] | None) -> dict[str, Any]:
    """`withheld` where the values are a secret."""
    if values is None:
        return {"items": [], "withheld": True}
    return _items({"value": value} for value in values)


def _items(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"items": list(items)}
