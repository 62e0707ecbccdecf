# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A published checkpoint, checked key by key, becomes the safetensors that the models load.

Three layouts are known: OpenMMLab's HRNet (`state_dict`: `backbone.*`, `head.*`), the original
HRNet (the same names without `backbone.` and `head.`), and the paper's (`model`: `backbone.*`,
HRNet without head, and `volume_net.*`, the lifter).
"""

import hashlib
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import CHECKPOINTS, Checkpoint

from .context_pose_former import ContextAwarePoseFormer
from .hrnet.backbone import WIDTHS, HRNetDetector

logger = logging.getLogger(__name__)

LIFTER_PREFIX = "volume_net."
_WIDTH_KEY = "backbone.stage2.0.branches.0.0.conv1.weight"  # (C, C, 3, 3)
_SHOWN = 3  # names in a message


def import_checkpoint(file: Path, models_folder: Path) -> Checkpoint:
    """Stores the weights in `file` in the models folder; returns what they are.

    Nothing in the file is run. Raises CaptureError `missing_file`, `bad_checkpoint` (damaged, or
    another network), `unsafe_checkpoint` (it holds more than data), `checksum_mismatch`,
    `hrnet_not_installed`, `disk_full`.
    """
    file = Path(file)
    if not file.is_file():
        raise CaptureError("missing_file", f"{file} does not exist.", "Choose another file.")
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    tensors = _under_our_names(_state_dict(read_tensors(file), file), file)
    checkpoint = _recognise(tensors, file)
    if file.name == checkpoint.published and not sha256.startswith(checkpoint.sha256):
        raise CaptureError(
            "checksum_mismatch",
            f"{file.name} is not the published file: its checksum differs.",
            "Download it again.",
        )
    _check(tensors, checkpoint, file)
    facts = {
        "checkpoint": checkpoint.name,
        "published": file.name,
        "published_sha256": sha256,
        "licence": checkpoint.licence,
        "inputs": checkpoint.inputs,
        "joints": checkpoint.joints,
    }
    target = Path(models_folder) / checkpoint.file
    temporary = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        whole = {
            name: value.clone(memory_format=torch.contiguous_format)  # safetensors shares nothing
            for name, value in tensors.items()
        }
        save_file(whole, temporary, facts)
        temporary.chmod(0o644)  # safetensors lets nobody else read it
        temporary.replace(target)
    except Exception as error:  # safetensors wraps what the file system says
        temporary.unlink(missing_ok=True)
        raise CaptureError(
            "disk_full",
            f"{target} could not be written ({error}).",
            "Free some space and import the file again.",
        ) from error
    return checkpoint


class _Discarded:
    """What numpy objects in a checkpoint become: training notes that nobody needs."""

    def __init__(self, *_parts: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


_NOTES = [
    (_Discarded, f"numpy.{name}")
    for name in (
        "ndarray", "dtype",
        *(f"{core}.multiarray.{name}" for core in ("core", "_core")
          for name in ("_reconstruct", "scalar")),
        *(f"{core}.numeric._frombuffer" for core in ("core", "_core")),
    )
]  # fmt: skip


def read_tensors(file: Path) -> dict[str, Any]:
    """The dictionary that torch saved in `file`, tensors on the CPU; numpy objects in it become
    empty ones. Raises CaptureError `bad_checkpoint` or `unsafe_checkpoint`."""
    try:
        with torch.serialization.safe_globals(_NOTES):  # pyright: ignore[reportArgumentType]
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"(?:GLOBAL|function) ([\w.]+)", str(error))
        if found is None:
            raise _unreadable(file, error) from error
        raise CaptureError(
            "unsafe_checkpoint",
            f"{file.name} holds {found[1]}, which is no weights; nothing of it was run.",
            "Fetch the file from its publisher.",
        ) from error
    except Exception as error:  # torch has no one exception for what is no checkpoint
        raise _unreadable(file, error) from error
    if not isinstance(content, dict):
        raise _bad(file, f"it holds a {type(content).__name__}, not named weights")
    return content


def _state_dict(content: dict[str, Any], file: Path) -> dict[str, Tensor]:
    """The named weights in it, without the `module.` of distributed training."""
    named = next((content[key] for key in ("model", "state_dict") if key in content), content)
    if not isinstance(named, dict) or not named:
        raise _bad(file, "it holds no named weights")
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise _bad(file, f"its entry {name!s:.60} is no tensor")
    return {name.removeprefix("module."): value for name, value in named.items()}


def _under_our_names(tensors: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    if _WIDTH_KEY in tensors:
        return tensors
    if _WIDTH_KEY.removeprefix("backbone.") in tensors:  # the original HRNet
        return {
            f"head.{name}" if name.startswith("final_layer.") else f"backbone.{name}": value
            for name, value in tensors.items()
        }
    if any(name.startswith(LIFTER_PREFIX) for name in tensors):
        raise _bad(file, "its lifter was trained with another detector than HRNet")
    raise _bad(file, f"its names are not HRNet's ({_first(tensors)})")


def _recognise(tensors: dict[str, Tensor], file: Path) -> Checkpoint:
    width = tensors[_WIDTH_KEY].shape[0] if tensors[_WIDTH_KEY].dim() else 0
    if width not in WIDTHS:
        raise _bad(file, f"it is an HRNet-W{width}, known are W32 and W48")
    lifter = any(name.startswith(LIFTER_PREFIX) for name in tensors)
    return CHECKPOINTS[f"capf_hrnet_w{width}" if lifter else f"hrnet_w{width}_coco"]


def expected_shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything in the converted checkpoint.

    Raises CaptureError `hrnet_not_installed`.
    """
    width = 48 if "w48" in checkpoint.name else 32
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in HRNetDetector(width).state_dict().items()}
        if not checkpoint.name.startswith("capf_"):
            return shapes
        lifter = ContextAwarePoseFormer(map_channels=[width << level for level in range(4)])
    shapes = {name: shape for name, shape in shapes.items() if not name.startswith("head.")}
    return shapes | {
        LIFTER_PREFIX + name: tuple(t.shape) for name, t in lifter.state_dict().items()
    }


def _check(tensors: dict[str, Tensor], checkpoint: Checkpoint, file: Path) -> None:
    """Every name, every shape, and that all are numbers. Raises CaptureError `bad_checkpoint`."""
    expected = expected_shapes(checkpoint)
    if missing := [name for name in expected if name not in tensors]:
        raise _bad(
            file, f"{len(missing)} of {len(expected)} weights are missing: {_first(missing)}"
        )
    if unknown := [name for name in tensors if name not in expected]:
        raise _bad(file, f"{len(unknown)} weights are unknown: {_first(unknown)}")
    wrong = [
        f"{name} is {tuple(tensors[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if tuple(tensors[name].shape) != shape
    ]
    if wrong:
        raise _bad(file, f"{len(wrong)} weights have another shape: {_first(wrong)}")
    for name, value in tensors.items():
        counter = name.endswith("num_batches_tracked")
        if value.is_floating_point() == counter or value.is_complex():
            raise _bad(file, f"{name} is of type {value.dtype}")
        if not torch.isfinite(value).all():
            raise _bad(file, f"{name} is not finite")
        tensors[name] = value.long() if counter else value.float()


def _first(names: Any) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")


def _bad(file: Path, reason: str) -> CaptureError:
    return CaptureError(
        "bad_checkpoint",
        f"{file.name} does not fit: {reason}.",
        "Known are OpenMMLab's HRNet-W32 and -W48 for COCO, 256 x 192, and the paper's "
        "best_epoch_hrnet_32.bin and best_epoch_hrnet_48.bin.",
    )


def _unreadable(file: Path, error: Exception) -> CaptureError:
    logger.info("%s: %s", file, error)
    return CaptureError(
        "bad_checkpoint", f"{file.name} is damaged, cut off or no checkpoint.", "Fetch it again."
    )
