"""Signing in, page by page: a name and a password; then a new password, a code or a passkey, where one is needed. And
signing out."""

from __future__ import annotations

from aiohttp import web

from ...app.caller import Caller
from ...app.kernel import Kernel
from ...app.oidc_sign_out import SignedOut, SignOutOfBrowser
from ...app.sign_in import SignedIn, SignOut
from ...domain.errors import (
    IamError,
    InvalidCredentials,
    InvalidInput,
    MfaRequired,
    Overloaded,
    PasswordChangeRequired,
    PasswordExpired,
    PasswordPolicyViolation,
    Throttled,
)
from .attempt import Attempt, Shown
from .forms import own_path
from .visit import Visit, carrier_of, session_end

SESSION_PATH = "/sso/session"
_TOLD = (InvalidCredentials, InvalidInput, PasswordExpired, PasswordPolicyViolation, Throttled)
"""What a person can mend, or wait for, on the page itself."""
_NOTHING = Shown()
_WRONG_CODE = "The code is wrong, or was used already."
_NO_SCRIPT = "A passkey takes JavaScript, which this browser has not run."
_WRONG_PASSKEY = "The passkey was not accepted, or that took too long. Please try again, or begin again."


class SignInPages:
    """Of users at `/signin` and `/signin/{alias or id}`, of roots at `/sso/root`. INVARIANT: a page is the same whatever
    accounts there are: the store is not asked before a password comes."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def show(self, visit: Visit) -> web.Response:
        """The first page."""
        next_path = own_path(visit.request.query.get("next"))
        if _is_root(visit):
            return _first(visit, next_path, name="", account=None)
        return _first(visit, next_path, name="", account=visit.request.match_info.get("account", ""))

    async def send(self, visit: Visit) -> web.Response:
        """What was typed on any of the pages."""
        fields = visit.fields
        next_path, sealed = own_path(fields.get("next")), fields.get("attempt")
        if sealed is None:
            attempt = Attempt(
                account=None if _is_root(visit) else fields.get("account", "").strip(),
                name=fields.get("name", "").strip(),
                password=fields.get("password", ""),
            )
            return await self._try(visit, attempt, next_path)
        opened = Attempt.opened(sealed, carrier_of(self._kernel, visit))
        if opened is None or (opened.account is None) is not _is_root(visit):
            account = None if _is_root(visit) else visit.request.match_info.get("account", "")
            problem = "That took too long. Please begin again."
            return _first(visit, next_path, name="", account=account, problem=problem, status=403)
        if (assertion := fields.get("passkey_assertion")) is not None:
            if not assertion:
                return self._second_factor(visit, opened, next_path, problem=_NO_SCRIPT, status=400)
            return await self._try(visit, opened, next_path, Shown(assertion=assertion))
        if "new_password" not in fields:
            return await self._try(visit, opened, next_path, Shown(code="".join(fields.get("code", "").split())))
        if fields["new_password"] != fields.get("new_password_again"):
            return self._new_password(visit, opened, next_path, problem="The two new passwords differ.", status=400)
        changed = Attempt(
            account=opened.account, name=opened.name, password=opened.password, new_password=fields["new_password"]
        )
        return await self._try(visit, changed, next_path)

    async def _try(
        self, visit: Visit, attempt: Attempt, next_path: str | None, shown: Shown = _NOTHING
    ) -> web.Response:
        try:
            done = await self._kernel.run(Caller(origin=visit.origin), attempt.command(shown))
        except MfaRequired as error:
            return self._second_factor(visit, attempt.asked(error), next_path)
        except PasswordChangeRequired:
            return self._new_password(visit, attempt, next_path)
        except _TOLD as error:
            return self._refused(visit, attempt, next_path, error, shown)
        await end_sessions(self._kernel, visit)
        return _signed_in(visit, done, next_path)

    def _refused(
        self, visit: Visit, attempt: Attempt, next_path: str | None, error: IamError, shown: Shown
    ) -> web.Response:
        """The same page again, with what was wrong."""
        status, wait = _status(error), error.retry_after_seconds if isinstance(error, Throttled) else None
        if isinstance(error, PasswordPolicyViolation):
            response = self._new_password(visit, attempt, next_path, problem=error.message, status=status)
        elif shown is not _NOTHING:
            # The password was right before: it may be said that this is about the device.
            problem = error.message
            if isinstance(error, InvalidCredentials):
                problem = _WRONG_CODE if shown.assertion is None else _WRONG_PASSKEY
            response = self._second_factor(visit, attempt, next_path, problem=problem, status=status)
        else:
            response = _first(visit, next_path, attempt.name, attempt.account, problem=error.message, status=status)
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    def _second_factor(
        self, visit: Visit, attempt: Attempt, next_path: str | None, *, problem: str | None = None, status: int = 200
    ) -> web.Response:
        return visit.page(
            "second_factor",
            status=status,
            runs_script=attempt.passkey_options is not None,
            attempt=self._sealed(visit, attempt),
            takes_code=attempt.takes_code,
            passkey_options=attempt.passkey_options,
            next_path=next_path,
            problem=problem,
        )

    def _new_password(
        self, visit: Visit, attempt: Attempt, next_path: str | None, *, problem: str | None = None, status: int = 200
    ) -> web.Response:
        sealed = self._sealed(visit, attempt)
        return visit.page(
            "new_password", status=status, attempt=sealed, name=attempt.name, next_path=next_path, problem=problem
        )

    def _sealed(self, visit: Visit, attempt: Attempt) -> str:
        return attempt.sealed(carrier_of(self._kernel, visit))

    async def sign_out(self, visit: Visit) -> web.Response:
        """End the browser's sessions, and all that was chained from them. Where an identity provider was signed in with, its
        own session is another matter: the person is told where to end that."""
        provider = None
        if not visit.own.is_anonymous:
            done = await self._kernel.run(visit.own, SignOutOfBrowser())
            provider = done if done.url is not None else None
        await end_sessions(self._kernel, visit)
        visit.forget()
        return visit.moved("/sso/signed-out") if provider is None else _signed_out(visit, provider)

    async def signed_out(self, visit: Visit) -> web.Response:
        return _signed_out(visit, None)

    async def session(self, visit: Visit) -> web.Response:
        """Who is signed in, and until when."""
        if visit.caller.is_anonymous:
            return visit.moved(f"/signin?next={SESSION_PATH}")
        return visit.page(
            "session",
            problem=None,
            who=visit.caller.who,
            own=visit.own.who,
            is_in_role=visit.is_in_role,
            ends=session_end(visit.caller),
        )


async def end_sessions(kernel: Kernel, visit: Visit) -> None:
    """End the sessions that the browser has, who signed in first: a role's, which is chained from that, may end with it."""
    for token in dict.fromkeys((visit.own_session, visit.session)):
        caller = await kernel.authenticate(token, visit.origin)
        if not caller.is_anonymous:
            await kernel.run(caller, SignOut())


def _first(
    visit: Visit,
    next_path: str | None,
    name: str,
    account: str | None,
    *,
    problem: str | None = None,
    status: int = 200,
) -> web.Response:
    return visit.page(
        "sign_in",
        status=status,
        account=account,
        name=name,
        next_path=next_path,
        problem=problem,
        signed_in=None if visit.caller.is_anonymous else visit.caller.who,
    )


def _signed_in(visit: Visit, done: SignedIn, next_path: str | None) -> web.Response:
    visit.keep(done.access_token, done.expires_at)
    return visit.moved(next_path or SESSION_PATH)


def _signed_out(visit: Visit, provider: SignedOut | None) -> web.Response:
    return visit.page("signed_out", problem=None, provider=provider)


def _is_root(visit: Visit) -> bool:
    return visit.request.path == "/sso/root"


def _status(error: IamError) -> int:
    if isinstance(error, Throttled):
        return 503 if isinstance(error, Overloaded) else 429
    return 400 if isinstance(error, InvalidInput | PasswordPolicyViolation) else 403
