"""How the options that choose a pipeline reach it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processor import provider_of_bf16
from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.cli.pipeline_choice import PipelineChoice
from fer_zoo.errors import FerZooError
from fer_zoo.export import export_model
from fer_zoo.registry import create_model

#: All of them, as they are typed and as the pipeline takes them.
TYPED = [
    *("--model", "m", "--detector", "whole_image", "--device", "cpu"),
    *("--backend", "openvino", "--precision", "bf16", "--threads", "3", "--flip"),
]
TAKEN = {
    "model": "m",
    "detector": "whole_image",
    "device": "cpu",
    "backend": "openvino",
    "precision": "bf16",
    "threads": 3,
    "flip": True,
}
DEFAULTS = {
    "model": "mhan",
    "detector": "center_face",
    "device": None,
    "backend": None,
    "precision": None,
    "threads": None,
    "flip": False,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a small network that OpenVINO runs."""
    torch.manual_seed(0)
    model, processor = create_model("resnet18", config_options={"image_size": 32})
    report = export_model(model.eval(), processor, tmp_path_factory.mktemp("exported") / "out", file_format="openvino")
    return str(report.folder)


@pytest.mark.parametrize("command", [["predict"], ["predict", "--output", "faces.csv"], ["video"]], ids=" ".join)
@pytest.mark.parametrize(("typed", "taken"), [([], DEFAULTS), (TYPED, TAKEN)], ids=["defaults", "all"])
def test_what_is_typed_is_what_the_pipeline_takes(
    command: list[str],
    typed: list[str],
    taken: dict[str, object],
    smile: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each option of each command comes under its own name."""
    asked: list[dict[str, Any]] = []

    def note(**options: Any) -> None:
        """Stand for the pipeline, which is not made."""
        asked.append(options)
        raise FerZooError("enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer_zoo.cli.pipeline_choice.pipeline", note)

    found = CliRunner().invoke(app, [*command, smile, *typed])

    assert "enough" in found.stderr
    assert asked == [taken]


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "provider"), [("fp32", "CPU (fp32)"), ("bf16", provider_of_bf16())])
def test_openvino_computes_as_it_is_told(precision: str, provider: str, exported: str) -> None:
    """The compiled network has the precision and the one thread that were chosen."""
    choice = PipelineChoice(exported, "whole_image", backend="openvino", precision=precision, threads=1)

    pipe = choice.make()

    assert pipe.provider == provider
    assert pipe.model.network._together.get_property("INFERENCE_NUM_THREADS") == 1
