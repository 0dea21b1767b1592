"""Telling callers that the store does not answer: that alone, and what it means for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ..domain.errors import ServiceUnavailable
from ..store.failures import CommitUnknown, StoreError

T = TypeVar("T")
P = ParamSpec("P")


def told(error: Exception) -> Exception:
    """The error as callers are told it: of the store only that it does not answer, and what that means for them."""
    if isinstance(error, CommitUnknown):
        return ServiceUnavailable(
            "The store stopped answering at the end. Whether the change was made is not known: look before trying again."
        )
    if isinstance(error, StoreError):
        return ServiceUnavailable("The store does not answer at the moment. Nothing was changed; try again later.")
    return error


@contextmanager
def beforehand() -> Iterator[None]:
    """Around what is committed before the change that was asked for is begun: whatever becomes of it, nothing of that was
    done."""
    try:
        yield
    except CommitUnknown as error:
        raise StoreError(str(error)) from error


def telling(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Raise ServiceUnavailable where the store can't be used."""

    @wraps(method)
    async def telling_it(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except StoreError as error:
            raise told(error) from error

    return telling_it
