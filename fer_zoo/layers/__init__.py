"""The building blocks of the models: one attention or fusion block a file, each with its paper.

All blocks are plain :class:`torch.nn.Module` classes that can be used alone. Feature maps are ``(B, C, H, W)``.
"""

from fer_zoo.layers.convolution import ConvNorm, ConvNormPReLU
from fer_zoo.layers.coordinate_attention import CoordinateAttention
from fer_zoo.layers.dual_direction import DualDirectionHead
from fer_zoo.layers.efficient_local_attention import EfficientLocalAttention
from fer_zoo.layers.mixed_depthwise import MixedDepthwiseConv2d
from fer_zoo.layers.mixed_feature_network import MixedBottleneck, MixedFeatureNetwork

__all__ = [
    "ConvNorm",
    "ConvNormPReLU",
    "CoordinateAttention",
    "DualDirectionHead",
    "EfficientLocalAttention",
    "MixedBottleneck",
    "MixedDepthwiseConv2d",
    "MixedFeatureNetwork",
]
