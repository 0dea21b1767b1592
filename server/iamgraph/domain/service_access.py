"""What a report of last accesses says: which services policies allow somebody, and who last asked for what of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from .entities import PrincipalType

TRACKED = timedelta(days=400)
"""How far back it looks, as on AWS: for as long as the history goes back."""


class Granularity(Enum):
    """Whether only services are told, or their actions too."""

    SERVICE_LEVEL = "SERVICE_LEVEL"
    ACTION_LEVEL = "ACTION_LEVEL"


class AccessedKind(Enum):
    """What a report can be about."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """What a report is asked to be about: an entity by its unique id, under the ARN that it had."""

    kind: AccessedKind
    id: str
    arn: str
    granularity: Granularity

    def text(self) -> str:
        """As a report keeps it."""
        return json.dumps([self.kind.value, self.id, self.arn, self.granularity.value])

    @staticmethod
    def of(text: str) -> AccessRequest:
        kind, id, arn, granularity = json.loads(text)
        return AccessRequest(kind=AccessedKind(kind), id=id, arn=arn, granularity=Granularity(granularity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accessor:
    """A user or role that the policies are for."""

    type: PrincipalType
    id: str
    arn: str
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Somebody's last attempt to access something, allowed or not."""

    accessor: Accessor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAccess:
    """An action that this server performs, and who last asked for it; None: nobody did."""

    name: str
    last: Access | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccess:
    """A service that policies allow, and each one's last attempt to access it, newest first."""

    namespace: str
    name: str
    accesses: tuple[Access, ...] = ()
    actions: tuple[ActionAccess, ...] = ()

    @property
    def last(self) -> Access | None:
        return self.accesses[0] if self.accesses else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReport:
    """Whom the policies are for, and the services that they allow, by namespace."""

    accessors: tuple[Accessor, ...]
    services: tuple[ServiceAccess, ...]

    def text(self) -> str:
        """As a report keeps it: accessors once, and by their places in the rest."""
        places = {accessor.id: place for place, accessor in enumerate(self.accessors)}

        def plain(access: Access | None) -> list[object] | None:
            return None if access is None else [places[access.accessor.id], access.at.isoformat()]

        who = [[one.type.value, one.id, one.arn, one.name, one.path] for one in self.accessors]
        services = [
            [
                service.namespace,
                service.name,
                [plain(access) for access in service.accesses],
                [[action.name, plain(action.last)] for action in service.actions],
            ]
            for service in self.services
        ]
        return json.dumps([who, services], separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def of(text: str) -> AccessReport:
        who, services = json.loads(text)
        accessors = tuple(
            Accessor(type=PrincipalType(type), id=id, arn=arn, name=name, path=path)
            for type, id, arn, name, path in who
        )

        def access(plain: tuple[int, str]) -> Access:
            return Access(accessor=accessors[plain[0]], at=datetime.fromisoformat(plain[1]))

        return AccessReport(
            accessors=accessors,
            services=tuple(
                ServiceAccess(
                    namespace=namespace,
                    name=name,
                    accesses=tuple(access(one) for one in accesses),
                    actions=tuple(
                        ActionAccess(name=action, last=access(last) if last else None) for action, last in actions
                    ),
                )
                for namespace, name, accesses, actions in services
            ),
        )
