"""What the figures were measured on."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

#: Those that decide how fast low precisions are.
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_bf16", "amx_int8", "asimd")
PACKAGES = ("fer-zoo", "torch", "torchvision", "transformers", "onnxruntime", "openvino", "nncf", "numpy", "pillow")


def describe_hardware() -> dict[str, Any]:
    """Return processor, memory, system, versions, date and load as plain values."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "processor": _of_processor("model name") or platform.processor() or platform.machine(),
        "cores": count_cores(),
        "flags": [flag for flag in FLAGS if flag in _of_processor("flags").split()],
        "memory_gib": _memory(),
        "system": _system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed_version(name)) is not None},
        "load_average": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def installed_version(package: str) -> str | None:
    """Return the version of a package, or ``None`` if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _system() -> str:
    """Return the name of the system."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:  # only Linux has it
        return f"{platform.system()} {platform.release()}"


def _of_processor(field: str) -> str:
    """Return a field of the first processor as Linux describes it, empty elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field), "")


def _memory() -> float | None:
    """Return the memory in GiB, where the system tells."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
