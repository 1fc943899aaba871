"""What there is to compute with."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from fer_zoo.pipelines.threads import usable_cpus

#: Where Linux says what its processors can; other systems have no such file, and torch's answer has to do.
CPU_INFO: Final = Path("/proc/cpuinfo")

#: What matters to the speed of networks, as Linux names it, for x86-64 and for ARM.
USEFUL_FEATURES: Final = (
    *("avx2", "fma", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16"),
    *("asimd", "asimddp", "sve", "sve2", "i8mm", "bf16"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """The processor and the accelerators.

    Attributes:
        system: such as ``Linux 6.1 x86_64``.
        processor: name of the processor; its kind where the system does not say.
        cores: how many this process may use.
        features: what the processor has of ``USEFUL_FEATURES``; empty where the system does not say.
        torch_capability: the instructions that torch chose for its own operations, such as ``AVX512``.
        accelerators: such as ``cuda:0: NVIDIA H100 (79 GiB)``; empty if torch sees none.
    """

    system: str
    processor: str
    cores: int
    features: tuple[str, ...]
    torch_capability: str
    accelerators: tuple[str, ...]


def find_machine() -> Machine:
    """Return what this process can compute with."""
    fields = _read_cpu_info()
    flags = fields.get("flags", fields.get("Features", "")).split()
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=fields.get("model name", platform.processor() or platform.machine()),
        cores=usable_cpus(),
        features=tuple(feature for feature in USEFUL_FEATURES if feature in flags),
        torch_capability=torch.backends.cpu.get_cpu_capability(),
        accelerators=_find_accelerators(),
    )


def _read_cpu_info() -> dict[str, str]:
    """Return what Linux says of the first processor, by the names it has there."""
    try:
        first = CPU_INFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _find_accelerators() -> tuple[str, ...]:
    """Return the devices of torch beside the CPU."""
    found = []
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        memory = torch.cuda.get_device_properties(i).total_memory / 2**30
        found.append(f"cuda:{i}: {torch.cuda.get_device_name(i)} ({memory:.0f} GiB)")
    if torch.backends.mps.is_available():
        found.append("mps: Apple's Metal")
    return tuple(found)


__all__ = ["CPU_INFO", "USEFUL_FEATURES", "Machine", "find_machine"]
