"""The main job, as a client outside this process does it: once through, and again after the service was restarted."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from .databases import STORES, fresh
from .service import ROOT_EMAIL, ROOT_PASSWORD, served

RUN = Path(__file__).parent / "contract" / "run.py"


async def run(url: str, state: Path, *more: str) -> None:
    given = ["--url", url, "--email", ROOT_EMAIL, "--password", ROOT_PASSWORD, "--state", str(state), *more]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RUN), *given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


@pytest.mark.parametrize("store", STORES)
async def test_the_main_job_holds_and_survives_a_restart(store: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with fresh(store, tmp_path) as url:
        async with served(url, tmp_path) as service:
            await run(service.url, state)
        async with served(url, tmp_path) as service:
            await run(service.url, state, "--after-restart")
