"""Asks a service over AWS's own wire: written, signed and read by botocore, as any of AWS's SDKs would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from yarl import URL

from .service import Client


@cache
def model(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def form(action: str, parameters: Mapping[str, Any], name: str = "iam") -> dict[str, Any]:
    """The request's fields, as botocore writes them."""
    request = create_serializer("query", include_validation=False).serialize_to_request(
        dict(parameters), model(name).operation_model(action)
    )
    return dict(request["body"])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and what botocore reads from it."""

    status: int
    headers: Mapping[str, str]
    text: str
    result: dict[str, Any]

    @property
    def code(self) -> str | None:
        return self.result.get("Error", {}).get("Code")

    @property
    def message(self) -> str:
        return str(self.result["Error"]["Message"])

    @property
    def data(self) -> dict[str, Any]:
        return {key: value for key, value in self.result.items() if key != "ResponseMetadata"}


@dataclass(frozen=True, kw_only=True)
class AwsKey:
    """An access key, and how its owner asks. `id` None: who has none, and signs nothing."""

    service: Client
    id: str | None = None
    secret: str = ""
    token: str | None = None
    region: str = "us-east-1"
    signing_name: str | None = None
    added: Mapping[str, str] = field(default_factory=dict)
    """Fields beside what botocore writes."""

    async def ask(self, action: str, name: str = "iam", /, **parameters: Any) -> Answer:
        body = urlencode({**form(action, parameters, name), **self.added}).encode()
        request = self.signed(AWSRequest("POST", self.url, data=body, headers=_FORM), name)
        return await self.send(request, action, name)

    def holding(self, credentials: Mapping[str, Any]) -> AwsKey:
        """Who has temporary credentials, as STS answers them."""
        id, secret, token = (credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        return replace(self, id=id, secret=secret, token=token)

    @property
    def url(self) -> str:
        return str(URL(self.service.url).with_path("/"))

    def signed(self, request: AWSRequest, name: str, *, presigned: int | None = None) -> AWSRequest:
        if self.id is not None:
            credentials = Credentials(self.id, self.secret, self.token)
            scope = (credentials, self.signing_name or name, self.region)
            signer = SigV4Auth(*scope) if presigned is None else SigV4QueryAuth(*scope, expires=presigned)
            with patch("botocore.auth.get_current_datetime", lambda *_, **__: self.service.clock()):
                signer.add_auth(request)
        return request

    def presign(self, action: str, name: str = "sts", *, expires: int = 60, **headers: str) -> AWSRequest:
        query = urlencode(form(action, {}, name))
        return self.signed(AWSRequest("GET", f"{self.url}?{query}", headers=headers), name, presigned=expires)

    async def send(self, request: AWSRequest, action: str, name: str = "iam") -> Answer:
        url = URL(request.prepare().url, encoded=True)
        headers = dict(request.headers.items())
        async with self.service.http.request(request.method, url, headers=headers, data=request.data) as response:
            text = await response.text()
        parsed = {"body": text.encode(), "headers": dict(response.headers), "status_code": response.status}
        shape = model(name).operation_model(action).output_shape if action in model(name).operation_names else None
        result = create_parser("query").parse(parsed, shape)
        return Answer(status=response.status, headers=response.headers, text=text, result=result)


_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


async def aws_key(service: Client, user: str | None = None, policy: str | None = None) -> AwsKey:
    """A key of a user, who is made with an inline policy if one is given; of the root without a name."""
    if policy is not None:
        await service.good("createUser", {"userName": user})
        await service.good("putUserPolicy", {"userName": user, "policyName": "own", "policyDocument": policy})
    input = {"userName": user} if user else {}
    made = await service.good("createAccessKey", input, "secretAccessKey accessKey { accessKeyId }")
    return AwsKey(service=service, id=made["accessKey"]["accessKeyId"], secret=made["secretAccessKey"])
