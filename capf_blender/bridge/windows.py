# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows needs for pipes that never block and for children that die with their parent."""

import ctypes
import errno
import msvcrt
import os
import subprocess
from ctypes import wintypes

CREATION_FLAGS = 0x08000000 | 0x00000200  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP

_PIPE_NOWAIT = 1
_KILL_ON_JOB_CLOSE = 0x2000
_EXTENDED_LIMIT_INFORMATION = 9

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
_kernel32.CreateJobObjectW.restype = wintypes.HANDLE
_kernel32.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
_kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
_kernel32.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel32.SetInformationJobObject.argtypes = (
    wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD
)  # fmt: skip
_kernel32.SetNamedPipeHandleState.argtypes = (
    wintypes.HANDLE, wintypes.LPDWORD, wintypes.LPDWORD, wintypes.LPDWORD
)  # fmt: skip
_kernel32.PeekNamedPipe.argtypes = (
    wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD,
    wintypes.LPDWORD, wintypes.LPDWORD, wintypes.LPDWORD,
)  # fmt: skip


class _BasicLimits(ctypes.Structure):
    _fields_ = [
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    ]


class _ExtendedLimits(ctypes.Structure):
    _fields_ = [
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


class KillOnClose:
    """A Job Object: when Blender's handle to it goes, so does the child with all its children."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._handle = _kernel32.CreateJobObjectW(None, None)
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
        _kernel32.SetInformationJobObject(
            self._handle, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits)
        )
        _kernel32.AssignProcessToJobObject(self._handle, int(process._handle))  # type: ignore[attr-defined]

    def terminate(self) -> None:
        _kernel32.TerminateJobObject(self._handle, 1)


def set_nowait(descriptor: int) -> None:
    mode = wintypes.DWORD(_PIPE_NOWAIT)
    handle = msvcrt.get_osfhandle(descriptor)  # type: ignore[attr-defined]
    _kernel32.SetNamedPipeHandleState(handle, ctypes.byref(mode), None, None)


def read_available(descriptor: int, most: int) -> bytes | None:
    """As process.read_available."""
    waiting = wintypes.DWORD()
    handle = msvcrt.get_osfhandle(descriptor)  # type: ignore[attr-defined]
    if not _kernel32.PeekNamedPipe(handle, None, 0, None, ctypes.byref(waiting), None):
        return b""  # the other end is closed
    return os.read(descriptor, min(waiting.value, most)) if waiting.value else None


def write_available(descriptor: int, data: bytes) -> int:
    """As process.write_available."""
    try:
        return os.write(descriptor, data[:2048])  # at most half of an anonymous pipe's buffer
    except OSError as error:
        # the C runtime's words for "a pipe that does not wait is full"
        if error.errno in (errno.EAGAIN, errno.ENOSPC):
            return 0
        raise
