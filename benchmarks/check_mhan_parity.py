"""Compare the converted MHAN with recorded outputs of the authors' network.

    python benchmarks/check_mhan_parity.py CHECKPOINT.pth EXPECTED.npz --label-set fer_plus

The second file holds ``pixel_values`` (B, 3, 112, 112) and what the authors' code gave for them with that checkpoint:
``logits`` (B, K), ``features`` (B, 512, 7, 7) after efficient local attention, and ``attention_maps``
(heads, B, 512, 7, 7). The exit status is 1 if a difference is above the tolerance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from fer_zoo.labels import get_label_set
from fer_zoo.models import convert_mhan

TOLERANCE = 1e-4


def main() -> None:
    """Print the largest difference of each output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("expected", type=Path)
    parser.add_argument("--label-set", default="fer_plus")
    arguments = parser.parse_args()

    model, dropped_keys = convert_mhan(arguments.checkpoint, get_label_set(arguments.label_set))
    expected = np.load(arguments.expected)
    with torch.no_grad():
        outputs = model(torch.from_numpy(expected["pixel_values"]), output_attentions=True)
    found = {
        "logits": outputs.logits,
        "features": outputs.features,
        "attention_maps": torch.stack(outputs.attention_maps),
    }
    print(f"parameters: {model.num_parameters():,}; dropped tensors: {len(dropped_keys)}")
    differences = {name: float(np.abs(value.numpy() - expected[name]).max()) for name, value in found.items()}
    for name, difference in differences.items():
        print(f"{name}: largest difference {difference:.2e}")
    if max(differences.values()) > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    main()
