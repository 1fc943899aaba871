"""Whole models with ``attn_implementation="fused"``: the choice, the answers, and what is saved.

The kernels run on a GPU if there is one, else they are interpreted on the CPU.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification, BertConfig, BertModel, PreTrainedModel
from transformers.integrations import hub_kernels

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import FusibleLayer, mixed_feature_network
from fer_zoo.layers.mixed_feature_network import Stage
from fer_zoo.models import MhanConfig, MhanForImageClassification
from fer_zoo.registry import create_model

pytestmark = pytest.mark.slow

#: As small as can be: the interpreter takes milliseconds for each program of each kernel.
SMALL: dict[str, dict[str, Any]] = {
    "han_pff": {"image_size": 112, "hidden_sizes": [4, 8, 16, 32], "vector_size": 16, "classifier_dropout": 0.0},
    "mfn": {"image_size": 48},
    "mhan": {"image_size": 48},
}
NARROW_STAGES = (
    Stage(16, (16, 8, 8), (3, 5, 7), 1, (24, 8), (3, 5)),
    Stage(24, (16, 8, 8), (3, 5, 7), 2, (20, 20), (3, 5)),
    Stage(32, (16, 16, 16, 16), (3, 5, 7, 9), 1, (22, 21, 21), (3, 5, 7)),
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch on Linux alone")


@pytest.fixture(autouse=True)
def narrow_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the mixed feature network few channels and few blocks."""
    monkeypatch.setattr(mixed_feature_network, "STAGES", NARROW_STAGES)


def build(name: str) -> PreTrainedModel:
    """Return a small classifier with the same weights in every call, none of them zero, in eval mode.

    Its batch norms know the statistics of some pictures: without, values grow from block to block, and rounding too.
    """
    torch.manual_seed(0)
    model = create_model(name, config_options=SMALL[name]).model
    for parameter in model.parameters():
        if not parameter.any():  # branches that add nothing to a fresh network
            nn.init.normal_(parameter, std=0.2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(pictures(model, 8))
    return model.to(DEVICE).eval()


def pictures(model: PreTrainedModel, number: int = 2) -> Tensor:
    """Return random pictures of the size of the model, the same in every call."""
    size = model.config.image_size
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(1)).to(model.device)


def implementations(model: PreTrainedModel) -> set[str]:
    """Return what the layers of a model use."""
    return {layer.implementation for layer in model.modules() if isinstance(layer, FusibleLayer)}


class TestChoice:
    """How the implementation is chosen."""

    def test_models_are_eager_unless_asked(self) -> None:
        """The configuration and every layer say so."""
        model = build("mhan")

        assert model.config._attn_implementation == "eager"
        assert implementations(model) == {"eager"}

    def test_a_configuration_makes_a_fused_model(self) -> None:
        """Of ``from_config``, all layers take the kernels."""
        config = MhanConfig(**SMALL["mhan"])

        model = AutoModelForImageClassification.from_config(config, attn_implementation="fused")

        assert model.config._attn_implementation == "fused"
        assert implementations(model) == {"fused"}

    @pytest.mark.parametrize("name", SMALL)
    def test_a_model_can_change_its_mind(self, name: str) -> None:
        """``set_attn_implementation`` reaches every layer of every model, there and back."""
        model = build(name)

        model.set_attn_implementation("fused")
        chosen = implementations(model)
        model.set_attn_implementation("eager")

        assert chosen == {"fused"}
        assert implementations(model) == {"eager"}

    def test_the_inner_model_speaks_for_its_layers(self) -> None:
        """The model without its classifier can be told alone."""
        model = build("mhan")

        model.base_model.set_attn_implementation("fused")

        assert implementations(model) == {"fused"}

    @pytest.mark.parametrize("name", ["sdpa", "flash_attention_2", "fussed"])
    def test_other_implementations_are_refused(self, name: str) -> None:
        """There are no queries and keys for them, and nothing is changed."""
        model = build("mhan")

        with pytest.raises(InvalidOptionError, match="for attn_implementation: expected 'eager' or 'fused'"):
            model.set_attn_implementation(name)

        assert model.config._attn_implementation == "eager"

    @pytest.mark.parametrize("name", ["kernels-community/flash-attn", "org/repo", "org/repo@main:layer", "paged|sdpa"])
    def test_no_kernel_is_fetched(self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A name of a repository is refused before anything is asked for, in a configuration and in a call."""
        asked: list[object] = []
        for function in ("get_kernel", "load_and_register_attn_kernel"):
            monkeypatch.setattr(hub_kernels, function, lambda *args, **options: asked.append(args))
        model = build("mhan")
        model.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "_attn_implementation": name}))

        choices: tuple[Callable[[], object], ...] = (
            lambda: AutoModelForImageClassification.from_pretrained(tmp_path),
            lambda: AutoModelForImageClassification.from_config(MhanConfig(**SMALL["mhan"]), attn_implementation=name),
            lambda: model.set_attn_implementation(name),
            lambda: model.set_attn_implementation(name, allow_all_kernels=True),
        )
        for choose in choices:
            with pytest.raises(InvalidOptionError, match="for attn_implementation: expected 'eager' or 'fused'"):
                choose()

        assert not asked

    def test_models_of_transformers_do_not_learn_of_it(self) -> None:
        """A model of another library still refuses ``"fused"``."""
        config = BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=8
        )

        with pytest.raises(ValueError, match="fused"):
            BertModel._from_config(config, attn_implementation="fused")


class TestFiles:
    """What a checkpoint keeps."""

    def test_a_checkpoint_knows_nothing_of_the_kernels(self, tmp_path: Path) -> None:
        """Names and values are those of the eager model, and so is what is loaded unless it is asked for again."""
        model = build("mhan").cpu()
        names = list(model.state_dict())

        model.set_attn_implementation("fused")
        model.save_pretrained(tmp_path)
        eager = AutoModelForImageClassification.from_pretrained(tmp_path)
        fused = AutoModelForImageClassification.from_pretrained(tmp_path, attn_implementation="fused")

        assert (implementations(eager), implementations(fused)) == ({"eager"}, {"fused"})
        assert list(fused.state_dict()) == list(model.state_dict()) == names
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in fused.state_dict().items())
        assert AutoConfig.from_pretrained(tmp_path).to_dict() == eager.config.to_dict()

    def test_a_model_that_gives_maps_by_default_can_be_fused_and_saved(self, tmp_path: Path) -> None:
        """The kernels give maps, so ``output_attentions`` may be in a configuration, as it may not in transformers."""
        config = MhanConfig(**SMALL["mhan"], output_attentions=True)
        model = MhanForImageClassification._from_config(config, attn_implementation="fused")

        model.save_pretrained(tmp_path)
        loaded = AutoModelForImageClassification.from_pretrained(tmp_path, attn_implementation="fused")
        loaded.config.output_attentions = True

        assert loaded.config._attn_implementation == "fused"


@needs_triton
class TestAnswers:
    """What fused models compute."""

    @pytest.mark.parametrize("name", SMALL)
    def test_outputs_are_those_of_the_eager_model(self, name: str) -> None:
        """Logits, features and attention maps agree, with and without the maps."""
        model = build(name)
        pixel_values = pictures(model)

        with torch.no_grad():
            expected = model(pixel_values, output_attentions=True)
            model.set_attn_implementation("fused")
            found = model(pixel_values, output_attentions=True)
            without_maps = model(pixel_values)

        assert found.keys() == expected.keys()
        torch.testing.assert_close(found.logits, expected.logits, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.features, expected.features, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(without_maps.logits, found.logits, rtol=1e-5, atol=1e-5)
        for ours, theirs in zip(found.get("attention_maps") or (), expected.get("attention_maps") or (), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("name", SMALL)
    def test_kernels_work_in_the_inference_form(self, name: str) -> None:
        """A model with its norms in its weights, in channels-last order, gives the same logits with kernels."""
        model = build(name)
        pixel_values = pictures(model)
        with torch.no_grad():
            expected = model(pixel_values).logits
            model.fuse().set_attn_implementation("fused")
            found = model(pixel_values).logits

        assert implementations(model) == {"fused"}
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("name", SMALL)
    def test_loss_and_gradients_are_those_of_the_eager_model(self, name: str) -> None:
        """Every gradient agrees to a thousandth of its length; in eval mode, as batch norms blow rounding up."""
        model = build(name)
        fused = copy.deepcopy(model)
        fused.set_attn_implementation("fused")
        batch = {"pixel_values": pictures(model), "labels": torch.arange(2, device=DEVICE)}

        losses = [network(**batch).loss for network in (model, fused)]
        for loss in losses:
            loss.backward()

        torch.testing.assert_close(losses[1], losses[0], rtol=1e-4, atol=1e-5)
        longest = max(parameter.grad.norm().item() for parameter in model.parameters())
        for (name_, ours), theirs in zip(fused.named_parameters(), model.parameters(), strict=True):
            difference = (ours.grad - theirs.grad).norm().item()
            assert difference <= 1e-3 * theirs.grad.norm().item() + 1e-6 * longest, name_

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision_is_as_close_to_float32_as_the_eager_model(self, dtype: torch.dtype) -> None:
        """The kernels round less often: their distance is at most one and a half times that of the eager model.

        Triton's interpreter cuts numbers off to bfloat16 where a GPU rounds them, which doubles the distance.
        """
        is_cut_off = DEVICE == "cpu" and dtype == torch.bfloat16
        model = build("mhan")
        pixel_values = pictures(model)

        with torch.no_grad():
            exact = model(pixel_values).features
            model.to(dtype)
            eager = model(pixel_values.to(dtype)).features.float()
            model.set_attn_implementation("fused")
            fused = model(pixel_values.to(dtype)).features

        assert fused.dtype == dtype
        assert (fused.float() - exact).norm() <= (3.0 if is_cut_off else 1.5) * (eager - exact).norm()

    def test_channels_last_models_agree(self) -> None:
        """Maps whose channels lie beside each other give the same logits."""
        model = build("mhan").to(memory_format=torch.channels_last)
        pixel_values = pictures(model).contiguous(memory_format=torch.channels_last)

        with torch.no_grad():
            expected = model(pixel_values).logits
            model.set_attn_implementation("fused")
            found = model(pixel_values).logits

        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="the interpreter cannot be compiled")
    @pytest.mark.parametrize("name", SMALL)
    def test_compiled_models_agree(self, name: str) -> None:
        """``torch.compile`` of a fused model, with CUDA graphs, gives the logits of the eager model."""
        model = build(name)
        pixel_values = pictures(model)

        with torch.no_grad():
            expected = model(pixel_values).logits
            model.set_attn_implementation("fused")
            compiled: Any = torch.compile(model, mode="reduce-overhead")
            found = compiled(pixel_values).logits.clone()

        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
