"""GetFederationToken: temporary credentials for somebody unknown here, for whom a user or the root answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..domain.arn import federated_user_arn
from ..domain.entities import Session, SessionSource
from ..domain.errors import LimitExceeded, LongTermKeyRequired, MalformedPolicyDocument
from ..domain.names import Between, Doc, FederatedUserName
from ..domain.tags import check_tags
from .caller import Caller, federated_user_id
from .operation import Command, Need, Place, Target, operation
from .session_policies import FederatedUserPolicy, SessionPolicyArns, narrowing
from .tagging import Tags, request_tags
from .temporary import Credentials, check_long_term_key, issue, new_credentials, own_seconds, own_session
from .work import Work


class _FederatedUserByName(Target):
    """A federated user of the caller's account, which exists by being named."""

    def place(self, caller: Caller, op: Any, entity: Any) -> Place:
        arn = federated_user_arn(caller.account_id, op.name)
        return Place(resource=arn, asked=arn, account_id=caller.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedUser:
    """How a federated user is named: `federated_user_id` as policies see it in `aws:userid`, `arn` as a principal."""

    federated_user_id: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationToken:
    """A federated user's session: its credentials, and the same session as a bearer token. `packed_policy_size` is in
    percent."""

    credentials: Credentials
    access_token: str = field(repr=False)
    federated_user: FederatedUser
    packed_policy_size: int
    session: Session


@operation(
    "sts:GetFederationToken",
    on=_FederatedUserByName(),
    raises=(MalformedPolicyDocument, LimitExceeded, LongTermKeyRequired),
)
class GetFederationToken(Command[FederationToken]):
    """Get temporary credentials for a federated user, as a user or the root, with a long-term access key. They may do what
    both the caller and the session policies may, so without session policies nothing; never IAM, and of STS
    GetCallerIdentity."""

    name: FederatedUserName
    policy: FederatedUserPolicy | None = None
    policy_arns: Annotated[
        SessionPolicyArns, Doc("Managed policies, of the account or of the service, that narrow the session.")
    ] = ()
    duration_seconds: Annotated[
        int | None,
        Between(900, 129_600),
        Doc("How long the credentials are good for: 12 hours if nothing is said; of the root an hour at most."),
    ] = None
    tags: Tags = ()

    locks_account = False

    def needs(self, caller: Caller, target: None) -> Sequence[Need]:
        actions = ["sts:GetFederationToken", *(["sts:TagSession"] if self.tags else [])]
        return [self.need(caller, target, action) for action in actions]

    def context(self, caller: Caller, target: None) -> Mapping[str, str | tuple[str, ...]]:
        return request_tags(self.tags)

    def validate(self) -> None:
        check_tags(self.tags)

    async def look(self, work: Work, target: None) -> None:
        check_long_term_key(work.caller, "GetFederationToken")

    async def execute(self, work: Work, target: None, prepared: None) -> FederationToken:
        who = work.caller.who
        policies, packed = await narrowing(work, who.account.id, self.policy, self.policy_arns, whose="caller")
        credentials = new_credentials(work, own_seconds(who.principal_type, self.duration_seconds))
        session = own_session(
            work,
            credentials,
            source=SessionSource.FEDERATION_TOKEN,
            policies=policies,
            name=self.name,
            tags=self.tags,
        )
        token = await issue(work, session, credentials)
        return FederationToken(
            credentials=credentials,
            access_token=token,
            federated_user=FederatedUser(federated_user_id=federated_user_id(session), arn=session.arn),
            packed_policy_size=packed,
            session=session,
        )
