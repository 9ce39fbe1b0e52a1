"""Is a whole photo of a kind that the decoders read, and read right? Its header says so.

What is legal and rare, such as a JPEG of 12 bits, is nobody's damage: a clerk is told to save it as
JPEG, not to take it again. Pure reading of headers, no library.
"""

from __future__ import annotations

import struct

from classifier import jpeg
from classifier.containers import Format, not_an_image, unsupported
from classifier.directories import Directory

# Baseline, extended, progressive, lossless, and the first three with arithmetic coding but for its
# lossless kind: what libjpeg-turbo reads.
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA})
_JPEG_NAMES = {0xF7: "a JPEG-LS picture", 0xCB: "a JPEG without loss, arithmetically coded"}
# None, fax (2, 3, 4), LZW, old and new JPEG, deflate (8, 32946), PackBits, LZMA, Zstandard.
_TIFF_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000})
_TIFF_JPEG = 7
_SIGNED = 2
_OTHER_HEIF = {
    b"av1C": "AV1",
    b"vvcC": "VVC",
    b"avcC": "H.264",
    b"j2kH": "JPEG 2000",
    b"jpgC": "JPEG",
    b"uncC": "raw pixels",
}


def check_supported(kind: Format, data: bytes, frame: jpeg.Frame) -> None:
    """Raise PhotoError, not_an_image, where no decoder here reads this kind of photo right.

    frame: of a JPEG.
    """
    if kind in (Format.JPEG, Format.MPO):
        _check_jpeg(frame)
    elif kind is Format.PNG and data[12:16] == b"CgBI":
        raise unsupported("a PNG as iPhone apps carry it")
    elif kind is Format.TIFF:
        _check_tiff(Directory(data))
    elif kind is Format.BMP:
        _check_bmp(data)
    elif kind is Format.HEIC and b"hvcC" not in data:
        _check_heif(data)


def _check_jpeg(frame: jpeg.Frame) -> None:
    if frame.kind and frame.kind not in _JPEG_FRAMES:
        raise unsupported(_JPEG_NAMES.get(frame.kind, "a JPEG in several sizes"))
    if frame.bits in range(2, 17) and frame.bits != 8:
        raise unsupported(f"a JPEG of {frame.bits} bits a colour")
    if frame.components not in (0, 1, 3, 4):
        raise unsupported(f"a JPEG of {frame.components} colours")


def _check_tiff(tags: Directory) -> None:
    # A camera's raw photo: a TIFF by its marks, with a thumbnail where the photo would be. Sources:
    # DNG 1.6 (DNGVersion, 50706); TIFF/EP (sub-directories, 330, behind a reduced picture).
    if 50706 in tags or (330 in tags and tags.number(254, 0) == 1):
        raise not_an_image("a raw photo as cameras store them")
    compression = tags.number(259, 1)
    if compression not in _TIFF_COMPRESSIONS:
        raise unsupported(f"a TIFF compressed by method {compression}")
    bits = tags.number(258, 1)
    if compression == _TIFF_JPEG and (bits != 8 or 338 in tags):
        raise unsupported("a TIFF of JPEGs with more than colours of 8 bits")
    if tags.number(339, 1) == _SIGNED and bits == 8:
        raise unsupported("a TIFF of numbers below zero")


def _check_bmp(data: bytes) -> None:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:
        return
    bits, compression = struct.unpack_from("<HI", data, 28)
    if header_bytes == 16 or bits not in (1, 4, 8, 16, 24, 32) or compression > 3:
        raise unsupported(f"a BMP of {bits} bits a pixel, compressed by method {compression}")


def _check_heif(data: bytes) -> None:
    """The container may hold pictures of any kind; the boxes that set up a decoder tell which."""
    for box, name in _OTHER_HEIF.items():
        if box in data:
            raise unsupported(f"a HEIF file that holds {name}")
