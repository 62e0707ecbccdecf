# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that reaches users."""


class CaptureError(Exception):
    """A failure the user can act on: one sentence of cause, one of what to do next.

    `code` is stable and machine readable (`no_person`, `disk_full`, ...), `message` states the
    cause, `hint` the next step.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint
