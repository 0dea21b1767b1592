"""A browser without scripts or pictures: it keeps cookies, follows redirects, and sends the forms that it was shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from typing import Any

from yarl import URL

from ...service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD, Client
from ...wire import AwsKey

_FORM = re.compile(r'<form method="post"(?: action="([^"]*)")?>(.*?)</form>', re.S)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_PROBLEM = re.compile(r'<p id="problem" class="problem" role="alert">(.*?)</p>', re.S)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What came back, behind the redirects that led to it."""

    status: int
    path: str
    headers: Mapping[str, str]
    text: str
    set_cookies: tuple[str, ...]

    @property
    def title(self) -> str:
        found = re.search("<h1>(.*?)</h1>", self.text)
        return unescape(found[1]) if found else ""

    @property
    def problem(self) -> str | None:
        found = _PROBLEM.search(self.text)
        return unescape(found[1]) if found else None

    def form(self, action: str | None = None) -> tuple[str, dict[str, str]]:
        """The path and the hidden fields of a form: that with the action, or the one without any."""
        for found, content in _FORM.findall(self.text):
            if found == (action or ""):
                return found or self.path, {k: unescape(v) for k, v in _HIDDEN.findall(content)}
        raise AssertionError(f"there is no form {action}: {self.text}")


@dataclass(kw_only=True)
class Browser:
    """`headers` go with each request; a form says which page it comes from."""

    client: Client
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return str(URL(self.client.url).origin())

    async def get(self, path: str) -> Page:
        return await self._ask("GET", path)

    async def send(
        self, page: Page, action: str | None = None, *, headers: Mapping[str, str] | None = None, **typed: str
    ) -> Page:
        """Send a form of the page."""
        path, hidden = page.form(action)
        return await self._ask(
            "POST", path, data={**hidden, **typed}, headers={"Origin": self.origin, **(headers or {})}
        )

    async def post(self, path: str, data: Any, headers: Mapping[str, str]) -> Page:
        return await self._ask("POST", path, data=data, headers=headers)

    async def sign_in(self, name: str, password: str, *, account: str = ACCOUNT, query: str = "") -> Page:
        page = await self.get(f"/signin/{account}{query}")
        return await self.send(page, account=account, name=name, password=password)

    async def sign_in_as_root(self) -> Page:
        return await self.send(await self.get("/sso/root"), name=ROOT_EMAIL, password=ROOT_PASSWORD)

    async def _ask(self, method: str, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None) -> Page:
        set_cookies: list[str] = []
        for _ in range(5):
            sent = {**self.headers, **(headers or {})}
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            url = URL(self.origin + path, encoded=True)
            async with self.client.http.request(method, url, data=data, headers=sent, allow_redirects=False) as answer:
                set_cookies += answer.headers.getall("Set-Cookie", [])
                self._keep(answer.headers.getall("Set-Cookie", []))
                text = await answer.text()
                if answer.status != 303:
                    return Page(
                        status=answer.status,
                        path=path,
                        headers=answer.headers,
                        text=text,
                        set_cookies=tuple(set_cookies),
                    )
                method, path, data, headers = "GET", answer.headers["Location"], None, None
        raise AssertionError("no end of redirects")

    def _keep(self, set_cookies: list[str]) -> None:
        for text in set_cookies:
            for name, morsel in SimpleCookie(text).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


def credentials_of(page: Page, client: Client) -> AwsKey:
    """What the page shows to be pasted into a terminal."""
    (text,) = re.findall(r"<textarea [^>]*>\n(.*?)</textarea>", page.text, re.S)
    shown = dict(line.removeprefix("export ").split("=", 1) for line in unescape(text).splitlines())
    assert shown["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    return AwsKey(
        service=client,
        id=shown["AWS_ACCESS_KEY_ID"],
        secret=shown["AWS_SECRET_ACCESS_KEY"],
        token=shown["AWS_SESSION_TOKEN"],
        region=shown["AWS_DEFAULT_REGION"],
    )
