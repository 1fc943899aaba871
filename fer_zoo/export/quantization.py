"""Quantisation to int8 after training, with the ranges that faces give.

Paper: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", arXiv 1806.08342, for scales
per channel and ranges from a few hundred pictures. The arithmetic is that of onnxruntime and of NNCF.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.export.onnx_network import INPUT
from fer_zoo.packages import import_optional


class FaceReader:
    """Hands faces to onnxruntime's calibration, one at a time.

    Args:
        faces: ``(N, 3, H, W)``, normalised.
    """

    def __init__(self, faces: NDArray[np.float32]) -> None:
        self._faces: Iterator[NDArray[np.float32]] = iter(faces[:, None])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next face, or ``None`` at the end."""
        face = next(self._faces, None)
        return None if face is None else {INPUT: face}


def quantize_onnx(network: bytes, faces: NDArray[np.float32]) -> bytes:
    """Quantise a network in the format of ONNX: convolutions and linear layers, weights per channel.

    Args:
        network: the content of the file.
        faces: ``(N, 3, H, W)``, normalised; some hundred.

    Returns:
        the content of the quantised file, its metadata included.
    """
    onnx = import_optional("onnx", "Quantisation")
    quantization = import_optional("onnxruntime.quantization", "Quantisation")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(network)
        quantization.quantize_static(
            source,
            target,
            FaceReader(faces),
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        quantized = onnx.load(str(target))
    known = {entry.key for entry in quantized.metadata_props}
    for entry in onnx.load_model_from_string(network).metadata_props:
        if entry.key not in known:
            quantized.metadata_props.add(key=entry.key, value=entry.value)
    return bytes(quantized.SerializeToString())


def quantize_openvino(network: Any, faces: NDArray[np.float32]) -> Any:  # a class of a package without types
    """Quantise a network of OpenVINO with NNCF; depthwise convolutions and gates stay as they are.

    Args:
        network: an ``openvino.Model``.
        faces: ``(N, 3, H, W)``, normalised; some hundred.

    Returns:
        the quantised model.
    """
    nncf = import_optional("nncf", "Quantisation for OpenVINO", "export")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    return nncf.quantize(
        network,
        nncf.Dataset(list(faces[:, None])),
        subset_size=len(faces),
        preset=nncf.QuantizationPreset.MIXED,  # activations with a zero point of their own
        ignored_scope=nncf.IgnoredScope(types=["GroupConvolution", "Multiply", "Add"], validate=False),
    )


__all__ = ["FaceReader", "quantize_onnx", "quantize_openvino"]
