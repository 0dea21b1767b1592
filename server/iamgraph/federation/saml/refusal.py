"""Why a SAML message is not believed: for the history and the administrator, never for whoever sent it."""

from __future__ import annotations


class Refused(Exception):
    """The message is not believed. `code` says in a word why; the text says it exactly, and holds no secret."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Expired(Refused):
    """The identity provider did say it, and for a time that is over."""


class Rejected(Refused):
    """The identity provider did say it: it could not authenticate whoever asked."""
