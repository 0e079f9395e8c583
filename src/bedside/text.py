"""Cleaning of hostile text: what comes from a host or a source is never trusted on a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(data: bytes) -> str:
    """Decode UTF-8; bytes that are none are kept as surrogates, so that encoding again gives them back."""
    return data.decode("utf-8", "surrogateescape")


def safe(text: str) -> str:
    r"""Return text that can't drive a terminal: escape, control and direction codes as `\x1b`, `\u202e`.

    Tab and newline stay; a carriage return before a newline is dropped.
    """
    text = text.replace("\r\n", "\n")
    text = _SURROGATE.sub(lambda m: f"\\x{ord(m[0]) & 0xFF:02x}", text)
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text)


def one_line(text: str, limit: int = 200) -> str:
    """Return the text as one safe line of at most `limit` characters."""
    text = " ".join(safe(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plural(count: int, noun: str) -> str:
    """Return `1 host`, `2 hosts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
