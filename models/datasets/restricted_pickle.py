# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles of numpy arrays in plain containers, read without running anything that they ask for."""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from capf_blender.core.errors import CaptureError


def load_arrays(path: Path) -> Any:
    """What the pickle at `path` holds: numbers, text, containers of the language, numpy arrays.

    Whatever else it names, a function or a class, is not even imported. Pickles of Python 2 and of
    numpy 1 and 2 are read. Raises CaptureError `missing_file`, `unsafe_pickle` or `bad_labels`.
    """
    hint = "Fetch the label file again from where the data set's authors offer it."
    try:
        with open(path, "rb") as file:
            return _ArraysOnly(file, encoding="latin1").load()
    except FileNotFoundError as error:
        raise CaptureError("missing_file", f"{path} does not exist.", hint) from error
    except _ForbiddenError as error:
        raise CaptureError("unsafe_pickle", f"{path} would run {error}; not read.", hint) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise CaptureError(
            "bad_labels", f"{path} is no complete pickle of labels ({error}).", hint
        ) from error


class _ForbiddenError(Exception):
    pass


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise _ForbiddenError(f"{module}.{name}") from None


def _bytes_of_python_2(text: str, encoding: str) -> bytes:
    """Protocols below 3 spell bytes as text to be encoded."""
    if encoding != "latin1":
        raise _ForbiddenError(f"the codec {encoding}")
    return text.encode("latin1")


def _numpy(function: str) -> Callable[..., Any]:
    """A function of numpy's pickles, from the array that calls it; their module moved with 2.0."""
    if function == "scalar":
        return np.float64(0).__reduce__()[0]  # pyright: ignore[reportReturnType]
    return np.empty(0).__reduce__()[0]  # pyright: ignore[reportReturnType]


def _from_buffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: Any) -> np.ndarray:
    """numpy's own for protocol 5, which has no public name."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _numpy("_reconstruct"),
    ("numpy.core.multiarray", "scalar"): _numpy("scalar"),
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _bytes_of_python_2,
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "complex"): complex,
    ("builtins", "bytearray"): bytearray,
    ("__builtin__", "set"): set,
}
