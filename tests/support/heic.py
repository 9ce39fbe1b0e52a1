"""Writes HEIC photos without an HEVC encoder, so that tests need none (the usual one is GPL).

The pixels go in uncompressed: HEVC allows raw blocks ("I_PCM"), whose arithmetic-coded framing
comes out the same for every block when each block is a slice of its own. Sources: ITU-T H.265 for
the stream (7.3), ISO/IEC 23008-12 (HEIF) for the boxes around it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from PIL import Image

BLOCK = 32  # pixels; the largest raw block that HEVC knows

_VPS, _SPS, _PPS, _IDR = 32, 33, 34, 19
# Main profile, progressive frames, level 5.1: 12 bytes that the stream and its hvcC box share.
_PROFILE = bytes.fromhex("01 60000000 900000000000 99")
# Mirrored or turned anticlockwise by quarters, as HEIF's `imir` and `irot` say EXIF's orientation.
_TRANSFORMS: dict[int, tuple[int | None, int]] = {
    1: (None, 0),
    2: (1, 0),
    3: (None, 2),
    4: (0, 0),
    6: (None, 3),
    8: (None, 1),
}


def heic(
    image: Image.Image,
    *,
    orientation: int = 1,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    told: bytes = b"",
    thumbnail: bool = False,
) -> bytes:
    """Write a picture as a HEIC file of one image item.

    orientation: as EXIF numbers it (1, 2, 3, 4, 6 or 8), written as HEIF properties.
    exif: an EXIF block without its `Exif\\0\\0`, added as an item of its own as phones do.
    told: stands in all places for words. thumbnail: the picture once more, as one of itself.
    """
    stream = _slices(image)
    mirror, quarters = _TRANSFORMS[orientation]
    properties = [
        _box(b"hvcC", _decoder_configuration(image.size)),
        _box(b"ispe", struct.pack(">III", 0, *_even(image.size))),
        _box(b"pixi", b"\0\0\0\0\3\x08\x08\x08"),
        _box(b"colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80)),
    ]
    if icc_profile is not None:
        properties.append(_box(b"colr", b"prof" + icc_profile))
    if _even(image.size) != image.size:
        properties.append(_box(b"clap", _clean_aperture(image.size)))
    if mirror is not None:
        properties.append(_box(b"imir", bytes([mirror])))
    if quarters:
        properties.append(_box(b"irot", bytes([quarters])))
    if told:
        properties.append(_box(b"udes", struct.pack(">Ixxxx", 0) + told + b"\0"))
    payloads = [(b"hvc1", stream)]
    if exif is not None:
        payloads.append((b"Exif", struct.pack(">I", 0) + exif))
    if thumbnail:
        payloads.append((b"hvc1", stream))
    start = len(_boxes(properties, payloads, 0, told))
    return _boxes(properties, payloads, start, told) + b"".join(data for _, data in payloads)


def _boxes(
    properties: list[bytes], contents: list[tuple[bytes, bytes]], start: int, told: bytes
) -> bytes:
    """Everything up to the payloads, which begin at byte `start` of the file."""
    items, payloads = [kind for kind, _ in contents], [data for _, data in contents]
    places, at = b"", start
    for number, payload in enumerate(payloads, 1):
        places += struct.pack(">HHHII", number, 0, 1, at, len(payload))
        at += len(payload)
    infos = b"".join(
        _box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, name) + told + b"\0")
        for number, name in enumerate(items, 1)
    )
    shown = len(properties) - bool(told)
    links = bytes(0x80 | number for number in range(1, shown + 1)) + bytes([shown + 1] * bool(told))
    pictures = [number for number, kind in enumerate(items, 1) if kind == b"hvc1"]
    linked = b"".join(struct.pack(">HB", one, len(links)) + links for one in pictures)
    parts = [
        _box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"pict") + told + b"\0"),
        _box(b"pitm", struct.pack(">IH", 0, 1)),
        _box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, len(items)) + places),
        _box(b"iinf", struct.pack(">IH", 0, len(items)) + infos),
        _box(
            b"iprp",
            _box(b"ipco", b"".join(properties))
            + _box(b"ipma", struct.pack(">II", 0, len(pictures)) + linked),
        ),
    ]
    if told:
        parts += [_box(b"uuid", bytes(16) + told)] * 2
    if len(items) > 1:  # the EXIF block describes the picture, a thumbnail is of it
        roles = {b"Exif": b"cdsc", b"hvc1": b"thmb"}
        references = [
            _box(roles[kind], struct.pack(">HHH", number, 1, 1))
            for number, kind in enumerate(items[1:], 2)
        ]
        parts.append(_box(b"iref", bytes(4) + b"".join(references)))
    payload_bytes = sum(len(payload) for payload in payloads)
    return (
        _box(b"ftyp", b"heic\0\0\0\0mif1heic")
        + _box(b"meta", bytes(4) + b"".join(parts))
        + struct.pack(">I4s", 8 + payload_bytes, b"mdat")
    )


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


class _Bits:
    """Bits written one after the other, with HEVC's Exp-Golomb numbers."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def put(self, value: int, width: int = 1) -> _Bits:
        self._text.append(format(value, f"0{width}b"))
        return self

    def golomb(self, *values: int) -> _Bits:
        for value in values:
            digits = format(value + 1, "b")
            self._text.append("0" * (len(digits) - 1) + digits)
        return self

    def raw(self, data: bytes) -> _Bits:
        return self.put(int.from_bytes(data, "big"), 8 * len(data))

    def to_bytes(self, *, stop: bool = True) -> bytes:
        """With the stop bit that ends HEVC's units, filled with zero bits to whole bytes."""
        text = "".join(self._text) + ("1" if stop else "")
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def _unit(kind: int, body: bytes) -> bytes:
    """A NAL unit: no three bytes in it may look like a start code, a 03 goes between."""
    out, zeros = bytearray([kind << 1, 1]), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """The size with the edge that halved colours need; `clap` cuts it off again."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def _clean_aperture(size: tuple[int, int]) -> bytes:
    """Width, height, and how far their centre lies from the coded one's, as fractions."""
    fractions = [(size[0], 1), (size[1], 1), (-(size[0] % 2), 2), (-(size[1] % 2), 2)]
    return b"".join(struct.pack(">iI", *fraction) for fraction in fractions)


def _padded(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // BLOCK) * BLOCK, -(-size[1] // BLOCK) * BLOCK


def _video_parameters() -> bytes:
    bits = _Bits().put(0, 4).put(3, 2).put(0, 6).put(0, 3).put(1).put(0xFFFF, 16).raw(_PROFILE)
    bits.put(1).golomb(0, 0, 0).put(0, 6).golomb(0).put(0, 2)
    return _unit(_VPS, bits.to_bytes())


def _sequence_parameters(size: tuple[int, int]) -> bytes:
    even, (width, height) = _even(size), _padded(size)
    bits = _Bits().put(0, 4).put(0, 3).put(1).raw(_PROFILE)
    bits.golomb(0, 1, width, height)  # id, 4:2:0, luma size
    bits.put(1).golomb(0, (width - even[0]) // 2, 0, (height - even[1]) // 2)  # crop, in chroma
    bits.golomb(0, 0, 0).put(1).golomb(0, 0, 0)  # 8 bits, picture order
    bits.golomb(2, 0, 0, 3, 0, 0)  # blocks of 32 only, transforms of 4 to 32
    bits.put(0, 3)  # no scaling lists, no asymmetric parts, no sample-adaptive offset
    bits.put(1).put(7, 4).put(7, 4).golomb(2, 0).put(1)  # raw blocks of 8 bits, 32 x 32
    bits.golomb(0).put(0, 5)  # no references, no usability information, no extension
    return _unit(_SPS, bits.to_bytes())


def _picture_parameters() -> bytes:
    bits = _Bits().golomb(0, 0).put(0, 7).golomb(0, 0, 0).put(0, 3).golomb(0, 0)
    bits.put(0, 7)  # no chroma offsets, weights, bypass, tiles, wavefronts or filter across slices
    bits.put(1).put(0).put(1)  # deblocking off
    bits.put(0, 2).golomb(0).put(0, 2)
    return _unit(_PPS, bits.to_bytes())


def _decoder_configuration(size: tuple[int, int]) -> bytes:
    units = [
        (_VPS, _video_parameters()),
        (_SPS, _sequence_parameters(size)),
        (_PPS, _picture_parameters()),
    ]
    arrays = b"".join(struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit for kind, unit in units)
    fixed = bytes.fromhex("f000 fc fd f8 f8 0000 0f")
    return b"\1" + _PROFILE + fixed + bytes([len(units)]) + arrays


def _flushed(low: int) -> list[int]:
    """The bits that H.265's arithmetic encoder (9.3.4.6) writes on a terminating bin."""
    bits, waiting, spread = list[int](), 0, 2
    while spread < 256:
        if 256 <= low < 512:
            low, waiting = low - 256, waiting + 1
        else:
            bit = int(low >= 512)
            bits += [bit] + [1 - bit] * waiting
            low, waiting = low - 512 * bit, 0
        spread, low = spread << 1, low << 1
    bit = low >> 9 & 1
    tail = low >> 7 & 3 | 1
    return [*bits, bit, *[1 - bit] * waiting, tail >> 1, 1]


def _first_written(bits: Iterable[int]) -> str:
    """The encoder's very first bit is not written (9.3.4.2)."""
    return "".join(map(str, bits))[1:]


# "One block, not divided" (the likely value, so 510 - 240 of the range stay), then "raw": ends at
# low = 268. After the samples the coder starts anew and says "last block of its slice": 508.
_RAW_BLOCK = _first_written(_flushed(510 - 240 - 2))
_END_OF_SLICE = _first_written(_flushed(510 - 2))


def _slices(image: Image.Image) -> bytes:
    width, height = _padded(image.size)
    across, blocks = width // BLOCK, (width // BLOCK) * (height // BLOCK)
    planes = _planes(image, (width, height))
    stream = b""
    for number in range(blocks):
        left, top = number % across * BLOCK, number // across * BLOCK
        bits = _Bits().put(int(number == 0)).put(0).golomb(0)
        if number:
            bits.put(number, (blocks - 1).bit_length())
        bits.golomb(2, 0)  # an intra slice, at the picture's own quality
        samples = b"".join(
            plane[
                top // step : (top + BLOCK) // step, left // step : (left + BLOCK) // step
            ].tobytes()
            for plane, step in zip(planes, (1, 2, 2), strict=True)
        )
        framing = _Bits().put(int(_RAW_BLOCK, 2), len(_RAW_BLOCK)).to_bytes(stop=False)
        ending = _Bits().put(int(_END_OF_SLICE, 2), len(_END_OF_SLICE)).to_bytes(stop=False)
        unit = _unit(_IDR, bits.to_bytes() + framing + samples + ending)
        stream += struct.pack(">I", len(unit)) + unit
    return stream


def _planes(image: Image.Image, size: tuple[int, int]) -> list[np.ndarray]:
    """Y, Cb and Cr of the picture, its edges repeated up to `size`, colours at half size."""
    pixels = np.asarray(image.convert("RGB"))
    margins = ((0, size[1] - image.height), (0, size[0] - image.width), (0, 0))
    whole = Image.fromarray(np.pad(pixels, margins, mode="edge")).convert("YCbCr")
    luma, blue, red = whole.split()
    return [np.asarray(luma), np.asarray(blue.reduce(2)), np.asarray(red.reduce(2))]
