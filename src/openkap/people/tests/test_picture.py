"""Photos: what is kept draws a picture and says nothing else; hostile files are refused or made harmless (RG-34)."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import pytest

from openkap.kernel.errors import UserError
from openkap.people import picture


def png(wide: int = 64, high: int = 64, colours: int = 2, *, extra: bytes = b"", lines: bytes | None = None) -> bytes:
    channels = {0: 1, 2: 3, 6: 4}[colours]
    raw = lines if lines is not None else b"".join(b"\0" + b"\x7f" * wide * channels for _ in range(high))
    head = struct.pack(">IIBBBBB", wide, high, 8, colours, 0, 0, 0)
    drawn = chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + drawn + chunk(b"IEND", b"")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(wide: int = 64, high: int = 64, *, extra: bytes = b"", scan: bytes = b"\x12\xff\x00\x34\xff\xd0\x56") -> bytes:
    frame = segment(0xC0, struct.pack(">BHHB", 8, high, wide, 1) + b"\x01\x11\x00")
    tables = segment(0xDB, b"\0" * 65) + segment(0xC4, b"\0" * 17)
    return b"\xff\xd8" + extra + tables + frame + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + scan + b"\xff\xd9"


EXIF = segment(0xE1, b"Exif\0\0GPS 48.2082 N 16.3738 E")


@pytest.mark.goal("RG-34")
def test_place_time_comments_and_what_stands_behind_the_end_are_not_kept():
    said = EXIF + segment(0xFE, b"taken at home") + segment(0xE2, b"profile")
    made = picture.read(jpeg(100, 80, extra=said) + b"<script>alert(1)</script>")
    assert (made.kind, made.wide, made.high) == ("image/jpeg", 100, 80)
    for words in (b"GPS", b"home", b"profile", b"script"):
        assert words not in made.content
    assert picture.read(made.content) == made
    made = picture.read(
        png(100, 80, extra=chunk(b"tEXt", b"Author\0GPS") + chunk(b"eXIf", b"GPS")) + b"PK\x03\x04<html>"
    )
    assert (made.kind, made.wide, made.high) == ("image/png", 100, 80)
    assert b"GPS" not in made.content and b"html" not in made.content
    assert picture.read(made.content) == made


HOSTILE = {
    "nothing": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<html><script>alert(1)</script></html>",
    "gif": b"GIF89a" + b"\0" * 400,
    "pdf": b"%PDF-1.7 /JavaScript",
    "zip": b"PK\x03\x04" + b"\0" * 400,
    "a name alone": b"\x89PNG\r\n\x1a\n",
    "three bytes of a photo": b"\xff\xd8\xff",
    "html after three bytes": b"\xff\xd8\xff<html><script>alert(1)</script>",
    "no scan": jpeg().replace(b"\xff\xda", b"\xff\xdb"),
    "two frames": jpeg(extra=segment(0xC0, struct.pack(">BHHB", 8, 64, 64, 1) + b"\x01\x11\x00")),
    "arithmetic frame": jpeg().replace(b"\xff\xc0", b"\xff\xc9"),
    "cut in the scan": jpeg()[:-2],
    "length that points behind the end": b"\xff\xd8\xff\xe0\xff\xff" + b"\0" * 40,
    "a bomb": png(64, 64, lines=b"\0" * 50_000_000),
    "less than it says": png(64, 64, lines=b"\0" * 64),
    "huge by its head": png(60_000, 60_000, lines=b"\0" * 64),
    "one point": png(1, 1),
    "a stripe": jpeg(7000, 64),
    "wrong sum": png()[:60] + bytes([png()[60] ^ 1]) + png()[61:],
    "a part that must be understood": png(extra=chunk(b"EVIL", b"x")),
    "no head": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", zlib.compress(b"x")) + chunk(b"IEND", b""),
    "too large": jpeg(extra=segment(0xFE, b"x" * 60_000) * 40),
}


@pytest.mark.goal("RG-34")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_whole_photo_is_refused_in_one_sentence(name: str):
    with pytest.raises(UserError) as said:
        picture.read(HOSTILE[name])
    assert str(said.value).count(".") <= 1


@pytest.mark.goal("RG-34")
def test_whatever_is_changed_in_a_file_it_is_refused_or_comes_out_harmless(seed: int, count: Callable[[int], int]):
    rng = random.Random(seed)
    for _ in range(count(20_000)):
        data = bytearray(rng.choice((jpeg(extra=EXIF), png(extra=chunk(b"tEXt", b"GPS")))))
        for _ in range(rng.randint(1, 6)):
            how, at = rng.random(), rng.randrange(len(data))
            if how < 0.5:
                data[at] = rng.randrange(256)
            elif how < 0.8:
                data[at:at] = rng.choice((b"<script>", b"\xff\xd9", b"\xff\xe1\x00\x10", b"\0" * 9))
            else:
                del data[at : at + rng.randint(1, 40)]
        try:
            made = picture.read(bytes(data))
        except UserError:
            continue
        assert made.content.startswith((b"\xff\xd8\xff", b"\x89PNG"))
        assert picture.read(made.content).content == made.content
