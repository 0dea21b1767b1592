"""How a migration makes a managed policy that the service owns, and puts a text of it in force."""

# ruff: noqa: S608 (a migration says what goes in)

from __future__ import annotations


def made(id: str, name: str, description: str, at: str) -> tuple[str, ...]:
    """The statements that make a policy, as yet without a text. `id` is AWS's where AWS has the policy, `at` an instant."""
    return (
        "INSERT INTO managed_policy "
        "(id, name, name_key, path, description, default_version, last_version, created_at, updated_at, tags) "
        f"VALUES ('{id}', '{name}', '{name.lower()}', '/', {_quoted(description)}, 0, 0, '{at}', '{at}', '[]')",
    )


def in_force(id: str, document: str, at: str) -> tuple[str, ...]:
    """The statements that give a policy a further version, and put it in force wherever the policy is used.

    INVARIANT: every account's revision moves, so that no process goes on deciding by a text that it has compiled. Versions
    that were in force before stay to be read.
    """
    return (
        "UPDATE managed_policy SET last_version = last_version + 1, default_version = last_version + 1, "
        f"updated_at = '{at}' WHERE id = '{id}'",
        "INSERT INTO policy_version (policy_id, number, document, created_at) "
        f"SELECT id, last_version, {_quoted(document)}, '{at}' FROM managed_policy WHERE id = '{id}'",
        "UPDATE account SET revision = revision + 1",
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
