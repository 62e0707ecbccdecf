# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin that shows an armature's motion: one mesh, each part moved by one bone."""

import bpy
import numpy as np

from ..core.armature import BONE_NAMES, RestPose
from ..core.mannequin import MATERIALS, MannequinMesh, mannequin_mesh

MANNEQUIN = "capf_mannequin"
"""Custom property that marks a mannequin's object."""

COLOURS = {
    "Body": (0.72, 0.70, 0.66, 1.0),
    "Joint": (0.16, 0.17, 0.19, 1.0),
    "Left": (0.85, 0.45, 0.18, 1.0),  # as in contact sheets: left orange, right blue
    "Right": (0.20, 0.46, 0.72, 1.0),
    "Face": (0.05, 0.05, 0.06, 1.0),
}


def create(
    context: bpy.types.Context, armature: bpy.types.Object, rest: RestPose
) -> bpy.types.Object:
    """A mannequin bound to `armature`, in the scene's own collection as the armature is."""
    mesh = mannequin_mesh(rest)
    ob = bpy.data.objects.new(f"{armature.name} Mannequin", _mesh_data(armature.name, mesh))
    ob[MANNEQUIN] = True
    for index, name in enumerate(BONE_NAMES):
        vertices = np.flatnonzero(mesh.bones == index)
        ob.vertex_groups.new(name=name).add(vertices.tolist(), 1.0, "REPLACE")
    ob.parent = armature
    modifier = ob.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    context.scene.collection.objects.link(ob)
    return ob


def find(armature: bpy.types.Object) -> bpy.types.Object | None:
    """The mannequin bound to `armature`, unless the user has deleted it."""
    return next((ob for ob in armature.children if MANNEQUIN in ob and ob.type == "MESH"), None)


def fit(mannequin: bpy.types.Object, rest: RestPose) -> None:
    """Gives `mannequin` the shape for `rest`; materials and weights stay."""
    vertices = mannequin_mesh(rest).vertices
    if len(vertices) == len(mannequin.data.vertices):  # else the user has modelled on it
        mannequin.data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
        mannequin.data.update()


def _mesh_data(name: str, mesh: MannequinMesh) -> bpy.types.Mesh:
    data = bpy.data.meshes.new(f"{name} Mannequin")
    data.from_pydata(mesh.vertices.tolist(), [], mesh.faces)
    for material in MATERIALS:
        data.materials.append(_material(material))
    data.polygons.foreach_set("material_index", mesh.materials)
    data.polygons.foreach_set("use_smooth", np.ones(len(mesh.faces), dtype=bool))
    data.update()
    return data


def _material(kind: str) -> bpy.types.Material:
    name = f"CAPF {kind}"
    material = bpy.data.materials.get(name)
    if material is not None:
        return material
    material = bpy.data.materials.new(name)
    material.diffuse_color = COLOURS[kind]
    material.roughness = 0.6
    if material.node_tree is not None:  # since 5.0 all materials have nodes
        shader = material.node_tree.nodes.get("Principled BSDF")
        if shader is not None:
            shader.inputs["Base Color"].default_value = COLOURS[kind]
            shader.inputs["Roughness"].default_value = 0.6
    return material
