"""GraphQL over HTTP, to the letter of its draft: POST and JSON only, no batches, and no simple requests with a cookie.
What asks for an event stream gets one; subscriptions need it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from graphql import ExecutionResult, GraphQLError

from ...app.caller import Caller, Origin
from ...app.identity import Shown
from ...app.kernel import Kernel
from ...domain.budget import Spent
from ...domain.errors import AccessDenied, IamError, Overloaded, ServiceUnavailable, Throttled, Unauthenticated
from ...security.sigv4 import HttpRequest
from ..cookies import Cookies
from ..origin import Network, origin_of
from .context import Context
from .documents import Documents
from .errors import code_of
from .following import Subscribed, subscribe
from .limits import LEAST, PUBLIC, Root
from .schema import schema
from .sse import COMPLETE, EVENT_STREAM, Bodies, Streams, message

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
JSON, GRAPHQL_RESPONSE = "application/json", "application/graphql-response+json"
RETRY_SECONDS = 1
"""When to ask again while the store does not answer."""
HEADER = "Iamgraph-Request"
"""The header that a caller with a cookie must send, with any value: no form and no link of another site can."""
_KEYS = frozenset({"query", "operationName", "variables", "extensions"})
# graphql-core quotes the value that it refuses, which may be a password in the wrong place.
_ECHO = re.compile(r"( got invalid value).*|(cannot represent[^:]*):.*|(Expected [^,;]*, found).*", re.DOTALL)


class BadRequest(Exception):
    """No GraphQL request at all: `status` says in which way."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of a request."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is written. `is_request_error`: nothing ran."""

    body: dict[str, Any]
    is_request_error: bool = False
    status: int | None = None
    retry_after: int | None = None


class Endpoint:
    """The `/graphql` endpoint."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        trusted_proxies: Sequence[Network] = (),
        is_development: bool = False,
        cookies: Cookies,
    ) -> None:
        self._kernel, self._trusted = kernel, trusted_proxies
        self._is_development, self._cookies = is_development, cookies
        self._documents, self._streams = Documents(schema._schema), Streams()

    async def end_streams(self, app: web.Application) -> None:
        """The application shuts down: let the streams complete, so that it can."""
        self._kernel.end_streams()
        await self._streams.end()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Never raises: a fault of ours is logged and masked."""
        origin = origin_of(request, "GRAPHQL", self._trusted)
        accept = request.headers.get("Accept") or ""
        media = _media(accept)
        context: Context | None = None
        try:
            asked = await _read(request)
            caller = await self._kernel.authenticate(await _shown(request, self._cookies), origin)
            context = Context(self._kernel, caller)
            if "Authorization" not in request.headers:
                context.own_session = request.cookies.get(self._cookies.own)
            answer = await self._answer(context, asked, takes_stream=EVENT_STREAM in accept)
            await self._kernel.settle(context.caller)
            if isinstance(answer, Subscribed):
                return await self._streams.send(request, _headers(origin.request_id), self._bodies(answer, context))
        except BadRequest as error:
            answer = Answer(_errors([_error(error.message, "BAD_REQUEST")]), True, error.status)
        except IamError as error:
            _warn(error, origin)
            answer = Answer(_errors([_formatted_error(error, context)]), True, _status(error), _retry_after(error))
        except Exception:
            log.exception("request %s failed", origin.request_id)
            answer = Answer(_errors([_masked(origin.request_id)]), True, 500)
        finally:
            if context is not None and context.watching is not None:
                context.watching.close()
        if context is not None and context.spent is not None:
            answer.body["extensions"] = {"cost": _cost(context.spent)}
        response = _response(answer, media, origin.request_id)
        if context is not None:
            self._keep_session(request, response, context)
        return response

    async def _answer(self, context: Context, asked: Asked, *, takes_stream: bool) -> Answer | Subscribed:
        prepared = self._documents.prepare(asked.query)
        if prepared.document is None:
            await self._charge(context, LEAST)
            return Answer(_errors([_formatted(error, context) for error in prepared.errors or ()]), True)
        try:
            root = prepared.check(asked.operation_name, asked.variables)
        except GraphQLError as error:
            await self._charge(context, LEAST)
            return Answer(_errors([_formatted(error, context)]), True)
        await self._admit(context.caller, root)
        await self._charge(context, root)
        if errors := self._documents.validate(prepared):
            return Answer(_errors([_formatted(error, context) for error in errors]), True)
        if root.is_subscription:
            if not takes_stream:
                raise BadRequest(406, f"A subscription is answered as an event stream: send Accept: {EVENT_STREAM}.")
            begun = await subscribe(
                schema._schema, prepared.document, asked.operation_name, asked.variables, context, root
            )
            return begun if isinstance(begun, Subscribed) else self._result(begun, context, root)
        result = prepared.executable(schema._schema, asked.operation_name).run(asked.variables, context)
        done: ExecutionResult = result if isinstance(result, ExecutionResult) else await result
        return self._result(done, context, root)

    async def _bodies(self, subscribed: Subscribed, context: Context) -> Bodies:
        """Each batch of events as execution results, which share what they read."""
        try:
            async for own, results in subscribed.results(self._kernel):
                await self._kernel.settle(own.caller)
                yield [self._result(result, own, subscribed.root).body for result in results]
        except IamError as error:
            _warn(error, context.caller.origin)
            yield [_errors([_formatted_error(error, context)])]
        except Exception:
            request_id = context.caller.origin.request_id
            log.exception("request %s failed", request_id)
            yield [_errors([_masked(request_id)])]

    async def _admit(self, caller: Caller, root: Root) -> None:
        """Without credentials only signing in runs, and what shows its own; and introspection, where people explore the
        schema in development. A request that was signed wrongly may do neither: what it asks may not be what its signer
        asked."""
        names = root.names
        if caller.refusal is None:
            if root.is_mutation and names and set(names) <= PUBLIC:
                return
            if not names and self._is_development:
                return
        await self._kernel.admit(caller, root.asked)

    async def _charge(self, context: Context, root: Root) -> None:
        """Take what the request costs from its caller's budget. Whatever comes of it, the answer will show that."""
        try:
            context.spent = await self._kernel.charge(context.caller, root.points, root.asked)
        except IamError:
            context.spent = self._kernel.left(context.caller, root.points)
            raise

    @staticmethod
    def _result(result: ExecutionResult, context: Context, root: Root) -> Answer:
        errors = [_formatted(error, context) for error in result.errors or ()]
        if result.data is None and all(error.path is None for error in result.errors or ()):
            return Answer(_errors(errors), True)
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body = {"errors": errors, **body}
        if status := _status_of_nothing(result):
            return Answer(body, status=status, retry_after=RETRY_SECONDS)
        is_shed = root.is_mutation and 0 < len(root.names) == context.shed
        return Answer(body, status=503 if is_shed else None, retry_after=context.retry_after)

    def _keep_session(self, request: web.Request, response: web.Response, context: Context) -> None:
        """Keep a browser's session in a cookie that no script can read; a browser shows itself by the header."""
        cookies, has = self._cookies, request.cookies
        if context.signed_in is not None and HEADER in request.headers:
            signed_in = context.signed_in
            cookies.set(response, cookies.session, signed_in.access_token, expires_at=signed_in.expires_at)
        elif context.signed_out and cookies.session in has:
            cookies.delete(response, cookies.session)
        else:
            return
        if cookies.own in has:
            cookies.delete(response, cookies.own)


async def _read(request: web.Request) -> Asked:
    """The request's body, or BadRequest."""
    if request.content_type != JSON or (request.charset or "utf-8").lower() != "utf-8":
        raise BadRequest(415, "The body must be application/json in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadRequest(415, "The body must not be compressed.")
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise BadRequest(413, f"The body may have at most {MAX_BODY} bytes.")
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BadRequest(413, f"The body may have at most {MAX_BODY} bytes.") from None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "The body is not JSON.") from None
    if isinstance(body, list):
        raise BadRequest(400, "A request is one JSON object: batches are not accepted.")
    if not isinstance(body, dict):
        raise BadRequest(400, "A request is a JSON object with a 'query'.")
    return _asked(body)


def _asked(body: dict[str, Any]) -> Asked:
    query, name, variables = body.get("query"), body.get("operationName"), body.get("variables")
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        raise BadRequest(400, f"{unknown[0][:40]!a} is no part of a request: query, operationName, variables.")
    if not isinstance(query, str):
        raise BadRequest(400, "'query' must be a text.")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "'operationName' must be a text.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "'variables' must be an object.")
    return Asked(query, name, variables or {})


async def _shown(request: web.Request, cookies: Cookies) -> Shown | None:
    """The bearer token; the request itself where it is signed; or the session cookie's token where the request shows that
    no other site sent it."""
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.upper().startswith("AWS4-"):
            return HttpRequest(
                method=request.method.encode(),
                target=request.raw_path.encode("utf-8", "surrogateescape"),
                headers=request.raw_headers,
                body=await request.read(),
            )
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "The Authorization header must be 'Bearer' and an access token, or an AWS4-HMAC-SHA256 signature."
            )
        return token.strip()
    cookie = request.cookies.get(cookies.session)
    if cookie is not None and HEADER not in request.headers:
        raise BadRequest(403, f"A request with a session cookie must send the header {HEADER}.")
    return cookie


def _media(accept: str) -> str:
    """The media type of what is no subscription: the draft's own where the client asks for it; an event stream where it
    takes no JSON."""
    if GRAPHQL_RESPONSE in accept:
        return GRAPHQL_RESPONSE
    return EVENT_STREAM if EVENT_STREAM in accept and JSON not in accept else JSON


def _response(answer: Answer, media: str, request_id: str) -> web.Response:
    """The draft's statuses: with its own media type a request error is a 400; with application/json, and in an event
    stream, all is 200 but what is no GraphQL request, or has no valid credentials."""
    status = answer.status or (400 if answer.is_request_error and media == GRAPHQL_RESPONSE else 200)
    headers = _headers(request_id)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.retry_after is not None:
        headers["Retry-After"] = str(answer.retry_after)
    body = message(answer.body) + COMPLETE if media == EVENT_STREAM else orjson.dumps(answer.body)
    return web.Response(body=body, status=status, content_type=media, headers=headers)


def _headers(request_id: str) -> dict[str, str]:
    return {"X-Request-Id": request_id, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _errors(errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"errors": errors}


def _error(message: str, code: str, **extensions: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **extensions}}


def _cost(spent: Spent) -> dict[str, int]:
    return {
        "requested": spent.requested,
        "remaining": spent.remaining,
        "limit": spent.limit,
        "restoreRate": spent.restore_rate,
    }


def _masked(request_id: str) -> dict[str, Any]:
    return _error("Something went wrong here. The request's id says which.", "INTERNAL", requestId=request_id)


def _formatted_error(error: IamError, context: Context | None = None) -> dict[str, Any]:
    if isinstance(error, AccessDenied):
        message = context.message_of_read(error) if context is not None else None
        more = {"encodedAuthorizationMessage": message} if message is not None else {}
        return _error(error.message, "ACCESS_DENIED", action=error.action, resource=error.resource, **more)
    return _error(error.message, code_of(error).value)


def _formatted(error: GraphQLError, context: Context) -> dict[str, Any]:
    """The error as the client sees it: its own mistakes and our refusals in words, anything else masked."""
    original = error.original_error
    if isinstance(original, IamError):
        _warn(original, context.caller.origin)
        made = _formatted_error(original, context)
    elif original is None or isinstance(original, GraphQLError):
        code = (error.extensions or {}).get("code", "BAD_REQUEST")
        made = _error(_ECHO.sub(lambda m: (m[1] or m[2] or m[3]) + " …", error.message), code)
    else:
        origin = context.caller.origin
        log.error("request %s failed", origin.request_id, exc_info=original)
        made = _masked(origin.request_id)
    if error.locations:
        made["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        made["path"] = error.path
    return made


def _status(error: IamError) -> int | None:
    if isinstance(error, Unauthenticated):
        return 401
    if isinstance(error, Overloaded | ServiceUnavailable):
        return 503
    return 429 if isinstance(error, Throttled) else None


def _status_of_nothing(result: ExecutionResult) -> int | None:
    """503 where nothing could be answered because the store is silent; what was answered in part is a 200."""
    silent = any(isinstance(error.original_error, ServiceUnavailable) for error in result.errors or ())
    return 503 if silent and result.data is None else None


def _retry_after(error: IamError) -> int | None:
    if isinstance(error, ServiceUnavailable):
        return RETRY_SECONDS
    return error.retry_after_seconds if isinstance(error, Throttled) else None


def _warn(error: IamError, origin: Origin) -> None:
    """The operator is told in the log what callers are not told: why the store does not answer."""
    if isinstance(error, ServiceUnavailable):
        log.warning("request %s found no store: %s", origin.request_id, error.__cause__)
