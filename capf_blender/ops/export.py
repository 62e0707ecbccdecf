# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export: the take's motion or the animated character, for other programs."""

from pathlib import Path

import bpy

from ..blender import compat
from ..blender.choices import chosen_motion, chosen_shot
from ..blender.export import CHARACTER_FORMATS, export_character, export_motion
from ..core.errors import CaptureError


class CAPF_OT_export(bpy.types.Operator):
    bl_idname = "capf.export"
    bl_label = "Export"
    bl_description = "Write the captured motion or the animated character to a file"
    bl_options = {"REGISTER"}

    file_format: bpy.props.EnumProperty(
        name="Format",
        description="What the file holds",
        items=[
            ("BVH", "BVH", "The solved skeleton and its motion; needs no armature"),
            ("FBX", "FBX", "The armature, its meshes and its keys"),
            ("GLB", "glTF Binary", "The armature, its meshes and its keys"),
            ("CSV", "CSV", "A table of the joints in each frame; needs no armature"),
            ("NPZ", "NumPy", "Joints, confidence and contacts as arrays; needs no armature"),
        ],
        default="BVH",
    )
    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    filter_glob: bpy.props.StringProperty(
        default="*.bvh;*.fbx;*.glb;*.csv;*.npz", options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = compat.sequencer_scene(context).capf
        if not settings.take_folder and settings.armature is None:
            cls.poll_message_set("Capture footage first, or choose a take's folder")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            settings = compat.sequencer_scene(context).capf
            folder = bpy.path.abspath("//")
            name = Path(bpy.path.abspath(settings.take_folder)).name or "capture"
            if self.file_format in CHARACTER_FORMATS and settings.armature is not None:
                name = settings.armature.name
            self.filepath = str(Path(folder) / bpy.path.clean_name(name))
            self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Keeps the file's ending that of the format, which may change in the file browser."""
        path = self.filepath
        wanted = self._path_with_ending(path) if path else path
        self.filepath = wanted
        return wanted != path

    def _path_with_ending(self, path: str) -> str:
        stem = Path(path)
        known = {".bvh", ".fbx", ".glb", ".csv", ".npz"}
        if stem.suffix.lower() in known:
            stem = stem.with_suffix("")
        return f"{stem}.{self.file_format.lower()}"

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(self._path_with_ending(bpy.path.abspath(self.filepath)))
        settings = compat.sequencer_scene(context).capf
        try:
            if not self.filepath:
                raise CaptureError("no_file", "No file was chosen.", "Give the file a name.")
            if self.file_format not in CHARACTER_FORMATS:
                shot = chosen_shot(context)
                motion = chosen_motion(context, shot)
                sentence = export_motion(path, self.file_format, motion, shot.take)
            elif settings.armature is None:
                raise CaptureError(
                    "no_armature",
                    f"There is no armature to write as {self.file_format}.",
                    "Apply the take to an armature first.",
                )
            else:
                sentence = export_character(context, path, self.file_format, settings.armature)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, sentence)
        return {"FINISHED"}


CLASSES = (CAPF_OT_export,)
