"""QR codes of what an authenticator app scans."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import segno

_LOOK: Mapping[str, Any] = {"scale": 4, "border": 4, "light": "#fff"}


def svg(text: str) -> str:
    """The QR code as one SVG element, to be put into a page as it is."""
    found: str = _made(text).svg_inline(**_LOOK)
    return found


def png(text: str) -> bytes:
    """The QR code as a PNG image."""
    out = io.BytesIO()
    _made(text).save(out, kind="png", **_LOOK)
    return out.getvalue()


def _made(text: str) -> segno.QRCode:
    # Finding the best of the eight masks would take the event loop's time; apps read any, and seeds are random.
    return segno.make_qr(text, error="m", mask=0)
