"""Time the fused layers on a GPU: eager, fused, and torch.compile of the eager ones, side by side in one run.

    python benchmarks/fused_layers.py --batch 1 32 512 --dtype bfloat16 --output fused_layers.json

For every layer and both whole models it takes turns among the variants, so that a GPU that slows down slows all of
them, and prints the median time of a call in microseconds. ``--training`` times forward and backward together.
``--compile-mode reduce-overhead`` lets torch.compile use CUDA graphs. Needs a CUDA device.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from fer_zoo.layers import (
    AttentionalFusion,
    CoordinateAttention,
    DualDirectionHead,
    DualDirectionHeads,
    EfficientLocalAttention,
    GradientBranch,
    LocalContextAttention,
    set_implementation,
)
from fer_zoo.layers.kernels import fallback_reason
from fer_zoo.registry import create_model

ROUNDS = 15
CALLS = 10  # of a variant in each round
WARM_UP = 5  # calls, of which the first compiles

#: What is timed: how it is made, and the shapes of its inputs without the batch, as the models have them.
LAYERS: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]]]] = {
    "coordinate attention, 128 x 28 x 28": (lambda: CoordinateAttention(128), [(128, 28, 28)]),
    "coordinate attention, 256 x 14 x 14": (lambda: CoordinateAttention(256), [(256, 14, 14)]),
    "coordinate attention, 512 x 7 x 7": (lambda: CoordinateAttention(512), [(512, 7, 7)]),
    "efficient local attention, 512 x 7 x 7": (lambda: EfficientLocalAttention(512), [(512, 7, 7)]),
    "two dual-direction heads, 512 x 7 x 7": (
        lambda: DualDirectionHeads(DualDirectionHead(512, 7) for _ in range(2)),
        [(512, 7, 7)],
    ),
    "attentional fusion, 256 x 14 x 14": (lambda: AttentionalFusion(256), [(256, 14, 14), (256, 14, 14)]),
    "local context attention, 64 x 56 x 56": (lambda: LocalContextAttention(64), [(64, 56, 56)]),
    "gradient branch, 64 x 56 x 56 to 128 x 28 x 28": (lambda: GradientBranch(64, 128, stride=2), [(64, 56, 56)]),
    "MHAN": (lambda: create_model("mhan").model, [(3, 112, 112)]),
    "HAN-PFF": (lambda: create_model("han_pff").model, [(3, 224, 224)]),
}


def make_variants(
    make: Callable[[], nn.Module], dtype: torch.dtype, mode: str, *, training: bool
) -> dict[str, nn.Module]:
    """Return the same layer or model in every variant, on the GPU."""
    torch.manual_seed(0)
    eager = make().to("cuda", dtype).train(training)
    variants = {"eager": eager, "fused": copy.deepcopy(eager), "compiled eager": copy.deepcopy(eager)}
    variants["compiled fused"] = copy.deepcopy(eager)
    for name in ("fused", "compiled fused"):
        set_implementation(variants[name], "fused")
    for name in ("compiled eager", "compiled fused"):
        variants[name] = torch.compile(variants[name], mode=mode)
    return variants


def sum_outputs(outputs: object) -> Tensor:
    """Return a scalar to go backward from: the sum of the first output that has a gradient, whatever holds it."""
    if isinstance(outputs, Tensor):
        return outputs.float().sum()
    values = list(outputs.values()) if isinstance(outputs, dict) else list(outputs)  # type: ignore[call-overload]
    return sum_outputs(next(value for value in values if value is not None))


def time_calls(layer: nn.Module, inputs: list[Tensor], calls: int, *, training: bool) -> float:
    """Return the time of a call in microseconds, from the GPU's own clock."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        if training:
            sum_outputs(layer(*inputs)).backward()
        else:
            with torch.no_grad():
                layer(*inputs)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1000 / calls


def time_variants(variants: dict[str, nn.Module], inputs: list[Tensor], *, training: bool) -> dict[str, float]:
    """Return the median time of a call of every variant in microseconds; the variants take turns."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for layer in variants.values():
        time_calls(layer, inputs, WARM_UP, training=training)
    for _ in range(ROUNDS):
        for name, layer in variants.items():
            times[name].append(time_calls(layer, inputs, CALLS, training=training))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print a line for each layer and batch size, and write all figures if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32, 512])
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], default="bfloat16")
    parser.add_argument("--compile-mode", choices=["default", "reduce-overhead", "max-autotune"], default="default")
    parser.add_argument("--training", action="store_true", help="time forward and backward")
    parser.add_argument("--only", help="part of the name of what is timed")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    dtype = getattr(torch, arguments.dtype)
    if not torch.cuda.is_available():
        sys.exit("This benchmark needs a CUDA device, and torch finds none. Timings on a CPU would say nothing.")
    if reason := fallback_reason(torch.empty(1, 1, 1, 1, dtype=dtype, device="cuda")):
        sys.exit(f"The kernels cannot run here: {reason}.")

    rows = []
    device = torch.cuda.get_device_name()
    print(f"{device}, torch {torch.__version__}, {arguments.dtype}, microseconds a call, median of {ROUNDS} rounds")
    for name, (make, shapes) in LAYERS.items():
        if arguments.only and arguments.only not in name:
            continue
        variants = make_variants(make, dtype, arguments.compile_mode, training=arguments.training)
        for batch in arguments.batch:
            inputs = [
                torch.randn(batch, *shape, dtype=dtype, device="cuda", requires_grad=arguments.training)
                for shape in shapes
            ]
            times = time_variants(variants, inputs, training=arguments.training)
            rows.append({"name": name, "batch": batch, "microseconds": times})
            print(
                f"{name}, batch {batch}: " + ", ".join(f"{key} {value:.0f}" for key, value in times.items()), flush=True
            )
    if arguments.output:
        options = {key: str(value) for key, value in vars(arguments).items()}
        report = {"device": device, "torch": torch.__version__, "options": options, "rows": rows}
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
