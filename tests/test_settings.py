"""Settings: defaults, every refusal's exact line, and no secret in any text."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network
from pathlib import Path

import pytest

from iamgraph.domain.limits import Quotas
from iamgraph.settings import Settings, SettingsError


def read(**variables: str) -> Settings:
    return Settings.from_env({"PATH": "/bin", **{f"IAMGRAPH_{name}": value for name, value in variables.items()}})


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**variables)
    text = str(caught.value)
    assert text.isprintable()  # one line, safe on a terminal
    return text


PRODUCTION = {"HOST": "0.0.0.0", "PUBLIC_URL": "https://iam.example.com"}


def test_the_defaults() -> None:
    assert read() == Settings(
        database_url="sqlite://data/iamgraph.db",
        host="127.0.0.1",
        port=8080,
        public_url="http://127.0.0.1:8080",
        passkey_rp_id="localhost",
        passkey_origins=("http://localhost:8080",),
        trusted_proxies=(),
        identity_provider_networks=(),
        data_dir=Path("data"),
        master_key_file=Path("data/master.key"),
        development=True,
        bootstrap_account_id=None,
        bootstrap_account_alias=None,
        bootstrap_root_email="root@example.com",
        bootstrap_root_password=None,
        password_hash_memory_kib=12288,
        password_hash_time_cost=3,
        password_hash_parallelism=1,
        hash_queue=50,
        sign_in_seconds=43200,
        read_events=True,
        cost_limit=100_000,
        cost_restore_rate=10_000,
        streams_per_principal=10,
        streams_per_process=1000,
        metrics_address=None,
        log_format=None,
        log_level="INFO",
        is_traced=False,
        retention_days=None,
        quotas=Quotas(),
    )


def test_every_variable_is_read() -> None:
    given = {
        **PRODUCTION,
        "PORT": "443",
        "DATABASE_URL": "postgresql://iam:p%40ss@db.example.com:5432/iam",
        "PASSKEY_RP_ID": "Example.com",
        "PASSKEY_ORIGINS": "https://iam.example.com, https://Console.example.com:8443",
        "TRUSTED_PROXIES": "10.0.0.7, 2001:db8::/32",
        "IDENTITY_PROVIDER_NETWORKS": "10.2.0.0/16",
        "DATA_DIR": "/var/lib/iamgraph",
        "MASTER_KEY_FILE": "/etc/iamgraph/key",
        "BOOTSTRAP_ACCOUNT_ID": "111122223333",
        "BOOTSTRAP_ACCOUNT_ALIAS": "the-first",
        "BOOTSTRAP_ROOT_EMAIL": "ops@example.com",
        "BOOTSTRAP_ROOT_PASSWORD": "correct-Horse-9-battery",
        "PASSWORD_HASH_MEMORY_KIB": "7168",
        "PASSWORD_HASH_TIME_COST": "5",
        "PASSWORD_HASH_PARALLELISM": "2",
        "HASH_QUEUE": "7",
        "SIGN_IN_SECONDS": "900",
        "READ_EVENTS": "false",
        "COST_LIMIT": "0",
        "COST_RESTORE_RATE": "5",
        "STREAMS_PER_PRINCIPAL": "3",
        "STREAMS_PER_PROCESS": "20",
        "METRICS_ADDRESS": "[::1]:9464",
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "warning",
        "RETENTION_DAYS": "400",
        "QUOTA_USERS_PER_ACCOUNT": "7",
    }
    settings = read(**given)
    assert settings == Settings(
        database_url="postgres://iam:p%40ss@db.example.com:5432/iam",
        host="0.0.0.0",
        port=443,
        public_url="https://iam.example.com",
        passkey_rp_id="example.com",
        passkey_origins=("https://iam.example.com", "https://console.example.com:8443"),
        trusted_proxies=(ip_network("10.0.0.7/32"), ip_network("2001:db8::/32")),
        identity_provider_networks=(ip_network("10.2.0.0/16"),),
        data_dir=Path("/var/lib/iamgraph"),
        master_key_file=Path("/etc/iamgraph/key"),
        development=False,
        bootstrap_account_id="111122223333",
        bootstrap_account_alias="the-first",
        bootstrap_root_email="ops@example.com",
        bootstrap_root_password="correct-Horse-9-battery",
        password_hash_memory_kib=7168,
        password_hash_time_cost=5,
        password_hash_parallelism=2,
        hash_queue=7,
        sign_in_seconds=900,
        read_events=False,
        cost_limit=0,
        cost_restore_rate=5,
        streams_per_principal=3,
        streams_per_process=20,
        metrics_address=("::1", 9464),
        log_format="text",
        log_level="WARNING",
        is_traced=False,
        retention_days=400,
        quotas=Quotas(users_per_account=7),
    )
    assert "p%40ss" not in repr(settings) and "Horse" not in repr(settings)


def test_every_quota_has_a_variable() -> None:
    names = [quota.name for quota in dataclasses.fields(Quotas)]
    quotas = read(**{f"QUOTA_{name.upper()}": str(7 + n) for n, name in enumerate(names)}).quotas
    assert dataclasses.asdict(quotas) == {name: 7 + n for n, name in enumerate(names)}


def test_an_empty_variable_counts_as_unset_and_the_tests_own_are_left_alone() -> None:
    assert read(PORT="", TRUSTED_PROXIES="", TEST_POSTGRES_URL="postgres://x/y") == read()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://data/iam.db", Path("data/iam.db")),
        ("sqlite:///srv/iam.db", Path("/srv/iam.db")),
        ("postgres://postgres@127.0.0.1:5432/iam", None),
        ("postgres://u:p@[::1]/iam?ssl=require", None),
        ("postgres:///iam?host=/run/postgresql", None),
    ],
)
def test_databases(url: str, path: Path | None) -> None:
    settings = read(DATABASE_URL=url)
    assert (settings.database_url, settings.sqlite_path) == (url, path)


@pytest.mark.parametrize(
    ("variables", "public_url", "development"),
    [
        ({"HOST": "::1"}, "http://[::1]:8080", True),
        ({"HOST": "localhost", "PORT": "80"}, "http://localhost", True),
        ({"DEVELOPMENT": "false"}, "http://127.0.0.1:8080", False),
        ({"PUBLIC_URL": "HTTP://App.Localhost:3000/"}, "http://app.localhost:3000", True),
        # A proxy on the same machine publishes the loopback address: strangers reach it, so nothing turns on by itself.
        ({"PUBLIC_URL": "https://IAM.example.com:443"}, "https://iam.example.com", False),
        ({**PRODUCTION, "PUBLIC_URL": "https://iam.example.com:8443"}, "https://iam.example.com:8443", False),
    ],
)
def test_public_addresses(variables: dict[str, str], public_url: str, development: bool) -> None:
    settings = read(**variables)
    assert (settings.public_url, settings.development) == (public_url, development)


@pytest.mark.parametrize(
    ("variables", "rp_id", "origins"),
    [
        ({"HOST": "::1", "PORT": "80"}, "localhost", ("http://localhost",)),
        ({"PUBLIC_URL": "http://app.localhost:3000"}, "app.localhost", ("http://app.localhost:3000",)),
        ({**PRODUCTION, "PUBLIC_URL": "https://10.0.0.1"}, None, ()),
        (
            {**PRODUCTION, "PUBLIC_URL": "https://10.0.0.1", "PASSKEY_RP_ID": "x.org", "PASSKEY_ORIGINS": "https://x.org:443"},
            "x.org",
            ("https://x.org",),
        ),
    ],
)
def test_passkeys_are_for_a_domain(variables: dict[str, str], rp_id: str | None, origins: tuple[str, ...]) -> None:
    settings = read(**variables)
    assert (settings.passkey_rp_id, settings.passkey_origins) == (rp_id, origins)


@pytest.mark.parametrize("url", [
    "https://iam.example.com/iam", "https://iam.example.com?x", "https://iam.example.com#x", "iam.example.com",
    "ftp://localhost",
    "https://", "https://iam.example.com:0", "https://iam.example.com:65536", "https://[::zz]", "https://a b", "https://x\n",
])  # fmt: skip
def test_a_public_url_is_an_origin(url: str) -> None:
    assert "is not an origin; give scheme, host and port alone" in refusal(PUBLIC_URL=url)


REFUSALS: list[tuple[dict[str, str], str]] = [
    (
        {"HOST": "0.0.0.0"},
        'IAMGRAPH_PUBLIC_URL: is not set, and IAMGRAPH_HOST "0.0.0.0" is reached from other machines; '
        "give the https address that callers use, such as https://iam.example.com",
    ),
    (
        {"PUBLIC_URL": "http://iam.example.com"},
        'IAMGRAPH_PUBLIC_URL: "http://iam.example.com" would send passwords in the clear between '
        "machines; give an https address, or loopback addresses here and in IAMGRAPH_HOST",
    ),
    (
        {"HOST": "10.0.0.1", "PUBLIC_URL": "http://localhost"},
        'IAMGRAPH_PUBLIC_URL: "http://localhost" would send passwords in the clear between machines; give'
        " an https address, or loopback addresses here and in IAMGRAPH_HOST",
    ),
    (
        {**PRODUCTION, "DEVELOPMENT": "true"},
        'IAMGRAPH_DEVELOPMENT: "true" would show GraphiQL and the schema to strangers, since '
        'IAMGRAPH_HOST "0.0.0.0" is reached from other machines; give false, or loopback addresses',
    ),
    (
        {"PUBLIC_URL": "https://iam.example.com", "DEVELOPMENT": "1"},
        'IAMGRAPH_DEVELOPMENT: "1" would show GraphiQL and the schema to strangers, since '
        'IAMGRAPH_PUBLIC_URL "https://iam.example.com" is reached from other machines; give false, or '
        "loopback addresses",
    ),
    (
        {"HOST": "*"},
        'IAMGRAPH_HOST: "*" is not an address; give one such as 127.0.0.1, or 0.0.0.0 for all interfaces',
    ),
    (
        {"PORT": "0"},
        'IAMGRAPH_PORT: "0" is out of range; give a whole number from 1 to 65535',
    ),
    (
        {"PORT": "8080\u001b"},
        'IAMGRAPH_PORT: "8080\\u001b" is out of range; give a whole number from 1 to 65535',
    ),
    (
        {"PORT": "٨٠٨٠"},
        'IAMGRAPH_PORT: "\\u0668\\u0660\\u0668\\u0660" is out of range; give a whole number from 1 to 65535',
    ),
    (
        {"PASSKEY_RP_ID": "10.0.0.1"},
        'IAMGRAPH_PASSKEY_RP_ID: "10.0.0.1" is not a domain; give one such as example.com',
    ),
    (
        {**PRODUCTION, "PASSKEY_ORIGINS": "https://iam.example.com,http://iam.example.com"},
        'IAMGRAPH_PASSKEY_ORIGINS: "http://iam.example.com" is not an https origin; give a comma-separated list such as '
        "https://iam.example.com, https://console.example.com",
    ),
    (
        {**PRODUCTION, "PASSKEY_ORIGINS": "https://eviliam.example.com"},
        'IAMGRAPH_PASSKEY_ORIGINS: "https://eviliam.example.com" is not within the domain "iam.example.com", for which '
        "passkeys are; give IAMGRAPH_PASSKEY_RP_ID the domain of all of them",
    ),
    (
        {"METRICS_ADDRESS": "9464"},
        'IAMGRAPH_METRICS_ADDRESS: "9464" is no address and port; give one such as 127.0.0.1:9464',
    ),
    (
        {"METRICS_ADDRESS": "127.0.0.1:8080"},
        'IAMGRAPH_METRICS_ADDRESS: "127.0.0.1:8080" has IAMGRAPH_PORT\'s port; metrics are served apart: give another',
    ),
    (
        {"LOG_LEVEL": "loud"},
        'IAMGRAPH_LOG_LEVEL: "loud" is not one of debug, info, warning, error',
    ),
    (
        {"READ_EVENTS": "maybe"},
        'IAMGRAPH_READ_EVENTS: "maybe" is not a switch; give true or false',
    ),
    (
        {"RETENTION_DAYS": "0"},
        'IAMGRAPH_RETENTION_DAYS: "0" is out of range; give a whole number from 1 to 36500',
    ),
    (
        {"SIGN_IN_SECONDS": "899"},
        'IAMGRAPH_SIGN_IN_SECONDS: "899" is out of range; give a whole number from 900 to 43200',
    ),
    (
        {"TRUSTED_PROXIES": "0.0.0.0/0"},
        'IAMGRAPH_TRUSTED_PROXIES: "0.0.0.0/0" would let any caller forge its address; give the addresses'
        " of the proxies alone",
    ),
    (
        {"IDENTITY_PROVIDER_NETWORKS": "::/0"},
        'IAMGRAPH_IDENTITY_PROVIDER_NETWORKS: "::/0" would let accounts have this server ask anything that it can reach; '
        "give the networks of the identity providers alone",
    ),
    (
        {"TRUSTED_PROXIES": "10.0.0.1/8"},
        'IAMGRAPH_TRUSTED_PROXIES: "10.0.0.1/8" is not an address or a network without bits set beyond '
        "its prefix; give a comma-separated list such as 10.0.0.7, 10.1.0.0/16",
    ),
    (
        {"DATABASE_URL": "sqlite://:memory:"},
        'IAMGRAPH_DATABASE_URL: "sqlite://:memory:" needs a file; give one such as '
        "sqlite://data/iamgraph.db or sqlite:///var/lib/iamgraph/iamgraph.db",
    ),
    (
        {"DATABASE_URL": "sqlite://x.db?mode=memory"},
        'IAMGRAPH_DATABASE_URL: "sqlite://x.db?mode=memory" has one of ?#[] in its path; give a plain path',
    ),
    (
        {"DATA_DIR": "d", "DATABASE_URL": "sqlite://d/../d/master.key"},
        'IAMGRAPH_MASTER_KEY_FILE: "d/master.key" is the database\'s file too; give the key a file of its own',
    ),
    (
        {"BOOTSTRAP_ACCOUNT_ID": "1234"},
        'IAMGRAPH_BOOTSTRAP_ACCOUNT_ID: "1234" is not an account id; give twelve digits, such as 111122223333',
    ),
    (
        {"BOOTSTRAP_ACCOUNT_ALIAS": "111122223333"},
        'IAMGRAPH_BOOTSTRAP_ACCOUNT_ALIAS: "111122223333" is not an account alias; give 3 to 63 small '
        "letters, digits and single inner hyphens, and not twelve digits",
    ),
    (
        {"BOOTSTRAP_ROOT_EMAIL": "root"},
        'IAMGRAPH_BOOTSTRAP_ROOT_EMAIL: "root" is not an e-mail address; give one such as root@example.com',
    ),
    (
        {"BOOTSTRAP_ROOT_EMAIL": "Root9@example.com", "BOOTSTRAP_ROOT_PASSWORD": "root9@Example.com"},
        "IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD: is the root e-mail address or the account alias; give another",
    ),
    (
        {"PASSWORD_HASH_TIME_COST": "1"},
        'IAMGRAPH_PASSWORD_HASH_MEMORY_KIB: "12288" with IAMGRAPH_PASSWORD_HASH_TIME_COST "1" is weaker '
        "than OWASP allows; give at least one of 47104/1, 19456/2, 12288/3, 9216/4, 7168/5",
    ),
    (
        {"PASSWORD_HASH_MEMORY_KIB": "7167", "PASSWORD_HASH_TIME_COST": "9"},
        'IAMGRAPH_PASSWORD_HASH_MEMORY_KIB: "7167" with IAMGRAPH_PASSWORD_HASH_TIME_COST "9" is weaker '
        "than OWASP allows; give at least one of 47104/1, 19456/2, 12288/3, 9216/4, 7168/5",
    ),
    (
        {"QUOTA_USERS_PER_ACCOUNT": "0"},
        'IAMGRAPH_QUOTA_USERS_PER_ACCOUNT: "0" is out of range; give a whole number from 1 to 2147483647',
    ),
    (
        {"PUBLC_URL": "x"},
        "IAMGRAPH_PUBLC_URL: there is no such setting; did you mean IAMGRAPH_PUBLIC_URL?",
    ),
    (
        {"QUOTA_USER_PER_ACCOUNT": "x"},
        "IAMGRAPH_QUOTA_USER_PER_ACCOUNT: there is no such setting; did you mean IAMGRAPH_QUOTA_USERS_PER_ACCOUNT?",
    ),
    (
        {"ZZZZZZ": "x"},
        "IAMGRAPH_ZZZZZZ: there is no such setting; see the list of settings in the documentation",
    ),
]


@pytest.mark.parametrize(("variables", "line"), REFUSALS, ids=[line.split(":")[0] for _, line in REFUSALS])
def test_refusals(variables: dict[str, str], line: str) -> None:
    assert refusal(**variables) == line


@pytest.mark.parametrize("variables", [
    {"BOOTSTRAP_ROOT_PASSWORD": "sesame"},
    {"BOOTSTRAP_ROOT_PASSWORD": "sesame sesame"},
    {"BOOTSTRAP_ROOT_PASSWORD": "Sesame-5 €"},
    {"BOOTSTRAP_PASSWORD": "sesame"},
    {"DATABASE_URL": "mysql://root:sesame@db/iam"},
    {"DATABASE_URL": "root:sesame@db/iam"},
    {"DATABASE_URL": "postgres://root:sesame@db"},
    {"DATABASE_URL": "postgres://root:sesame@x@db/iam"},
    {"DATABASE_URL": "postgres://root:se/sesame@db/iam"},
    {"PUBLIC_URL": "https://root:sesame@iam.example.com"},
])  # fmt: skip
def test_a_refusal_shows_no_secret(variables: dict[str, str]) -> None:
    assert "sesame" not in refusal(**variables).lower()
