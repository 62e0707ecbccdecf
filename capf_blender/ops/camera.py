# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Match Camera, footage behind a camera, and the height that stands on a known floor."""

from pathlib import Path

import bpy
import numpy as np

from ..blender import background, camera, compat, footage
from ..blender.choices import Shot, chosen_motion, chosen_shot
from ..core.errors import CaptureError
from ..core.motion import Motion, sample
from ..core.take import load_request
from ..core.world import flat_soles, height_on_floor


def _has_take(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if not compat.sequencer_scene(context).capf.take_folder:
        operator.poll_message_set("Capture footage first, or choose a take's folder")
        return False
    return True


def _show_footage(
    context: bpy.types.Context, data: bpy.types.Camera, shot: Shot, alpha: float
) -> None:
    """Puts the footage of `shot` behind a camera. Raises CaptureError, as `background.show`."""
    scene = compat.sequencer_scene(context)
    size = shot.take.image_size
    if shot.strip is not None:
        clip = footage.read_strip(shot.strip, scene)
        frames = clip.scene_frames()
        source, images, fps = clip.source, clip.images, clip.source_fps
    else:
        folder = Path(bpy.path.abspath(scene.capf.take_folder))
        request = load_request(folder).get("request", {})
        source, images = Path(request.get("source", "")), tuple(request.get("images", ()))
        intervals = np.diff(shot.take.time_s)
        fps = 1.0 / float(np.median(intervals)) if len(intervals) else 1.0
        frames = np.arange(shot.frames[0], shot.frames[-1] + 1)
    source_frames = np.floor(shot.time_map.times_s(frames) * fps + 0.5 + 1e-6).astype(int)
    background.show(data, source, images, size, frames, np.maximum(source_frames, 0), alpha)


def _all_frames(shot: Shot) -> np.ndarray:
    """Scene frames from the first to the last of `shot`, whatever the step of its keys."""
    return np.arange(shot.frames[0], shot.frames[-1] + 1)


class CAPF_OT_match_camera(bpy.types.Operator):
    bl_idname = "capf.match_camera"
    bl_label = "Match Camera"
    bl_description = (
        "Make or update a camera that sees the captured person as the footage does, with the "
        "footage behind it"
    )
    bl_options = {"REGISTER", "UNDO"}

    make_active: bpy.props.BoolProperty(
        name="Scene Camera", description="Make it the scene's active camera", default=True
    )
    set_resolution: bpy.props.BoolProperty(
        name="Resolution",
        description="Give the scene the footage's resolution, so that it fills the frame",
        default=True,
    )
    show_footage: bpy.props.BoolProperty(
        name="Footage", description="Show the footage behind the camera", default=True
    )
    alpha: bpy.props.FloatProperty(
        name="Opacity", description="Opacity of the footage",
        subtype="FACTOR", default=0.5, min=0.0, max=1.0,
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _has_take(cls, context):
            return False
        if compat.sequencer_scene(context).capf.camera_source == "SCENE":
            cls.poll_message_set("The person is matched to the scene camera: press Show Footage")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        try:
            shot = chosen_shot(context)
            motion = chosen_motion(context, shot)
            ob = self._match(context, settings.capture_camera, shot, motion)
            settings.capture_camera = ob
            if self.show_footage:
                _show_footage(context, ob.data, shot, self.alpha)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if self.make_active:
            context.scene.camera = ob
        error_px = float(np.nanmean(motion.reprojection_px))
        self.report(
            {"INFO"}, f"{ob.name} sees the person {error_px:.1f} px from the footage on average"
        )
        return {"FINISHED"}

    def _match(
        self,
        context: bpy.types.Context,
        ob: bpy.types.Object | None,
        shot: Shot,
        motion: Motion,
    ) -> bpy.types.Object:
        if self.set_resolution:
            camera.match_resolution(context.scene, motion.camera)
        usable = ob is not None and ob.name in context.scene.objects and ob.type == "CAMERA"
        found = ob if ob is not None and usable else camera.new(context)
        frames = _all_frames(shot)
        matrices = motion.world_from_camera
        if matrices.ndim == 3:
            matrices = sample(motion, shot.time_map.times_s(frames)).world_from_camera
        camera.match_lens(context.scene, found.data, motion.camera)
        camera.match_place(found, matrices, frames)
        return found


class CAPF_OT_show_footage(bpy.types.Operator):
    bl_idname = "capf.show_footage"
    bl_label = "Show Footage"
    bl_description = "Put the take's footage behind the scene's camera, each frame in its place"
    bl_options = {"REGISTER", "UNDO"}

    alpha: bpy.props.FloatProperty(
        name="Opacity", description="Opacity of the footage",
        subtype="FACTOR", default=0.5, min=0.0, max=1.0,
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        ob = context.scene.camera
        if ob is None or ob.type != "CAMERA":
            cls.poll_message_set("The scene has no camera")
            return False
        if ob.library is not None or ob.data.library is not None:
            cls.poll_message_set("The scene's camera is linked from another file")
            return False
        return _has_take(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        ob: bpy.types.Object = context.scene.camera
        try:
            _show_footage(context, ob.data, chosen_shot(context), self.alpha)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"The footage is shown behind {ob.name}")
        return {"FINISHED"}


class CAPF_OT_height_from_camera(bpy.types.Operator):
    bl_idname = "capf.height_from_camera"
    bl_label = "Height from Camera"
    bl_description = (
        "Set the person's height so that the feet stand on the scene's floor, z = 0, while the "
        "person lines up with the footage seen through the scene's camera"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if compat.sequencer_scene(context).capf.camera_source != "SCENE":
            cls.poll_message_set("Choose Scene Camera as the source of the camera first")
            return False
        return _has_take(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        try:
            shot = chosen_shot(context)
            motion = chosen_motion(context, shot, grounded=False)
            eye = np.broadcast_to(motion.world_from_camera, (len(motion.time_s), 4, 4))[:, :3, 3]
            height = height_on_floor(motion.joints, flat_soles(motion.rest), eye, settings.height)
            settings.height = height
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"A person of {settings.height:.2f} m stands on the scene's floor")
        return {"FINISHED"}


CLASSES = (CAPF_OT_match_camera, CAPF_OT_show_footage, CAPF_OT_height_from_camera)
