"""Surgery on a .tflite: let it give an earlier layer, too. No TensorFlow, no new weights."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

# MobileNetV2's last layer of 14 x 14: what it knows is less bent to the categories than the
# embedding is, and pooled it tells kinds apart that were never trained on.
LAYER = b"block_13_expand"
_PLACES = 14
_NAME = b"block_13"
_ROOM_BYTES = 4_000_000


def with_layer(content: bytes) -> tuple[bytes, int] | None:
    """Give the model with the layer as a further output, and its channels; None without one."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    place = next((at for at, tensor in enumerate(graph.tensors) if _is_layer(tensor)), None)
    if place is None:
        return None
    graph.outputs = np.append(graph.outputs, place).astype(np.int32)
    for signature in model.signatureDefs or ():
        named = schema.TensorMapT()
        named.name, named.tensorIndex = _NAME, place
        signature.outputs.append(named)
    return packed(model), int(graph.tensors[place].shape[-1])


def packed(model: schema.ModelT) -> bytes:
    """The model as a file."""
    builder = flatbuffers.Builder(_ROOM_BYTES)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _is_layer(tensor: schema.TensorT) -> bool:
    """After its ReLU6, whose quantised zero is -128: pooling relies on that."""
    shape = tensor.shape
    return bool(
        LAYER in (tensor.name or b"")
        and tensor.type == schema.TensorType.INT8
        and shape is not None
        and len(shape) == 4
        and tuple(shape[1:3]) == (_PLACES, _PLACES)
        and tuple(tensor.quantization.zeroPoint) == (-128,)
    )
