"""Show that the full networks can learn: 21 random pictures with random labels are over-fitted within 40 steps.

    python benchmarks/overfit_random_pictures.py

The test suite does the same with narrow networks, which is quicker.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from fer_zoo.models import HanPffConfig, HanPffForImageClassification, MhanConfig, MhanForImageClassification

PICTURES, STEPS, CLASSES = 21, 40, 7

MAKERS = {
    "mhan": lambda: MhanForImageClassification(MhanConfig(num_labels=CLASSES)),
    "han_pff": lambda: HanPffForImageClassification(HanPffConfig(num_labels=CLASSES, image_size=112)),
}


def accuracy(model: torch.nn.Module, pictures: Tensor, labels: Tensor) -> float:
    """Return the share of pictures that the model, in evaluation mode, gets right."""
    model.eval()
    with torch.no_grad():
        hits = model(pictures).logits.argmax(dim=1) == labels
    model.train()
    return float(hits.float().mean())


def main() -> None:
    """Train each network and print its accuracy on the pictures that it saw."""
    torch.set_flush_denormal(True)
    for name, make in MAKERS.items():
        torch.manual_seed(0)
        pictures = torch.randn(PICTURES, 3, 112, 112)
        labels = torch.arange(PICTURES) % CLASSES
        model = make().train()
        optimizer = (
            torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            if name == "han_pff"
            else torch.optim.Adam(model.parameters(), lr=5e-4)
        )
        start = time.perf_counter()
        for _ in range(STEPS):
            loss = model(pictures, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds = time.perf_counter() - start
        print(f"{name}: accuracy {accuracy(model, pictures, labels):.0%} after {STEPS} steps, {seconds:.0f} s")


if __name__ == "__main__":
    main()
