"""Where everything is put together: settings make the store, the store the kernel, the kernel the application."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from .app import bootstrap
from .app.kernel import Kernel
from .app.work import Tools
from .domain.entities import Account
from .security.passwords import PasswordHasher
from .security.sealing import MasterKey, Sealer
from .settings import Settings
from .store.unit import Database, StoreError
from .transport.graphql.explorer import add_explorer
from .transport.graphql.http import MAX_BODY, Endpoint
from .transport.health import add_health

__all__ = ["StoreError", "account_created", "bootstrapped", "opened", "root_password_reset", "schema_drift", "serve"]


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
async def tools_of(settings: Settings) -> AsyncIterator[Tools]:
    """Keys, hashing, quotas and time, as the settings want them."""
    key = MasterKey.load_or_create(settings.master_key_file)
    hasher = PasswordHasher(
        memory_kib=settings.password_hash_memory_kib,
        time_cost=settings.password_hash_time_cost,
        parallelism=settings.password_hash_parallelism,
        max_waiting=settings.hash_queue,
    )
    try:
        yield Tools(
            hasher=hasher,
            sealer=Sealer(key),
            quotas=settings.quotas,
            sign_in_url=(settings.public_url + "/signin/{}").format,
            sign_in_time=timedelta(seconds=settings.sign_in_seconds),
        )
    finally:
        hasher.close()


@asynccontextmanager
async def running(settings: Settings, database: Database) -> AsyncIterator[web.Application]:
    """The application, ready to be served."""
    async with tools_of(settings) as tools:
        kernel = Kernel(database, tools, records_reads=settings.read_events)
        kernel.start()
        try:
            yield application(settings, kernel)
        finally:
            await kernel.close()


def application(settings: Settings, kernel: Kernel) -> web.Application:
    """The routes of the service."""
    endpoint = Endpoint(
        kernel,
        trusted_proxies=settings.trusted_proxies,
        is_development=settings.development,
        is_https=settings.public_url.startswith("https:"),
    )
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_post("/graphql", endpoint.handle)
    add_health(app, kernel)
    if settings.development:
        add_explorer(app)
    return app


async def serve(settings: Settings, *, setup: bool, announce: Callable[[bootstrap.Bootstrapped | None], None]) -> None:
    """Serve until told to stop; with `setup`, migrate first, and bootstrap an account where there is none. `announce` is
    called once requests are answered."""
    async with opened(settings) as database:
        made = None
        if setup:
            await database.migrate()
            made = await bootstrapped(settings, database)
        elif pending := await database.pending():
            raise StoreError(f"the store lacks {len(pending)} migrations: run `iamgraph migrate` first")
        async with running(settings, database) as app, listening(settings, app):
            # What is loaded by now stays for good: the collector need not walk through it again and again.
            gc.collect()
            gc.freeze()
            announce(made)
            await _told_to_stop()


@asynccontextmanager
async def listening(settings: Settings, app: web.Application) -> AsyncIterator[None]:
    """The application answers on the settings' address. At the end requests under way are let finish."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=10)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
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


async def schema_drift() -> str | None:
    """How the models differ from the migrations, or None."""
    return await Database.drift()


async def bootstrapped(settings: Settings, database: Database) -> bootstrap.Bootstrapped:
    """The operator's account, made now if the store has none."""
    async with tools_of(settings) as tools:
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
    async with opened(settings) as database, tools_of(settings) as tools:
        hashed = await tools.hasher.hash(password)
        async with database.writing() as data:
            return await bootstrap.create_account(
                data, tools, email=email, password_hash=hashed, alias=alias, account_id=account_id
            )


async def root_password_reset(settings: Settings, *, email: str, password: str) -> Account:
    """Set a root's password, and end its sessions."""
    async with opened(settings) as database, tools_of(settings) as tools:
        hashed = await tools.hasher.hash(password)
        async with database.writing() as data:
            return await bootstrap.reset_root_password(data, tools, email=email, password=password, hashed=hashed)
