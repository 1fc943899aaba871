"""Where a model looks: attention maps, Grad-CAM, and drawing them back into the picture."""

from fer_zoo.explain.attention import attention_maps
from fer_zoo.explain.faces import METHODS, Explanation, Method, explain_face
from fer_zoo.explain.gradients import grad_cam
from fer_zoo.explain.overlay import overlay

__all__ = ["METHODS", "Explanation", "Method", "attention_maps", "explain_face", "grad_cam", "overlay"]
