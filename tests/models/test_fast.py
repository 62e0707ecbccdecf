# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast networks: the same results but for rounding, whatever the batch."""

import pytest
import torch

from models import fast, golden, stick_people
from models.fast import optimise_for_inference
from models.hrnet.backbone import HRNetOutput
from models.metrics import mpjpe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def networks():
    return golden.seeded_networks(32)


@pytest.fixture(scope="module")
def people() -> stick_people.People:
    return stick_people.invent(11)


@pytest.fixture(scope="module")
def found(networks, people) -> HRNetOutput:
    with torch.inference_mode():
        return networks[0](people.crops)


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def precision(request, monkeypatch) -> bool:
    if request.param and not fast.has_fast_bfloat16(CPU):
        pytest.skip("this processor has no bfloat16 instructions")
    monkeypatch.setattr(fast, "has_fast_bfloat16", lambda device: request.param)
    return request.param


@torch.inference_mode()
def test_detector(networks, people, found, precision):
    before = {name: value.clone() for name, value in networks[0].state_dict().items()}
    quick = optimise_for_inference(networks[0], CPU)(people.crops)
    limit = 0.01 if precision else 1e-5
    pairs = zip((quick.heatmaps, *quick.maps), (found.heatmaps, *found.maps), strict=True)
    for quick_one, one in pairs:
        assert quick_one.dtype == torch.float32
        assert quick_one.shape == one.shape
        assert (quick_one - one).std() < limit * one.std()
        assert quick_one.is_contiguous(memory_format=torch.channels_last)
    after = networks[0].state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@torch.inference_mode()
def test_lifter(networks, people, found, precision):
    lifter = networks[1]
    inputs = (people.keypoints, people.reference, found.maps)
    pose, quick = lifter(*inputs), optimise_for_inference(lifter, CPU)(*inputs)
    assert quick.dtype == torch.float32
    limit = 0.02 if precision else 1e-5
    assert (quick - pose).norm(dim=-1).mean() < limit


@torch.inference_mode()
def test_batch_does_not_matter(networks, people):
    detector, lifter = (optimise_for_inference(each, CPU) for each in networks)
    both = detector(people.crops)
    pose = lifter(people.keypoints, people.reference, both.maps)
    for one in (0, 10):
        alone = slice(one, one + 1)
        single = detector(people.crops[alone])
        torch.testing.assert_close(single.heatmaps, both.heatmaps[alone], atol=0.01, rtol=0)
        again = lifter(people.keypoints[alone], people.reference[alone], single.maps)
        torch.testing.assert_close(again, pose[alone], atol=2e-3, rtol=0)


@torch.inference_mode()
def test_an_empty_batch(networks):
    detector, lifter = (optimise_for_inference(each, CPU) for each in networks)
    nobody = detector(torch.zeros(0, 3, 256, 192))
    assert nobody.maps[3].shape == (0, 256, 8, 6)
    assert lifter(torch.zeros(0, 17, 2), torch.zeros(0, 17, 2), nobody.maps).shape == (0, 17, 3)


def test_other_networks_are_refused():
    with pytest.raises(TypeError, match="Linear"):
        optimise_for_inference(torch.nn.Linear(2, 2), CPU)


def test_invented_people_have_their_bones(people):
    joints = people.joints
    assert joints.shape == (11, 17, 3)
    assert not joints[:, 0].any()
    standing = torch.tensor(stick_people.STANDING)
    parents = torch.tensor(stick_people.PARENTS[1:])
    lengths = (joints[:, 1:] - joints[:, parents]).norm(dim=-1)
    expected = (standing[1:] - standing[parents]).norm(dim=-1).expand(11, -1)
    torch.testing.assert_close(lengths, expected, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_deviation_of_a_taught_lifter(networks, people):
    """Under 2 mm for people it has not seen, and teaching has taught it something."""
    detector = networks[0]
    quick = optimise_for_inference(detector, CPU)
    seen = stick_people.invent(48, seed=2)
    lifter = stick_people.teach(lambda crops: quick(crops).maps, (32, 64, 128, 256), seen, 60)
    with torch.inference_mode():
        pose = lifter(people.keypoints, people.reference, detector(people.crops).maps)
        again = optimise_for_inference(lifter, CPU)(
            people.keypoints, people.reference, quick(people.crops).maps
        )
    assert (again - pose).norm(dim=-1).max() < 2e-3
    taught = torch.as_tensor(mpjpe(pose, people.joints)).mean()
    assert taught < 0.8 * people.joints.norm(dim=-1).mean()
