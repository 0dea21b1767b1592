"""Where everything is put together: settings make the store, the store the kernel, the kernel the application."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from .app import bootstrap, rotation
from .app.history.export import exported
from .app.history.heads import HeadsFile
from .app.history.live import StreamLimits
from .app.history.retention import Retention
from .app.history.sealer import HistorySealer
from .app.history.verify import Report, verify
from .app.kernel import Kernel
from .app.reports.maker import Reporter
from .app.resealer import Resealer, Usage, usage_of
from .app.work import Tools
from .domain.entities import Account
from .domain.passkeys import RelyingParty
from .federation.oidc.verification import OpenIdConnect
from .federation.outbound import Reach
from .federation.saml.endpoints import receivers
from .federation.saml.verifier import Verifier
from .security.chaining import ChainKeys
from .security.keyfile import MasterKeys, changing
from .security.keyring import KeyRing
from .security.passwords import PasswordHasher
from .security.sealing import MasterKeyError, SealError
from .settings import Settings, SettingsError
from .store.unit import Database, StoreBusy, StoreError
from .transport.metrics import Metrics, watched

if TYPE_CHECKING:
    from .transport.tracing import Tracing

__all__ = [
    "MasterKeys",
    "StoreError",
    "Usage",
    "account_created",
    "backed_up",
    "bootstrapped",
    "history_exported",
    "history_verified",
    "key_prepared",
    "keys_retired",
    "keys_rotated",
    "keys_used",
    "opened",
    "restored",
    "root_mfa_deactivated",
    "root_password_reset",
    "schema_drift",
    "serve",
]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The store, open. On SQLite nobody else can have it at the same time."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def tools_of(settings: Settings, ring: KeyRing) -> AsyncIterator[Tools]:
    """Keys, hashing, quotas and time, as the settings want them."""
    hasher = PasswordHasher(
        memory_kib=settings.password_hash_memory_kib,
        time_cost=settings.password_hash_time_cost,
        parallelism=settings.password_hash_parallelism,
        max_waiting=settings.hash_queue,
    )
    oidc = OpenIdConnect(reach_of(settings))
    saml = Verifier()
    try:
        yield Tools(
            hasher=hasher,
            sealer=ring.sealer,
            quotas=settings.quotas,
            relying_party=relying_party(settings),
            public_url=settings.public_url,
            sign_in_url=(settings.public_url + "/signin/{}").format,
            sign_in_time=timedelta(seconds=settings.sign_in_seconds),
            oidc=oidc,
            saml=saml,
            saml_receiver=receivers(settings.public_url),
        )
    finally:
        hasher.close()
        saml.close()
        await oidc.close()


def reach_of(settings: Settings) -> Reach:
    """Where identity providers may be: in development also on this machine."""
    local = (ip_network("127.0.0.0/8"), ip_network("::1/128")) if settings.development else ()
    return Reach(networks=(*settings.identity_provider_networks, *local), plain_on_loopback=settings.development)


def relying_party(settings: Settings) -> RelyingParty | None:
    """The site that passkeys are for, None where the settings name none."""
    if settings.passkey_rp_id is None:
        return None
    return RelyingParty(id=settings.passkey_rp_id, origins=settings.passkey_origins)


@asynccontextmanager
async def running(settings: Settings, database: Database, *, is_shared: bool = False) -> AsyncIterator[web.Application]:
    """The application, ready to be served, and its metrics, served where the settings want them."""
    ring = KeyRing(settings.master_key_file)
    resealer = Resealer(ring, reading=database.reading, writing=database.writing)
    await resealer.follow()
    async with tools_of(settings, ring) as tools:
        metrics = Metrics() if settings.metrics_address else None
        tracing = tracing_of(settings)
        streams = StreamLimits(per_principal=settings.streams_per_principal, per_process=settings.streams_per_process)
        kernel = Kernel(
            database,
            tools,
            records_reads=settings.read_events,
            bucket=settings.bucket,
            streams=streams,
            meters=metrics,
            tracer=tracing,
        )
        reporter = Reporter(tools, reading=database.reading, writing=database.writing)
        sealer, retention = sealer_of(settings, database, ring), retention_of(settings, database, ring, tools)
        kernel.start()
        sealer.start()
        resealer.start()
        reporter.start()
        if retention is not None:
            retention.start()
        try:
            async with AsyncExitStack() as stack:
                if metrics is not None and settings.metrics_address is not None:
                    host, port = settings.metrics_address
                    await stack.enter_async_context(
                        watched(metrics, kernel, sealer, host=host, port=port, is_shared=is_shared)
                    )
                if tracing is not None:
                    stack.push_async_callback(tracing.close)
                yield application(settings, kernel, metrics, tracing)
        finally:
            try:
                await resealer.close()
                await reporter.close()
                if retention is not None:
                    await retention.close()
                await kernel.close()
            finally:
                # After the kernel, so that its last events are sealed too.
                await sealer.close()


def sealer_of(settings: Settings, database: Database, ring: KeyRing) -> HistorySealer:
    """What chains the history of the store."""
    return HistorySealer(
        ring.chains,
        refresh=ring.refresh,
        reading=database.reading,
        writing=database.writing,
        file=HeadsFile(heads_path(settings)),
    )


def retention_of(settings: Settings, database: Database, ring: KeyRing, tools: Tools) -> Retention | None:
    """What takes old events away, or None where all are kept for ever."""
    if settings.retention_days is None:
        return None
    return Retention(
        ring.chains,
        tools,
        refresh=ring.refresh,
        kept=timedelta(days=settings.retention_days),
        reading=database.reading,
        writing=database.writing,
    )


def heads_path(settings: Settings) -> Path:
    """Where the server keeps the signed heads of its history."""
    return settings.data_dir / "heads.jsonl"


def tracing_of(settings: Settings) -> Tracing | None:
    """What sends spans to a collector, where one is named. Raises SettingsError where that is not installed."""
    if not settings.is_traced:
        return None
    try:
        from .transport.tracing import Tracing
    except ModuleNotFoundError:
        reason = "is set, but what sends traces is not installed"
        raise SettingsError(f"OTEL_EXPORTER_OTLP_ENDPOINT: {reason}; install iamgraph[otel], or unset it") from None
    return Tracing()


def application(
    settings: Settings, kernel: Kernel, metrics: Metrics | None = None, tracing: Tracing | None = None
) -> web.Application:
    """The routes of the service."""
    # Here, since commands that do not serve would wait for the schema to be made, too.
    from .transport.access import access
    from .transport.aws.http import AwsEndpoint
    from .transport.cookies import Cookies
    from .transport.graphql.explorer import add_explorer
    from .transport.graphql.http import MAX_BODY, Endpoint
    from .transport.health import add_health
    from .transport.sso.http import add_pages

    cookies = Cookies(is_secure=settings.public_url.startswith("https:"))
    endpoint = Endpoint(
        kernel,
        trusted_proxies=settings.trusted_proxies,
        is_development=settings.development,
        cookies=cookies,
    )
    watching = access(settings.trusted_proxies, metrics.http if metrics else None, tracing)
    app = web.Application(client_max_size=MAX_BODY, middlewares=[watching])
    app.router.add_post("/graphql", endpoint.handle)
    app.on_shutdown.append(endpoint.end_streams)
    aws = AwsEndpoint(kernel, trusted_proxies=settings.trusted_proxies)
    app.router.add_post("/", aws.handle)
    app.router.add_get("/", aws.handle, allow_head=False)
    add_pages(
        app, kernel, public_url=settings.public_url, cookies=cookies, trusted_proxies=settings.trusted_proxies
    )
    add_health(app, kernel)
    if settings.development:
        add_explorer(app)
    return app


async def serve(
    settings: Settings,
    *,
    setup: bool,
    announce: Callable[[bootstrap.Bootstrapped | None], None],
    is_shared: bool = False,
) -> None:
    """Serve until told to stop; with `setup`, migrate first, and bootstrap an account where there is none. `announce` is
    called once requests are answered. With `is_shared` other processes listen on the same address."""
    async with opened(settings) as database:
        made = None
        if setup:
            await database.migrate()
            made = await bootstrapped(settings, database)
        elif pending := await database.pending():
            raise StoreError(f"the store lacks {len(pending)} migrations: run `iamgraph migrate` first")
        else:
            await check_key(settings, database)
        async with (
            running(settings, database, is_shared=is_shared) as app,
            listening(settings, app, is_shared=is_shared),
        ):
            # What is loaded by now stays for good: the collector need not walk through it again and again.
            gc.collect()
            gc.freeze()
            announce(made)
            await _told_to_stop()


@asynccontextmanager
async def listening(settings: Settings, app: web.Application, *, is_shared: bool = False) -> AsyncIterator[None]:
    """The application answers on the settings' address. At the end requests under way are let finish."""
    # A body that calls itself compressed is refused as it came, not taken for broken halfway through.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=10, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, reuse_port=is_shared or None).start()
        yield
    finally:
        await runner.cleanup()


async def _told_to_stop() -> None:
    """Return at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    await stop.wait()


async def check_key(settings: Settings, database: Database) -> None:
    """Raise MasterKeyError where the store has secrets that none of this server's keys sealed: with another key, or a new
    one made for want of it, they would be lost one by one."""
    async with database.reading() as data:
        used = await data.sealed.key_ids()
    if not used:
        return
    path = settings.master_key_file
    try:
        rotation.check(path, MasterKeys.load(path), used)
    except FileNotFoundError:
        wanted = " and ".join(sorted(used))
        raise MasterKeyError(
            f'master key file "{path}" is missing; the store has secrets sealed under key {wanted}'
        ) from None


async def keys_used(settings: Settings) -> tuple[MasterKeys, Usage]:
    """The keys of the file, and what the store has under each. The server may be running."""
    keys = MasterKeys.load(settings.master_key_file)
    return keys, await _usage(settings)


def key_prepared(settings: Settings) -> MasterKeys:
    """The keys of the file, which has a next one now."""
    with changing(settings.master_key_file) as file:
        if file.keys.next is None:
            file.replace(file.keys.prepared())
        return file.keys


async def keys_rotated(settings: Settings, *, is_one_machine: bool, tell: Callable[[str], None]) -> MasterKeys:
    """Change the master key, and return the file's keys once nothing is under another than the current one. Servers may
    be running; one that has a SQLite store does the work that this process can't. `tell` is told how it goes."""
    is_shared = settings.sqlite_path is None and not is_one_machine
    with changing(settings.master_key_file) as file:
        begun = rotation.begin(file, await _usage(settings), is_shared=is_shared)
        keys = file.keys
    tell(f"{'master key' if begun else 'going on with the rotation to master key'} {keys.current.id}")

    async def usage() -> Usage:
        return await _usage(settings)

    try:
        async with opened(settings) as database:
            resealer = Resealer(KeyRing(settings.master_key_file), reading=database.reading, writing=database.writing)
            await rotation.finish(keys.retired_ids, step=resealer.reseal, usage=usage)
    except StoreBusy:
        tell("the server that has the store seals everything anew")
        await rotation.finish(keys.retired_ids, step=None, usage=usage)
    except SealError as error:
        raise MasterKeyError(f"not everything could be sealed anew: {error}") from None
    return keys


async def keys_retired(settings: Settings) -> tuple[str, ...]:
    """The ids of the retired keys, which the file has no longer."""
    with changing(settings.master_key_file) as file:
        return rotation.retire(file, await _usage(settings))


async def _usage(settings: Settings) -> Usage:
    async with Database(settings.database_url).snapshot() as data:
        return await usage_of(data)


async def backed_up(settings: Settings, path: Path) -> None:
    """Copy the store to a new file."""
    await Database.backup(settings.database_url, path)


async def restored(settings: Settings, path: Path) -> None:
    """Make the store out of a copy."""
    await Database.restore(settings.database_url, path)


async def history_verified(settings: Settings, heads: Path | None) -> tuple[Report, Path | None]:
    """The history checked, and the file of heads that it was checked against: `heads`, or the server's own if there is
    one. The server may be running."""
    held = MasterKeys.load(settings.master_key_file)
    keys = ChainKeys(held.current, retired=held.others, past=held.past)
    path = heads or heads_path(settings)
    try:
        # Before the store: what the file says is then in the store already.
        exported_heads = HeadsFile(path).read()
    except FileNotFoundError:
        if heads is not None:
            raise
        exported_heads = None
    async with Database(settings.database_url).snapshot() as data:
        return await verify(data, keys, exported_heads), path if exported_heads else None


async def history_exported(
    settings: Settings, *, account_id: str | None, since: datetime | None
) -> AsyncIterator[bytes]:
    """The history in CloudTrail's record shape, a line of JSON each. The server may be running."""
    async with Database(settings.database_url).snapshot() as data:
        async for line in exported(data, account_id=account_id, since=since):
            yield line


async def schema_drift() -> str | None:
    """How the models differ from the migrations, or None."""
    return await Database.drift()


async def bootstrapped(settings: Settings, database: Database) -> bootstrap.Bootstrapped:
    """The operator's account, made now if the store has none. Raises MasterKeyError, see `check_key`."""
    await check_key(settings, database)
    async with tools_of(settings, KeyRing(settings.master_key_file)) as tools:
        wanted = bootstrap.Wanted(
            account_id=settings.bootstrap_account_id,
            alias=settings.bootstrap_account_alias,
            email=settings.bootstrap_root_email,
            password=settings.bootstrap_root_password,
        )
        hashed = await tools.hasher.hash(wanted.secret)
        async with database.writing() as data:
            return await bootstrap.bootstrap(data, tools, wanted, hashed)


async def account_created(
    settings: Settings, *, email: str, password: str, alias: str | None, account_id: str | None
) -> Account:
    """A further account, made from the command line."""
    async with opened(settings) as database:
        await check_key(settings, database)
        async with tools_of(settings, KeyRing(settings.master_key_file)) as tools:
            hashed = await tools.hasher.hash(password)
            async with database.writing() as data:
                return await bootstrap.create_account(
                    data, tools, email=email, password_hash=hashed, alias=alias, account_id=account_id
                )


async def root_password_reset(settings: Settings, *, email: str, password: str) -> Account:
    """Set a root's password, and end its sessions."""
    async with opened(settings) as database:
        await check_key(settings, database)
        async with tools_of(settings, KeyRing(settings.master_key_file)) as tools:
            hashed = await tools.hasher.hash(password)
            async with database.writing() as data:
                return await bootstrap.reset_root_password(data, tools, email=email, password=password, hashed=hashed)


async def root_mfa_deactivated(settings: Settings, *, email: str) -> int:
    """Enable a root's MFA devices for nobody; how many they were."""
    async with opened(settings) as database:
        await check_key(settings, database)
        async with tools_of(settings, KeyRing(settings.master_key_file)) as tools, database.writing() as data:
            return await bootstrap.deactivate_root_mfa(data, tools, email=email)
