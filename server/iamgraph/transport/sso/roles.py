"""Taking on a role: in the browser, until one goes back; or as temporary credentials, for programs."""

from __future__ import annotations

from aiohttp import web

from ...app.assumable import ListAssumableRoles, role_session_name
from ...app.kernel import Ask, Kernel
from ...app.listing import Listed
from ...app.refusals import invalid
from ...app.sign_in import SignOut
from ...app.sts import AssumedRole, AssumeRole
from ...domain.entities import Role
from ...domain.errors import AccessDenied, IamError, InvalidInput
from .sign_in import SESSION_PATH
from .visit import Visit, session_end

ROLES_PATH = "/sso/roles"
DURATIONS = {900: "15 minutes", 3600: "1 hour", 7200: "2 hours", 14400: "4 hours", 28800: "8 hours", 43200: "12 hours"}
_PAGE = 100


class RolePages:
    """The role chooser. INVARIANT: whatever role one acts as, who signed in assumes the next (IAM User Guide, "Switch from
    a user to an IAM role (console)")."""

    def __init__(self, kernel: Kernel, *, public_url: str) -> None:
        self._kernel, self._public_url = kernel, public_url

    async def show(self, visit: Visit) -> web.Response:
        """The roles that who signed in may assume."""
        if visit.own.is_anonymous:
            return visit.moved(f"/signin?next={ROLES_PATH}")
        return await self._chooser(visit)

    async def send(self, visit: Visit) -> web.Response:
        """Assume the role that was chosen."""
        if visit.own.is_anonymous:
            return visit.moved(f"/signin?next={ROLES_PATH}")
        fields = visit.fields
        typed = fields.get("role_arn", "").strip()
        arn = typed or fields.get("role", "")
        seconds = fields.get("duration", "")
        if not arn or seconds not in map(str, DURATIONS):
            return await self._chooser(visit, problem="Choose a role, or give its ARN.", status=400, typed=typed)
        command = AssumeRole(
            role_arn=arn, role_session_name=role_session_name(visit.own.who), duration_seconds=int(seconds)
        )
        await self._kernel.charge(visit.own, 1, [AssumeRole.__name__])
        try:
            done = await self._kernel.run(visit.own, command)
        except (AccessDenied, InvalidInput) as error:
            # Parameters are told of before permissions, as on AWS.
            told = invalid(command) or error
            status = 403 if isinstance(told, AccessDenied) else 400
            return await self._chooser(visit, problem=told.message, status=status, typed=typed)
        return await (self._credentials if "credentials" in fields else self._switched)(visit, done)

    async def back(self, visit: Visit) -> web.Response:
        """End the role's session, and go on as who signed in."""
        await self._leave(visit)
        if visit.is_in_role:
            visit.go_back()
        return visit.moved(SESSION_PATH)

    async def _chooser(
        self, visit: Visit, *, problem: str | None = None, status: int = 200, typed: str = ""
    ) -> web.Response:
        own = visit.own
        query = ListAssumableRoles(max_items=_PAGE, marker=visit.request.query.get("after") or None)
        await self._kernel.charge(own, 1, [ListAssumableRoles.__name__])
        try:
            (found,) = await self._kernel.fetch(own, [Ask(query)])
        finally:
            await self._kernel.settle(own)
        if isinstance(found, IamError):
            raise found
        return visit.page(
            "roles",
            status=status,
            problem=problem,
            roles=found.items,
            next_marker=_next(found),
            durations=DURATIONS,
            typed=typed,
            who=own.who,
        )

    async def _credentials(self, visit: Visit, done: AssumedRole) -> web.Response:
        return visit.page(
            "credentials",
            problem=None,
            credentials=done.credentials,
            arn=done.assumed_role_arn,
            endpoint=self._public_url,
        )

    async def _switched(self, visit: Visit, done: AssumedRole) -> web.Response:
        await self._leave(visit)
        assert visit.own_session is not None
        own = (visit.own_session, session_end(visit.own))
        visit.keep(done.access_token, done.credentials.expiration, own)
        return visit.moved(SESSION_PATH)

    async def _leave(self, visit: Visit) -> None:
        """End the session of the role that the browser acts as, if it does."""
        if visit.is_in_role:
            await self._kernel.run(visit.caller, SignOut())


def _next(page: Listed[Role]) -> str | None:
    return page.cursor(page.items[-1]) if page.more else None
