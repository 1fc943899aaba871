"""The mixed feature network (MFN) as a classifier: MHAN without its attention, a baseline."""

from fer_zoo.models.mfn.configuration_mfn import MfnConfig
from fer_zoo.models.mfn.modeling_mfn import MfnForImageClassification, MfnModel, MfnPreTrainedModel

__all__ = ["MfnConfig", "MfnForImageClassification", "MfnModel", "MfnPreTrainedModel"]
