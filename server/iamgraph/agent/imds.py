"""The instance metadata service, version 2, as far as credentials go (EC2 User Guide, "Use the Instance Metadata Service to
access instance metadata")."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from aiohttp import web

from .errors import AgentError, Gone, Refused
from .given import aws_time, now, role_name
from .keeper import Keeper

TTL_HEADER, TOKEN_HEADER = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
MAX_TTL = 21_600
_ROLES = "/latest/meta-data/iam/security-credentials"


class Tokens:
    """Session tokens: good for the time that was asked for, and as long as this process lives. None is kept."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def new(self, seconds: int) -> str:
        body = f"{int(time.monotonic()) + seconds}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._mac(body)}"

    def is_good(self, token: str) -> bool:
        body, _, mac = token.rpartition(".")
        if not hmac.compare_digest(self._mac(body).encode(), mac.encode("utf-8", "surrogateescape")):
            return False
        return time.monotonic() < int(body.partition(".")[0])

    def _mac(self, body: str) -> str:
        return hmac.new(self._secret, body.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


class Imds:
    """The endpoint."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper, self._tokens = keeper, Tokens()

    def add_to(self, app: web.Application) -> None:
        app.router.add_put("/latest/api/token", self._token)
        app.router.add_get("/latest/meta-data/iam/info", self._info)
        app.router.add_get(_ROLES, self._roles)
        app.router.add_get(_ROLES + "/{role:[^/]*}", self._role)

    async def _token(self, request: web.Request) -> web.Response:
        ttl = request.headers.get(TTL_HEADER, "")
        if not ttl.isascii() or not ttl.isdigit() or len(ttl) > 5 or not 1 <= int(ttl) <= MAX_TTL:
            return web.Response(status=400, text=f"{TTL_HEADER} must be from 1 to {MAX_TTL}")
        return web.Response(text=self._tokens.new(int(ttl)), headers={TTL_HEADER: ttl})

    def _check_token(self, request: web.Request) -> None:
        if not self._tokens.is_good(request.headers.get(TOKEN_HEADER, "")):
            raise web.HTTPUnauthorized(text="a token of PUT /latest/api/token is needed, and one that is still good")

    async def _roles(self, request: web.Request) -> web.Response:
        """The name of the one role."""
        self._check_token(request)
        try:
            return web.Response(text=(await self._keeper.current()).role_name)
        except Refused as error:
            return web.Response(text=role_name(error.role_arn))
        except AgentError as error:
            return _missing(error)

    async def _role(self, request: web.Request) -> web.Response:
        """The credentials of the role."""
        asked = request.match_info["role"]
        if not asked:
            return await self._roles(request)
        self._check_token(request)
        try:
            given = await self._keeper.current()
        except Refused as error:
            if asked != (name := role_name(error.role_arn)):
                raise web.HTTPNotFound from None
            return _failed("AssumeRoleUnauthorizedAccess", f"EC2 cannot assume the role {name}. {error}")
        except AgentError as error:
            return _missing(error)
        if asked != given.role_name:
            raise web.HTTPNotFound
        return _document({
            "Code": "Success",
            "LastUpdated": aws_time(given.given_at),
            "Type": "AWS-HMAC",
            "AccessKeyId": given.access_key_id,
            "SecretAccessKey": given.secret_access_key,
            "Token": given.session_token,
            "Expiration": given.expiration,
        })  # fmt: skip

    async def _info(self, request: web.Request) -> web.Response:
        """Of which instance profile they are."""
        self._check_token(request)
        try:
            given = await self._keeper.current()
        except Gone as error:
            return _failed("InstanceProfileNotFound", str(error))
        except AgentError as error:
            return _missing(error)
        return _document({
            "Code": "Success",
            "LastUpdated": aws_time(given.given_at),
            "InstanceProfileArn": given.instance_profile_arn,
            "InstanceProfileId": given.instance_profile_id,
        })  # fmt: skip


def _document(body: dict[str, str]) -> web.Response:
    return web.json_response(body, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _failed(code: str, message: str) -> web.Response:
    return _document({"Code": code, "Message": message, "LastUpdated": aws_time(now())})


def _missing(error: AgentError) -> web.Response:
    """Nothing there, where that is how it is; a failure that may pass, else."""
    return web.Response(status=404 if isinstance(error, Gone) else 503, text=str(error))
