"""Guardrails as the store keeps them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from iamgraph.domain.entities import GuardrailKind
from iamgraph.store import migrations, schema

from .conftest import opened
from .made import NOW


async def test_accounts_from_before_have_the_guardrail_that_allows_everything(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [name for name in schema.known() if name < next(n for n in schema.known() if n.endswith("_guardrails"))]
    folder = tmp_path / "earlier_migrations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in before:
        shutil.copy(Path(migrations.__path__[0]) / f"{name}.py", folder)
    async with opened(empty_url) as database:
        with monkeypatch.context() as earlier:
            earlier.syspath_prepend(tmp_path)
            earlier.delitem(sys.modules, "earlier_migrations", raising=False)
            earlier.setattr(schema, "APPS", {"store": {**schema.APPS["store"], "migrations": "earlier_migrations"}})
            earlier.setattr(schema, "known", lambda: before)
            assert await database.migrate() == before
            async with database.writing() as data:
                for id, is_operator in (("111122223333", True), ("444455556666", None)):
                    await data.users._db.run(
                        "INSERT INTO account (id, root_email, root_email_key, root_password_hash, is_operator, created_at, "
                        "revision) VALUES ($1, $2, $2, 'x', $3, $4, 1)",
                        id,
                        f"{id}@example.com",
                        is_operator,
                        NOW,
                    )
        await database.migrate()
        async with database.reading() as data:
            found = await data.guardrails.binding(["111122223333", "444455556666"])
    assert found["111122223333"] == ()
    (full,) = found["444455556666"]
    assert (full.id, full.name, full.kind, full.account_id) == (
        "p-FullAWSAccess",
        "FullAWSAccess",
        GuardrailKind.SERVICE_CONTROL,
        None,
    )
