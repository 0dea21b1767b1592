"""Runs a program of AWS's kind as its user would: where AWS is and with which key is in its environment, and no more."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from ..wire import AwsKey


def needed(found: str | None, missing: str) -> str:
    """Where a program is. A test without it is skipped, and says what is missing; it fails where nothing may be skipped."""
    if found is None and os.environ.get("IAMGRAPH_TEST_NO_SKIPS") == "1":
        pytest.fail(missing)
    return found or pytest.skip(missing)


async def run(program: str | Path, *words: str, key: AwsKey, home: Path) -> tuple[int, str, str]:
    """Its status, and what it said and complained of. `home` is where it runs, and its user's folder too."""
    environ = {
        "AWS_ENDPOINT_URL": key.service.url.removesuffix("/graphql"),
        "AWS_ACCESS_KEY_ID": key.id or "",
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "HOME": str(home),
    }
    if key.token is not None:
        environ["AWS_SESSION_TOKEN"] = key.token
    process = await asyncio.create_subprocess_exec(program, *words, cwd=home, env=environ, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
