"""The building blocks of the models: one attention or fusion block a file, each with its paper.

All blocks are plain :class:`torch.nn.Module` classes that can be used alone. Feature maps are ``(B, C, H, W)``.
"""

from fer_zoo.layers.convolution import ConvNorm, ConvNormPReLU
from fer_zoo.layers.coordinate_attention import CoordinateAttention
from fer_zoo.layers.dual_direction import DualDirectionHead, DualDirectionHeads
from fer_zoo.layers.efficient_local_attention import EfficientLocalAttention
from fer_zoo.layers.feature_aggregation import FeatureAggregationBlock
from fer_zoo.layers.gated_fusion import GatedVectorFusion
from fer_zoo.layers.global_context import GlobalContext
from fer_zoo.layers.implementation import FusibleLayer, Implementation, set_implementation
from fer_zoo.layers.local_context_attention import LocalContextAttention
from fer_zoo.layers.mixed_depthwise import MixedDepthwiseConv2d
from fer_zoo.layers.mixed_feature_network import MixedBottleneck, MixedFeatureNetwork
from fer_zoo.layers.ms_cam import AttentionalFusion, IterativeAttentionalFusion, MultiScaleChannelAttention
from fer_zoo.layers.progressive_fusion import ProgressiveFusion
from fer_zoo.layers.residual import ResidualBlock
from fer_zoo.layers.spatial_gradient import CentralDifference, GradientBranch, LearnableGradient, SobelGradient
from fer_zoo.layers.strip_means import StripMeans
from fer_zoo.layers.zero_start import ZeroStartBatchNorm2d, ZeroStartLinear

__all__ = [
    "AttentionalFusion",
    "CentralDifference",
    "ConvNorm",
    "ConvNormPReLU",
    "CoordinateAttention",
    "DualDirectionHead",
    "DualDirectionHeads",
    "EfficientLocalAttention",
    "FeatureAggregationBlock",
    "FusibleLayer",
    "GatedVectorFusion",
    "GlobalContext",
    "GradientBranch",
    "Implementation",
    "IterativeAttentionalFusion",
    "LearnableGradient",
    "LocalContextAttention",
    "MixedBottleneck",
    "MixedDepthwiseConv2d",
    "MixedFeatureNetwork",
    "MultiScaleChannelAttention",
    "ProgressiveFusion",
    "ResidualBlock",
    "SobelGradient",
    "StripMeans",
    "ZeroStartBatchNorm2d",
    "ZeroStartLinear",
    "set_implementation",
]
