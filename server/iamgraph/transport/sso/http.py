"""The pages' addresses, and what is the same for all of them: who asks, which forms count, and what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from ...app.kernel import Kernel
from ...domain.errors import IamError, Overloaded, ServiceUnavailable, Throttled
from ..cookies import Cookies
from ..origin import Network, origin_of
from .forms import FormRefused, form_of, form_token
from .oidc import OIDC_PATH, BackChannel, OidcPages
from .pages import PASSKEY_SCRIPT_PATH, STYLE_PATH, page, passkey_script, style
from .roles import ROLES_PATH, RolePages
from .sign_in import SESSION_PATH, SignInPages
from .visit import Visit, visit_of

log = logging.getLogger(__name__)
Answer = Callable[[Visit], Awaitable[web.Response]]
RETRY_SECONDS = 1
"""When to ask again while the store does not answer."""


def add_pages(
    app: web.Application, kernel: Kernel, *, public_url: str, cookies: Cookies, trusted_proxies: Sequence[Network]
) -> None:
    """Serve the pages."""
    browsers = _Browsers(kernel, public_url=public_url, cookies=cookies, trusted_proxies=trusted_proxies)
    signing = SignInPages(kernel)
    for path in ("/signin", "/signin/{account:[A-Za-z0-9-]{1,63}}", "/sso/root"):
        app.router.add_get(path, browsers.shown(signing.show))
        app.router.add_post(path, browsers.sent(signing.send))
    app.router.add_get(SESSION_PATH, browsers.shown(signing.session))
    app.router.add_post("/sso/sign-out", browsers.sent(signing.sign_out))
    app.router.add_get("/sso/signed-out", browsers.shown(signing.signed_out))
    roles = RolePages(kernel, public_url=public_url)
    app.router.add_get(ROLES_PATH, browsers.shown(roles.show))
    app.router.add_post(ROLES_PATH, browsers.sent(roles.send))
    app.router.add_post(f"{ROLES_PATH}/back", browsers.sent(roles.back))
    oidc = OidcPages(kernel)
    app.router.add_get(f"{OIDC_PATH}/login", browsers.shown(oidc.login))
    app.router.add_get(f"{OIDC_PATH}/callback", browsers.shown(oidc.callback))
    app.router.add_post(f"{OIDC_PATH}/roles", browsers.sent(oidc.choose))
    app.router.add_post(f"{OIDC_PATH}/backchannel-logout", BackChannel(kernel, tuple(trusted_proxies)).logout)
    app.router.add_get(STYLE_PATH, style)
    app.router.add_get(PASSKEY_SCRIPT_PATH, passkey_script)


class _Browsers:
    """Makes a visit of each request. INVARIANT: no form is looked at that another site could have sent."""

    def __init__(
        self, kernel: Kernel, *, public_url: str, cookies: Cookies, trusted_proxies: Sequence[Network]
    ) -> None:
        self._kernel, self._cookies, self._trusted = kernel, cookies, trusted_proxies
        self._public_url = public_url

    def shown(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        """What answers a GET."""
        return self._answering(answer, is_form=False)

    def sent(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        """What answers a form."""
        return self._answering(answer, is_form=True)

    def _answering(self, answer: Answer, *, is_form: bool) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            origin = origin_of(request, "BROWSER", self._trusted)
            try:
                visit = await visit_of(request, self._kernel, self._cookies, origin)
                if is_form:
                    shown = self._cookies.form in request.cookies
                    token = form_token(visit.form_secret, visit.session) if shown else None
                    visit.fields = await form_of(request, self._origins(request), token)
                return await answer(visit)
            except FormRefused as error:
                return _problem(error.status, error.message, request)
            except IamError as error:
                return _failed(error, request, origin.request_id)
            except Exception:
                log.exception("request %s failed", origin.request_id)
                text = f"Something went wrong here. The request’s id is {origin.request_id}."
                return _problem(500, text, request)

        return handle

    def _origins(self, request: web.Request) -> frozenset[str]:
        """Where our pages come from. Without https all of it is on this machine, which has several names."""
        own = {self._public_url} if self._cookies.is_secure else {self._public_url, f"http://{request.host}"}
        return frozenset(own)


def _failed(error: IamError, request: web.Request, request_id: str) -> web.Response:
    if isinstance(error, ServiceUnavailable):
        # The operator is told in the log what callers are not told: why the store does not answer.
        log.warning("request %s found no store: %s", request_id, error.__cause__)
        response = _problem(503, "The service does not answer at the moment. Please try again.", request)
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    if isinstance(error, Throttled):
        response = _problem(503 if isinstance(error, Overloaded) else 429, error.message, request)
        response.headers["Retry-After"] = str(error.retry_after_seconds)
        return response
    return _problem(403, error.message, request)


def _problem(status: int, message: str, request: web.Request) -> web.Response:
    return page("problem", status=status, problem=message, again=_again(request))


def _again(request: web.Request) -> str:
    """Where to begin again."""
    if request.path.startswith("/signin"):
        return request.rel_url.raw_path
    provider = request.match_info.get("provider")
    return f"/sso/oidc/{provider}/login" if provider is not None else SESSION_PATH
