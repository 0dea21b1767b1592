"""Tokens and generated secrets: their shapes, and that no two are alike."""

from __future__ import annotations

import re

import pytest

from iamgraph.security.tokens import new_password, new_secret_access_key, new_token, token_hash
from iamgraph.settings import Settings


def test_shapes() -> None:
    assert re.fullmatch("igs_[A-Za-z0-9_-]{43}", new_token("igs"))
    assert re.fullmatch("[A-Za-z0-9/+]{40}", new_secret_access_key())
    made = [each for _ in range(100) for each in (new_token("igs"), new_secret_access_key(), new_password())]
    assert len(set(made)) == 300


def test_a_token_is_remembered_by_its_sha256() -> None:
    assert token_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("prefix", ["", "i", "igs_", "IGS", "igs\n"])
def test_a_prefix_is_small_letters(prefix: str) -> None:
    with pytest.raises(ValueError, match="two to eight small letters"):
        new_token(prefix)


def test_a_new_password_has_all_four_classes_and_no_look_alikes() -> None:
    for _ in range(200):
        password = new_password()
        assert re.fullmatch("[A-Za-z2-9@_+=-]{24}", password) and password[0] != "-"
        assert all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]", "[@_+=-]"))
        assert not set(password) & set("0O1Il")
        Settings.from_env({"IAMGRAPH_BOOTSTRAP_ROOT_PASSWORD": password})
