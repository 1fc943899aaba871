"""What every model of the registry does as a model of transformers.

The installed package of transformers has ``transformers.testing_utils`` but not the class that tests its own models
(``ModelTesterMixin`` of its ``tests/test_modeling_common.py``). What that class asks and what applies here is stated
again below: saving and loading with equal weights, the Auto classes, initialisation by seed and of missing weights, a
gradient for every parameter, gradient checkpointing, batch invariance, half precision, ``torch.compile``, tuples
instead of outputs, mismatched sizes, safetensors, and training.

What does not apply, and why:

- text generation, caches, token embeddings and their resizing, tied weights, ``inputs_embeds``, pruned heads: the
  models have neither tokens nor language heads;
- implementations of attention (eager, SDPA, flash): the attention here is made of convolutions and gates, not of
  queries and keys, and nothing would be dispatched. ``attention_maps`` are tested with the models that have them;
- ``hidden_states``: the models give ``features``, the one map that is useful outside, and not every layer;
- several losses by ``problem_type``: each model has its own loss, tested with it;
- model and tensor parallelism, offloading, quantisation: need several devices or optional packages.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from small_models import SMALL
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    PreTrainedModel,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import mixed_feature_network
from fer_zoo.models.auto import ARCHITECTURES
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import create_model, list_models

torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow on a CPU

NAMES = [entry.name for entry in list_models()]

#: Biases that a softmax takes away again: their gradient is zero but for rounding.
SHIFTS = ("global_context.position_scores.bias",)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each entry in turn."""
    value: str = request.param
    return value


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    """Let no compiled graph outlive its test."""
    yield
    torch.compiler.reset()


def build(name: str, **options: Any) -> PreTrainedModel:
    """Return a small classifier with the same random weights in every call, in eval mode."""
    torch.manual_seed(0)
    return create_model(name, config_options={**SMALL.get(name, {}), **options}).model.eval()


def pictures(model: PreTrainedModel, number: int = 4) -> Tensor:
    """Return random pictures of the size of the model, the same in every call."""
    size = model.config.image_size
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(1))


def train_a_step(model: PreTrainedModel) -> float:
    """Take a small step of plain gradient descent on four pictures, and return the loss before it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss: Tensor = model.train()(pictures(model), labels=torch.arange(4)).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def enable_checkpointing(model: PreTrainedModel) -> None:
    """Switch gradient checkpointing on; later versions of transformers deprecate its old name."""
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()


def gradients(model: PreTrainedModel) -> dict[str, Tensor | None]:
    """Return the gradient of every parameter."""
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def is_equal(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return whether two state dicts have the same names and, bit by bit, the same values."""
    return state.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in state.items())


class TestFiles:
    """Saving and loading."""

    def test_every_architecture_has_an_entry(self) -> None:
        """No registered model escapes these tests."""
        assert {entry.architecture for entry in list_models()} == {config.model_type for config, _, _ in ARCHITECTURES}

    def test_a_checkpoint_comes_back_through_the_auto_classes(self, name: str, tmp_path: Path) -> None:
        """Classes, configuration, every bit of the weights and the size of the pictures are those that were saved."""
        torch.manual_seed(0)
        model, processor = create_model(name, config_options=SMALL.get(name))
        train_a_step(model)  # running statistics and centres differ from their first values
        save_checkpoint(model, processor, tmp_path)

        loaded, report = AutoModelForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
        bare = AutoModel.from_pretrained(tmp_path)

        assert not any(report.values())
        assert (type(loaded), type(bare)) == (type(model), type(model.base_model))
        assert not loaded.training
        assert is_equal(loaded.state_dict(), model.state_dict())
        assert is_equal(bare.state_dict(), model.base_model.state_dict())
        assert AutoConfig.from_pretrained(tmp_path).to_dict() == loaded.config.to_dict()
        picture = np.zeros((200, 150, 3), np.uint8)
        values = AutoImageProcessor.from_pretrained(tmp_path)(picture, return_tensors="pt")["pixel_values"]
        assert values.shape == pictures(model, 1).shape

    def test_weights_are_written_and_read_as_safetensors_alone(self, name: str, tmp_path: Path) -> None:
        """No pickle is written, and one that lies there is not read in place of missing weights."""
        model = build(name)
        model.save_pretrained(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
        (tmp_path / "model.safetensors").unlink()
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")

        with pytest.raises(OSError, match=r"model\.safetensors"):
            AutoModelForImageClassification.from_pretrained(tmp_path)

    def test_configuration_survives_json(self, name: str, tmp_path: Path) -> None:
        """Every field comes back from the file, which names the model type."""
        config = build(name, label_smoothing=0.25).config
        config.save_pretrained(tmp_path)

        loaded = AutoConfig.from_pretrained(tmp_path)

        assert type(loaded) is type(config)
        assert loaded.to_diff_dict() == config.to_diff_dict()
        assert loaded.label_smoothing == 0.25
        assert json.loads((tmp_path / "config.json").read_text())["model_type"] == config.model_type

    def test_temperature_survives_a_half_precision_checkpoint(self, name: str, tmp_path: Path) -> None:
        """It is written into the configuration, where the type of the weights does not touch it."""
        torch.manual_seed(0)
        model, processor = create_model(name, config_options=SMALL.get(name))
        model.config.temperature = 1.7382910561
        save_checkpoint(model, processor, tmp_path, stored_dtype=torch.float16)

        loaded = AutoModelForImageClassification.from_pretrained(tmp_path)

        assert loaded.config.temperature == 1.7382910561
        assert json.loads((tmp_path / "config.json").read_text())["temperature"] == 1.7382910561

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
    def test_temperatures_that_are_none_are_refused(self, name: str, temperature: float) -> None:
        """Zero, negative and infinite divisors are named."""
        with pytest.raises(StrictDataclassError, match="temperature must be above 0 and finite"):
            build(name, temperature=temperature)

    def test_another_number_of_classes_changes_the_classifier_alone(self, name: str, tmp_path: Path) -> None:
        """It starts as a linear layer does, everything in the bare model is kept, and the labels are numbered anew."""
        model = build(name)
        model.save_pretrained(tmp_path)

        loaded = AutoModelForImageClassification.from_pretrained(tmp_path, num_labels=3, ignore_mismatched_sizes=True)

        width = model.classifier.in_features
        assert loaded.classifier.weight.shape == (3, width)
        assert 0 < loaded.classifier.weight.abs().max() <= width**-0.5
        assert loaded.classifier.bias.abs().max() == 0
        assert is_equal(loaded.base_model.state_dict(), model.base_model.state_dict())
        assert loaded.eval()(pictures(model)).logits.shape == (4, 3)
        assert len(loaded.config.id2label) == 3


class TestWeights:
    """Initialisation and gradients."""

    def test_equal_seeds_give_equal_models(self, name: str) -> None:
        """The weights depend on the seed and on nothing else, and are finite."""
        model = build(name)

        assert is_equal(model.state_dict(), build(name).state_dict())
        assert all(value.isfinite().all() for value in model.state_dict().values())
        torch.manual_seed(1)
        other = create_model(name, config_options=SMALL.get(name)).model
        assert not is_equal(model.state_dict(), other.state_dict())

    def test_every_parameter_gets_a_gradient(self, name: str) -> None:
        """None is dead; those behind a layer that starts at zero wait for the second step."""
        model = build(name)

        train_a_step(model)
        train_a_step(model)

        found = gradients(model)
        assert [key for key, gradient in found.items() if gradient is None] == []
        assert [key for key, g in found.items() if g is not None and not g.any() and not key.endswith(SHIFTS)] == []

    def test_gradient_checkpointing_changes_no_gradient(self, name: str) -> None:
        """The layers are computed twice and the gradients stay."""
        model = build(name)
        checkpointed = copy.deepcopy(model)
        enable_checkpointing(checkpointed)
        layer = next(module for module in checkpointed.modules() if isinstance(module, GradientCheckpointingLayer))
        calls: list[str] = []
        next(layer.children()).register_forward_hook(lambda *_: calls.append("forward"))

        train_a_step(model)
        train_a_step(checkpointed)

        assert calls == ["forward", "forward"]
        torch.testing.assert_close(gradients(checkpointed), gradients(model), rtol=1e-4, atol=1e-5)

    def test_loss_falls_within_a_few_steps(self, name: str) -> None:
        """Plain gradient descent on four pictures brings a finite loss down."""
        model = build(name)

        losses = [train_a_step(model) for _ in range(5)]

        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0]


class TestForward:
    """What a forward pass returns."""

    def test_shapes(self, name: str) -> None:
        """A score for each class, and a vector and a map for each picture; a loss only with labels."""
        model = build(name)

        outputs = model(pictures(model))

        assert outputs.logits.shape == (4, model.config.num_labels)
        assert outputs.pooler_output.shape == (4, model.classifier.in_features)
        assert outputs.features.ndim == 4
        assert outputs.loss is None
        assert model(pictures(model), labels=torch.arange(4)).loss.shape == ()

    def test_votes_are_labels_too(self, name: str) -> None:
        """Unanimous votes give the loss of the class numbers, and labels of another shape are refused."""
        model, labels = build(name), torch.tensor([3, 0, 6, 3])

        by_votes = model(pictures(model), labels=10 * torch.nn.functional.one_hot(labels, model.config.num_labels)).loss

        torch.testing.assert_close(by_votes, model(pictures(model), labels=labels).loss)
        with pytest.raises(InvalidOptionError, match="the shape of labels"):
            model(pictures(model), labels=labels[:3])

    def test_calibrated_logits_are_divided_by_the_temperature(self, name: str) -> None:
        """Only where they are asked for, and the loss is never of them; the base model does not mind the option."""
        model = build(name, temperature=2.5)
        labels = torch.arange(4)

        plain = model(pictures(model), labels=labels)
        calibrated = model(pictures(model), labels=labels, calibrated=True)

        torch.testing.assert_close(calibrated.logits, plain.logits / 2.5)
        assert torch.equal(calibrated.loss, plain.loss)
        assert torch.equal(model(pictures(model), calibrated=False).logits, plain.logits)

    def test_calibrated_logits_keep_their_precision(self, name: str) -> None:
        """Logits of half precision stay so: the temperature is a number and not a tensor."""
        model = build(name, temperature=2.5).to(torch.bfloat16)

        logits = model(pictures(model, 1).to(torch.bfloat16), calibrated=True).logits

        assert logits.dtype == torch.bfloat16

    def test_a_batch_equals_its_pictures_one_by_one(self, name: str) -> None:
        """In eval mode the pictures do not know of each other."""
        model = build(name)
        settle_norms(model)

        with torch.no_grad():
            together = model(pictures(model)).logits
            alone = torch.cat([model(picture[None]).logits for picture in pictures(model)])

        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)

    def test_tuples(self, name: str) -> None:
        """``return_dict=False`` gives the same values in their order, by the call or by the configuration."""
        model, labels = build(name), torch.arange(4)
        expected = model(pictures(model), labels=labels).to_tuple()

        by_configuration = build(name, return_dict=False)
        for outputs in (
            model(pictures(model), labels=labels, return_dict=False),
            by_configuration(pictures(model), labels=labels),
        ):
            assert isinstance(outputs, tuple)
            torch.testing.assert_close(outputs, expected)
        assert isinstance(by_configuration.base_model(pictures(model)), tuple)

    def test_at_inference_only_the_logits_are_gathered(self, name: str) -> None:
        """All other outputs are listed as to be ignored."""
        model = build(name)

        outputs = model(pictures(model), labels=torch.arange(4), output_attentions=True)

        assert set(outputs) - set(model.config.keys_to_ignore_at_inference) == {"loss", "logits"}

    @pytest.mark.slow
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, name: str, dtype: torch.dtype) -> None:
        """Finite logits in that precision, and a finite loss with finite gradients; how near is a matter of weights."""
        model = build(name)
        settle_norms(model)
        model.to(dtype)

        with torch.no_grad():
            logits = model(pictures(model).to(dtype)).logits
            assert torch.equal(model(pictures(model)).logits, logits)  # in float32, as image processors give them
        loss = model.train()(pictures(model).to(dtype), labels=torch.arange(4)).loss
        loss.backward()

        assert logits.dtype == dtype
        assert logits.isfinite().all()
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients(model).values())

    @pytest.mark.slow
    def test_compiles_in_one_graph(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What ``torch.compile`` captures, with no break, computes the same; equal blocks are not needed 31 times."""
        stages = tuple(stage._replace(num_residual_blocks=1) for stage in mixed_feature_network.STAGES)
        monkeypatch.setattr(mixed_feature_network, "STAGES", stages)
        model = build(name)
        settle_norms(model)
        compiled = torch.compile(lambda values: model(values).logits, backend="aot_eager", fullgraph=True)

        with torch.no_grad():
            found, expected = compiled(pictures(model, 2)), model(pictures(model, 2)).logits

        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def settle_norms(model: PreTrainedModel) -> None:
    """Give the batch norms the statistics of the pictures, without which random networks have enormous logits."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # the plain mean over all batches
    with torch.no_grad():
        model.train()(pictures(model))
    model.eval()
