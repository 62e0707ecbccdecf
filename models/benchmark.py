# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the networks are, beside a plain eager float32 build of the same, in one run."""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from capf_blender.core.errors import CaptureError

from . import golden, stick_people
from .fast import has_fast_bfloat16, optimise_for_inference
from .hrnet.backbone import WIDTHS, load_hrnet

BATCHES = (1, 8, 64)
LEAST_SECONDS = 0.1
"""Shorter calls are repeated until they take that long, then divided."""


def main(arguments: list[str]) -> int:
    """Prints the figures; 1 only where something is missing."""
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("what", choices=["model"])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--width", type=int, choices=WIDTHS, default=32, help="of HRNet")
    parser.add_argument("--threads", type=int, help="processor threads; all unless told")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement; medians count")
    parser.add_argument("--steps", type=int, default=150, help="of teaching a stand-in lifter")
    parser.add_argument(
        "--weights", type=Path, help=".safetensors with backbone.* and volume_net.*: a real lifter"
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    _measure(options, _device(options.device))
    return 0


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise CaptureError(
            "bad_device", f"PyTorch cannot use the device {name!r} here.", "Choose cpu."
        ) from error
    return device


def _measure(options: argparse.Namespace, device: torch.device) -> None:
    channels = tuple(options.width << level for level in range(4))
    detector, lifter = golden.seeded_networks(options.width)
    plain_lifter = _reference_class()(channels).eval()
    plain_lifter.load_state_dict(lifter.state_dict())
    plain_lifter, plain_detector = plain_lifter.to(device), detector.to(device)
    print(
        f"HRNet-W{options.width} and its lifter on {device}, {torch.get_num_threads()} threads, "
        f"PyTorch {torch.__version__}, bfloat16 {'on' if has_fast_bfloat16(device) else 'off'}"
    )
    _print_sizes(plain_detector, plain_lifter, device)

    started = time.perf_counter()
    fast_detector = optimise_for_inference(detector, device)
    fast_lifter = optimise_for_inference(lifter, device)
    print(f"Preparing the fast networks: {time.perf_counter() - started:.1f} s")
    with torch.inference_mode():
        memory_fast = _peak_memory(fast_detector, fast_lifter, device)
        memory_plain = _peak_memory(plain_detector, plain_lifter, device)
        print(f"Peak memory at batch {BATCHES[-1]}: {memory_fast}, with plain eager {memory_plain}")
        print("\nms a frame    batch    plain     fast    ratio")
        for batch in BATCHES:
            crops, keypoints, reference = _inputs(batch, device)
            maps = plain_detector(crops).maps
            fast_maps = fast_detector(crops).maps
            plain, fast = _interleaved(
                lambda x=crops: plain_detector(x),
                lambda x=crops: fast_detector(x),
                options.repeats,
                device,
            )
            _print_ratio("detector", batch, plain, fast)
            if device.type == "cuda" and batch == BATCHES[-1]:
                _print_share_of_peak(plain_detector, batch / fast, device)
            plain, fast = _interleaved(
                lambda k=keypoints, r=reference, m=maps: plain_lifter(k, r, m),
                lambda k=keypoints, r=reference, m=fast_maps: fast_lifter(k, r, m),
                options.repeats,
                device,
            )
            _print_ratio("lifter", batch, plain, fast)
    _print_deviation(options, detector, fast_detector, channels, device)


def _reference_class() -> Callable[[Sequence[int]], nn.Module]:
    """The literal lifter, out of the tests, which only a source tree has."""
    path = Path(__file__).resolve().parents[1] / "tests" / "models" / "reference_lifter.py"
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise CaptureError(
            "no_reference",
            f"The plain lifter to compare with is not there ({path}).",
            "Run the benchmark in a source tree, which has the tests.",
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ReferenceLifter


def _inputs(batch: int, device: torch.device) -> tuple[Tensor, ...]:
    return tuple(value.to(device) for value in golden.seeded_inputs(batch))


# --- time ---------------------------------------------------------------------------------------


def _interleaved(
    plain: Callable[[], object], fast: Callable[[], object], repeats: int, device: torch.device
) -> tuple[float, float]:
    """Median seconds a call of both, taken in turns, so that a busy computer slows both alike."""
    calls = [max(1, round(LEAST_SECONDS / _seconds(each, 1, device))) for each in (plain, fast)]
    times = [
        (_seconds(plain, calls[0], device), _seconds(fast, calls[1], device))
        for _ in range(repeats)
    ]
    plain_times, fast_times = zip(*times, strict=True)
    return statistics.median(plain_times), statistics.median(fast_times)


def _seconds(function: Callable[[], object], calls: int, device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    for _ in range(calls):
        function()
    _wait(device)
    return (time.perf_counter() - started) / calls


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _print_ratio(name: str, batch: int, plain: float, fast: float) -> None:
    milliseconds = [1e3 * seconds / batch for seconds in (plain, fast)]
    print(
        f"{name:10} {batch:8} {milliseconds[0]:8.2f} {milliseconds[1]:8.2f} {plain / fast:7.2f}x",
        flush=True,
    )


def _print_share_of_peak(detector: nn.Module, rate: float, device: torch.device) -> None:
    """Frames a second, and how much of a large matrix product's speed the convolutions reach."""
    crops = _inputs(1, device)[0]
    size = 8192
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    _seconds(lambda: matrix @ matrix, 3, device)
    peak = size**3 / _seconds(lambda: matrix @ matrix, 10, device)
    share = rate * _macs(lambda: detector(crops)) / peak
    print(f"           {rate:.0f} frames/s, {share:.0%} of {2 * peak / 1e12:.0f} TFLOP/s bfloat16")


# --- sizes --------------------------------------------------------------------------------------


def _macs(function: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() / 2


def _print_sizes(detector: nn.Module, lifter: nn.Module, device: torch.device) -> None:
    crops, keypoints, reference = _inputs(1, device)
    with torch.no_grad():
        maps = detector(crops).maps
        calls = {
            "detector": (detector, lambda: detector(crops)),
            "lifter": (lifter, lambda: lifter(keypoints, reference, maps)),
        }
        for name, (module, call) in calls.items():
            parameters = sum(parameter.numel() for parameter in module.parameters())
            print(f"{name:9} {parameters:11,} parameters, {_macs(call) / 1e9:6.3f} GMAC a frame")


def _peak_memory(detector: nn.Module, lifter: nn.Module, device: torch.device) -> str:
    """After one pass at the largest batch: of the device, or of this process so far."""
    crops, keypoints, reference = _inputs(BATCHES[-1], device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    lifter(keypoints, reference, detector(crops).maps)
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB"
    try:
        import resource
    except ImportError:  # Windows
        return "unknown"
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:.0f} MiB"


# --- deviation ----------------------------------------------------------------------------------


def _print_deviation(
    options: argparse.Namespace,
    detector: nn.Module,
    fast_detector: nn.Module,
    channels: tuple[int, ...],
    device: torch.device,
) -> None:
    """How far the fast path's joints are from float32's, in mm, for invented people."""
    unseen = stick_people.invent(48, seed=1)
    if options.weights:
        detector = load_hrnet(options.width, options.weights).to(device)
        fast_detector = optimise_for_inference(detector, device)
        lifter = golden.seeded_networks(options.width)[1]
        _load_lifter(lifter, options.weights)
        title = f"weights of {options.weights.name}"
    else:
        people = stick_people.invent(96, seed=0)
        lifter = stick_people.teach(
            lambda crops: tuple(m.cpu() for m in detector(crops.to(device)).maps),
            channels, people, options.steps,
        )  # fmt: skip
        title = f"lifter taught for {options.steps} steps on invented people"
    print("\nLargest deviation of the fast path from float32 (given keypoints; 48 unseen people):")
    for name, each in ((title, lifter), ("untrained", golden.seeded_networks(options.width)[1])):
        largest, mean, size = _deviation(each.to(device), detector, fast_detector, unseen, device)
        print(
            f"{largest:6.2f} mm, mean {mean:.2f} mm, joints {size:.2f} m from the pelvis: {name}",
            flush=True,
        )


def _deviation(
    lifter: nn.Module,
    detector: nn.Module,
    fast_detector: nn.Module,
    people: stick_people.People,
    device: torch.device,
) -> tuple[float, float, float]:
    """Largest and mean distance in mm; the joints' root mean square from the pelvis in metres."""
    crops, keypoints, reference = (
        value.to(device) for value in (people.crops, people.keypoints, people.reference)
    )
    with torch.inference_mode():
        expected = torch.cat([
            lifter(*part, detector(crop).maps)
            for crop, *part in zip(crops.split(8), keypoints.split(8), reference.split(8),
                                   strict=True)
        ])  # fmt: skip
        fast_lifter = optimise_for_inference(lifter, device)
        found = fast_lifter(keypoints, reference, fast_detector(crops).maps)
    distance = (found - expected).norm(dim=-1) * 1e3
    size = (expected - expected[:, :1]).norm(dim=-1).square().mean().sqrt()
    return float(distance.max()), float(distance.mean()), float(size)


def _load_lifter(lifter: nn.Module, path: Path) -> None:
    from safetensors.torch import load_file

    prefix = "volume_net."
    own = {k.removeprefix(prefix): v for k, v in load_file(path).items() if k.startswith(prefix)}
    try:
        lifter.load_state_dict(own)
    except RuntimeError as error:
        raise CaptureError(
            "bad_checkpoint", f"{path} does not hold a lifter of this width.", "Check --width."
        ) from error
