"""AWS-style unique identifiers: what they look like, and how each kind begins."""

from __future__ import annotations

import base64
from enum import Enum


class IdPrefix(Enum):
    """The first four letters of a unique id say what it names (IAM User Guide, "IAM identifiers")."""

    USER = "AIDA"
    GROUP = "AGPA"
    ROLE = "AROA"
    MANAGED_POLICY = "ANPA"
    INSTANCE_PROFILE = "AIPA"
    ACCESS_KEY = "AKIA"
    TEMPORARY_KEY = "ASIA"


def guardrail_id(entropy: bytes) -> str:
    """`p-` and sixteen letters and digits out of at least 10 random bytes, as AWS Organizations names its policies."""
    letters = base64.b32encode(entropy).decode().lower().rstrip("=")
    if len(letters) < 16:
        raise ValueError("too little entropy for a guardrail's id")
    return f"p-{letters[:16]}"


def agent_id(entropy: bytes) -> str:
    """`ag-` and seventeen hexadecimal digits out of at least 9 random bytes, as EC2 names its instances."""
    digits = entropy.hex()[:17]
    if len(digits) < 17:
        raise ValueError("too little entropy for an agent's id")
    return f"ag-{digits}"


def saml_id(entropy: bytes) -> str:
    """A SAML provider's or its private key's id out of 16 random bytes: 26 capital letters and digits, as AWS allows."""
    return base64.b32encode(entropy).decode().rstrip("=")


def unique_id(prefix: IdPrefix, entropy: bytes) -> str:
    """A unique id of 21 characters (20 for access keys, as on AWS) out of at least 11 random bytes."""
    letters = base64.b32encode(entropy).decode().rstrip("=")
    length = 16 if prefix in (IdPrefix.ACCESS_KEY, IdPrefix.TEMPORARY_KEY) else 17
    if len(letters) < length:
        raise ValueError("too little entropy for a unique id")
    return prefix.value + letters[:length]
