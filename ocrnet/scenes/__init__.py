"""Street scenes drawn from a seed: pictures with exact label maps, without a download."""

from ocrnet.scenes.scene import IGNORE, Scene, draw_scene

__all__ = ["IGNORE", "Scene", "draw_scene"]
