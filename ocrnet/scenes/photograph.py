"""What water and a camera make of a painted scene. Labels stay; all in whole numbers."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes.camera import Camera
from ocrnet.scenes.canvas import CLASS, Canvas, shade
from ocrnet.scenes.dice import Dice, random_bytes

Picture = NDArray[np.uint8]


def wet(c: Canvas, camera: Camera) -> None:
    """Mirror what stands above the horizon in the wet road, most of it far away."""
    first = int(camera.horizon) + 1
    rows = np.arange(first, c.height)
    above = c.image[np.maximum(2 * first - rows, 0)]
    mirrored = cv2.GaussianBlur(above, (1, 2 * int(c.thin(10)) + 1), 0).astype(np.uint16)
    share = np.maximum(150 - (rows - first) * 110 // len(rows), 0).astype(np.uint16)[:, None]
    ground = c.image[first:]
    mixed = ground.reshape(len(rows), -1) * (256 - share)
    mixed += mirrored.reshape(len(rows), -1) * share
    mixed >>= 8
    road = (c.labels[first:] == CLASS["road"]).astype(np.uint8)
    cv2.copyTo(mixed.astype(np.uint8).reshape(ground.shape), road, ground)


def rain(c: Canvas, dice: Dice) -> None:
    """Slanting streaks, all in one direction."""
    slant, streaks = dice.uniform(-0.3, 0.3), []
    for _ in range(260):
        x, y = dice.uniform(0, c.width), dice.uniform(-0.1, 1) * c.height
        long = c.thin(dice.uniform(10, 34))
        streaks.append(((x, y), (x + slant * long, y + long)))
    before = c.image.copy()
    c.go_to(6)
    c.hairs(streaks, shade((190, 196, 204), 1.1))
    # Half of it: a drop is seen through.
    c.image[:] = (before >> 1) + (c.image >> 1)


def photograph(image: Picture, dice: Dice) -> Picture:
    """Uneven light, a cast, blur and the sensor's noise."""
    height, width = image.shape[:2]
    gain: Picture = np.zeros((height, width), np.uint8)
    # Blotches of light and dirt, coarse and fine, over everything; together around 128.
    for cells, spread in ((6, 46), (40, 26), (160, 22)):
        rows = max(cells * height // max(height, width), 2)
        field = random_bytes(dice.seed(), rows * cells).reshape(rows, cells)
        field = ((field.astype(np.uint16) * spread >> 8) + (43 - spread // 2)).astype(np.uint8)
        large = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        gain = cv2.add(gain, large).astype(np.uint8, copy=False)
    wide = gain.astype(np.uint16)
    bright = cv2.merge([wide, wide, wide]).astype(np.uint16, copy=False)
    bright *= image
    bright >>= 8  # half as bright: it fits 8 bits, and the curves double it
    picture = cv2.LUT(bright.astype(np.uint8), _curves(dice))
    sigma = dice.uniform(0.35, 0.85) * height / 512 + 0.2
    blurred = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma)
    return _noisy(blurred.astype(np.uint8, copy=False), dice)


def _noisy(picture: Picture, dice: Dice) -> Picture:
    height, width = picture.shape[:2]
    grain = random_bytes(dice.seed(), 2 * height * width).reshape(2, height, width)
    grain >>= 1
    # The sum of two bytes has a peak in the middle, as noise should. What it adds and what it takes
    # are two look-ups, so that all of it stays in 8 bits, saturated.
    grey = grain[0] + grain[1]
    noise = (np.arange(256) - 127) * (dice.integer(12) + 5) // 128
    for change, combine in ((noise, cv2.add), (-noise, cv2.subtract)):
        amount = cv2.LUT(grey, np.maximum(change, 0).astype(np.uint8))
        picture = combine(picture, cv2.merge([amount, amount, amount])).astype(np.uint8, copy=False)
    return picture


def _curves(dice: Dice) -> Picture:
    """A look-up table (256, 1, 3): exposure, contrast and a cast."""
    exposure, contrast = dice.uniform(0.86, 1.2), dice.uniform(-0.25, 0.35)
    casts = np.array([[dice.uniform(0.93, 1.07) for _ in range(3)]])
    value = np.minimum(np.arange(256)[:, None, None] * (2 * exposure / 255) * casts, 1.0)
    curved = value + contrast * value * (1 - value) * (2 * value - 1)
    table: Picture = (np.clip(curved, 0, 1) * 255).astype(np.uint8)
    return table
