# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: AdamW, a schedule of the learning rate, best epoch kept.

Nothing in it knows which network learns, or from what.
"""

import contextlib
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Subset

from capf_blender.core.errors import CaptureError

from ..datasets.loading import batches
from .config import TrainingConfig
from .journal import Journal
from .processes import Process
from .rows import EpochBatches
from .state import Machinery, Position, load_state, save_state, save_weights
from .tasks import Task

STATE_FILE, BEST_FILE = "state.pt", "best.safetensors"
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def train(task: Task, config: TrainingConfig, out: Path, process: Process) -> Position:
    """Trains until `config.run.epochs` epochs are done, from where an earlier call with the same
    folder stopped; returns how far it came.

    `out` gets STATE_FILE, BEST_FILE (the weights of the epoch with the least validation error) and
    the journal. An interrupted run that goes on ends with the weights of an unbroken one: bit by
    bit on a CPU. Raises CaptureError `bad_config`, `bad_state`, `config_changed`, `diverged`,
    `disk_full`.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.run.seed + process.rank)
    network = task.network.to(process.device)
    try:
        rows = EpochBatches(
            len(task.training),  # pyright: ignore[reportArgumentType]
            config.run.batch, config.run.seed, process.rank, process.count,
        )  # fmt: skip
    except ValueError as error:
        raise CaptureError("bad_config", f"{error}.".capitalize(), "Change the batch.") from error
    machinery = _machinery(task, config, process, rows.steps)
    position = Position()
    if (out / STATE_FILE).is_file():
        position = load_state(out / STATE_FILE, machinery, config, process)
    if process.count > 1:
        on_gpu = [process.device] if process.device.type == "cuda" else None
        network = DistributedDataParallel(network, device_ids=on_gpu, forward_sync_buffers=False)

    def save() -> None:
        save_state(out / STATE_FILE, machinery, position, config, process)

    with Journal(out, process.leads) as journal:
        while position.epoch < config.run.epochs:
            started = time.monotonic()
            lr = float(machinery.schedule.get_last_lr()[0])
            _epoch(task, network, rows, machinery, position, config, process, journal, save)
            errors = validate(network, task, config, process)
            error_mm = errors["validation_mm"]
            train_mm = _mean_mm(position, process)
            if error_mm < position.best_mm:
                position.best_mm = error_mm
                if process.leads:
                    facts = task.facts | {
                        "epoch": str(position.epoch),
                        "mpjpe_mm": f"{error_mm:.2f}",
                    }
                    save_weights(out / BEST_FILE, task.trained, facts)
            position.history.append({
                "epoch": position.epoch, "lr": lr, "train_mm": train_mm, **errors,
                "best_mm": position.best_mm, "seconds": time.monotonic() - started,
            })  # fmt: skip
            position.epoch, position.step = position.epoch + 1, 0
            position.loss_sum, position.persons = 0.0, 0
            save()
            journal.write(position.history)
    return position


def _machinery(task: Task, config: TrainingConfig, process: Process, steps: int) -> Machinery:
    """`steps`: in an epoch."""
    learning = [weights for weights in task.trained.parameters() if weights.requires_grad]
    options = config.optimiser
    optimiser = torch.optim.AdamW(learning, lr=options.lr, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _share_of_lr(step, steps, config)
    )
    # bf16 has the range of fp32 and needs no scaling of gradients
    scaler = torch.amp.GradScaler(process.device.type, enabled=config.run.precision == "fp16")
    return Machinery(task.trained, optimiser, schedule, scaler)


def _share_of_lr(step: int, steps: int, config: TrainingConfig) -> float:
    """The schedule: what of lr is used in this step of a run with so many `steps` an epoch. The
    cosine falls to 0 at the end of the last epoch (Loshchilov & Hutter, ICLR 2017)."""
    options, share = config.optimiser, 1.0
    warm_up = options.warm_up * steps
    if step < warm_up:
        share = (step + 1) / (warm_up + 1)
    if options.schedule == "exponential":
        return share * options.decay ** (step // steps)
    past = (step - warm_up) / max(1.0, config.run.epochs * steps - warm_up)
    return share * (1 + math.cos(math.pi * min(max(past, 0.0), 1.0))) / 2


def _epoch(
    task: Task,
    network: nn.Module,
    rows: EpochBatches,
    machinery: Machinery,
    position: Position,
    config: TrainingConfig,
    process: Process,
    journal: Journal,
    save: Any,
) -> None:
    """What is left of the epoch at `position`."""
    if hasattr(task.training, "set_epoch"):
        task.training.set_epoch(position.epoch)  # pyright: ignore[reportAttributeAccessIssue]
    rows.start(position.epoch, position.step)
    network.train()
    pinned = process.device.type == "cuda"
    for batch in batches(task.training, config.run.workers, batch_sampler=rows, pin_memory=pinned):
        batch = to_device(batch, process.device)
        loss = task.objective.loss(_output(network, batch, config, process), batch)
        machinery.optimiser.zero_grad(set_to_none=True)
        machinery.scaler.scale(loss).backward()
        if config.optimiser.clip:
            machinery.scaler.unscale_(machinery.optimiser)
            nn.utils.clip_grad_norm_(task.trained.parameters(), config.optimiser.clip)
        machinery.scaler.step(machinery.optimiser)
        machinery.scaler.update()
        machinery.schedule.step()
        value, persons = loss.item(), len(batch["joints"])
        if not math.isfinite(value) and not machinery.scaler.is_enabled():
            raise CaptureError(
                "diverged",
                f"The loss is not finite in epoch {position.epoch}, step {position.step}.",
                "Lower lr; check the labels for values that are not finite.",
            )
        position.loss_sum += value * persons
        position.persons += persons
        position.step += 1
        journal.show(position, rows.steps, 1000 * value)
        every = config.run.checkpoint_steps
        if every and position.step % every == 0 and position.step < rows.steps:
            save()


def _output(
    network: nn.Module, batch: dict[str, Any], config: TrainingConfig, process: Process
) -> Any:
    kind = _TYPES[config.run.precision]
    with contextlib.ExitStack() as context:
        if kind is not torch.float32:
            context.enter_context(torch.autocast(process.device.type, kind))
            if process.device.type == "cpu":  # the other kernels take 3 x as long (PyTorch 2.13)
                context.enter_context(sdpa_kernel(SDPBackend.MATH))
                torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # the CPU's, too
        return network(batch)


@torch.no_grad()
def validate(
    network: nn.Module, task: Task, config: TrainingConfig, process: Process
) -> dict[str, float]:
    """The objective's errors, means over all validation data, divided among the processes."""
    # each process calls the network itself: they may have different numbers of batches
    network = network.module if isinstance(network, DistributedDataParallel) else network
    network.eval()
    count = len(task.validation)  # pyright: ignore[reportArgumentType]
    own = Subset(task.validation, range(process.rank, count, process.count))
    batch_size = max(1, config.run.batch // process.count)
    sums: dict[str, Tensor] = {}
    persons = 0
    for batch in batches(own, config.run.workers, batch_size=batch_size):
        batch = to_device(batch, process.device)
        errors = task.objective.errors(_output(network, batch, config, process), batch)
        persons += len(batch["joints"])
        for name, values in errors.items():
            sums[name] = sums.get(name, torch.zeros(())) + values.double().sum().cpu()
    # a process that has no person has no names either
    names = next(filter(None, process.collect(list(sums))), [])
    own_sums = [float(sums.get(name, 0.0)) for name in names]
    totals = torch.tensor([*own_sums, persons], dtype=torch.float64)
    totals = process.sum(totals.to(process.device)).cpu()
    return dict(zip(names, (totals[:-1] / totals[-1]).tolist(), strict=True))


def _mean_mm(position: Position, process: Process) -> float:
    own = torch.tensor([position.loss_sum, position.persons], dtype=torch.float64)
    total, persons = process.sum(own.to(process.device)).tolist()
    return 1000 * total / persons


def to_device(batch: Any, device: torch.device) -> Any:
    """A tensor, or dicts, lists and tuples of them, on the device."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: to_device(value, device) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return [to_device(value, device) for value in batch]
    return batch
