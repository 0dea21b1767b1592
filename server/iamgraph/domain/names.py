"""The types that operations' parameters are made of: what each may hold, and what it means.

Patterns and lengths are those of AWS's service models (IAM API Reference). `\\w` means ASCII, and the whole text must match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from .errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Doc:
    """What a parameter means: its GraphQL description and its help text."""

    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """The characters and the length that a text may have."""

    pattern: str
    minimum: int
    maximum: int

    def check(self, field: str, value: Any, *, is_secret: bool = False) -> None:
        """Raise InvalidInput, which quotes the value unless that is a secret."""
        for text in value if isinstance(value, (tuple, list)) else (value,):
            what = "the value" if is_secret else shown(text)
            if not self.minimum <= len(text) <= self.maximum:
                bound = f"length between {self.minimum} and {self.maximum}"
                raise InvalidInput(f"{what} at '{field}' must have a {bound}", field=field)
            if not re.fullmatch(self.pattern, text, re.ASCII | re.DOTALL):
                raise InvalidInput(f"{what} at '{field}' must match {self.pattern}", field=field)


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the greatest value that a number may have."""

    minimum: int
    maximum: int

    def check(self, field: str, value: Any, *, is_secret: bool = False) -> None:
        if not self.minimum <= value <= self.maximum:
            raise InvalidInput(f"{value} at '{field}' must be between {self.minimum} and {self.maximum}", field=field)


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a parameter that no log, event or error may hold."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Marks a list or a text of which the history keeps how long it is, and nothing of what it holds."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many items a list may have."""

    maximum: int

    def check(self, field: str, value: Any, *, is_secret: bool = False) -> None:
        if len(value) > self.maximum:
            raise InvalidInput(f"'{field}' holds {len(value)} items; at most {self.maximum} are allowed", field=field)


def shown(text: str) -> str:
    """The value in quotes, ASCII only, so that what is wrong can be seen; a long one is cut."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")


_NAME = r"[\w+=,.@-]+"
_TEXT = r"[^\x00-\x1f\x7f]+"
_PATH = r"/|/[\x21-\x7e]+/"

UserName = Annotated[str, Match(_NAME, 1, 64), Doc("A user's name, unique in its account whatever its case and path.")]
GroupName = Annotated[
    str, Match(_NAME, 1, 128), Doc("A group's name, unique in its account whatever its case and path.")
]
RoleName = Annotated[str, Match(_NAME, 1, 64), Doc("A role's name, unique in its account whatever its case and path.")]
PolicyName = Annotated[str, Match(_NAME, 1, 128), Doc("A policy's name.")]
InstanceProfileName = Annotated[
    str, Match(_NAME, 1, 128), Doc("An instance profile's name, unique in its account whatever its case and path.")
]
AgentId = Annotated[str, Match(r"ag-[0-9a-f]+", 20, 20), Doc("An agent's id, `ag-…`.")]
PathName = Annotated[str, Match(_PATH, 1, 512), Doc("Where the entity stands: `/`, or a path such as `/team/`.")]
PolicyPath = Annotated[
    str, Match(r"((/[A-Za-z0-9.,+@=_-]+)*)/", 1, 512), Doc("Where the policy stands: `/`, or a path such as `/team/`.")
]
PathPrefix = Annotated[str, Match(r"/[\x21-\x7f]*", 1, 512), Doc("Only what has a path that begins so.")]
Description = Annotated[str, Match(r"[\t\n\r\x20-\x7e\xa1-\xff]*", 0, 1000), Doc("What it is for.")]
ArnText = Annotated[str, Match(_TEXT, 20, 2048), Doc("An ARN.")]
PolicyArn = Annotated[str, Match(_TEXT, 20, 2048), Doc("The ARN of a managed policy.")]
RoleArn = Annotated[str, Match(_TEXT, 20, 2048), Doc("The ARN of the role.")]
VersionId = Annotated[str, Match(r"v[1-9][0-9]*", 2, 20), Doc("A version of a managed policy, such as `v1`.")]
Alias = Annotated[
    str,
    Match(r"[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]", 3, 63),
    Doc("The account's alias: 3 to 63 lower-case letters, digits and single hyphens."),
]
AccountId = Annotated[str, Match(r"\d{12}", 12, 12), Doc("A twelve-digit account number.")]
Email = Annotated[str, Match(r"[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+", 3, 254), Doc("An e-mail address.")]
AccessKeyId = Annotated[str, Match(r"\w+", 16, 128), Doc("An access key's id, `AKIA…`.")]
Password = Annotated[str, Match(r"[\t\n\r\x20-\xff]+", 1, 128), Secret(), Doc("A password.")]
SignInPassword = Annotated[str, Match(r".*", 0, 1024), Secret(), Doc("The password.")]
VirtualMfaDeviceName = Annotated[
    str, Match(_NAME, 1, 226), Doc("A virtual MFA device's name, unique at its path whatever its case.")
]
SerialNumber = Annotated[
    str, Match(r"[\w+=/:,.@-]+", 9, 256), Doc("An MFA device's serial number: the ARN of a virtual one.")
]
PasskeyName = Annotated[
    str, Match(_NAME, 1, 128), Doc("What the passkey is called: its serial number begins with it, so it need not be unique.")
]
PasskeyAnswer = Annotated[str, Match(r".*", 1, 16_384), Secret()]
AuthenticationCode = Annotated[str, Match(r"\d+", 6, 6), Secret()]
TokenCode = Annotated[AuthenticationCode, Doc("Six digits that an MFA device of the caller shows.")]
WebIdentityToken = Annotated[
    str, Match(r".*", 4, 20_000), Secret(), Doc("What the identity provider has signed: an ID token, as it came.")
]
ROLE_SESSION_NAME = Match(r"[\w+=,.@-]*", 2, 64)
RoleSessionName = Annotated[
    str, ROLE_SESSION_NAME, Doc("What the session is called in its ARN and in the history.")
]
FederatedUserName = Annotated[
    str, Match(r"[\w+=,.@-]*", 2, 32), Doc("What the federated user is called in its ARN and in the history.")
]
ExternalId = Annotated[str, Match(r"[\w+=,.@:/-]*", 2, 1224), Doc("The external id that the trust policy asks for.")]
SOURCE_IDENTITY = Match(r"[\w+=,.@-]*", 2, 256)
SourceIdentity = Annotated[
    str, SOURCE_IDENTITY, Doc("Who is behind the session. It stays through chaining.")
]
OidcProviderUrl = Annotated[
    str,
    Match(r".*", 1, 255),
    Doc("The provider's URL, exactly as its tokens have it in `iss`: https, without a query."),
]
OidcProviderArn = Annotated[str, Match(_TEXT, 20, 2048), Doc("The ARN of an OpenID Connect provider.")]
ProviderArn = Annotated[str, Match(_TEXT, 20, 2048), Doc("The ARN of an identity provider.")]
MappingRulesText = Annotated[
    str,
    Match(r".*", 1, 131_072),
    Doc('The rules as JSON: a list of objects with `name`, `effect`, `if`, `each`, `roles`, `tags` and `max_session`.'),
]
ClientId = Annotated[
    str, Match(_TEXT, 1, 255), Doc("An application that tokens may be for, as they have it in `aud`: its client id.")
]
ClientSecret = Annotated[
    str, Match(r"[\x20-\x7e]+", 1, 512), Secret(), Doc("The client's secret, where the provider gave it one.")
]
MfaValue = Annotated[str, Match(r"[^\x00-\x20\x7f\ud800-\udfff]+", 1, 256)]
OidcScope = Annotated[str, Match(r"[!#-\[\]-~]+", 1, 128)]  # RFC 6749, section 3.3
Thumbprint = Annotated[str, Match(r"[0-9A-Fa-f]*", 40, 40), Doc("The SHA-1 of a certificate, as 40 hexadecimal digits.")]
SamlProviderName = Annotated[
    str, Match(r"[\w._-]+", 1, 128), Doc("A SAML provider's name, unique in its account whatever its case.")
]
SamlProviderArn = Annotated[str, Match(_TEXT, 20, 2048), Doc("The ARN of a SAML provider.")]
SamlMetadata = Annotated[
    str, Match(r".*", 1000, 1_000_000), Counted(), Doc("The identity provider's metadata, an md:EntityDescriptor.")
]
SamlPrivateKeyText = Annotated[
    str,
    Match(r"[\t\n\r\x20-\xff]+", 1, 16384),
    Secret(),
    Doc("An RSA private key that decrypts assertions, in PEM, without a password."),
]
SamlAssertionText = Annotated[
    str, Match(r".*", 4, 100_000), Secret(), Doc("The identity provider's response in base64, as it is posted.")
]
SamlPrivateKeyId = Annotated[str, Match(r"[A-Z0-9]+", 22, 64), Doc("The id of a private key.")]
GuardrailId = Annotated[str, Match(r"p-[0-9a-zA-Z_]+", 10, 130), Doc("A guardrail's id, `p-…`.")]
GuardrailName = Annotated[
    str, Match(r"[^\x00-\x1f\x7f\ud800-\udfff]+", 1, 128), Doc("A guardrail's name, unique whatever its case.")
]
GuardrailDescription = Annotated[
    str, Match(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*", 0, 512), Doc("What it is for.")
]
PolicyText = Annotated[
    str, Match(r".*", 1, 131072), Doc("A policy in the IAM policy language, as JSON text. It is kept byte for byte.")
]
