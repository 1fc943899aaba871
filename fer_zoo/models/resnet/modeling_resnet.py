"""ResNet-18 and ResNet-50 as classifiers of expressions: the baselines that most papers compare with.

Paper: K. He et al., "Deep residual learning for image recognition", CVPR 2016 (arXiv 1512.03385). The backbone is that
of torchvision, with its names, so any of its checkpoints can be taken over. The initialisation is that of the other
models here, so a comparison does not measure it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils.generic import can_return_tuple

from fer_zoo.layers.inference_form import fold_norm
from fer_zoo.models.linear_classification import FerModelOutput, LinearImageClassification
from fer_zoo.models.partial_state import load_partial_state
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.models.resnet.configuration_resnet import FerResNetConfig


class FerResNetBasicBlock(GradientCheckpointingLayer, BasicBlock):
    """The block of ResNet-18, two convolutions of 3 x 3, which can be computed again instead of kept."""

    def inference_form(self) -> nn.Module:
        """Fold the norms into the convolutions."""
        return _fold_norms(self)


class FerResNetBottleneck(GradientCheckpointingLayer, Bottleneck):
    """The block of ResNet-50, a convolution of 3 x 3 between two of 1 x 1, which can be computed again too."""

    def inference_form(self) -> nn.Module:
        """Fold the norms into the convolutions."""
        return _fold_norms(self)


#: Block and number of blocks in each stage, by depth (table 1 of the paper).
BLOCKS = {18: (FerResNetBasicBlock, (2, 2, 2, 2)), 50: (FerResNetBottleneck, (3, 4, 6, 3))}


class FerResNetBackbone(ResNet):
    """The ResNet of torchvision up to its last feature map.

    Args:
        config: the configuration.

    Shape: ``(B, 3, H, W)`` to ``(B, hidden_size, ceil(H / 32), ceil(W / 32))``.
    """

    def __init__(self, config: FerResNetConfig) -> None:
        block, numbers = BLOCKS[config.depth]
        super().__init__(block, numbers)
        del self.avgpool, self.fc

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the feature map of the pictures."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(pixel_values))))
        return cast(Tensor, self.layer4(self.layer3(self.layer2(self.layer1(x)))))

    def inference_form(self) -> nn.Module:
        """Fold the norm of the stem into its convolution."""
        return _fold_norms(self)


def _fold_norms(module: nn.Module) -> nn.Module:
    """Fold the norms of a block of torchvision into its convolutions: ``bn1`` into ``conv1`` and so on.

    Returns:
        the block.
    """
    for name, conv in list(module.named_children()):
        if isinstance(conv, nn.Conv2d):
            norm_name = name.replace("conv", "bn")
            setattr(module, name, fold_norm(conv, module.get_submodule(norm_name)))
            setattr(module, norm_name, nn.Identity())
    shortcut = getattr(module, "downsample", None)
    if shortcut is not None:
        module.downsample = fold_norm(shortcut[0], shortcut[1])
    return module


class FerResNetPreTrainedModel(FerPreTrainedModel):
    """Loading, saving and initialisation shared by the residual networks."""

    config_class = FerResNetConfig
    config: FerResNetConfig
    base_model_prefix = "resnet"
    _no_split_modules: ClassVar[list[str]] = ["FerResNetBasicBlock", "FerResNetBottleneck"]

    def load_torchvision(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Take over the weights of any ResNet of the same depth in the format of torchvision.

        Args:
            state: the state dict of the ResNet.

        Returns:
            The keys that were not used, which are the classifier's.

        Raises:
            CheckpointError: if keys are missing, have another shape, or are not known; nothing is changed then.
        """
        backbone = self.base_model.backbone
        # batches that the norms have seen: takes part in no computation, and old checkpoints have none
        wanted = {name for name in backbone.state_dict() if not name.endswith("num_batches_tracked")}
        expected = f"a ResNet-{self.config.depth} with the names of torchvision"
        load_partial_state(backbone, state, wanted, ignored_prefix="fc.", expected=expected)
        return tuple(key for key in state if key.startswith("fc."))


class FerResNetModel(FerResNetPreTrainedModel):
    """A residual network with average pooling, without a classifier.

    Args:
        config: the configuration.
    """

    def __init__(self, config: FerResNetConfig) -> None:
        super().__init__(config)
        self.backbone = FerResNetBackbone(config)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> FerModelOutput:
        """Describe faces: a vector of 512 or 2048 from a map of 7 x 7 for crops of 224 pixels.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            **kwargs: ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration.
        """
        pixel_values = self.check_pixel_values(pixel_values)
        features = self.backbone(pixel_values)
        return FerModelOutput(pooler_output=features.mean(dim=(2, 3)), features=features)


class FerResNetForImageClassification(LinearImageClassification, FerResNetPreTrainedModel):
    """A residual network with a classifier: the expression of an aligned face.

    Args:
        config: the configuration; ``num_labels`` or ``id2label`` sets the classes.
    """

    def __init__(self, config: FerResNetConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.resnet = FerResNetModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()


__all__ = ["FerResNetForImageClassification", "FerResNetModel", "FerResNetPreTrainedModel"]
