# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads BlazePose's .tflite flatbuffers; only the conversion at set-up needs it and `tflite`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite

ACTIVATIONS = {
    tflite.ActivationFunctionType.NONE: None,
    tflite.ActivationFunctionType.RELU: "relu",
    tflite.ActivationFunctionType.RELU6: "relu6",
}
PADDINGS = {tflite.Padding.SAME: "same", tflite.Padding.VALID: "valid"}
DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}


@dataclass(frozen=True)
class Graph:
    """A network as TFLite stores it, constants folded; tensors are known by their index.

    `ops` are dictionaries: `kind`, `inputs` and `output` (indices) and the options of that kind.
    `constants` hold what is no op's output, float32 or int32, in TFLite's layout (NHWC, OHWI).
    """

    inputs: list[int]
    outputs: list[int]
    ops: list[dict[str, Any]]
    constants: dict[int, np.ndarray]


def read_tflite(data: bytes) -> Graph:
    """The graph in the bytes of a .tflite file, its weights dequantised and made dense.

    Raises ValueError naming the operator that is not among those that BlazePose uses.
    """
    model: Any = tflite.Model.GetRootAs(data, 0)
    subgraph = model.Subgraphs(0)
    constants = {
        index: values
        for index in range(subgraph.TensorsLength())
        if (values := _constant(model, subgraph.Tensors(index))) is not None
    }
    ops = []
    for position in range(subgraph.OperatorsLength()):
        op = subgraph.Operators(position)
        kind = _kind(model, op)
        inputs = [int(index) for index in op.InputsAsNumpy()]
        (output,) = (int(index) for index in op.OutputsAsNumpy())
        if kind in ("DENSIFY", "DEQUANTIZE"):
            constants[output] = constants.pop(inputs[0])
        else:
            ops.append({"kind": kind, "inputs": inputs, "output": output} | _options(kind, op))
    constants = {
        index: values.astype(np.float32) if values.dtype == np.float16 else values
        for index, values in constants.items()
    }
    return Graph(
        inputs=[int(index) for index in subgraph.InputsAsNumpy()],
        outputs=[int(index) for index in subgraph.OutputsAsNumpy()],
        ops=ops,
        constants=constants,
    )


def _kind(model: Any, op: Any) -> str:
    code = model.OperatorCodes(op.OpcodeIndex())
    # codes below 127 lie in the older, one-byte field, later ones in both
    return tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))


def _options(kind: str, op: Any) -> dict[str, Any]:
    table = op.BuiltinOptions()

    def read(options: Any) -> Any:
        options.Init(table.Bytes, table.Pos)
        return options

    match kind:
        case "CONV_2D" | "DEPTHWISE_CONV_2D":
            depthwise = kind == "DEPTHWISE_CONV_2D"
            options = read(tflite.DepthwiseConv2DOptions() if depthwise else tflite.Conv2DOptions())
            if options.DilationHFactor() != 1 or options.DilationWFactor() != 1:
                raise ValueError(f"{kind} with dilation is not supported")
            return {
                "stride": [options.StrideH(), options.StrideW()],
                "padding": PADDINGS[options.Padding()],
                "activation": ACTIVATIONS[options.FusedActivationFunction()],
            }
        case "MAX_POOL_2D":
            options = read(tflite.Pool2DOptions())
            return {
                "size": [options.FilterHeight(), options.FilterWidth()],
                "stride": [options.StrideH(), options.StrideW()],
                "padding": PADDINGS[options.Padding()],
                "activation": ACTIVATIONS[options.FusedActivationFunction()],
            }
        case "ADD":
            return {"activation": ACTIVATIONS[read(tflite.AddOptions()).FusedActivationFunction()]}
        case "CONCATENATION":
            options = read(tflite.ConcatenationOptions())
            return {"axis": options.Axis()}
        case "DEPTH_TO_SPACE":
            return {"block": read(tflite.DepthToSpaceOptions()).BlockSize()}
        case "RESIZE_BILINEAR":
            options = read(tflite.ResizeBilinearOptions())
            if options.AlignCorners() or not options.HalfPixelCenters():
                raise ValueError("RESIZE_BILINEAR without half-pixel centres is not supported")
            return {}
        case "PAD" | "RESHAPE" | "LOGISTIC" | "DENSIFY" | "DEQUANTIZE":
            return {}
    raise ValueError(f"TFLite operator {kind} is not supported")


def _constant(model: Any, tensor: Any) -> np.ndarray | None:
    """The values stored for a tensor in its full shape, None when an op computes it."""
    buffer = model.Buffers(tensor.Buffer())
    if buffer.DataLength() == 0:
        return None
    values = np.frombuffer(buffer.DataAsNumpy().tobytes(), DTYPES[tensor.Type()])
    shape = tuple(int(size) for size in tensor.ShapeAsNumpy())
    sparsity = tensor.Sparsity()
    return values.reshape(shape) if sparsity is None else _densify(values, shape, sparsity)


def _densify(values: np.ndarray, shape: tuple[int, ...], sparsity: Any) -> np.ndarray:
    """Compressed rows (dense but for the last dimension, without blocks) to a full array."""
    last = len(shape) - 1
    formats = [sparsity.DimMetadata(axis).Format() for axis in range(len(shape))]
    expected = [tflite.DimensionType.DENSE] * last + [tflite.DimensionType.SPARSE_CSR]
    if formats != expected or list(sparsity.TraversalOrderAsNumpy()) != list(range(len(shape))):
        raise ValueError("only tensors that are sparse in their last dimension are supported")
    rows = sparsity.DimMetadata(last)
    ends = _index_vector(rows.ArraySegmentsType(), rows.ArraySegments())
    columns = _index_vector(rows.ArrayIndicesType(), rows.ArrayIndices())
    dense = np.zeros((int(np.prod(shape[:last])), shape[last]), values.dtype)
    dense[np.repeat(np.arange(len(dense)), np.diff(ends)), columns] = values
    return dense.reshape(shape)


def _index_vector(kind: int, table: Any) -> np.ndarray:
    vectors = {
        tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
        tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
        tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
    }
    vector = vectors[kind]()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy().astype(np.int64)
