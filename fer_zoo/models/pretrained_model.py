"""What all models share as models of transformers."""

from __future__ import annotations

import math
from os import PathLike, fspath
from typing import Any, Self, cast, get_args

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init

from fer_zoo.errors import FusedModelError, InvalidOptionError
from fer_zoo.layers import Implementation, set_implementation
from fer_zoo.layers.inference_form import take_inference_form
from fer_zoo.models.checkpoint_errors import checkpoint_errors


class FerPreTrainedModel(PreTrainedModel):
    """Base of all models: their input, their loss as the Trainer sees it, and how they are initialised."""

    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # the loss is a mean over the batch, which the Trainer must scale when it accumulates
    _is_fused = False

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Self:
        """Load a checkpoint as every model of transformers does, but from safetensors alone.

        A pickle (``pytorch_model.bin``) is read only where the caller asks for it with ``use_safetensors=False``.

        Args:
            *args: folder or repository, and what else ``PreTrainedModel.from_pretrained`` takes.
            **options: its options.

        Raises:
            OSError: if there is no ``model.safetensors``.
            CheckpointError: if it is damaged, or does not fit the configuration.
        """
        source = args[0] if args else options.get("pretrained_model_name_or_path")
        with checkpoint_errors("" if source is None else fspath(source)):
            return cast(Self, super().from_pretrained(*args, **{"use_safetensors": True, **options}))

    def fuse(self) -> Self:
        """Turn the model into its inference form, in place.

        Batch norms go into the weights before them, parallel depthwise kernels become one, and outputs that only
        training needs are dropped. The logits stay the same up to rounding (1e-4), in less time. There is no way back
        but to load the model again: a fused model can be neither trained nor saved.

        Returns:
            the model itself, in evaluation mode.

        Example:
            >>> import torch
            >>> from fer_zoo.models import MhanForImageClassification
            >>> from fer_zoo.registry import resolve_model
            >>> model = MhanForImageClassification.from_pretrained(resolve_model("mhan"))
            >>> faces = torch.randn(2, 3, 48, 48)
            >>> before = model(faces).logits
            >>> torch.allclose(model.fuse()(faces).logits, before, atol=1e-4)
            True
        """
        if not self._is_fused:
            take_inference_form(self.eval())
            self.to(memory_format=torch.channels_last)
            for model in self.modules():  # the base model too
                if isinstance(model, FerPreTrainedModel):
                    model._is_fused = True
        return self

    def begin_training(self) -> None:
        """Forget how far an earlier training had come; the weights stay. Call it before a new one, not to go on."""

    @property
    def is_fused(self) -> bool:
        """Whether the model is in its inference form."""
        return self._is_fused

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as every module does.

        Raises:
            FusedModelError: if a fused model should be trained.
        """
        if mode and self._is_fused:
            raise FusedModelError("trained")
        return cast(Self, super().train(mode))

    def save_pretrained(self, save_directory: str | PathLike[str], **options: Any) -> None:
        """Save the model, as every model of transformers does.

        Args:
            save_directory: the folder.
            **options: those of ``PreTrainedModel.save_pretrained``.

        Raises:
            FusedModelError: if the model is fused: its weights are not those of a checkpoint any more.
        """
        if self._is_fused:
            raise FusedModelError("saved")
        super().save_pretrained(fspath(save_directory), **options)

    def post_init(self) -> None:
        """Finish the construction as transformers does, and hand ``attn_implementation`` to the layers."""
        super().post_init()
        set_implementation(self, self.config._attn_implementation)

    def set_attn_implementation(self, *args: Any, **options: Any) -> None:
        """Choose how the layers compute from now on, as ``attn_implementation`` of ``from_pretrained`` does at first.

        Args:
            *args: ``"eager"`` for PyTorch's own operations (the default of a model), ``"fused"`` for the kernels of
                :mod:`fer_zoo.layers.kernels`, where they can take an input.
            **options: what else ``PreTrainedModel.set_attn_implementation`` takes.

        Raises:
            InvalidOptionError: if the implementation is neither.
        """
        super().set_attn_implementation(*args, **options)
        set_implementation(self, self.config._attn_implementation)

    def get_correct_attn_implementation(
        self, requested_attention: str | None, is_init_check: bool = False
    ) -> Implementation:
        """Check an implementation for transformers: there are no queries and keys here that SDPA or flash could take.

        Args:
            requested_attention: what was asked for; None stands for ``"eager"``.
            is_init_check: whether the model has no weights yet; makes no difference.

        Raises:
            InvalidOptionError: if there is no such implementation.
        """
        if requested_attention is None:
            return "eager"
        if requested_attention not in get_args(Implementation):
            raise InvalidOptionError("attn_implementation", requested_attention, "'eager' or 'fused'")
        return cast(Implementation, requested_attention)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise for training from scratch (He et al., "Delving deep into rectifiers", ICCV 2015).

        The fan-in is used because it is right for depthwise kernels too, whose fan-out counts channels that they do not
        feed.
        """
        super()._init_weights(module)
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            init.uniform_(module.weight, -bound, bound)
        elif isinstance(module, nn.PReLU):
            init.constant_(module.weight, 0.25)


__all__ = ["FerPreTrainedModel"]
