# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes from a pipe into lines, and lines into messages, however the bytes are cut."""

import json
from typing import Any

LONGEST_LINE = 1 << 20  # bytes; the longest message is a few thousand


class LineSplitter:
    """Collects bytes and gives back whole lines. Lines over `longest` bytes are cut short."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._partial = bytearray()
        self._skipping = False  # within the rest of a line that was too long

    def feed(self, data: bytes) -> list[bytes]:
        """The lines completed by `data`, without their line ends."""
        lines: list[bytes] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._collect(piece, lines)
            if not self._skipping:
                lines.append(bytes(self._partial).rstrip(b"\r"))
            self._partial.clear()
            self._skipping = False
        self._collect(rest, lines)
        return lines

    def _collect(self, piece: bytes, lines: list[bytes]) -> None:
        if self._skipping:
            return
        self._partial += piece
        if len(self._partial) > self._longest:
            lines.append(bytes(self._partial[: self._longest]))
            self._partial.clear()
            self._skipping = True


def decode(line: bytes) -> dict[str, Any]:
    """The message in a line; what is none becomes `{"type": "garbage", "text": its beginning}`."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict) and isinstance(message.get("type"), str):
        return message
    return {"type": "garbage", "text": line[:200].decode(errors="replace")}
