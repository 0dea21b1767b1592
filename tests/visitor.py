"""Somebody with a browser without scripts who goes from site to site: cookies, redirects, links and forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, CookieJar
from lxml import html
from yarl import URL


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The page behind all redirects."""

    url: URL
    status: int
    text: str

    @property
    def content(self) -> Any:
        return html.fromstring(self.text)

    @property
    def title(self) -> str:
        return str(self.content.findtext(".//h1"))

    def link(self, text: str) -> str:
        (found,) = (link.get("href") for link in self.content.iter("a") if link.text_content() == text)
        return str(self.url.join(URL(found)))


@dataclass(frozen=True, kw_only=True)
class Visitor:
    http: ClientSession

    async def get(self, url: str) -> Shown:
        return await self._ask("GET", url)

    async def send(self, page: Shown, action: str | None = None, **typed: str) -> Shown:
        """Send a form of the page: the one with the action, or the only one."""
        (form,) = (form for form in page.content.forms if action in (None, form.action))
        url = page.url.join(URL(form.action or ""))
        return await self._ask("POST", str(url), data={**dict(form.form_values()), **typed}, origin=page.url.origin())

    async def _ask(self, method: str, url: str, data: Any = None, origin: URL | None = None) -> Shown:
        headers = {"Origin": str(origin)} if origin else {}
        async with self.http.request(method, url, data=data, headers=headers) as answer:
            return Shown(url=answer.url, status=answer.status, text=await answer.text())

    async def query(self, server: str, query: str) -> Any:
        """Ask a server of ours, with the cookie that it gave."""
        headers = {"Iamgraph-Request": "1"}
        async with self.http.post(f"{server}/graphql", json={"query": query}, headers=headers) as answer:
            return await answer.json()


@asynccontextmanager
async def visiting() -> AsyncIterator[Visitor]:
    # Addresses have cookies here, which aiohttp keeps for names alone by itself; ports share them, as in browsers.
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        yield Visitor(http=http)
