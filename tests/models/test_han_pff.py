"""HAN-PFF, reconstructed: counts and shapes of the design, every switch, its loss and what transformers asks of it.

Most tests use narrow levels, which behave like the full ones and take a hundredth of their time.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torchvision.models import resnet18
from transformers import AutoModelForImageClassification

from fer_zoo.errors import CheckpointError, InvalidOptionError
from fer_zoo.layers import (
    AttentionalFusion,
    FeatureAggregationBlock,
    GatedVectorFusion,
    IterativeAttentionalFusion,
    LearnableGradient,
)
from fer_zoo.losses import region_independence_loss
from fer_zoo.models import HanPffConfig, HanPffForImageClassification, HanPffModel

torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow on a CPU

NARROW = {"hidden_sizes": [8, 16, 32, 64], "vector_size": 32, "image_size": 112, "num_labels": 7}


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def narrow(**options: Any) -> HanPffForImageClassification:
    """Return a classifier with narrow levels and the same random weights in every call, in eval mode."""
    torch.manual_seed(0)
    model = HanPffForImageClassification(HanPffConfig(**{**NARROW, **options}))
    model.eval()
    return model


def pictures(number: int = 4, size: int = 112) -> Tensor:
    """Return random pictures, the same in every call."""
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(1))


def count(model: nn.Module) -> int:
    """Count the parameters."""
    return sum(p.numel() for p in model.parameters())


def full(**options: Any) -> HanPffForImageClassification:
    """Return a classifier of full width without memory for its weights."""
    with torch.device("meta"):
        return HanPffForImageClassification(HanPffConfig(**{"num_labels": 7, **options}))


class TestDesign:
    """Counts and shapes of the design."""

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, 15_473_558),
            ({"num_labels": 8}, 15_476_120),
            ({"image_size": 112}, 15_465_878),
            ({"image_size": 112, "num_labels": 8}, 15_468_440),
            ({"branch_fusion": "concat"}, 16_519_958),
        ],
    )
    def test_parameters(self, options: dict[str, Any], expected: int) -> None:
        """The totals of the design."""
        assert count(full(**options)) == expected

    def test_parameters_of_each_part(self) -> None:
        """The rows of the table of the design."""
        model = full()
        network = model.han_pff
        fusion, gates = network.progressive_fusion, network.vector_fusion
        assert isinstance(gates, GatedVectorFusion)
        assert model.shared_classifier is not None

        assert count(network.stem) == 9_536
        assert [count(block) for block in network.blocks] == [155_133, 552_889, 2_206_577, 8_816_353]
        assert [count(part) for part in fusion.reduce] == [73_984, 295_424, 1_180_672]
        assert [count(part) for part in fusion.fusions] == [17_344, 67_456, 531_968]
        assert [count(head) for head in network.vector_heads] == [34_304, 67_072, 132_608, 263_680]
        assert [count(block) for block in gates.gate_blocks] == [262_656] * 4
        assert (count(model.shared_classifier), count(model.classifier)) == (3_591, 14_343)

    @pytest.mark.parametrize(
        ("image_size", "sides"), [(48, (24, 12, 6, 3)), (112, (56, 28, 14, 7)), (224, (56, 28, 14, 7))]
    )
    def test_shapes_along_the_way(self, image_size: int, sides: tuple[int, ...]) -> None:
        """The stems give maps of 56, or of half the crop where that is less, and each level halves them."""
        model = full(image_size=image_size)
        shapes: list[tuple[int, ...]] = []
        for block in model.han_pff.blocks:
            block.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))

        outputs = model.eval()(torch.empty(2, 3, image_size, image_size, device="meta"), output_attentions=True)

        assert shapes == [(width, side, side) for width, side in zip((64, 128, 256, 512), sides, strict=True)]
        assert outputs.logits.shape == (2, 7)
        assert outputs.shared_logits.shape == (2, 4, 7)
        assert outputs.vectors.shape == (2, 4, 512)
        assert outputs.pooler_output.shape == (2, 2048)
        assert outputs.features.shape == (2, 512, sides[-1], sides[-1])
        assert [tuple(attention.shape[1:]) for attention in outputs.attention_maps] == shapes[1:]

    def test_final_logits_come_from_the_fused_vectors_and_shared_ones_from_each_vector(self) -> None:
        """The outputs fit together."""
        model = narrow()
        outputs = model(pictures())
        assert model.shared_classifier is not None

        torch.testing.assert_close(outputs.pooler_output, model.han_pff.vector_fusion(outputs.vectors).flatten(1))
        torch.testing.assert_close(outputs.logits, model.classifier(outputs.pooler_output))
        torch.testing.assert_close(outputs.shared_logits[:, 2], model.shared_classifier(outputs.vectors[:, 2]))
        assert outputs.vectors.min() == 0

    def test_branches_that_start_at_zero_do_so(self) -> None:
        """In every block the global and the gradient branch add nothing to a fresh network."""
        model = narrow(gradient_operator="central_difference")
        x = torch.randn(2, 8, 8, 8)
        for block in model.han_pff.blocks:
            assert isinstance(block, FeatureAggregationBlock)
            assert block.global_context is not None
            assert block.gradient is not None
            assert block.global_context(x).abs().max() == 0
            assert block.gradient(x).abs().max() == 0
            x = block(x)

    def test_learned_kernels_start_as_sobel(self) -> None:
        """A fresh network with learned gradients equals one with Sobel's, and its kernels are Sobel's."""
        kernels = [
            m.weight for m in narrow(gradient_operator="learnable").modules() if isinstance(m, LearnableGradient)
        ]

        assert [kernel[0, 0].tolist() for kernel in kernels] == [[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]] * 4

    def test_after_a_step_learned_kernels_receive_a_gradient(self) -> None:
        """Before the first step they wait, behind norms that start at zero."""
        model = narrow(gradient_operator="learnable").train()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(2):
            optimizer.zero_grad()
            model(pictures(), labels=torch.arange(4)).loss.backward()
            optimizer.step()

        kernels = [module.weight for module in model.modules() if isinstance(module, LearnableGradient)]
        assert all(kernel.grad is not None and kernel.grad.any() for kernel in kernels)


class TestSwitches:
    """What each switch changes, and that it changes nothing else."""

    @pytest.mark.parametrize(
        ("options", "difference"),
        [
            ({"use_local_context_attention": False}, -(2_288 + 8_672 + 33_728 + 132_992)),
            ({"use_global_context": False}, -(653 + 1_753 + 6_577 + 25_441)),
            ({"use_spatial_gradient": False}, -(4_224 + 8_448 + 33_280 + 132_096)),
            ({"gradient_operator": "learnable"}, 18 * (64 + 64 + 128 + 256)),
            ({"gradient_operator": "central_difference"}, 9 * (64 + 64 + 128 + 256)),
            ({"last_fusion": "attentional"}, -265_984),
            ({"progressive_fusion": "sum"}, -(17_344 + 67_456 + 531_968)),
            ({"gate_type": "scalar"}, -4 * 511 * 513),
            ({"vector_fusion": "concat"}, -4 * 262_656),
            ({"use_shared_classifier": False}, -3_591),
            ({"center_type": "vector_class"}, 0),
        ],
    )
    def test_a_switch_changes_its_own_parameters_alone(self, options: dict[str, Any], difference: int) -> None:
        """The count differs by the part that was taken away, added or exchanged."""
        assert count(full(**options)) - count(full()) == difference

    @pytest.mark.parametrize("off", ["use_global_context", "use_spatial_gradient"])
    def test_a_fresh_network_does_not_miss_a_branch_that_starts_at_zero(self, off: str) -> None:
        """With the other weights equal, the logits are the same."""
        model, lesser = narrow(), narrow(**{off: False})
        result = lesser.load_state_dict(model.state_dict(), strict=False)

        assert result.missing_keys == []
        torch.testing.assert_close(lesser(pictures()).logits, model(pictures()).logits)

    @pytest.mark.parametrize(
        "options",
        [
            {"use_local_context_attention": False},
            {"progressive_fusion": "sum"},
            {"last_fusion": "attentional"},
            {"vector_fusion": "concat"},
            {"gate_type": "scalar"},
            {"branch_fusion": "concat"},
        ],
    )
    def test_other_switches_change_the_logits(self, options: dict[str, Any]) -> None:
        """The part was in use: with the weights that fit taken over, the logits differ."""
        model, other = narrow(), narrow(**options)
        state, wanted = model.state_dict(), other.state_dict()
        fitting = {name: value for name, value in state.items() if name in wanted and wanted[name].shape == value.shape}
        other.load_state_dict(fitting, strict=False)

        assert (other(pictures()).logits - model(pictures()).logits).abs().max() > 1e-3

    def test_concatenated_vectors_are_classified_as_they_are(self) -> None:
        """Without gates the fused vector is the four vectors one after the other."""
        outputs = narrow(vector_fusion="concat")(pictures())

        assert torch.equal(outputs.pooler_output, outputs.vectors.flatten(1))

    def test_without_a_shared_classifier_its_logits_and_its_term_are_missing(self) -> None:
        """The final logits are as before, and the loss has one term less."""
        model, lesser = narrow(), narrow(use_shared_classifier=False)
        lesser.load_state_dict(model.state_dict(), strict=False)

        outputs = lesser(pictures(), labels=torch.arange(4))

        assert outputs.shared_logits is None
        assert outputs.loss_terms.keys() == {"classification", "region_independence"}
        torch.testing.assert_close(outputs.logits, model(pictures()).logits)

    def test_the_last_level_has_the_chosen_fusion(self) -> None:
        """IFFB by default, AFFB by choice."""
        for last_fusion, kind in (("iterative", IterativeAttentionalFusion), ("attentional", AttentionalFusion)):
            assert isinstance(narrow(last_fusion=last_fusion).han_pff.progressive_fusion.fusions[-1], kind)

    @pytest.mark.parametrize(("center_type", "shape"), [("vector", (4, 32)), ("vector_class", (4, 7, 32))])
    def test_centers(self, center_type: str, shape: tuple[int, ...]) -> None:
        """There is a zero for each vector, or for each vector and class, and the weights are the same."""
        model = narrow(center_type=center_type)

        assert model.centers.shape == shape
        assert model.centers.abs().max() == 0
        torch.testing.assert_close(model(pictures()).logits, narrow()(pictures()).logits)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"image_size": "112"}, "'image_size' expected int, got str"),
            ({"image_size": 120}, "image_size must be 224 or a smaller positive multiple of 16, got 120"),
            ({"image_size": 256}, "image_size must be 224 or a smaller positive multiple of 16, got 256"),
            ({"image_size": 0}, "image_size must be 224 or a smaller positive multiple of 16, got 0"),
            ({"num_channels": 0}, "num_channels must be at least 1"),
            ({"hidden_sizes": [64, 128]}, "hidden_sizes must be 4 positive multiples of 4"),
            ({"hidden_sizes": [64, 128, 256, 510]}, "hidden_sizes must be 4 positive multiples of 4"),
            ({"vector_size": 0}, "vector_size must be at least 1"),
            ({"gradient_operator": "scharr"}, "gradient_operator"),
            ({"branch_fusion": "mean"}, "branch_fusion"),
            ({"progressive_fusion": "mean"}, "progressive_fusion"),
            ({"last_fusion": "sum"}, "last_fusion"),
            ({"vector_fusion": "sum"}, "vector_fusion"),
            ({"gate_type": "vector"}, "gate_type"),
            ({"center_type": "class"}, "center_type"),
            ({"central_difference_theta": 1.5}, r"central_difference_theta must be in \[0, 1\]"),
            ({"label_smoothing": -0.1}, r"label_smoothing must be in \[0, 1\]"),
            ({"classifier_dropout": 1.0}, r"classifier_dropout must be in \[0, 1\)"),
            ({"center_rate": 0.0}, r"center_rate must be in \(0, 1\]"),
            ({"center_rate_decay": 1.1}, r"center_rate_decay must be in \(0, 1\]"),
            ({"region_independence_weight": -1.0}, "region_independence_weight must be at least 0"),
            ({"center_outer_margin": -0.1}, "center_outer_margin must be at least 0"),
        ],
    )
    def test_refuses_bad_options(self, options: dict[str, Any], message: str) -> None:
        """The configuration says which field is wrong and what it accepts."""
        with pytest.raises(StrictDataclassError, match=message):
            HanPffConfig(**options)

    def test_refuses_pictures_of_another_size(self) -> None:
        """The message says what the model was built for."""
        with pytest.raises(InvalidOptionError, match=r"expected \(batch, 3, 112, 112\)"):
            narrow()(pictures(size=96))


class TestLoss:
    """The training loss."""

    def test_is_the_weighted_sum_of_its_terms(self) -> None:
        """``L = classification + beta * shared + lambda * region independence``."""
        model = narrow(shared_classifier_weight=0.5, region_independence_weight=0.25).train()

        outputs = model(pictures(), labels=torch.arange(4))

        terms = outputs.loss_terms
        expected = terms["classification"] + 0.5 * terms["shared_classification"] + 0.25 * terms["region_independence"]
        torch.testing.assert_close(outputs.loss.detach(), expected)
        assert not any(term.requires_grad for term in terms.values())

    def test_without_labels_there_is_none(self) -> None:
        """Neither loss nor terms."""
        outputs = narrow()(pictures())

        assert outputs.loss is None
        assert outputs.loss_terms is None

    def test_votes_choose_centres_of_classes(self) -> None:
        """Unanimous votes move the centres that the class numbers move."""
        labels = torch.tensor([3, 0, 6, 3])
        by_numbers, by_votes = (
            narrow(center_type="vector_class", classifier_dropout=0.0).train()(pictures(), labels=given).loss
            for given in (labels, 10 * nn.functional.one_hot(labels, 7))
        )

        torch.testing.assert_close(by_votes, by_numbers)

    def test_centers_move_in_training_only(self) -> None:
        """A step goes a twentieth of the way to the mean of the scaled vectors; in eval mode nothing moves."""
        model = narrow()
        model(pictures(), labels=torch.arange(4))
        assert model.centers.abs().max() == 0
        model.train()(pictures())
        assert model.centers.abs().max() == 0

        vectors = model(pictures(), labels=torch.arange(4)).vectors

        expected = 0.05 * nn.functional.normalize(vectors, dim=2).mean(dim=0)
        torch.testing.assert_close(model.centers, expected.detach())
        assert not model.centers.requires_grad

    def test_the_term_is_that_of_the_moved_centers(self) -> None:
        """The centres move before the distances are taken."""
        model = narrow().train()

        outputs = model(pictures(), labels=torch.arange(4))

        expected = region_independence_loss(outputs.vectors, model.centers)
        torch.testing.assert_close(outputs.loss_terms["region_independence"], expected.detach())

    def test_the_rate_decays_and_the_scale_of_the_loss_does_not(self) -> None:
        """Each epoch takes a tenth of the rate; the second term still divides by the initial one."""
        model = narrow().train()

        model.decay_center_rate()
        model.decay_center_rate()

        assert model.center_rate.item() == pytest.approx(0.05 * 0.81)
        vectors = model(pictures(), labels=torch.arange(4)).vectors
        expected = 0.05 * 0.81 * nn.functional.normalize(vectors, dim=2).mean(dim=0)
        torch.testing.assert_close(model.centers, expected.detach())

    @pytest.mark.slow
    def test_random_pictures_are_learned_by_heart(self) -> None:
        """Within 40 steps all of 21 random pictures are classified as they are labelled."""
        model = narrow().train()
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        x, labels = pictures(21), torch.arange(21) % 7
        for _ in range(40):
            outputs = model(x, labels=labels)
            optimizer.zero_grad()
            outputs.loss.backward()
            optimizer.step()
            if (outputs.logits.argmax(dim=1) == labels).all() and outputs.loss_terms["classification"] < 0.3:
                break

        assert outputs.logits.argmax(dim=1).tolist() == labels.tolist()
        assert outputs.loss_terms["classification"] < 0.3


class TestResnet18:
    """Starting from a ResNet-18."""

    def test_stem_and_stages_agree_with_torchvision(self) -> None:
        """Each local branch gives what the stage gave, and only the classifier's keys are left over."""
        reference = resnet18().eval()
        for name, value in reference.state_dict().items():
            if name.endswith("running_mean"):
                value.copy_(torch.randn(value.shape) / 10)
        model = HanPffModel(HanPffConfig()).eval()

        unused = model.load_resnet18(reference.state_dict())

        assert set(unused) == {"fc.weight", "fc.bias"}
        with torch.no_grad():
            x = pictures(2, 224)
            expected = reference.relu(reference.bn1(reference.conv1(x)))
            torch.testing.assert_close(model.stem(x).relu(), expected)
            x = reference.maxpool(expected)
            for block, name in zip(model.blocks, ("layer1", "layer2", "layer3", "layer4"), strict=True):
                stage = getattr(reference, name)
                torch.testing.assert_close(block.local_blocks(x), stage(x))
                x = stage(x)

    def test_the_classifier_loads_into_its_network_and_a_small_stem_stays(self) -> None:
        """With crops of 112 the keys of the stem are not used."""
        state = resnet18().state_dict()
        model = HanPffForImageClassification(HanPffConfig(image_size=112))
        before = model.han_pff.stem.conv.weight.clone()

        unused = model.load_resnet18(state)

        assert "conv1.weight" in unused
        assert torch.equal(model.han_pff.stem.conv.weight, before)
        local_branch = model.han_pff.blocks[3].get_submodule("local_blocks.0").state_dict()
        assert torch.equal(local_branch["conv1.conv.weight"], state["layer4.0.conv1.weight"])
        assert torch.equal(local_branch["shortcut.norm.weight"], state["layer4.0.downsample.1.weight"])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"layer2.0.conv1.weight": None}, "missing: blocks.1.local_blocks.0.conv1.conv.weight"),
            ({"layer2.0.conv1.weight": torch.zeros(1)}, "of another shape: blocks.1.local_blocks.0.conv1.conv.weight"),
            ({"layer2.0.conv3.weight": torch.zeros(1)}, r"unknown: layer2\.0\.conv3\.weight"),
        ],
    )
    def test_refuses_other_checkpoints(self, change: dict[str, Tensor | None], message: str) -> None:
        """The message names the keys, and nothing was loaded."""
        state = {key: value for key, value in {**resnet18().state_dict(), **change}.items() if value is not None}
        with torch.device("meta"):
            model = HanPffModel(HanPffConfig())

        with pytest.raises(CheckpointError, match=message):
            model.load_resnet18(state)


class TestTransformers:
    """What transformers asks of a model."""

    def test_saving_and_loading_changes_nothing(self, tmp_path: Path) -> None:
        """With options that add weights and buffers, weights, centres and their rate come back."""
        model = narrow(gradient_operator="learnable", center_type="vector_class").train()
        model(pictures(), labels=torch.arange(4))
        model.decay_center_rate()
        model.save_pretrained(tmp_path)

        loaded, report = AutoModelForImageClassification.from_pretrained(tmp_path, output_loading_info=True)

        assert not any(report.values())
        torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)

    def test_what_a_checkpoint_lacks_starts_as_it_should(self, tmp_path: Path) -> None:
        """From a bare network the classifiers, centres and rate are made; kernels and zeros come back if dropped."""
        model = narrow(gradient_operator="learnable").han_pff
        dropped = ("gradient.gradient.weight", "global_context.expand.weight", "gradient.norm.weight")
        state = {name: value for name, value in model.state_dict().items() if not name.endswith(dropped)}
        model.save_pretrained(tmp_path, state_dict=state)

        loaded = HanPffForImageClassification.from_pretrained(tmp_path)

        assert loaded.centers.abs().max() == 0
        assert loaded.center_rate.item() == pytest.approx(0.05)
        assert loaded.classifier.weight.abs().max() <= 1 / 128**0.5
        for name, value in loaded.han_pff.state_dict().items():
            if name.endswith(dropped):
                torch.testing.assert_close(value, model.state_dict()[name])

    def test_output_attentions(self) -> None:
        """The maps come when asked for, by the call or by the configuration, and lie between 0 and 1."""
        model = narrow()

        assert model(pictures()).attention_maps is None
        maps = model(pictures(), output_attentions=True).attention_maps
        assert [tuple(attention.shape) for attention in maps] == [(4, 16, 28, 28), (4, 32, 14, 14), (4, 64, 7, 7)]
        assert all(0 <= attention.min() <= attention.max() <= 1 for attention in maps)
        for options in ({}, {"output_attentions": None}):
            assert len(narrow(output_attentions=True)(pictures(), **options).attention_maps) == 3
        assert narrow(progressive_fusion="sum")(pictures(), output_attentions=True).attention_maps == ()

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, dtype: torch.dtype) -> None:
        """The logits are near those of float32, and a training step has finite gradients."""
        model = narrow()
        halved = copy.deepcopy(model).to(dtype)

        logits = halved(pictures().to(dtype)).logits
        halved.train()(pictures().to(dtype), labels=torch.arange(4)).loss.backward()

        expected = model(pictures()).logits
        assert logits.dtype == dtype
        assert (logits.float() - expected).abs().max() < 0.05 * expected.abs().max()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in halved.parameters())

    def test_autocast(self) -> None:
        """A training step with autocast has a finite loss in float32."""
        model = narrow().train()

        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(pictures(), labels=torch.arange(4)).loss
        loss.backward()

        assert loss.dtype == torch.float32
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())

    @pytest.mark.slow
    def test_training_compiles_in_one_graph(self) -> None:
        """torch.compile finds nothing it must break at where the centres move."""
        model = narrow(classifier_dropout=0.0)
        model.train()
        compiled = torch.compile(lambda x, labels: model(x, labels=labels).loss, backend="eager", fullgraph=True)

        compiled(pictures(), torch.arange(4)).backward()
        assert model.centers.abs().max() > 0
