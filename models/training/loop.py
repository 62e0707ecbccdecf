# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: MPJPE in metres, AdamW, learning rate falling by epochs, best epoch kept.

Nothing in it knows which network learns, or from what.
"""

import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset, Subset

from capf_blender.core.errors import CaptureError

from .. import metrics
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
    machinery = _machinery(task, config, process)
    position = Position()
    if (out / STATE_FILE).is_file():
        position = load_state(out / STATE_FILE, machinery, config, process)
    if process.count > 1:
        on_gpu = [process.device] if process.device.type == "cuda" else None
        network = DistributedDataParallel(network, device_ids=on_gpu, forward_sync_buffers=False)
    try:
        rows = EpochBatches(
            len(task.training),  # pyright: ignore[reportArgumentType]
            config.run.batch, config.run.seed, process.rank, process.count,
        )  # fmt: skip
    except ValueError as error:
        raise CaptureError("bad_config", f"{error}.".capitalize(), "Change the batch.") from error

    def save() -> None:
        save_state(out / STATE_FILE, machinery, position, config, process)

    with Journal(out, process.leads) as journal:
        while position.epoch < config.run.epochs:
            started = time.monotonic()
            lr = float(machinery.schedule.get_last_lr()[0])
            _epoch(task, network, rows, machinery, position, config, process, journal, save)
            error_mm, p_error_mm = validate(network, task.validation, config, process)
            train_mm = _mean_mm(position, process)
            machinery.schedule.step()
            if error_mm < position.best_mm:
                position.best_mm = error_mm
                if process.leads:
                    facts = task.facts | {
                        "epoch": str(position.epoch),
                        "mpjpe_mm": f"{error_mm:.2f}",
                    }
                    save_weights(out / BEST_FILE, task.trained, facts)
            position.history.append({
                "epoch": position.epoch, "lr": lr, "train_mm": train_mm, "validation_mm": error_mm,
                "validation_p_mm": p_error_mm, "best_mm": position.best_mm,
                "seconds": time.monotonic() - started,
            })  # fmt: skip
            position.epoch, position.step = position.epoch + 1, 0
            position.loss_sum, position.persons = 0.0, 0
            save()
            journal.write(position.history)
    return position


def _machinery(task: Task, config: TrainingConfig, process: Process) -> Machinery:
    learning = [weights for weights in task.trained.parameters() if weights.requires_grad]
    options = config.optimiser
    optimiser = torch.optim.AdamW(learning, lr=options.lr, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, options.decay)
    # bf16 has the range of fp32 and needs no scaling of gradients
    scaler = torch.amp.GradScaler(process.device.type, enabled=config.run.precision == "fp16")
    return Machinery(task.trained, optimiser, schedule, scaler)


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
        loss = _loss(network, batch, config, process)
        machinery.optimiser.zero_grad(set_to_none=True)
        machinery.scaler.scale(loss).backward()
        machinery.scaler.step(machinery.optimiser)
        machinery.scaler.update()
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


def _loss(
    network: nn.Module, batch: dict[str, Any], config: TrainingConfig, process: Process
) -> Tensor:
    poses = _poses(network, batch, config, process)
    return metrics.mpjpe(poses, metrics.root_relative(batch["joints"])).mean()


def _poses(
    network: nn.Module, batch: dict[str, Any], config: TrainingConfig, process: Process
) -> Tensor:
    kind = _TYPES[config.run.precision]
    with torch.autocast(process.device.type, kind, enabled=kind is not torch.float32):
        return network(batch).float()


@torch.no_grad()
def validate(
    network: nn.Module, data: Dataset[dict[str, Any]], config: TrainingConfig, process: Process
) -> tuple[float, float]:
    """MPJPE and P-MPJPE in millimetres over all of `data`, divided among the processes."""
    # each process calls the network itself: they may have different numbers of batches
    network = network.module if isinstance(network, DistributedDataParallel) else network
    network.eval()
    count = len(data)  # pyright: ignore[reportArgumentType]
    own = Subset(data, range(process.rank, count, process.count))
    batch_size = max(1, config.run.batch // process.count)
    totals = torch.zeros(3, dtype=torch.float64)
    for batch in batches(own, config.run.workers, batch_size=batch_size):
        batch = to_device(batch, process.device)
        poses = metrics.root_relative(_poses(network, batch, config, process)).double()
        truth = metrics.root_relative(batch["joints"]).double()
        errors = metrics.mpjpe(poses, truth).sum(), metrics.p_mpjpe(poses, truth).sum()
        totals += torch.stack((*errors, errors[0].new_tensor(len(truth)))).cpu()
    totals = process.sum(totals.to(process.device)).cpu()
    return tuple((1000 * totals[:2] / totals[2]).tolist())


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
