# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of research data sets, for evaluation and training; not part of the add-on."""
