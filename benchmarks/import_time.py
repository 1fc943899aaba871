"""Measure what ``import fer_zoo`` adds to importing torch and transformers.

    python benchmarks/import_time.py

Runs ``python -X importtime`` in fresh processes. The modules of torch, torchvision and transformers that any model,
image processor or pipeline of transformers needs are imported first; what the row of ``fer_zoo`` then says is its own.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys

RUNS = 5
BASE = """
import torch, torchvision.transforms.v2, transformers
import transformers.image_processing_backends, transformers.modeling_utils, transformers.pipelines
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification
import fer_zoo
"""


def seconds_of_import() -> float:
    """Return the cumulative time of ``fer_zoo`` in one fresh process."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", BASE], capture_output=True, text=True, check=True)
    (microseconds,) = re.findall(r"\| +(\d+) \| fer_zoo$", done.stderr, re.MULTILINE)
    return int(microseconds) / 1e6


def main() -> None:
    """Print the median of several runs."""
    times = [seconds_of_import() for _ in range(RUNS)]
    print(
        f"import fer_zoo: median {statistics.median(times):.3f} s, {min(times):.3f} to {max(times):.3f} s, {RUNS} runs"
    )


if __name__ == "__main__":
    main()
