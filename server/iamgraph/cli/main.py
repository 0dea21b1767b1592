"""The `iamgraph` command: serve, look after a store, and get credentials for applications."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from ..domain.errors import IamError
from ..main import (
    StoreError,
    account_created,
    backed_up,
    bootstrapped,
    history_exported,
    history_verified,
    opened,
    restored,
    root_mfa_deactivated,
    root_password_reset,
    schema_drift,
    serve,
)
from ..security.sealing import MasterKeyError
from ..security.tokens import new_password
from ..settings import Settings, SettingsError
from ..transport.logs import log_to_stderr
from . import agent, keys
from .welcome import announced
from .workers import Workers, command, shared_metrics


# What makes the schema is loaded by who needs it alone: every other command would wait for that.
def _schema() -> str:
    from ..transport.graphql.schema import printed

    return printed()


def _aws_compatibility() -> str:
    from ..transport.aws.table import table

    return table()


Command = Callable[[Settings, argparse.Namespace], Awaitable[None]]

_EXPORTS = (
    ("export-schema", "print the GraphQL schema", _schema),
    ("export-aws-compatibility", "print which of AWS's operations there are, and how they differ", _aws_compatibility),
)
"""What is printed from the code alone."""


async def _serve(settings: Settings, given: argparse.Namespace) -> None:
    if given.workers is not None:
        await _serve_by_workers(settings, given)
        return
    await serve(
        settings,
        setup=given.setup,
        announce=lambda made: None if given.worker else print(announced(settings, made), flush=True),
        is_shared=given.worker,
    )


async def _serve_by_workers(settings: Settings, given: argparse.Namespace) -> None:
    """Set up once, and leave the serving to processes that share the address."""
    if settings.sqlite_path is not None:
        raise SettingsError("--workers needs PostgreSQL: a SQLite store is one process's (IAMGRAPH_DATABASE_URL)")
    made = None
    if given.setup:
        async with opened(settings) as database:
            await database.migrate()
            made = await bootstrapped(settings, database)
    print(announced(settings, made), flush=True)
    with shared_metrics(settings.metrics_address is not None) as (environ, died):
        status = await Workers(given.workers, command(["serve", "--worker"]), environ, died).run()
    sys.exit(status)


async def _migrate(settings: Settings, given: argparse.Namespace) -> None:
    if given.check:
        drift = await schema_drift()
        if drift:
            raise StoreError(f"the models differ from the migrations: {drift}")
        print("the migrations are those of the models")
        return
    async with opened(settings) as database:
        done = await database.migrate()
    print("\n".join(f"migrated {name}" for name in done) or "nothing to migrate")


async def _bootstrap(settings: Settings, given: argparse.Namespace) -> None:
    async with opened(settings) as database:
        await database.migrate()
        made = await bootstrapped(settings, database)
    print(announced(settings, made))


async def _backup(settings: Settings, given: argparse.Namespace) -> None:
    await backed_up(settings, given.file)
    print(f"backed up to {given.file}; keep the master key ({settings.master_key_file}) apart from it")


async def _restore(settings: Settings, given: argparse.Namespace) -> None:
    await restored(settings, given.file)
    print(f"restored from {given.file}; serve it with the master key that it was made with")


async def _create_account(settings: Settings, given: argparse.Namespace) -> None:
    password = _password(given)
    account = await account_created(
        settings, email=given.email, password=password, alias=given.alias, account_id=given.id
    )
    print(f"account {account.id}, root {account.root_email}")
    _tell(given, password)


async def _reset(settings: Settings, given: argparse.Namespace) -> None:
    password = _password(given)
    account = await root_password_reset(settings, email=given.email, password=password)
    print(f"the root of account {account.id} has a new password, and its sessions have ended")
    _tell(given, password)


async def _deactivate_mfa(settings: Settings, given: argparse.Namespace) -> None:
    count = await root_mfa_deactivated(settings, email=given.email)
    print(f"{count} MFA devices of the root are deactivated: it signs in with its password alone")


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 64:
        raise argparse.ArgumentTypeError("from 1 to 64")
    return count


async def _verify(settings: Settings, given: argparse.Namespace) -> None:
    report, heads = await history_verified(settings, given.heads)
    for finding in report.findings:
        print(finding)
    print(f"{report.events} events in {report.chains} chains, {report.unsealed} not sealed yet; {report.heads} heads")
    if report.pruned:
        print(f"{report.pruned} events were older than the history is kept, and are gone as they should be")
    if heads is None:
        print("no heads file: that the end of a chain was taken away together with its head can't be told without one")
    if not report.is_sound:
        raise HistoryBent(f"the history is not what was sealed, in {len(report.findings)} places")
    print("the history is what was sealed")


async def _export(settings: Settings, given: argparse.Namespace) -> None:
    async for line in history_exported(settings, account_id=given.account, since=given.since):
        sys.stdout.buffer.write(line + b"\n")


class HistoryBent(Exception):
    """`audit verify` has found something."""


def _instant(text: str) -> datetime:
    """An instant in ISO 8601; UTC where it names no zone."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _password(given: argparse.Namespace) -> str:
    """A password from standard input, or a new one: never from an argument, which others on the machine can see."""
    return sys.stdin.readline().rstrip("\n") if given.password_stdin else new_password()


def _tell(given: argparse.Namespace, password: str) -> None:
    if not given.password_stdin:
        print(f"password (shown once): {password}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iamgraph", description=__doc__)
    parser.set_defaults(client=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        under: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Command, text: str
    ) -> argparse.ArgumentParser:
        made = under.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    serving = add(commands, "serve", _serve, "serve the API")
    serving.add_argument("--setup", action="store_true", help="migrate and bootstrap first, and say what to try")
    serving.add_argument("--workers", type=_count, metavar="N", help="serve by N processes (PostgreSQL only)")
    serving.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)  # one of --workers
    migrating = add(commands, "migrate", _migrate, "bring the store's tables up to date")
    migrating.add_argument("--check", action="store_true", help="only compare the migrations with the models")
    add(commands, "bootstrap", _bootstrap, "make the operator's account, if there is none")
    for name, run, text in (
        ("backup", _backup, "copy the store to a new file, while it is served or not"),
        ("restore", _restore, "make a store out of a backup, where there is none"),
    ):
        add(commands, name, run, text).add_argument("file", type=Path, metavar="FILE")
    for name, text, printing in _EXPORTS:
        commands.add_parser(name, help=text).set_defaults(run=None, printed=printing)

    accounts = commands.add_parser("accounts", help="accounts of the server").add_subparsers(
        required=True, metavar="COMMAND"
    )
    creating = add(accounts, "create", _create_account, "make a further account")
    creating.add_argument("--email", required=True, help="the root's e-mail address")
    creating.add_argument("--alias", help="the account's alias")
    creating.add_argument("--id", help="the account's twelve-digit id; one is drawn otherwise")
    roots = commands.add_parser("root", help="the root of an account").add_subparsers(required=True, metavar="COMMAND")
    resetting = add(roots, "reset-password", _reset, "set a root's password, and end its sessions")
    resetting.add_argument("--email", required=True, help="the root's e-mail address")
    lost = add(roots, "deactivate-mfa", _deactivate_mfa, "deactivate a root's MFA devices, where they are lost")
    lost.add_argument("--email", required=True, help="the root's e-mail address")
    _add_keys(commands, add)
    agent.add_to(commands)
    audit = commands.add_parser("audit", help="the history").add_subparsers(required=True, metavar="COMMAND")
    verifying = add(audit, "verify", _verify, "check that nobody has bent the history; exit status 1 if so")
    verifying.add_argument("--heads", type=Path, metavar="FILE", help="a copy of the server's heads.jsonl")
    writing = add(audit, "export", _export, "print the history as CloudTrail records, a line of JSON each")
    writing.add_argument("--account", metavar="ID", help="only this account's")
    writing.add_argument(
        "--since", type=_instant, metavar="T", help="only from this instant on, such as 2026-01-31T12:00Z"
    )
    for each in (creating, resetting):
        each.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    return parser


def _add_keys(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add: Callable[..., argparse.ArgumentParser]
) -> None:
    words = commands.add_parser("keys", help="the master key").add_subparsers(required=True, metavar="COMMAND")
    add(words, "status", keys.status, "say which keys there are, and what is under each")
    add(words, "prepare", keys.prepare, "put the next key into the file, to be copied to every machine")
    rotating = add(words, "rotate", keys.rotate, "make the next key the current one, and seal everything anew")
    rotating.add_argument("--one-machine", action="store_true", help="no other machine serves the store")
    add(words, "retire", keys.retire, "take the retired keys out of the file, once nothing needs them")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. What an operator can mend is one line on standard error, and exit status 1."""
    given = _parser().parse_args(arguments)
    if given.client is not None:
        agent.run(given)
        return
    try:
        if given.run is None:
            print(given.printed(), end="")
            return
        settings = Settings.from_env(os.environ)
        log_to_stderr(settings.log_format, settings.log_level)
        uvloop.run(given.run(settings, given))
    except (SettingsError, StoreError, MasterKeyError, IamError, HistoryBent) as error:
        sys.exit(f"iamgraph: {error}")
    except OSError as error:
        sys.exit(f"iamgraph: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
