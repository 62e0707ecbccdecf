# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same networks, faster: for inference on one device, frozen, rounded only where it is safe.

Convolutions take their BatchNorm and ReLU into themselves, keep their weights in the layout that
oneDNN computes with, and multiply in bfloat16 where the processor has instructions for it. What
they are added to stays float32: the sums run through 40 residual blocks, and rounding them to 8
bits each time would make three quarters of the maps' noise. Heatmaps stay float32, because their
largest value has to be found between close ones. On a CPU, several pictures are divided
among its cores, and so are the branches that see a single one.
"""

import copy
import operator
import re
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import side_by_side
from .context_pose_former import ContextAwarePoseFormer
from .hrnet.backbone import HRNetDetector, HRNetOutput
from .transformer import MLP

CHUNK = 4
"""People at a time on one core: so few that what one layer hands the next stays in its caches. The
lifter gains more from large products than it loses."""

BRANCH = re.compile(r"stage\d\.\d\.branches\.\d")
"""HRNet's branches by the names of their modules: from one fusion to the next independent."""


def optimise_for_inference(module: nn.Module, device: torch.device) -> nn.Module:
    """A copy of a detector or lifter on `device`, in eval mode, with the same forward.

    Without gradients. Its results differ from the original's by rounding only.
    """
    precision = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    with torch.no_grad():
        if isinstance(module, HRNetDetector):
            return _FastDetector(module, device, precision)
        if isinstance(module, ContextAwarePoseFormer):
            return _FastLifter(module, device, precision)
    raise TypeError(f"There is no fast form of {type(module).__name__}")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 by instructions of its own."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


# --- detector -----------------------------------------------------------------------------------


class _FastDetector(nn.Module):
    def __init__(
        self, detector: HRNetDetector, device: torch.device, precision: torch.dtype
    ) -> None:
        super().__init__()
        graph = fx.symbolic_trace(copy.deepcopy(detector).to(device).eval())
        self.network = _fuse(graph, precision).requires_grad_(False)
        self.branches = side_by_side.divide(self.network, BRANCH) if device.type == "cpu" else None

    def forward(self, crops: Tensor) -> HRNetOutput:
        """As HRNetDetector.forward; the maps are float32 and channels_last."""
        crops = crops.contiguous(memory_format=torch.channels_last)
        if self.branches is None or not len(crops):
            return self.network(crops)
        if len(crops) == 1:
            return self.branches(crops)
        share = min(CHUNK, _share(len(crops)))
        parts = side_by_side.each(self.network, [(part,) for part in crops.split(share)])
        heatmaps = torch.cat([part.heatmaps for part in parts])
        first, second, third, fourth = (
            torch.cat(level) for level in zip(*(part.maps for part in parts), strict=True)
        )
        return HRNetOutput(heatmaps, (first, second, third, fourth))


def _share(people: int) -> int:
    """How many of the people one core gets."""
    return -(-people // torch.get_num_threads())


def _fuse(module: fx.GraphModule, precision: torch.dtype) -> fx.GraphModule:
    """Rewrites a traced network in place; see the module's description."""
    graph, parts = module.graph, dict(module.named_modules())

    def part(node: fx.Node) -> nn.Module | None:
        return parts.get(str(node.target)) if node.op == "call_module" else None

    def only_user(node: fx.Node) -> fx.Node:
        return next(iter(node.users)) if len(node.users) == 1 else node

    for node in list(graph.nodes):
        if not isinstance(convolution := part(node), nn.Conv2d):
            continue
        last = node
        if isinstance(norm := part(only_user(last)), nn.BatchNorm2d):
            convolution, last = fuse_conv_bn_eval(convolution, norm), only_user(last)
        if rectify := isinstance(part(only_user(last)), nn.ReLU):
            last = only_user(last)
        final = any(user.target in (HRNetOutput, "output") for user in last.users)
        fused = _Convolution(convolution, rectify, torch.float32 if final else precision)
        module.set_submodule(str(node.target), fused)
        last.replace_all_uses_with(node)
        while last is not node:
            before = last.all_input_nodes[0]
            graph.erase_node(last)
            last = before

    for node in list(graph.nodes):
        if node.target is operator.add:
            terms = node.all_input_nodes
            if len(terms) == 1:  # mmpose begins its sums with the number 0
                node.replace_all_uses_with(terms[0])
                graph.erase_node(node)
            elif "backbone.layer1" not in node.meta["nn_module_stack"]:
                node.target = _add  # layer1: 4 sums of 64, over the largest tensors; not worth it
        elif isinstance(part(node), nn.ReLU):
            term = node.all_input_nodes[0]
            mine = term.target in (_add, operator.add) and len(term.users) == 1
            with graph.inserting_before(node):
                relu = graph.call_function(torch.relu_ if mine else torch.relu, (term,))
            node.replace_all_uses_with(relu)
            graph.erase_node(node)
    graph.lint()
    module.delete_all_unused_submodules()
    module.recompile()
    return module


def _add(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype == torch.float32 != b.dtype:
        a, b = b, a
    if a.dtype == torch.float32:
        return a + b
    return a.float().add_(b)  # two passes in place; adding mixed types takes twice as long


def _packs(x: Tensor) -> bool:
    """Whether to use the operators of PyTorch's own compiler (2.13), which take packed weights.

    Nothing public does: other ways repack the weights at every call.
    """
    return x.device.type == "cpu" and torch.backends.mkldnn.is_available()


class _Convolution(nn.Module):
    """Convolution, perhaps with a ReLU, in a precision of its own."""

    def __init__(self, convolution: nn.Conv2d, rectify: bool, precision: torch.dtype) -> None:
        super().__init__()
        self.rectify, self.precision = rectify, precision
        weight = convolution.weight.detach().to(precision, memory_format=torch.channels_last)
        bias = convolution.bias
        self.weight = nn.Buffer(weight)
        self.bias = nn.Buffer(
            weight.new_zeros(len(weight)) if bias is None else bias.detach().to(precision)
        )
        self.geometry = (
            tuple(int(pixels) for pixels in convolution.padding),
            convolution.stride,
            convolution.dilation,
            convolution.groups,
        )
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.precision)
        if not _packs(x):
            padding, stride, dilation, groups = self.geometry
            y = functional.conv2d(x, self.weight, self.bias, stride, padding, dilation, groups)
            return y.relu_() if self.rectify else y
        if self.packed is None:
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight, *self.geometry, list(x.shape)
            )
        after = "relu" if self.rectify else "none"
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, self.bias, *self.geometry, after, [], ""
        )


# --- lifter -------------------------------------------------------------------------------------


class _FastLifter(nn.Module):
    """Its spatial transformer, four fifths of its arithmetic, multiplies in the given precision."""

    def __init__(
        self, lifter: ContextAwarePoseFormer, device: torch.device, precision: torch.dtype
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(lifter).to(device).eval().requires_grad_(False)
        for name, part in list(self.network.named_modules()):
            its = precision if name.startswith("joint_blocks.") else torch.float32
            if isinstance(part, MLP):
                self.network.set_submodule(name, _MLP(part, its))
            elif isinstance(part, nn.Linear) and ".attn." in name:
                self.network.set_submodule(name, _Linear(part, its))

    def forward(self, keypoints: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """As ContextAwarePoseFormer.forward."""
        if keypoints.device.type != "cpu" or not len(keypoints):
            return self.network(keypoints, reference, maps)
        if len(keypoints) == 1:
            return side_by_side.alone(self.network, keypoints, reference, maps)
        share = _share(len(keypoints))
        levels = zip(*(level.split(share) for level in maps), strict=True)
        parts = zip(keypoints.split(share), reference.split(share), levels, strict=True)
        return torch.cat(side_by_side.each(self.network, list(parts)))


class _Linear(nn.Module):
    """Linear layer, perhaps with a GELU; takes any precision, computes and gives its own."""

    def __init__(self, linear: nn.Linear, precision: torch.dtype, after: str = "none") -> None:
        super().__init__()
        self.after = after
        self.weight = nn.Buffer(linear.weight.detach().to(precision))
        self.bias = nn.Buffer(linear.bias.detach().to(precision))
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if not _packs(x):
            y = functional.linear(x, self.weight, self.bias)
            return functional.gelu(y) if self.after == "gelu" else y
        if self.packed is None:
            rows = x.numel() // x.shape[-1]
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, rows)
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, self.after, [], "none")


class _MLP(nn.Module):
    def __init__(self, mlp: MLP, precision: torch.dtype) -> None:
        super().__init__()
        self.fc1 = _Linear(mlp.fc1, precision, "gelu")
        self.fc2 = _Linear(mlp.fc2, precision)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))
