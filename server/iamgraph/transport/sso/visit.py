"""One request of a browser: who its cookies speak for, what its form says, and what its answer will set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from ...app.caller import Caller, Origin
from ...app.kernel import Kernel
from ..cookies import Cookies
from .carried import Carrier
from .forms import form_token, new_form_secret
from .pages import moved, page


@dataclass(slots=True, kw_only=True)
class Visit:
    """`caller` is who acts; `own` is who signed in, which is another only while `caller` is a role that it has switched
    to. Both are anonymous for who is not signed in."""

    request: web.Request
    origin: Origin
    cookies: Cookies
    caller: Caller
    own: Caller
    fields: Mapping[str, str] = field(default_factory=dict)
    form_secret: str
    session: str | None
    own_session: str | None
    """The tokens of `caller` and of `own`."""
    _kept: dict[str, tuple[str, datetime | None] | None] = field(default_factory=dict)

    @property
    def is_in_role(self) -> bool:
        return self.own is not self.caller

    def page(self, template: str, /, *, status: int = 200, runs_script: bool = False, **values: object) -> web.Response:
        """A page whose forms this browser can send."""
        token = form_token(self.form_secret, self.session)
        made = page(template, status=status, runs_script=runs_script, form_token=token, **values)
        return self.answered(made)

    def moved(self, path: str) -> web.Response:
        return self.answered(moved(path))

    def keep(self, token: str, expires_at: datetime, own: tuple[str, datetime] | None = None) -> None:
        """Go on with this session; and, where it is a role's, with the session of who signed in beside it. Forms that were
        shown before are out of date."""
        self._kept = {
            self.cookies.session: (token, expires_at),
            self.cookies.own: own,
            self.cookies.form: (new_form_secret(), None),
        }

    def go_back(self) -> None:
        """Go on as who signed in."""
        assert self.own_session is not None
        self._kept = {self.cookies.session: (self.own_session, session_end(self.own)), self.cookies.own: None}

    def forget(self) -> None:
        """Go on without a session."""
        self._kept = dict.fromkeys((self.cookies.session, self.cookies.own, self.cookies.form))

    def answered(self, response: web.Response) -> web.Response:
        """The answer, with the cookies that it sets."""
        has = self.request.cookies
        if self.cookies.form not in self._kept and has.get(self.cookies.form) != self.form_secret:
            self.cookies.set(response, self.cookies.form, self.form_secret)
        for name, value in self._kept.items():
            if value is not None:
                self.cookies.set(response, name, value[0], expires_at=value[1])
            elif name in has:
                self.cookies.delete(response, name)
        return response


def carrier_of(kernel: Kernel, visit: Visit) -> Carrier:
    """What seals for the visit's browser."""
    return Carrier(kernel.tools.sealer, visit.form_secret, kernel.tools.clock())


def session_end(caller: Caller) -> datetime:
    """When a browser's session ends by itself."""
    session = caller.who.session
    assert session is not None
    return session.expires_at


async def visit_of(request: web.Request, kernel: Kernel, cookies: Cookies, origin: Origin) -> Visit:
    """The visit, without its form. A role session that has ended leaves who switched to it."""
    session, own_session = request.cookies.get(cookies.session), request.cookies.get(cookies.own)
    caller = await kernel.authenticate(session, origin)
    own = await kernel.authenticate(own_session, origin) if own_session is not None else caller
    is_back = caller.is_anonymous and not own.is_anonymous
    if is_back:
        caller, session = own, own_session
    elif own.is_anonymous or own_session is None:
        own, own_session = caller, session
    if not caller.is_anonymous:
        origin.noted.principal_arn = caller.who.arn
    visit = Visit(
        request=request,
        origin=origin,
        cookies=cookies,
        caller=caller,
        own=own,
        form_secret=request.cookies.get(cookies.form) or new_form_secret(),
        session=session,
        own_session=own_session,
    )
    if is_back:
        visit.go_back()
    return visit
