"""The restore drill: a store is copied while it is served, lost, and made again; secrets stay sealed."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from ..databases import fresh
from ..service import ACCOUNT
from .test_main import PASSWORD, Shell, shell, sign_in  # noqa: F401 (a fixture)


async def made(shell: Shell, token: str, mutation: str) -> dict[str, object]:  # noqa: F811
    done = await shell.ask(f"mutation {{ {mutation} }}", token)
    return dict(next(iter(done["data"].values())))


async def test_a_store_is_lost_and_made_again(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    shell.environ |= {"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": PASSWORD, "IAMGRAPH_BOOTSTRAP_ACCOUNT_ID": ACCOUNT}
    copy, kind = tmp_path / "copy", "sqlite" if "sqlite" in shell.environ["IAMGRAPH_DATABASE_URL"] else "postgres"
    async with shell.serving("--setup"):
        token = await shell.token()
        await made(shell, token, 'createUser(input: {userName: "alice"}) { __typename }')
        key = await made(
            shell,
            token,
            'createAccessKey(input: {userName: "alice"}) { ... on CreateAccessKeySuccess { secretAccessKey } }',
        )
        assert (await shell.run("backup", str(copy))).status == 0
        await made(shell, token, 'createUser(input: {userName: "later"}) { __typename }')
    assert copy.stat().st_mode & 0o777 == 0o600
    assert str(key["secretAccessKey"]).encode() not in copy.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    async with fresh(kind, other, migrated=False) as url:
        shell.environ |= {"IAMGRAPH_DATABASE_URL": url}
        restored = await shell.run("restore", str(copy))
        assert restored.status == 0, restored.err
        async with shell.serving():
            token = await shell.token()
            nodes = "users(first: 9) { nodes { name accessKeys { status } } }"
            query = f'{{ account(by: {{id: "{ACCOUNT}"}}) {{ {nodes} }} }}'
            found = (await shell.ask(query, token))["data"]["account"]["users"]["nodes"]
            assert found == [{"name": "alice", "accessKeys": [{"status": "ACTIVE"}]}]

        # The key that sealed its secrets is the only one that it can be served with.
        file = tmp_path / "master.key"
        file.unlink()
        missing = await shell.run("serve", "--setup")
        assert missing.status == 1 and missing.err.count("\n") == 1 and "is missing" in missing.err
        assert not file.exists()
        file.write_bytes(base64.b64encode(os.urandom(32)))
        file.chmod(0o600)
        wrong = await shell.run("serve")
        assert wrong.status == 1 and wrong.err.count("\n") == 1 and "sealed under key" in wrong.err
