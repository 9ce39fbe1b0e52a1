"""Labels: the return id that a code in the photo holds, where the photo's name has none."""

from __future__ import annotations

from collections.abc import Callable

from classifier.barcodes import read_codes
from classifier.pixels import Picture
from daemon.domain.photos import as_text
from daemon.domain.return_ids import label_id
from daemon.sorting.workers import LabelOf


def label_reader(read: Callable[[str], str], max_megapixels: float) -> LabelOf:
    """What looks for a label in a photo whose name holds no return id.

    read: the return id in a name or a text; empty for none.
    """

    def label_of(path: str, data: bytes, picture: Picture) -> str:
        if read(as_text(path.rpartition("/")[2])):
            return ""
        size = picture.width, picture.height
        codes = read_codes(data, size, max_megapixels=max_megapixels)
        return label_id(((code.kind, code.text) for code in codes), read)

    return label_of
