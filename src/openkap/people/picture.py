"""
A photograph as it came, made safe to keep and to show: only JPEG and PNG, only the parts that draw the picture.

Read by hand and strictly, since no library for pictures is needed for this: whatever says where, when or with what it
was taken (EXIF, comments, profiles, text), and whatever stands behind its end, is left out; what is not whole is
refused. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from openkap.kernel.errors import UserError

LARGEST = 2 * 2**20  # bytes
LEAST, MOST = 32, 6000  # pixels on a side
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
_DRAWS = {*_FRAMES, 0xC4, 0xDA, 0xDB, 0xDD}  # and tables, scans, restarts
_ADOBE = 0xEE  # says in which colours the numbers are
_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
NOT_ONE = "This file is no photo that can be kept: choose a JPEG or PNG picture, such as a camera or telephone makes."


@dataclass(frozen=True)
class Picture:
    """A picture that can be shown: `kind` is its media type."""

    kind: str
    content: bytes
    wide: int
    high: int


def read(data: bytes) -> Picture:
    """
    The picture in a file.

    Raises:
        UserError: it is too large, no JPEG or PNG, not whole, or not of the size of a photo.
    """
    if len(data) > LARGEST:
        raise UserError(f"The photo is larger than {LARGEST // 2**20} MB: choose a smaller one.")
    try:
        if data.startswith(_JPEG):
            made = _jpeg(data)
        elif data.startswith(_PNG):
            made = _png(data)
        else:
            raise UserError(NOT_ONE)
    except (IndexError, ValueError, zlib.error):
        raise UserError(NOT_ONE) from None
    if not (LEAST <= made.wide <= MOST and LEAST <= made.high <= MOST):
        raise UserError(f"The photo is {made.wide} by {made.high} points: choose one of {LEAST} to {MOST} on a side.")
    return made


# ---------------------------------------------------------------- JPEG


def _jpeg(data: bytes) -> Picture:
    kept, size, scans = [data[:2]], None, 0
    for marker, body in _segments(data):
        if marker in _FRAMES:
            if size is not None or body[4] != 8 or body[9] not in (1, 3, 4):
                raise ValueError("frame")
            size = (int.from_bytes(body[7:9]), int.from_bytes(body[5:7]))
        if marker == 0xDA:
            if size is None:
                raise ValueError("a scan before its frame")
            scans += 1
        if marker in _DRAWS or (marker == _ADOBE and body[4:9] == b"Adobe" and len(body) == 16):
            kept.append(body)
    if size is None or not scans:
        raise ValueError("nothing is drawn")
    return Picture("image/jpeg", b"".join([*kept, b"\xff\xd9"]), *size)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each segment with its marker, a scan with what it draws, up to the end of the picture."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        while data[at + 1] == 0xFF:  # fill
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            return
        if marker in (0x00, 0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            raise ValueError("out of place")
        long = int.from_bytes(data[at + 2 : at + 4])
        end = at + 2 + long
        if long < 2 or end > len(data):
            raise ValueError("cut short")
        if marker == 0xDA:
            end = _after_scan(data, end)
        elif marker not in _DRAWS and not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise ValueError("not of a photo")
        yield marker, data[at:end]
        at = end


def _after_scan(data: bytes, at: int) -> int:
    while True:
        at = data.index(b"\xff", at)
        follows = data[at + 1]
        if follows == 0x00 or 0xD0 <= follows <= 0xD7:  # a byte of the picture, or a restart
            at += 2
        else:
            return at


# ---------------------------------------------------------------- PNG


def _png(data: bytes) -> Picture:
    kept, drawn, head = [_PNG], [], b""
    for name, body, whole in _parts(data):
        if (name == b"IHDR") == bool(head):
            raise ValueError("one head, first")
        head = body if name == b"IHDR" else head
        if name == b"IDAT":
            drawn.append(body)
        if name in _CHUNKS:
            kept.append(whole)
        elif not name[0] & 0x20:
            raise ValueError("a part that must be understood")
    wide, high = int.from_bytes(head[:4]), int.from_bytes(head[4:8])
    depth, colours, packed, filtered, interlaced = head[8:13]
    if depth not in _DEPTHS.get(colours, ()) or packed or filtered or interlaced or max(wide, high) > MOST:
        raise ValueError("not of a photo")
    expected = high * (1 + (wide * depth * _CHANNELS[colours] + 7) // 8)
    opened = zlib.decompressobj()
    left = expected - len(opened.decompress(b"".join(drawn), expected))
    if left or opened.decompress(opened.unconsumed_tail, 1) or not opened.eof:
        raise ValueError("more or less than it says")
    return Picture("image/png", b"".join(kept), wide, high)


def _parts(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    at = len(_PNG)
    while True:
        long, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + long
        if len(name) != 4 or end > len(data):
            raise ValueError("cut short")
        body = data[at + 8 : end - 4]
        if zlib.crc32(name + body) != int.from_bytes(data[end - 4 : end]):
            raise ValueError("not as it was written")
        yield name, body, data[at:end]
        if name == b"IEND":
            return
        at = end
