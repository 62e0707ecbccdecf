# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our networks against stored outputs of the original ones, without sharing a checkpoint.

Both sides fill their networks with values that depend on nothing but a parameter's name, its shape
and one integer, the salt, and feed them inputs that depend on the salt alone.
"""

import argparse
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from capf_blender.core.errors import CaptureError

from .context_pose_former import ContextAwarePoseFormer
from .hrnet.backbone import WIDTHS, HRNetDetector, load_hrnet

TOLERANCE = 1e-4
CORNER = (slice(None), slice(0, 4), slice(0, 3), slice(0, 3))
"""The part of each map that the file holds."""


# --- weights and inputs from names --------------------------------------------------------------


def seeded_values(name: str, shape: tuple[int, ...], salt: int = 0) -> np.ndarray:
    """float32 values of `shape` for the parameter or buffer `name`; the same on every machine."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()) + salt))
    noise = generator.standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        return 0.5 + np.abs(noise)
    if name.endswith("running_mean"):
        return 0.1 * noise
    if len(shape) == 1:
        if not name.endswith("weight"):
            return 0.05 * noise
        # normalisation; the small gain keeps the detector's 200 residual layers bounded
        return (0.3 if name.startswith("backbone.") else 1.0) * (1.0 + 0.1 * noise)
    if len(shape) == 2:
        return noise * np.float32(np.sqrt(1.0 / shape[1]))
    if len(shape) == 4 and shape[0] != 1:
        return noise * np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
    return 0.1 * noise  # the learned embedding of tokens


def fill(network: nn.Module, salt: int = 0, prefix: str = "") -> None:
    """Replaces every parameter and buffer but `num_batches_tracked` by its seeded values."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                values = seeded_values(prefix + name, tuple(tensor.shape), salt)
                tensor.copy_(torch.from_numpy(np.asarray(values)))


def seeded_inputs(batch: int, joints: int = 17, salt: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """(B, 3, 256, 192) normalised RGB crops, (B, J, 2) keypoints in the frame, in the crop."""
    generator = np.random.Generator(np.random.PCG64(7 + salt))
    crops = generator.standard_normal((batch, 256, 192, 3)).astype(np.float32)
    keypoints = generator.uniform(-1, 1, (batch, joints, 2)).astype(np.float32)
    reference = generator.uniform(-1.1, 1.1, (batch, joints, 2)).astype(np.float32)
    channels_first = torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()
    return channels_first, torch.from_numpy(keypoints), torch.from_numpy(reference)


def seeded_networks(width: int, salt: int = 0) -> tuple[HRNetDetector, ContextAwarePoseFormer]:
    """Detector and lifter of that width, filled, in eval mode."""
    detector = load_hrnet(width)
    lifter = ContextAwarePoseFormer(map_channels=tuple(width << level for level in range(4)))
    fill(detector, salt)
    fill(lifter, salt, "volume_net.")
    return detector.eval(), lifter.eval()


# --- the comparison -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Deviations:
    output: float  # largest absolute difference
    maps: tuple[float, ...]  # largest difference of corner, mean or spread, relative

    @property
    def largest(self) -> float:
        values = (self.output, *self.maps)
        return float("inf") if any(np.isnan(values)) else max(values)


def compare(file: Path, width: int, salt: int) -> Deviations:
    """Runs our networks on the CPU and measures how far they are from the stored outputs.

    Each part of a map is compared relative to its own largest stored value.

    Raises CaptureError `bad_golden_file`.
    """
    stored = _read(file)
    detector, lifter = seeded_networks(width, salt)
    _check_parameters(file, stored, detector, lifter, width)
    batch = len(np.atleast_1d(stored["output"]))
    crops, keypoints, reference = seeded_inputs(batch, lifter.joints, salt)
    with torch.inference_mode():
        maps = detector(crops).maps
        output = lifter(keypoints, reference, maps).numpy()
    deviations = []
    for level, feature_map in enumerate(tensor.numpy() for tensor in maps):
        found = {
            "shape": np.array(feature_map.shape),
            "corner": feature_map[CORNER],
            "mean_std": np.array([feature_map.mean(), feature_map.std()]),
        }
        parts = {f"map{level}_{part}": value for part, value in found.items()}
        _check_shapes(file, stored, parts)
        deviations.append(float(np.max([_relative(v, stored[k]) for k, v in parts.items()])))
    _check_shapes(file, stored, {"output": output})
    return Deviations(float(np.abs(output - stored["output"]).max()), tuple(deviations))


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    scale = max(float(np.abs(expected).max()), float(np.finfo(np.float32).tiny))
    return float(np.abs(found - expected).max()) / scale


def _read(file: Path) -> dict[str, np.ndarray]:
    parts = ("shape", "corner", "mean_std")
    wanted = ["output", "keys", "shapes", *(f"map{n}_{part}" for n in range(4) for part in parts)]
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in wanted}
    except KeyError as error:
        raise _bad(file, f"lacks an entry ({error.args[0]})") from error
    except OSError as error:
        raise _bad(file, f"cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise _bad(file, "is no .npz of plain arrays") from error


def _check_shapes(
    file: Path, stored: Mapping[str, np.ndarray], ours: Mapping[str, np.ndarray]
) -> None:
    for name, value in ours.items():
        if stored[name].shape != value.shape:
            raise _bad(file, f"holds {name} with shape {stored[name].shape}, not {value.shape}")


def _check_parameters(
    file: Path,
    stored: Mapping[str, np.ndarray],
    detector: HRNetDetector,
    lifter: ContextAwarePoseFormer,
    width: int,
) -> None:
    """Every parameter that the file names has to be ours, in the same shape, and the reverse."""
    parts = (("backbone.", detector.backbone), ("volume_net.", lifter))
    ours = {
        prefix + name: str(tuple(tensor.shape))
        for prefix, part in parts
        for name, tensor in part.state_dict().items()
    }
    theirs = dict(
        zip(stored["keys"].ravel().astype(str), stored["shapes"].ravel().astype(str), strict=False)
    )
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise _bad(
                file,
                f"was made with another network than HRNet-W{width} and its lifter: {name} is "
                f"{theirs.get(name, 'missing')} there and {ours.get(name, 'missing')} here",
            )


def _bad(file: Path, why: str) -> CaptureError:
    return CaptureError(
        "bad_golden_file", f"{file} {why}.", "Give the file and the --width that belong together."
    )


def main(arguments: list[str]) -> int:
    """Prints the largest deviations; 1 when one of them is above the tolerance."""
    parser = argparse.ArgumentParser(prog="run.py golden", description=__doc__)
    parser.add_argument("file", type=Path, help=".npz with outputs of the original network")
    parser.add_argument("--width", type=int, choices=WIDTHS, default=32, help="of HRNet")
    parser.add_argument("--salt", type=int, default=0, help="with which the file was made")
    options = parser.parse_args(arguments)
    if options.salt < 0:
        parser.error("--salt must not be negative")
    deviations = compare(options.file, options.width, options.salt)
    print(f"output  {deviations.output:.2e}")
    for level, value in enumerate(deviations.maps):
        print(f"map {level}   {value:.2e} relative")
    if deviations.largest > TOLERANCE:
        print(f"Differs: {deviations.largest:.2e} is above {TOLERANCE:.0e}.")
        return 1
    print(f"Agrees within {TOLERANCE:.0e}.")
    return 0
