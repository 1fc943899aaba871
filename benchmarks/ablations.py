"""What each part of MHAN and HAN-PFF is worth: every model without it, trained alike, and the baselines.

    python -m benchmarks.ablations FERPlus --output DIR --side-by-side 4 -- --epochs 20 --device cuda

What follows ``--`` goes to every ``fer-zoo train``. Each run has a folder below DIR; the same command goes on where it
was stopped and leaves finished runs alone. The table, ``DIR/ablations.md``, is of the pictures that the epoch is chosen
by: FER+ validation, without those that training has too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from transformers import AutoModelForImageClassification

import fer_zoo  # noqa: F401  # makes its models known to the Auto classes
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.training import RunFolder

#: What all runs share; the options of the caller come after it.
COMMON = ("--kind", "fer_plus", "--recipe", "fer-plus", "--without-twins", "--set", "model.image_size=48")


@dataclass(frozen=True, slots=True)
class Variant:
    """A model with a part less, or another one.

    Attributes:
        model: name of the architecture.
        title: what is different, for the table.
        settings: fields of the model's configuration.
    """

    model: str
    title: str
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return "_".join([self.model, *(setting.replace("=", "_") for setting in self.settings)])


VARIANTS = (
    Variant("mhan", "as it is"),
    Variant("mhan", "without efficient local attention", ("use_local_attention=false",)),
    Variant("mhan", "1 head", ("num_attention_heads=1",)),
    Variant("mhan", "4 heads", ("num_attention_heads=4",)),
    Variant("mhan", "attention diversity for consistency", ("attention_loss=diversity",)),
    Variant("mhan", "without a loss on the attention", ("attention_loss=none",)),
    Variant("han_pff", "as it is"),
    Variant("han_pff", "without local context attention", ("use_local_context_attention=false",)),
    Variant("han_pff", "without global context", ("use_global_context=false",)),
    Variant("han_pff", "without spatial gradients", ("use_spatial_gradient=false",)),
    Variant("han_pff", "sums for AFFB and IFFB", ("progressive_fusion=sum",)),
    Variant("han_pff", "AFFB for IFFB", ("last_fusion=attentional",)),
    Variant("han_pff", "concatenation for GFFB", ("vector_fusion=concat",)),
    Variant("han_pff", "without region independence", ("region_independence_weight=0",)),
    Variant("han_pff", "without the shared classifier", ("use_shared_classifier=false",)),
    Variant("mfn", "baseline: MHAN without attention"),
    Variant("resnet18", "baseline"),
)


def main() -> None:
    """Train what is not trained yet, and write the table of what is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of FER+")
    parser.add_argument("--output", type=Path, required=True)
    models = dict.fromkeys(variant.model for variant in VARIANTS)
    parser.add_argument("--models", nargs="+", default=[], choices=models, help="only variants of these")
    parser.add_argument("--side-by-side", type=int, default=1, help="runs at the same time")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    arguments, options = parser.parse_args(words[:end]), words[end + 1 :]
    variants = [variant for variant in VARIANTS if not arguments.models or variant.model in arguments.models]
    arguments.output.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(arguments.side_by_side) as pool:
        codes = list(pool.map(lambda variant: train(variant, arguments.path, arguments.output, options), variants))
    text = table(variants, arguments.output)
    (arguments.output / "ablations.md").write_text(text, encoding="utf-8")
    print(text)
    sys.exit(int(any(codes)))


def train(variant: Variant, path: Path, output: Path, options: list[str]) -> int:
    """Run ``fer-zoo train`` for a variant, its output in a file beside its folder; return the exit status."""
    folder = output / variant.folder
    if RunFolder(folder).is_finished:
        return 0
    settings = [word for setting in variant.settings for word in ("--set", f"model.{setting}")]
    command = [sys.executable, "-m", "fer_zoo.cli", "train", str(path), "--model", variant.model]
    command += ["--output", str(folder), *COMMON, *settings, *options]
    with (output / f"{variant.folder}.log").open("a") as log:
        done = subprocess.run(command, check=False, stdout=log, stderr=log)
    print(f"{variant.model}, {variant.title}: {'done' if done.returncode == 0 else f'see {log.name}'}", flush=True)
    return done.returncode


def table(variants: list[Variant], output: Path) -> str:
    """Return the table of the finished runs as Markdown."""
    lines = [
        "| model | | parameters | epochs | time since it last began or went on | accuracy | balanced accuracy | NLL |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in variants:
        folder = output / variant.folder
        if not RunFolder(folder).is_finished:
            continue
        metrics = EvaluationReport.load(folder).metrics
        record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        model = AutoModelForImageClassification.from_pretrained(folder)
        accuracy = metrics.accuracy
        lines.append(
            f"| `{variant.model}` | {variant.title} | {model.num_parameters():,} | {record['history'][-1]['epoch']:g} "
            f"| {record['seconds'] / 60:.0f} min | {accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%}) "
            f"| {metrics.balanced_accuracy:.1%} | {metrics.nll:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
