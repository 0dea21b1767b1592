"""The endpoint of the SDKs' container credentials provider (AWS SDKs and Tools Reference Guide, "Container credential
provider"): for those alone who can read the file with its authorization token."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from aiohttp import web

from .errors import AgentError
from .files import write_private
from .keeper import Keeper

PATH = "/v1/credentials"


class Container:
    """The endpoint. Its token is a new one each time that the agent starts; SDKs read the file for each request."""

    def __init__(self, keeper: Keeper, token_file: Path) -> None:
        self._keeper, self._token = keeper, secrets.token_urlsafe(32)
        # Without a line's end, which SDKs would send.
        write_private(token_file, self._token.encode())

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH, self._credentials)

    async def _credentials(self, request: web.Request) -> web.Response:
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, self._token.encode()):
            return _error(401, "Unauthorized", "the Authorization header must be the token of the agent's token file")
        try:
            given = await self._keeper.current()
        except AgentError as error:
            return _error(503, "CredentialsUnavailable", str(error))
        body = {
            "AccessKeyId": given.access_key_id,
            "SecretAccessKey": given.secret_access_key,
            "Token": given.session_token,
            "Expiration": given.expiration,
            "RoleArn": given.role_arn,
            "AccountId": given.account_id,
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)
