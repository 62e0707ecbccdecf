# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user should know of each pose model before any of them is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelCard:
    name: str  # as in requests and on the command line
    label: str
    description: str
    licence: str
    commercial_use: bool


MODEL_CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="blazepose",
        label="BlazePose",
        description="MediaPipe's BlazePose with its own 3D world landmarks",
        licence="Apache-2.0",
        commercial_use=True,
    ),
)

DEFAULT_MODEL = MODEL_CARDS[0].name
