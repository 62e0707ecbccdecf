# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Blender's modules have no types, and live in another environment than torch.
from typing import Any

def __getattr__(name: str) -> Any: ...
