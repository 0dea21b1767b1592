"""`iamgraph enrol` and `credential-process`, as AWS's SDKs and an operator run them: one JSON object on standard output or
nothing, and what is wrong in one line on standard error."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from iamgraph.cli import agent

from ..agents import enrolment
from ..databases import fresh
from ..processes import Server
from ..service import ACCOUNT, Client
from ..wire import AwsKey

PROGRAM = "import sys; from iamgraph.cli.entry import main; main()"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


@dataclass
class Machine:
    """Where an application runs: a home, and settings of a server that are none of its own."""

    home: Path

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int | None, str, str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "IAMGRAPH_PORT": "nonsense"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        return process.returncode, out.decode(), err.decode()

    async def credentials(self) -> dict[str, Any]:
        """What must be given."""
        code, out, err = await self.run("credential-process", "--instance-profile", "web")
        assert (code, err) == (0, "") and out.count("\n") == 1, (code, out, err)
        made: dict[str, Any] = json.loads(out)
        return made

    async def refused(self, *arguments: str, stdin: str = "") -> str:
        """What must be refused: the line that says so."""
        code, out, err = await self.run(*arguments, stdin=stdin)
        assert (code, out) == (1, "") and err.startswith("iamgraph: ") and err.count("\n") == 1, (code, out, err)
        return err

    def keep(self, text: bytes) -> None:
        """Put what is kept into its place."""
        file = self.folder / "credentials.json"
        file.touch(0o600)
        file.write_bytes(text)

    @property
    def folder(self) -> Path:
        return self.home / ".iamgraph/agents/web"


PROCESS = ("credential-process", "--instance-profile", "web")


async def test_a_machine_enrols_and_prints_credentials(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "home")
    machine.home.mkdir()
    async with fresh("sqlite", tmp_path) as url, ClientSession() as http:
        server = Server(url, tmp_path)
        async with server.running():
            client = Client(url=server.url, http=http)
            await client.good("createRole", {"roleName": "app", "assumeRolePolicyDocument": TRUST})
            await client.good("createInstanceProfile", {"instanceProfileName": "web"})
            held = {"instanceProfileName": "web", "roleName": "app"}
            await client.good("addRoleToInstanceProfile", held)
            origin = server.url.removesuffix("/graphql")
            enrol = ("enrol", "--server", origin, "--instance-profile", "web")
            assert "enrolment token" in await machine.refused(*enrol, stdin="ige_none\n")
            token = await enrolment(client)
            # The key that was made before is the one that is enrolled.
            key = (machine.folder / "key.pem").read_bytes()
            code, out, err = await machine.run(*enrol, stdin=token + "\n")
            assert (code, err) == (0, "") and f"arn:aws:iamgraph::{ACCOUNT}:agent/ag-" in out
            assert key == (machine.folder / "key.pem").read_bytes()
            assert "has an enrolment already" in await machine.refused(*enrol, stdin=token)

            # Many at once ask once, and the next finds what they were given.
            many = await asyncio.gather(*(machine.credentials() for _ in range(4)))
            assert many == [many[0]] * 4 and await machine.credentials() == many[0]
            made = many[0]
            assert made.keys() == {
                "Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId"
            }  # fmt: skip
            assert (made["Version"], made["AccountId"]) == (1, ACCOUNT)
            expires = datetime.strptime(made["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            assert timedelta(minutes=55) < expires - datetime.now(UTC) <= timedelta(hours=1)
            aws = AwsKey(
                service=client, id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"]
            )
            assert "assumed-role/app/ag-" in (await aws.ask("GetCallerIdentity", "sts")).data["Arn"]
            names = ("key.pem", "enrolment.json", "credentials.json", "lock")
            assert {name: (machine.folder / name).stat().st_mode & 0o777 for name in names} == dict.fromkeys(
                names, 0o600
            )
            assert machine.folder.stat().st_mode & 0o777 == 0o700

            # What another user could have written is not believed.
            (machine.folder / "key.pem").chmod(0o644)
            assert "mode 0644" in await machine.refused(*PROCESS)
            (machine.folder / "key.pem").chmod(0o600)

            # Once they are due the server is asked; what it does not give for now leaves those that are good.
            kept = json.loads((machine.folder / "credentials.json").read_bytes())
            kept["given_at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
            due = json.dumps(kept).encode()
            (machine.folder / "credentials.json").write_bytes(due)
            await client.good(
                "updateAssumeRolePolicy", {"roleName": "app", "policyDocument": TRUST.replace("ec2", "sqs")}
            )
            assert await machine.credentials() == made
            (machine.folder / "credentials.json").unlink()
            assert "no role trust policy allows the sts:AssumeRole action" in await machine.refused(*PROCESS)
            machine.keep(due)
            await client.good("removeRoleFromInstanceProfile", held)
            assert "holds no role" in await machine.refused(*PROCESS)
            assert not (machine.folder / "credentials.json").exists()
            await server.end(signal.SIGTERM)
        assert "can't be reached" in await machine.refused(*PROCESS)
        machine.keep(due)
        assert await machine.credentials() == made


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, for what runs in this process, whose log stays as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(agent, "log_to_stderr", lambda: None)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (PROCESS, "there is no enrolment in "),
        (("agent", "--instance-profile", "web"), "enrol with `iamgraph enrol` first"),
        (("enrol", "--instance-profile", "web", "--server", "https://iam.example.com"), "enrolment token is wanted"),
        (("enrol", "--instance-profile", "web", "--server", "http://iam.example.com"), "in the clear"),
        (("enrol", "--instance-profile", "web", "--server", "http://user:secret@localhost"), "is no server"),
        (("enrol", "--instance-profile", "web", "--server", "https://iam.example.com/x"), "is no server"),
        (("enrol", "--instance-profile", "web", "--server", "https://[::1"), "is no server"),
        (("enrol", "--instance-profile", "web", "--server", "https://localhost:99999"), "is no server"),
        (("enrol", "--instance-profile", "web", "--server", "https://localhost"), "no enrolment token"),
    ],
)
def test_what_is_wrong_is_one_line(
    machine: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    stdin = {"enrolment token is wanted": "", "no enrolment token": "\udcee secret\n"}.get(said, "ige_token\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    with pytest.raises(SystemExit) as ended:
        agent.main(arguments)
    assert "\n" not in str(ended.value)
    assert said in str(ended.value) and "secret" not in str(ended.value)
    assert list(machine.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [("--instance-profile", ".."), ("--instance-profile", "a/b"), ("--duration-seconds", "900")]
)
def test_what_can_not_be_meant_is_refused_as_usage(
    machine: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        agent.main([*PROCESS, *wrong])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "") and f"argument {wrong[0]}" in said.err


def test_a_machine_without_homes_is_told_so(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(SystemExit, match="give --directory"):
        agent.main(PROCESS)
