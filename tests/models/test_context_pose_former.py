# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifter: its values against the literal one, its invariances, gradients and first weights."""

import math

import pytest
import torch
from reference_lifter import ReferenceLifter
from torch import Tensor
from torch.nn import functional

from models.context_pose_former import ContextAwarePoseFormer, DeformableContextBlock
from models.deformable_sampling import map_rows, sample
from models.golden import fill
from models.transformer import DropPath

CHANNELS = (8, 16, 24)
SIZES = ((16, 12), (8, 6), (5, 3))


def random_maps(batch: int, channels=CHANNELS, sizes=SIZES) -> list[Tensor]:
    return [torch.randn(batch, c, h, w) for c, (h, w) in zip(channels, sizes, strict=True)]


def random_inputs(batch: int, joints: int = 17) -> tuple[Tensor, Tensor, list[Tensor]]:
    """In float64, so that only what the networks mean to do makes a difference."""
    keypoints = torch.rand(batch, joints, 2) * 2 - 1
    return keypoints, (torch.rand(batch, joints, 2) * 2 - 1) * 1.1, random_maps(batch)


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def lifter() -> ContextAwarePoseFormer:
    network = ContextAwarePoseFormer(map_channels=CHANNELS)
    fill(network, prefix="volume_net.")
    return network.eval()


@torch.no_grad()
def test_agrees_with_the_literal_lifter(lifter):
    reference = ReferenceLifter(CHANNELS).eval()
    reference.load_state_dict(lifter.state_dict())
    inputs = random_inputs(5)
    torch.testing.assert_close(lifter(*inputs), reference(*inputs), atol=1e-10, rtol=0)


@torch.no_grad()
def test_layout_of_the_maps_does_not_matter(lifter):
    keypoints, reference, maps = random_inputs(3)
    last = [each.contiguous(memory_format=torch.channels_last) for each in maps]
    expected = lifter(keypoints, reference, maps)
    torch.testing.assert_close(lifter(keypoints, reference, last), expected, atol=1e-10, rtol=0)


@torch.no_grad()
def test_batch_and_neighbours_do_not_matter(lifter):
    keypoints, reference, maps = random_inputs(6)
    together = lifter(keypoints, reference, maps)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = lifter(keypoints[order], reference[order], [each[order] for each in maps])
    torch.testing.assert_close(shuffled, together[order], atol=1e-10, rtol=0)
    for one in range(6):
        alone = slice(one, one + 1)
        pose = lifter(keypoints[alone], reference[alone], [each[alone] for each in maps])
        torch.testing.assert_close(pose, together[alone], atol=1e-10, rtol=0)


@torch.no_grad()
def test_a_person_without_coordinates_spoils_nobody_else(lifter):
    keypoints, reference, maps = random_inputs(3)
    expected = lifter(keypoints, reference, maps)
    reference[1], maps[0][1] = math.nan, math.inf
    found = lifter(keypoints, reference, maps)
    assert found[1].isnan().all()
    torch.testing.assert_close(found[[0, 2]], expected[[0, 2]], atol=1e-10, rtol=0)


@torch.no_grad()
def test_an_empty_batch_gives_an_empty_result(lifter):
    assert lifter(*random_inputs(0)).shape == (0, 17, 3)


@torch.no_grad()
def test_maps_matter_with_context_and_only_then(lifter):
    keypoints, reference, maps = random_inputs(2)
    other = random_maps(2)
    pose = lifter(keypoints, reference, maps)
    assert (lifter(keypoints, reference, other) - pose).abs().max() > 0.01
    blind = ContextAwarePoseFormer(map_channels=CHANNELS, context=False).eval()
    fill(blind, prefix="volume_net.")
    pose = blind(keypoints, reference, maps)
    assert torch.equal(blind(keypoints, reference, other), pose)
    assert torch.equal(blind(keypoints, reference, []), pose)
    assert (blind(keypoints + 0.1, reference, []) - pose).abs().max() > 0.001


def test_without_context_the_other_blocks_are_the_same():
    names = {}
    for context in (True, False):
        state = ContextAwarePoseFormer(map_channels=CHANNELS, context=context).state_dict()
        names[context] = {name: tuple(value.shape) for name, value in state.items()}
    removed = names[True].keys() - names[False].keys()
    assert {name.split(".")[0] for name in removed} == {"feat_embed", "context_blocks"}
    assert names[False].items() <= names[True].items()


@pytest.mark.parametrize(("width", "parameters"), [(32, 14_094_147), (48, 14_155_587)])
def test_size(width, parameters):
    channels = [width << level for level in range(4)]
    network = ContextAwarePoseFormer(map_channels=channels)
    assert sum(value.numel() for value in network.parameters()) == parameters


@torch.no_grad()
@pytest.mark.parametrize(("joints", "levels"), [(5, 1), (24, 2), (133, 3)])
def test_any_joints_and_number_of_maps(joints, levels):
    network = ContextAwarePoseFormer(
        joints, CHANNELS[:levels], dim=24, blocks=2, heads=4, sampling_heads=3, sampling_points=5
    ).eval()
    keypoints, reference, maps = random_inputs(2, joints)
    pose = network(keypoints, reference, maps[:levels])
    assert pose.shape == (2, joints, 3)
    assert pose.isfinite().all()


@torch.no_grad()
def test_what_does_not_fit_is_named(lifter):
    keypoints, reference, maps = random_inputs(2)
    with pytest.raises(ValueError, match=r"keypoints has shape \(2, 16, 2\)"):
        lifter(keypoints[:, :16], reference, maps)
    with pytest.raises(ValueError, match=r"reference has shape \(1, 17, 2\)"):
        lifter(keypoints, reference[:1], maps)
    with pytest.raises(ValueError, match="maps have"):
        lifter(keypoints, reference, maps[:2])
    with pytest.raises(ValueError, match="maps have"):
        lifter(keypoints, reference, maps[::-1])


def test_gradients_reach_every_parameter_the_maps_and_the_places():
    network = ContextAwarePoseFormer(map_channels=CHANNELS, drop_path=0.0)
    fill(network, prefix="volume_net.")
    keypoints, reference, maps = random_inputs(2)
    leaves = [keypoints, reference, *maps]
    for leaf in leaves:
        leaf.requires_grad_()
    network(keypoints, reference, maps).square().sum().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().max() > 0, name
    for leaf in leaves:
        assert leaf.grad is not None
        assert leaf.grad.abs().max() > 0


@pytest.mark.parametrize("outside", ["border", "zeros"])
def test_sampling_is_grid_sample_weighed_and_summed(outside):
    maps = [each.requires_grad_() for each in random_maps(2)]
    places = ((torch.rand(2, 7, 3, 4, 5, 2) * 2 - 1) * 1.3).requires_grad_()
    weights = torch.rand(2, 7, 3, 4, 5).requires_grad_()
    found = sample(map_rows(maps), places, weights, outside)
    leaves, noise = (*maps, places, weights), []
    expected = []
    for level, feature_map in enumerate(maps):
        grid = places[:, :, level].flatten(2, 3)  # (B, J, K P, 2)
        samples = functional.grid_sample(
            feature_map, grid, padding_mode=outside, align_corners=True
        ).unflatten(3, (4, 5))  # (B, C, J, K, P)
        weighed = (samples * weights[:, None, :, level]).sum(-1)  # (B, C, J, K)
        expected.append(weighed.permute(0, 2, 3, 1))
        noise.append(torch.randn_like(expected[-1]))
    torch.testing.assert_close(found, expected)

    def gradients(outputs: list[Tensor]) -> tuple[Tensor, ...]:
        total = sum((a * b).sum() for a, b in zip(outputs, noise, strict=True))
        return torch.autograd.grad(total, leaves)  # pyright: ignore[reportCallIssue, reportArgumentType]

    torch.testing.assert_close(gradients(found), gradients(expected))


def test_first_offsets_and_weights():
    block = DeformableContextBlock(128, CHANNELS, heads=4, points=4, drop_path=0.0)
    bias = block.sampling_offsets.bias.unflatten(0, (4, 4, 2))
    for head, direction in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
        for point in range(4):
            expected = 0.01 * (point + 1) * torch.tensor(direction)
            torch.testing.assert_close(bias[head, point], expected, atol=1e-7, rtol=0)
    for value in (
        block.sampling_offsets.weight, block.attention_weights.weight, block.attention_weights.bias
    ):  # fmt: skip
        assert not value.any()
    eight = DeformableContextBlock(128, CHANNELS, heads=8, points=4, drop_path=0.0)
    diagonal = eight.sampling_offsets.bias.unflatten(0, (8, 4, 2))[1, 0]
    torch.testing.assert_close(diagonal, torch.full((2,), 0.01), atol=1e-8, rtol=0)


def test_stochastic_depth():
    network = ContextAwarePoseFormer()
    for stack in (network.context_blocks, network.res_blocks, network.joint_blocks):
        depths = [part.probability for part in stack.modules() if isinstance(part, DropPath)]
        assert depths == pytest.approx([0, 0.2 / 3, 0.4 / 3, 0.2])
    drop = DropPath(0.25)
    kept = drop(torch.ones(4000, 2, 3))[:, 0, 0]
    assert sorted(set(kept.tolist())) == pytest.approx([0, 1 / 0.75])
    assert kept.mean() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(drop.eval()(torch.ones(5, 2)), torch.ones(5, 2))
