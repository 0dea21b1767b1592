"""Signing in with an OpenID Connect provider: to it and back, the choice of a role, and its word that somebody has left."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field

from aiohttp import web

from ...app.caller import Caller
from ...app.kernel import Kernel
from ...app.oidc_sign_in import BeginOidcSignIn, CameBack, FinishOidcSignIn, OfferedRole, SignInWithWebIdentity
from ...app.oidc_sign_out import EndOidcSessions
from ...domain.errors import ExpiredIdentityToken, IamError, InvalidInput, NotTrusted, ServiceUnavailable
from ..origin import Network, origin_of
from .carried import Carrier
from .forms import FormRefused, fields_of, own_path
from .pages import away
from .roles import DURATIONS
from .sign_in import SESSION_PATH, end_sessions
from .visit import Visit, carrier_of

log = logging.getLogger(__name__)
OIDC_PATH = "/sso/oidc/{provider:[0-9a-f]{32}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who has come back from a provider, and may choose a role now."""

    provider_id: str
    provider_name: str
    id_token: str = field(repr=False)
    subject: str
    called: str
    roles: tuple[OfferedRole, ...]
    next_path: str | None

    def sealed(self, carrier: Carrier) -> str:
        """INVARIANT: only after a provider has spoken for them."""
        return carrier.seal("oidc", asdict(self))

    @classmethod
    def opened(cls, sealed: str, carrier: Carrier) -> Choice | None:
        """None where it is no good any more."""
        kept = carrier.open("oidc", sealed)
        if kept is None:
            return None
        return cls(**{**kept, "roles": tuple(OfferedRole(**role) for role in kept["roles"])})


class OidcPages:
    """Below `/sso/oidc/{provider}`."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def login(self, visit: Visit) -> web.Response:
        """To the provider. The form cookie is what the browser keeps meanwhile: it comes back with a Lax cookie."""
        command = BeginOidcSignIn(
            provider_id=_provider(visit.request),
            browser=visit.form_secret,
            next_path=own_path(visit.request.query.get("next")),
        )
        begun = await self._kernel.run(Caller(origin=visit.origin), command)
        return visit.answered(away(begun.url))

    async def callback(self, visit: Visit) -> web.Response:
        """From the provider: on to the one role that there is to go on as, or to the choice of one."""
        query, provider_id = visit.request.query, _provider(visit.request)
        command = FinishOidcSignIn(
            provider_id=provider_id,
            browser=visit.request.cookies.get(visit.cookies.form, ""),
            state=query.get("state", ""),
            code=query.get("code"),
            error=query.get("error"),
            issuer=query.get("iss"),
        )
        found = await self._kernel.run(Caller(origin=visit.origin), command)
        choice = _choice(provider_id, found)
        if len(choice.roles) == 1:
            return await self._go_on(visit, choice, choice.roles[0], 3600)
        return self._chooser(visit, choice)

    async def choose(self, visit: Visit) -> web.Response:
        """The role that was chosen."""
        fields = visit.fields
        choice = Choice.opened(fields.get("choice", ""), carrier_of(self._kernel, visit))
        if choice is None or choice.provider_id != _provider(visit.request):
            raise FormRefused(403, "That took too long. Please begin again.")
        role = next((offered for offered in choice.roles if offered.arn == fields.get("role")), None)
        seconds = fields.get("duration", "")
        if role is None or seconds not in map(str, DURATIONS):
            return self._chooser(visit, choice, problem="Choose a role.", status=400)
        return await self._go_on(visit, choice, role, int(seconds))

    async def _go_on(self, visit: Visit, choice: Choice, role: OfferedRole, seconds: int) -> web.Response:
        command = SignInWithWebIdentity(
            role_arn=role.arn,
            role_session_name=choice.called,
            web_identity_token=choice.id_token,
            duration_seconds=min(seconds, role.max_session or seconds),
        )
        try:
            done = await self._kernel.run(Caller(origin=visit.origin), command)
        except (NotTrusted, InvalidInput, ExpiredIdentityToken) as error:
            status = 400 if isinstance(error, InvalidInput) else 403
            return self._chooser(visit, choice, problem=error.message, status=status)
        await end_sessions(self._kernel, visit)
        visit.keep(done.access_token, done.credentials.expiration)
        return visit.moved(choice.next_path or SESSION_PATH)

    def _chooser(self, visit: Visit, choice: Choice, *, problem: str | None = None, status: int = 200) -> web.Response:
        return visit.page(
            "provider_roles",
            status=status,
            problem=problem,
            choice=choice,
            sealed=choice.sealed(carrier_of(self._kernel, visit)),
            durations=DURATIONS,
        )


class BackChannel:
    """Where providers, and no browsers, say that somebody has signed out there."""

    def __init__(self, kernel: Kernel, trusted: tuple[Network, ...]) -> None:
        self._kernel, self._trusted = kernel, trusted

    async def logout(self, request: web.Request) -> web.Response:
        """200 where the token is good, whether there was a session of it or not; else 400 (OpenID Connect Back-Channel
        Logout 1.0, section 2.8)."""
        origin = origin_of(request, "BROWSER", self._trusted)
        headers = {"Cache-Control": "no-store"}
        try:
            fields = await fields_of(request)
            command = EndOidcSessions(provider_id=_provider(request), logout_token=fields.get("logout_token", ""))
            await self._kernel.run(Caller(origin=origin), command)
            return web.Response(status=200, headers=headers)
        except FormRefused as error:
            problem = error.message
        except ServiceUnavailable as error:
            log.warning("request %s found no store: %s", origin.request_id, error.__cause__)
            return web.Response(status=503, headers={**headers, "Retry-After": "1"})
        except IamError as error:
            problem = error.message
        body = {"error": "invalid_request", "error_description": problem}
        return web.json_response(body, status=400, headers=headers)


def _provider(request: web.Request) -> str:
    return request.match_info["provider"]


def _choice(provider_id: str, found: CameBack) -> Choice:
    return Choice(
        provider_id=provider_id,
        provider_name=found.provider_name,
        id_token=found.id_token,
        subject=found.subject,
        called=found.called,
        roles=found.roles,
        next_path=found.next_path,
    )
