"""Every setting of the server, read once from the environment and checked before anything starts.

A variable that is empty counts as not set. `IAMGRAPH_TEST_…` belongs to the test suite and is not read here.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import json
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .domain.addresses import is_address, is_loopback
from .domain.budget import Bucket
from .domain.limits import Quotas

_PREFIX = "IAMGRAPH_"
_LARGEST = 2**31 - 1  # what an integer column holds on both stores

# OWASP, Password Storage Cheat Sheet, "Argon2id": pairs of memory in KiB and passes that it holds equally strong.
_OWASP_ARGON2ID = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))

_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?/?", re.I)
_POSTGRES = re.compile(
    r"postgres(?:ql)?://(?:[^/@?#]*@)?(?:[^/@?#:\[\]]*|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?/[^/@?#]+(?:\?[^#]*)?"
)
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]")  # IAM API reference, CreateAccountAlias
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_PASSWORD = re.compile(r"[\t\n\r\x20-\xff]{8,128}")  # IAM API reference, CreateLoginProfile, and AWS's least length
# IAM User Guide, "Default password policy": three of these four.
_PASSWORD_CLASSES = ("[A-Z]", "[a-z]", "[0-9]", r"[!@#$%^&*()_+\-=\[\]{}|']")


class SettingsError(Exception):
    """A setting that the server must not start with. The text is one line: variable, value (never a secret), remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the server was told. Each field but `quotas` and `is_traced` is the variable of the same name: `host`
    is `IAMGRAPH_HOST`.

    `public_url` is an origin: lower case, without a trailing slash or a default port. `development` turns on GraphiQL
    and anonymous introspection. `metrics_address` is a host and a port, `log_format` "json", "text" or None, `log_level`
    a name that `logging` knows. `retention_days` None keeps the history for ever. Secrets are left out of `repr`.
    """

    database_url: str = field(repr=False)  # `sqlite://PATH` or `postgres://…`, which may hold a password
    host: str
    port: int
    public_url: str
    passkey_rp_id: str | None  # the domain that passkeys are for; None where there is none
    passkey_origins: tuple[str, ...]  # origins, as `public_url` is one
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    identity_provider_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    data_dir: Path
    master_key_file: Path
    development: bool
    bootstrap_account_id: str | None
    bootstrap_account_alias: str | None
    bootstrap_root_email: str
    bootstrap_root_password: str | None = field(repr=False)
    password_hash_memory_kib: int
    password_hash_time_cost: int
    password_hash_parallelism: int
    hash_queue: int
    sign_in_seconds: int
    read_events: bool
    cost_limit: int  # points; 0 turns budgets off
    cost_restore_rate: int  # points a second
    streams_per_principal: int
    streams_per_process: int
    metrics_address: tuple[str, int] | None
    log_format: str | None
    log_level: str
    is_traced: bool
    retention_days: int | None
    quotas: Quotas

    @property
    def sqlite_path(self) -> Path | None:
        """The file of the embedded store, or None on PostgreSQL."""
        path = self.database_url.removeprefix("sqlite://")
        return None if path == self.database_url else Path(path)

    @property
    def bucket(self) -> Bucket | None:
        """What each principal may ask for, or None where that is not limited."""
        return Bucket(limit=self.cost_limit, restore_rate=self.cost_restore_rate) if self.cost_limit else None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting. Raises SettingsError on the first that is unknown, malformed, unsafe or contradictory."""
        _refuse_unknown(environ)
        env = _Environment(environ)
        host, port = _host(env), env.whole("PORT", 8080, 1, 65535)
        public_url = _public_url(env, host, port)
        data_dir = Path(env.text("DATA_DIR", "./data"))
        memory, passes, lanes = _hash_cost(env)
        rp_id, origins = _passkeys(env, public_url)
        settings = cls(
            database_url=_database_url(env, data_dir),
            host=host,
            port=port,
            public_url=public_url,
            passkey_rp_id=rp_id,
            passkey_origins=origins,
            trusted_proxies=_trusted_proxies(env),
            identity_provider_networks=_identity_provider_networks(env),
            data_dir=data_dir,
            master_key_file=Path(env.text("MASTER_KEY_FILE", str(data_dir / "master.key"))),
            development=_development(env, host, public_url),
            bootstrap_account_id=_account_id(env),
            bootstrap_account_alias=_account_alias(env),
            bootstrap_root_email=_root_email(env),
            bootstrap_root_password=_root_password(env),
            password_hash_memory_kib=memory,
            password_hash_time_cost=passes,
            password_hash_parallelism=lanes,
            hash_queue=env.whole("HASH_QUEUE", 50, 1, 10_000),
            sign_in_seconds=env.whole("SIGN_IN_SECONDS", 43200, 900, 43200),
            read_events=env.flag("READ_EVENTS", True),
            cost_limit=env.whole("COST_LIMIT", 100_000, 0, _LARGEST),
            cost_restore_rate=env.whole("COST_RESTORE_RATE", 10_000, 1, _LARGEST),
            streams_per_principal=env.whole("STREAMS_PER_PRINCIPAL", 10, 1, 100_000),
            streams_per_process=env.whole("STREAMS_PER_PROCESS", 1000, 1, 100_000),
            metrics_address=_metrics_address(env, port),
            log_format=env.one_of("LOG_FORMAT", "json", "text"),
            log_level=(env.one_of("LOG_LEVEL", "debug", "info", "warning", "error") or "info").upper(),
            is_traced=_is_traced(environ),
            retention_days=env.whole("RETENTION_DAYS", 0, 1, 36500) or None,
            quotas=_quotas(env),
        )
        _refuse_shared_file(settings)
        return settings


class _Environment:
    """Typed reads of variables, named without their prefix."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def optional(self, name: str) -> str | None:
        return self._environ.get(_PREFIX + name) or None

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def one_of(self, name: str, *choices: str) -> str | None:
        value = self.optional(name)
        if value is not None and value.lower() not in choices:
            raise _refusal(name, value, f"is not one of {', '.join(choices)}")
        return value.lower() if value is not None else None

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self.optional(name)
        if value is None:
            return default
        if not re.fullmatch("[0-9]{1,10}", value) or not low <= int(value) <= high:
            raise _refusal(name, value, f"is out of range; give a whole number from {low} to {high}")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.optional(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false", "1", "0"):
            raise _refusal(name, value, "is not a switch; give true or false")
        return value.lower() in ("true", "1")


def _refusal(name: str, value: str | None, reason: str) -> SettingsError:
    """`value` None keeps it out of the text. JSON's quoting keeps control characters from breaking the line."""
    quoted = "" if value is None else json.dumps(value) + " "
    return SettingsError(f"{_PREFIX}{name}: {quoted}{reason}")


def _quota_variables() -> dict[str, dataclasses.Field[int]]:
    return {f"QUOTA_{quota.name.upper()}": quota for quota in dataclasses.fields(Quotas)}


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    own = {f.name.upper() for f in dataclasses.fields(Settings) if f.name not in ("quotas", "is_traced")}
    known = own | _quota_variables().keys()
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX)
        if name == variable or name in known or name.startswith("TEST_"):
            continue
        close = difflib.get_close_matches(name, sorted(known), n=1)
        hint = f"did you mean {_PREFIX}{close[0]}?" if close else "see the list of settings in the documentation"
        raise _refusal(name, None, f"there is no such setting; {hint}")


def _host(env: _Environment) -> str:
    host = env.text("HOST", "127.0.0.1")
    if not _HOST_NAME.fullmatch(host) and not is_address(host):
        raise _refusal("HOST", host, "is not an address; give one such as 127.0.0.1, or 0.0.0.0 for all interfaces")
    return host


def _is_traced(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's own variables name a collector; what else they say is read by its library."""
    named = any(environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT"))
    return named and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def _metrics_address(env: _Environment, port: int) -> tuple[str, int] | None:
    value = env.optional("METRICS_ADDRESS")
    if value is None:
        return None
    host, _, number = value.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_host = _HOST_NAME.fullmatch(host) or is_address(host)
    if not is_host or not re.fullmatch("[0-9]{1,5}", number) or not 1 <= int(number) <= 65535:
        raise _refusal("METRICS_ADDRESS", value, "is no address and port; give one such as 127.0.0.1:9464")
    if int(number) == port:
        raise _refusal("METRICS_ADDRESS", value, "has IAMGRAPH_PORT's port; metrics are served apart: give another")
    return host, int(number)


def _public_url(env: _Environment, host: str, port: int) -> str:
    given = env.optional("PUBLIC_URL")
    example = "https://iam.example.com"
    if given is None and not is_loopback(host):
        reason = f"is not set, and IAMGRAPH_HOST {json.dumps(host)} is reached from other machines"
        raise _refusal("PUBLIC_URL", None, f"{reason}; give the https address that callers use, such as {example}")
    value = given or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    scheme, name, _ = _origin(value)
    if not name:
        shown = None if "@" in value else value  # a password may stand before the @
        raise _refusal("PUBLIC_URL", shown, f"is not an origin; give scheme, host and port alone, such as {example}")
    if scheme == "http" and not (is_loopback(name) and is_loopback(host)):
        reason = "would send passwords in the clear between machines; give an https address"
        raise _refusal("PUBLIC_URL", value, f"{reason}, or loopback addresses here and in IAMGRAPH_HOST")
    return _plain_origin(value)


def _plain_origin(url: str) -> str:
    """An origin as browsers write it."""
    scheme, name, number = _origin(url)
    default_port = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{name}" + (f":{number}" if number not in (None, default_port) else "")


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host (an IPv6 address in its brackets) and port; empty strings for what is no http or https origin."""
    parts = _ORIGIN.fullmatch(url)
    if parts is None:
        return "", "", None
    scheme, name, number = parts[1].lower(), parts[2].lower(), int(parts[3]) if parts[3] else None
    if (name.startswith("[") and not is_address(name[1:-1])) or number == 0 or (number or 0) > 65535:
        return "", "", None
    return scheme, name, number


def _passkeys(env: _Environment, public_url: str) -> tuple[str | None, tuple[str, ...]]:
    """The domain that passkeys are for, and the origins whose pages may use them: if nothing is said, the public URL's.
    Browsers give an address no passkeys, but this machine is `localhost` as well."""
    host = _origin(public_url)[1]
    if is_address(host.strip("[]")) and is_loopback(host):
        public_url, host = public_url.replace(host, "localhost", 1), "localhost"
    rp_id = env.text("PASSKEY_RP_ID", host).lower()
    listed = env.text("PASSKEY_ORIGINS", public_url)
    if is_address(rp_id.strip("[]")) and not (env.optional("PASSKEY_RP_ID") or env.optional("PASSKEY_ORIGINS")):
        return None, ()
    if not _HOST_NAME.fullmatch(rp_id) or is_address(rp_id):
        raise _refusal("PASSKEY_RP_ID", rp_id, "is not a domain; give one such as example.com")
    origins = []
    for value in (part.strip() for part in listed.split(",")):
        scheme, name, _ = _origin(value)
        remedy = "give a comma-separated list such as https://iam.example.com, https://console.example.com"
        if not name or (scheme == "http" and not is_loopback(name)):
            shown = None if "@" in value else value  # a password may stand before the @
            raise _refusal("PASSKEY_ORIGINS", shown, f"is not an https origin; {remedy}")
        if not f".{name}".endswith(f".{rp_id}"):
            reason = f"is not within the domain {json.dumps(rp_id)}, for which passkeys are"
            raise _refusal("PASSKEY_ORIGINS", value, f"{reason}; give IAMGRAPH_PASSKEY_RP_ID the domain of all of them")
        origins.append(_plain_origin(value))
    return rp_id, tuple(origins)


def _development(env: _Environment, host: str, public_url: str) -> bool:
    """On by itself only where nobody but this machine is served: a proxy in front may publish a loopback address."""
    outward = None
    if not is_loopback(host):
        outward = f"IAMGRAPH_HOST {json.dumps(host)}"
    elif not is_loopback(_origin(public_url)[1]):
        outward = f"IAMGRAPH_PUBLIC_URL {json.dumps(public_url)}"
    development = env.flag("DEVELOPMENT", outward is None)
    if development and outward:
        reason = f"would show GraphiQL and the schema to strangers, since {outward} is reached from other machines"
        raise _refusal("DEVELOPMENT", env.optional("DEVELOPMENT"), f"{reason}; give false, or loopback addresses")
    return development


def _trusted_proxies(env: _Environment) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return _networks(
        env, "TRUSTED_PROXIES", "would let any caller forge its address; give the addresses of the proxies alone"
    )


def _identity_provider_networks(env: _Environment) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    reason = "would let accounts have this server ask anything that it can reach"
    return _networks(env, "IDENTITY_PROVIDER_NETWORKS", f"{reason}; give the networks of the identity providers alone")


def _networks(
    env: _Environment, name: str, not_all: str
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The addresses and networks of a variable. `not_all` says why that can't be every one there is."""
    networks = []
    for part in env.text(name, "").split(","):
        value = part.strip()
        if not value:
            continue
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            reason = "is not an address or a network without bits set beyond its prefix"
            remedy = "give a comma-separated list such as 10.0.0.7, 10.1.0.0/16"
            raise _refusal(name, value, f"{reason}; {remedy}") from None
        if network.prefixlen == 0:
            raise _refusal(name, value, not_all)
        networks.append(network)
    return tuple(networks)


def _database_url(env: _Environment, data_dir: Path) -> str:
    """`postgresql://` comes out as `postgres://`. A relative SQLite path is relative to the working directory."""
    value = env.text("DATABASE_URL", f"sqlite://{data_dir / 'iamgraph.db'}")
    scheme, separator, rest = value.partition("://")
    if scheme == "sqlite" and separator:
        if not rest or rest.endswith("/") or ":memory:" in rest or rest.startswith("file:"):
            remedy = "give one such as sqlite://data/iamgraph.db or sqlite:///var/lib/iamgraph/iamgraph.db"
            raise _refusal("DATABASE_URL", value, f"needs a file; {remedy}")
        if re.search(r"[?#\[\]]", rest):
            raise _refusal("DATABASE_URL", value, "has one of ?#[] in its path; give a plain path")
        return value
    if scheme not in ("postgres", "postgresql") or not separator:
        shown = f"{scheme}://..." if separator and re.fullmatch("[a-z0-9+.-]{1,20}", scheme) else None
        remedy = "give sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE"
        raise _refusal("DATABASE_URL", shown, f"names no store that there is; {remedy}")
    if not _POSTGRES.fullmatch(value):
        remedy = "give postgres://USER:PASSWORD@HOST:PORT/DATABASE, the password percent-encoded"
        raise _refusal("DATABASE_URL", None, f"is not a PostgreSQL address (not shown, for its password); {remedy}")
    return f"postgres://{rest}"


def _account_id(env: _Environment) -> str | None:
    value = env.optional("BOOTSTRAP_ACCOUNT_ID")
    if value is not None and not re.fullmatch("[0-9]{12}", value):
        raise _refusal("BOOTSTRAP_ACCOUNT_ID", value, "is not an account id; give twelve digits, such as 111122223333")
    return value


def _account_alias(env: _Environment) -> str | None:
    value = env.optional("BOOTSTRAP_ACCOUNT_ALIAS")
    if value is not None and (not _ALIAS.fullmatch(value) or re.fullmatch("[0-9]{12}", value)):
        remedy = "give 3 to 63 small letters, digits and single inner hyphens, and not twelve digits"
        raise _refusal("BOOTSTRAP_ACCOUNT_ALIAS", value, f"is not an account alias; {remedy}")
    return value


def _root_email(env: _Environment) -> str:
    value = env.text("BOOTSTRAP_ROOT_EMAIL", "root@example.com")
    if len(value) > 254 or not _EMAIL.fullmatch(value):
        raise _refusal("BOOTSTRAP_ROOT_EMAIL", value, "is not an e-mail address; give one such as root@example.com")
    return value


def _root_password(env: _Environment) -> str | None:
    """AWS's default password policy, for the one password that is set before any account exists."""
    value = env.optional("BOOTSTRAP_ROOT_PASSWORD")
    if value is None:
        return None
    if not _PASSWORD.fullmatch(value) or sum(bool(re.search(kind, value)) for kind in _PASSWORD_CLASSES) < 3:
        remedy = "give 8 to 128 characters, with three of capitals, small letters, digits and symbols"
        raise _refusal("BOOTSTRAP_ROOT_PASSWORD", None, f"is too weak; {remedy}, or nothing to have one made")
    if value.lower() in (_root_email(env).lower(), env.text("BOOTSTRAP_ACCOUNT_ALIAS", "").lower()):
        raise _refusal("BOOTSTRAP_ROOT_PASSWORD", None, "is the root e-mail address or the account alias; give another")
    return value


def _hash_cost(env: _Environment) -> tuple[int, int, int]:
    """Memory in KiB, passes, lanes. The upper bounds catch a value in bytes before it takes the machine's memory."""
    lanes = env.whole("PASSWORD_HASH_PARALLELISM", 1, 1, 64)
    memory = env.whole("PASSWORD_HASH_MEMORY_KIB", 12288, 1, 4 * 1024 * 1024)
    passes = env.whole("PASSWORD_HASH_TIME_COST", 3, 1, 1000)
    if not any(memory >= least_memory and passes >= least_passes for least_memory, least_passes in _OWASP_ARGON2ID):
        pairs = ", ".join(f"{least_memory}/{least_passes}" for least_memory, least_passes in _OWASP_ARGON2ID)
        reason = f'with IAMGRAPH_PASSWORD_HASH_TIME_COST "{passes}" is weaker than OWASP allows'
        raise _refusal("PASSWORD_HASH_MEMORY_KIB", str(memory), f"{reason}; give at least one of {pairs}")
    return memory, passes, lanes


def _quotas(env: _Environment) -> Quotas:
    return Quotas(**{
        quota.name: env.whole(variable, quota.default, 1, _LARGEST)
        for variable, quota in _quota_variables().items()
        if isinstance(quota.default, int)
    })  # fmt: skip


def _refuse_shared_file(settings: Settings) -> None:
    key = settings.master_key_file
    if settings.sqlite_path is not None and os.path.abspath(settings.sqlite_path) == os.path.abspath(key):
        raise _refusal("MASTER_KEY_FILE", str(key), "is the database's file too; give the key a file of its own")
