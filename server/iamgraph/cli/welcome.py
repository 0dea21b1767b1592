"""What a newcomer reads when the server is up: where to look, who to be, what to try."""

from __future__ import annotations

import json

from ..app.bootstrap import Bootstrapped
from ..settings import Settings

_QUERY = (
    "mutation($e: String!, $p: String!) { signInAsRoot(input: {email: $e, password: $p}) "
    "{ __typename ... on SignInSuccess { accessToken viewer { arn } } ... on Error { code message } } }"
)


def announced(settings: Settings, made: Bootstrapped | None) -> str:
    """The lines to print. Credentials stand there only where they were made up just now."""
    lines = [f"GraphQL      {settings.public_url}/graphql"]
    if settings.development:
        lines.append(f"GraphiQL     {settings.public_url}/graphiql")
    if made is not None:
        account = made.account
        lines.append(f"account      {account.id}")
        lines.append(f"sign-in URL  {settings.public_url}/signin/{account.alias or account.id}")
        lines.append(f"root         {account.root_email}")
        lines += _password_lines(settings, made)
    return "\n".join(lines)


def _password_lines(settings: Settings, made: Bootstrapped) -> list[str]:
    if made.made_up_password is not None:
        lines = [f"password     {made.made_up_password}   (shown this once)"]
    elif made.is_new:
        lines = ["password     the one in IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD"]
    else:
        lines = ["password     unchanged: the account was there already, so the bootstrap settings did nothing"]
    shown = made.made_up_password or "THE PASSWORD"
    body = json.dumps({"query": _QUERY, "variables": {"e": made.account.root_email, "p": shown}})
    ask = f"curl -s {settings.public_url}/graphql -H 'Content-Type: application/json' -d '{body}'"
    return [*lines, "", "Try this first:", "", ask, ""]
