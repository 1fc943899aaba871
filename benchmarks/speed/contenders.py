"""The ways to run a classifier, each as a function from pixel values to logits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.speed.faces import PixelValues
from benchmarks.speed.subjects import Subject
from fer_zoo.errors import FerZooError
from fer_zoo.export import export_model, load_exported
from fer_zoo.export.onnx_network import to_onnx
from fer_zoo.models import FerPreTrainedModel
from fer_zoo.runtime import Network, RuntimeOptions, open_network

Run: TypeAlias = Callable[[PixelValues], NDArray[np.float32]]  # (B, 3, H, W) -> (B, K)

#: What all ratios refer to.
REFERENCE = "torch eager fp32"


class NotMeasuredError(Exception):
    """A contender that cannot run here; the message is the reason."""


@dataclass(frozen=True)
class Workshop:
    """Makes the contenders of one model.

    Attributes:
        subject: the model.
        threads: for each contender.
        calibration: faces that int8 takes its ranges from; without any there is no int8.
        folder: for exports; one that exists.
    """

    subject: Subject
    threads: int
    calibration: PixelValues | None
    folder: Path

    @cached_property
    def onnx(self) -> bytes:
        """The network in the format of ONNX."""
        return to_onnx(self.subject.model, self.subject.processor)

    def eager(self) -> Run:
        """Run the model as it is loaded: the reference."""
        return run_torch(self.subject.model)

    def fused(self) -> Run:
        """Run the model in its inference form."""
        return run_torch(copy.deepcopy(self.subject.model).fuse())

    def fused_bf16(self) -> Run:
        """Run its inference form in bfloat16."""
        return run_torch(copy.deepcopy(self.subject.model).fuse().to(torch.bfloat16))

    def onnxruntime(self) -> Run:
        """Run the exported network with onnxruntime."""
        return run_network(open_network(self.onnx, "onnxruntime", RuntimeOptions(self.threads)))

    def openvino(self) -> Run:
        """Run the exported network with OpenVINO."""
        return run_network(open_network(self.onnx, "openvino", RuntimeOptions(self.threads, "fp32")))

    def openvino_bf16(self) -> Run:
        """Run the exported network with OpenVINO in bfloat16."""
        network = open_network(self.onnx, "openvino", RuntimeOptions(self.threads, "bf16"))
        if "bf16" not in network.provider:
            raise NotMeasuredError(f"this processor has no bfloat16, OpenVINO takes {network.provider}")
        return run_network(network)

    def onnxruntime_int8(self) -> Run:
        """Run the network quantised by onnxruntime."""
        return self._int8("onnx", "onnxruntime")

    def openvino_int8(self) -> Run:
        """Run the network quantised by NNCF."""
        return self._int8("openvino", "openvino")

    def _int8(self, file_format: str, backend: str) -> Run:
        """Quantise the network, and run what was written."""
        if self.calibration is None:
            raise NotMeasuredError("needs --faces")
        folder = self.folder / f"{Path(self.subject.name).name}-{file_format}-int8"
        export_model(
            self.subject.model,
            self.subject.processor,
            folder,
            file_format=file_format,
            precision="int8",
            calibration=self.calibration,
        )
        return run_network(load_exported(folder, backend, RuntimeOptions(self.threads)).network)


#: Every contender, and how it is made.
CONTENDERS: dict[str, Callable[[Workshop], Run]] = {
    REFERENCE: Workshop.eager,
    "torch fused fp32": Workshop.fused,
    "torch fused bf16": Workshop.fused_bf16,
    "onnxruntime fp32": Workshop.onnxruntime,
    "openvino fp32": Workshop.openvino,
    "openvino bf16": Workshop.openvino_bf16,
    "onnxruntime int8": Workshop.onnxruntime_int8,
    "openvino int8": Workshop.openvino_int8,
}


def make_contenders(workshop: Workshop, names: Iterable[str]) -> tuple[dict[str, Run], dict[str, str]]:
    """Return those contenders that can run, and why the others cannot, by name."""
    made: dict[str, Run] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            made[name] = CONTENDERS[name](workshop)
        except (FerZooError, NotMeasuredError) as error:
            reasons[name] = str(error)
    return made, reasons


def run_torch(model: FerPreTrainedModel) -> Run:
    """Return what runs a model of torch, in its own type."""

    def run(pixels: PixelValues) -> NDArray[np.float32]:
        """Return the logits."""
        with torch.inference_mode():
            logits: NDArray[np.float32] = model(torch.from_numpy(pixels).to(model.dtype)).logits.float().numpy()
        return logits

    return run


def run_network(network: Network) -> Run:
    """Return what runs a network of a file."""
    return lambda pixels: network.run(pixels)[0]
