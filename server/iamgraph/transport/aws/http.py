"""AWS's query protocol over HTTP: a signed form comes in at `/`, XML goes out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from ...app.caller import Caller, Origin
from ...app.kernel import Ask, Kernel
from ...app.operation import Command, Operation
from ...app.questions.authorization_message import encoded
from ...app.refusals import invalid
from ...domain.errors import AccessDenied, IamError, InvalidInput, NoSuchEntity, ServiceUnavailable
from ...security.sigv4 import HttpRequest, is_presigned
from ..origin import Network, origin_of
from .action import Action, Asked, operation_of
from .actions import ACTIONS
from .constraints import violations
from .errors import Failure, WireError, failure_of, internal, missing_token
from .form import fields_of, parameters_of
from .models import OperationModel, Service, Structure, services
from .xml import CONTENT_TYPE, answer, error

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
"""A policy may have 131,072 characters, each of which is three bytes in a form or more."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request for one of AWS's operations."""

    service: Service
    model: OperationModel
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.model.name)

    @property
    def action(self) -> Action | None:
        return ACTIONS[self.service.name].get(self.name)

    def failure(self, fault: IamError | WireError, given: Structure) -> Failure:
        broken = violations(self.service, self.model.input_shape, given) if isinstance(fault, InvalidInput) else ()
        return failure_of(fault, self.service, broken)


class AwsEndpoint:
    """The endpoint at `/`."""

    def __init__(self, kernel: Kernel, *, trusted_proxies: Sequence[Network] = ()) -> None:
        self._kernel, self._trusted, self._services = kernel, trusted_proxies, services()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: a form that is posted, or one in the query, as presigned requests have it. Whoever only looks
        at the address finds nothing there. Never raises but for that: a fault of ours is logged and masked."""
        if request.method == "GET" and "Action" not in request.query:
            raise web.HTTPNotFound
        origin = origin_of(request, "AWS", self._trusted)
        asking: Asking | None = None
        given: dict[str, Any] = {}
        try:
            body = await _body(request)
            asking = self._asking(request, body)
            caller = await self._admitted(request, body, asking, origin)
            result = await self._answer(caller, asking, given)
            return _response(200, answer(asking.service, asking.model, result, origin.request_id), origin)
        except (IamError, WireError) as fault:
            if isinstance(fault, ServiceUnavailable):
                log.warning("request %s found no store: %s", origin.request_id, fault.__cause__)
            failure = asking.failure(fault, given) if asking is not None else failure_of(fault, None)
            if isinstance(fault, AccessDenied):
                failure = replace(failure, encoded_message=encoded(fault, self._kernel.tools.sealer))
        except Exception:
            log.exception("request %s failed", origin.request_id)
            failure = internal(origin.request_id)
        service = asking.service if asking is not None else None
        return _response(failure.status, error(failure, service, origin.request_id), origin, failure.retry_after)

    def _asking(self, request: web.Request, body: bytes) -> Asking:
        """What is asked for. Raises WireError where that is nothing that AWS has."""
        query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        fields = fields_of(query, body if request.content_type == FORM else b"")
        name, version = fields.get("Action"), fields.get("Version", "NO_VERSION_SPECIFIED")
        if not name:
            raise WireError("MissingAction", f"The request names no Action. It is a form ({FORM}) or a query.")
        service = self._services.get(version)
        model = service.operation(name) if service is not None else None
        if service is None or model is None:
            shown = ascii(f"{name[:80]} for version {version[:40]}")[1:-1]
            raise WireError("InvalidAction", f"Could not find operation {shown}")
        return Asking(service=service, model=model, fields=fields)

    async def _admitted(self, request: web.Request, body: bytes, asking: Asking, origin: Origin) -> Caller:
        """Who asks; nobody, where that takes no credentials. Raises Unauthenticated, or WireError where nothing is signed
        that should be, and records that."""
        target = request.raw_path.encode("utf-8", "surrogateescape")
        is_signed = "Authorization" in request.headers or is_presigned(target)
        shown = HttpRequest(
            method=request.method.encode(),
            target=target,
            headers=request.raw_headers,
            body=body,
            services=frozenset({asking.service.name}),
        )
        caller = await self._kernel.authenticate(shown if is_signed else None, origin)
        if not is_signed and asking.action is not None and asking.action.operation.is_public:
            return caller
        try:
            await self._kernel.admit(caller, [asking.name])
        except IamError as fault:
            if is_signed or isinstance(fault, ServiceUnavailable):
                raise
            raise missing_token() from None
        return caller

    async def _answer(self, caller: Caller, asking: Asking, given: dict[str, Any]) -> Structure:
        """AWS's answer. `given` is filled with the parameters, which an error is told by."""
        action = asking.action
        if action is None:
            await self._kernel.charge(caller, 1, [asking.name])
            raise WireError("NotImplemented", f"The action {asking.name} is not supported by this service.")
        cost = 1
        try:
            given.update(parameters_of(asking.model.input_shape, asking.fields))
            kinds = [kind for kind in (action.operation, action.also) if kind is not None]
            operations = [operation_of(action, kind, given) for kind in kinds]
            cost = action.cost(operations[0])
        finally:
            await self._kernel.charge(caller, cost, [asking.name])
        try:
            results = [await self._result(caller, operation) for operation in operations]
        except NoSuchEntity:
            # INVARIANT: also of a target that is there and that the caller may not know of, which must look the same.
            if not action.is_idempotent:
                raise
            return {}
        finally:
            await self._kernel.settle(caller)
        asked = Asked(operation=operations[0], given=given, asker=caller)
        return action.answer(results[0] if action.also is None else tuple(results), asked)

    async def _result(self, caller: Caller, operation: Operation[Any]) -> Any:
        try:
            return await self._performed(caller, operation)
        except AccessDenied as denied:
            # AWS looks at parameters before it looks at permissions. What is wrong with them they say themselves.
            raise invalid(operation) or denied from None

    async def _performed(self, caller: Caller, operation: Operation[Any]) -> Any:
        if isinstance(operation, Command):
            return await self._kernel.run(caller, operation)
        (result,) = await self._kernel.fetch(caller, [Ask(operation)])  # type: ignore[arg-type]
        if isinstance(result, IamError):
            raise result
        return result


async def _body(request: web.Request) -> bytes:
    """The body as it was sent. Raises WireError for one that is too long, or compressed."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WireError("MalformedInput", "The body must not be compressed.")
    length = request.content_length
    try:
        if length is not None and length <= request.client_max_size:
            return await request.read()
        return await request.clone(client_max_size=MAX_BODY).read()
    except web.HTTPRequestEntityTooLarge:
        raise WireError("RequestEntityTooLarge", f"The body may have at most {MAX_BODY} bytes.") from None


def _response(status: int, body: bytes, origin: Origin, retry_after: int | None = None) -> web.Response:
    headers = {
        "x-amzn-RequestId": origin.request_id,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return web.Response(status=status, body=body, content_type=CONTENT_TYPE, charset="utf-8", headers=headers)
