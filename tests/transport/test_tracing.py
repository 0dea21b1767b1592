"""Traces, as the real exporter sends them to a collector."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from iamgraph.main import bootstrapped, opened, running, tracing_of
from iamgraph.settings import Settings, SettingsError

from ..databases import fresh
from ..service import ACCOUNT, ROOT_EMAIL, ROOT_PASSWORD

BOOTSTRAP = {"IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT, "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": ROOT_PASSWORD}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SIGN_IN = (
    'mutation($p: String!) { signInAsRoot(input: {email: "root@example.com", password: $p}) '
    "{ ... on SignInSuccess { viewer { account { alias } } } } }"
)


class Collector:
    """Takes spans as any collector does (OTLP over HTTP, protobuf)."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""
        self.services: set[str] = set()

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.raw += raw
        for of_resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
            named = {entry.key: entry.value.string_value for entry in of_resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in of_resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/v1/traces", self.take)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    def path(self, span: Span) -> list[str]:
        """The names from the outermost span to this one."""
        by_id = {one.span_id: one for one in self.spans}
        above = by_id.get(span.parent_span_id)
        return [*(self.path(above) if above is not None else []), span.name]


async def test_a_request_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    async with fresh("sqlite", tmp_path) as url, collector.listening() as endpoint:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        given = {"IAMGRAPH_DATABASE_URL": url, "IAMGRAPH_DATA_DIR": str(tmp_path), **BOOTSTRAP}
        settings = Settings.from_env({**given, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        async with opened(settings) as database:
            await bootstrapped(settings, database)
            async with running(settings, database) as app, TestServer(app) as server, ClientSession() as http:
                for password, headers in (
                    (ROOT_PASSWORD, {"traceparent": f"00-{TRACE}-{PARENT}-01"}),
                    ("a-Wrong-passw0rd", {"traceparent": "00-nonsense"}),
                ):
                    body = {"query": SIGN_IN, "variables": {"p": password}}
                    url_ = server.make_url("/graphql?secret=in-the-Query")
                    async with http.post(url_, json=body, headers=headers) as response:
                        assert response.status == 200
                async with http.request("PURGE", server.make_url("/pot")) as response:
                    assert response.status == 404

    right, wrong, lost = (span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER)
    assert (right.name, right.trace_id.hex(), right.parent_span_id.hex()) == ("POST /graphql", TRACE, PARENT)
    assert (wrong.name, wrong.parent_span_id, lost.name) == ("POST /graphql", b"", "_OTHER unmatched")
    assert len({right.trace_id, wrong.trace_id, lost.trace_id}) == 3
    paths = [collector.path(span) for span in collector.spans if span.trace_id == right.trace_id]
    for inner in (
        ["SignInAsRoot", "decide"],
        ["SignInAsRoot", "transaction", "decide"],
        ["ListAccountAliases", "decide"],
    ):
        assert ["POST /graphql", *inner] in paths, paths
    failed = {span.name for span in collector.spans if span.status.code == Status.STATUS_CODE_ERROR}
    kinds = {
        entry.value.string_value for span in collector.spans for entry in span.attributes if entry.key == "error.type"
    }
    assert failed == {"SignInAsRoot"} and kinds == {"InvalidCredentials"}
    assert collector.services == {"iamgraph"}
    for secret in (ROOT_PASSWORD, "a-Wrong-passw0rd", "in-the-Query", ROOT_EMAIL):
        assert secret.encode() not in collector.raw


def test_what_is_not_installed_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "iamgraph.transport.tracing", raising=False)
    wanted = Settings.from_env({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"})
    with pytest.raises(SettingsError) as caught:
        tracing_of(wanted)
    assert str(caught.value) == (
        "OTEL_EXPORTER_OTLP_ENDPOINT: is set, but what sends traces is not installed; install iamgraph[otel], or unset it"
    )
    assert tracing_of(Settings.from_env({})) is None
