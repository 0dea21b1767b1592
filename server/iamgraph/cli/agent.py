"""The command's words for where applications run: `enrol`, `agent` and `credential-process`. They read no settings of a
server, and load nothing of one: SDKs wait for them."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from ..agent import enrolment, serving
from ..agent.container import PATH
from ..agent.errors import AgentError
from ..agent.kept import Kept
from ..transport.logs import log_to_stderr

WORDS = ("enrol", "agent", "credential-process")
PORT = 9911
Client = Callable[[argparse.Namespace], Coroutine[None, None, None]]


def main(arguments: Sequence[str]) -> None:
    """Run one of these words."""
    parser = argparse.ArgumentParser(prog="iamgraph")
    add_to(parser.add_subparsers(required=True, metavar="COMMAND"))
    run(parser.parse_args(arguments))


def run(given: argparse.Namespace) -> None:
    """Run what was asked for. What can be mended is one line on standard error, and exit status 1."""
    log_to_stderr()
    try:
        asyncio.run(given.client(given))
    except AgentError as error:
        sys.exit(f"iamgraph: {error}")
    except OSError as error:
        sys.exit(f"iamgraph: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these words to the command's."""
    enrolling = _add(
        commands,
        "enrol",
        _enrol,
        "make this machine an agent of an instance profile, with an enrolment token from standard input",
    )
    enrolling.add_argument("--server", required=True, metavar="URL", help="such as https://iam.example.com")
    serving_ = _add(commands, "agent", _agent, "serve an instance profile's credentials to applications, as EC2 does")
    serving_.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"on 127.0.0.1; {PORT} by default")
    process = _add(commands, "credential-process", _credential_process, "print credentials for AWS's SDKs, as JSON")
    for each in (serving_, process):
        each.add_argument(
            "--duration-seconds",
            type=_duration,
            default=3600,
            metavar="N",
            help="how long credentials are good for, from 3600, which is the default, to 21600",
        )


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Client, text: str
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=None, client=run)
    made.add_argument("--instance-profile", required=True, type=_profile, metavar="NAME", help="whose role it is about")
    made.add_argument(
        "--directory",
        type=Path,
        default=Path("~/.iamgraph/agents"),
        metavar="DIR",
        help="where enrolments are; ~/.iamgraph/agents by default",
    )
    return made


def _profile(text: str) -> str:
    # It is a folder's name, too.
    if not re.fullmatch(r"[\w+=,.@-]{1,128}", text, re.ASCII) or not text.strip("."):
        raise argparse.ArgumentTypeError("no name of an instance profile")
    return text


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65_535:
        raise argparse.ArgumentTypeError("from 1 to 65535, or 0 for a free one")
    return int(text)


def _duration(text: str) -> int:
    # See `Given.is_due`: shorter ones are no good to SDKs that ask IMDS.
    if not re.fullmatch("[0-9]{1,5}", text) or not 3600 <= int(text) <= 21_600:
        raise argparse.ArgumentTypeError("from 3600 to 21600")
    return int(text)


def _folder(given: argparse.Namespace) -> Path:
    directory: Path = given.directory
    try:
        return directory.expanduser() / str(given.instance_profile)
    except RuntimeError:
        raise AgentError("this user has no home directory; give --directory") from None


async def _enrol(given: argparse.Namespace) -> None:
    """The token is never an argument, which others on the machine can see."""
    token = sys.stdin.readline().strip()
    if not token:
        raise AgentError("an enrolment token is wanted on standard input; `createAgentEnrolment` makes one")
    if not re.fullmatch(r"[\w-]{1,128}", token, re.ASCII):
        raise AgentError("what is on standard input is no enrolment token; `createAgentEnrolment` makes one")
    arn = await enrolment.enrol(_folder(given), given.server, given.instance_profile, token)
    print(f"enrolled as {arn}; the key is in {_folder(given)}, and no other machine needs it")


async def _agent(given: argparse.Namespace) -> None:
    folder = _folder(given)

    def announce(port: int) -> None:
        url = f"http://{serving.HOST}:{port}"
        print(f"export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}")
        print("# or, for those alone who can read the token file:")
        print(f"export AWS_CONTAINER_CREDENTIALS_FULL_URI={url}{PATH}")
        print(f"export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={serving.token_file(folder)}", flush=True)

    await serving.serve(
        enrolment.load(folder),
        folder,
        port=given.port,
        duration_seconds=given.duration_seconds,
        announce=announce,
    )


async def _credential_process(given: argparse.Namespace) -> None:
    """Standard output has one JSON object, or nothing (AWS SDKs and Tools Reference Guide, "Process credential
    provider")."""
    folder = _folder(given)
    enrolled = enrolment.load(folder)
    found = await Kept(folder, enrolled.agent_id).current(lambda: enrolled.ask(given.duration_seconds))
    shown = {
        "Version": 1,
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "SessionToken": found.session_token,
        "Expiration": found.expiration,
        "AccountId": found.account_id,
    }
    print(json.dumps(shown))
