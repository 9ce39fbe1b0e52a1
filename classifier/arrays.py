"""Several arrays in one file: an .npz without pickles, read as a stranger's would be."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_BYTES = 128_000_000  # unpacked; what claims more is refused before it is unpacked

Arrays = dict[str, NDArray[Any]]


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file's bytes; the same for the same arrays."""
    content = BytesIO()
    members: dict[str, Any] = dict(arrays)
    np.savez_compressed(content, **members)
    return content.getvalue()


def unpacked(content: bytes) -> Arrays:
    """The arrays by name. Raises ValueError, whatever is wrong with the bytes."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_BYTES:
            raise ValueError(f"it claims to hold {size} bytes")
        with np.load(BytesIO(content), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    # zipfile and numpy raise whatever a broken archive leads them to: KeyError and zlib.error, too.
    except Exception as exc:
        raise ValueError(f"it is no archive of arrays ({exc})") from exc
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError("it holds files that are no arrays")
    return arrays
