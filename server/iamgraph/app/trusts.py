"""Trust policies: what they name is bound to unique ids when they are saved, so that a principal that is deleted and
made again under the same name is not trusted (IAM User Guide, "AWS JSON policy elements: Principal")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.errors import MalformedPolicyDocument
from ..domain.policy.document import Document
from ..domain.policy.grammar import PolicyType, check, check_size
from ..domain.policy.syntax import finding_at
from ..domain.trust import PrincipalText, expand_accounts, named
from .work import Work


def check_trust_policy(work: Work, text: str) -> Document:
    """The document, if its text alone is sound. Raises InvalidInput, MalformedPolicyDocument and LimitExceeded."""
    document = check(PolicyType.TRUST, text)
    check_size(PolicyType.TRUST, text, work.tools.quotas.trust_policy_size)
    return document


async def bound(work: Work, text: str) -> tuple[str, Mapping[str, str]]:
    """The trust policy as it is shown, with each account's shorthand as its root ARN and every other byte kept; and for
    each user, role and role session of it, by the text that names them, the unique id. Raises InvalidInput,
    MalformedPolicyDocument and LimitExceeded.

    INVARIANT: who exists in another account does not show. An ARN of another account is accepted whether it names
    anyone or not; one that names nobody is not bound, and so matches nobody, ever. A unique id must be of one's own
    account.
    """
    entities = named(check_trust_policy(work, text))
    texts = list(dict.fromkeys(entity.text for entity in entities))
    found = dict(await work.data.principals.resolve(texts)) if texts else {}
    bare = [text for text in found if not text.startswith("arn:")]
    for foreign in set(bare) - await _own(work, bare):
        del found[foreign]
    wrong = [entity for entity in entities if entity.text not in found and _must_exist(work, entity.text)]
    if wrong:
        raise _invalid(text, wrong)
    return expand_accounts(text), found


async def _own(work: Work, ids: Sequence[str]) -> set[str]:
    """Those of the unique ids that are of users and roles of the caller's account."""
    if not ids:
        return set()
    users = (await work.data.users.by_ids(ids)).values()
    roles = (await work.data.roles.by_ids(ids)).values()
    account_id = work.caller.account_id
    return {one.id for one in users if one.account_id == account_id} | {
        one.id for one in roles if one.account_id == account_id
    }


def _must_exist(work: Work, text: str) -> bool:
    return not text.startswith("arn:") or text.split(":")[4] == work.caller.account_id


def _invalid(text: str, wrong: Sequence[PrincipalText]) -> MalformedPolicyDocument:
    findings = [finding_at(text, one.span.start, "INVALID_PRINCIPAL", _message(one.text), one.path) for one in wrong]
    return MalformedPolicyDocument(_message(wrong[0].text), findings=findings)


def _message(principal: str) -> str:
    return f'Invalid principal in policy: "AWS":"{principal}"'
