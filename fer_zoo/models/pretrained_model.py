"""What all models share as models of transformers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self, cast, get_args

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils import cached_file

from fer_zoo.errors import FusedModelError, InvalidOptionError
from fer_zoo.layers import Implementation, set_implementation
from fer_zoo.layers.inference_form import take_inference_form
from fer_zoo.models.checkpoint_errors import (
    check_weight_index,
    check_weight_indices,
    checkpoint_errors,
    unfilled_weights,
)
from fer_zoo.models.loading_options import check_loading_options

#: Options of ``from_pretrained`` that say where on the Hub a file is looked up.
LOOK_UP_OPTIONS = ("cache_dir", "local_files_only", "proxies", "revision", "subfolder", "token")


class FerPreTrainedModel(PreTrainedModel):
    """Base of all models: their input, their loss as the Trainer sees it, and how they are initialised."""

    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # the loss is a mean over the batch, which the Trainer must scale when it accumulates
    missing_keys: tuple[str, ...] = ()
    """Weights that have random values, as the checkpoint lacked them when the model was loaded, or had them in another
    shape, which ``ignore_mismatched_sizes=True`` allows; in order."""
    _is_fused = False

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Self:
        """Load a checkpoint as every model of transformers does, but from safetensors alone.

        A pickle (``pytorch_model.bin``) is read only where the caller asks for it with ``use_safetensors=False``; None
        is the default, which is True. An index of several files may name safetensors beside it and nothing else.

        Args:
            *args: folder or repository, and what else ``PreTrainedModel.from_pretrained`` takes.
            **options: its options.

        Returns:
            The model, whose ``missing_keys`` are what the checkpoint lacks or has in another shape; in the second case
            its temperature is 1. With ``output_loading_info=True``, the model and the report.

        Raises:
            OSError: if there is no ``model.safetensors``.
            CheckpointError: if it is damaged, does not fit the configuration, or names files that are not its own.
            InvalidOptionError: if torch has no such ``dtype``, or no such device as in ``device_map``.
        """
        check_loading_options(options)
        source = args[0] if args else options.get("pretrained_model_name_or_path")
        if options.get("use_safetensors") is None:
            options["use_safetensors"] = True
        if source is not None and options["use_safetensors"]:
            _check_index(fspath(source), options)
        with checkpoint_errors("" if source is None else fspath(source)):
            model, report = super().from_pretrained(*args, **{**options, "output_loading_info": True})
        model.missing_keys = unfilled_weights(report)
        if report["mismatched_keys"]:
            model.config.temperature = 1.0  # the old one was fitted to the old weights
        return cast(Self, (model, report) if options.get("output_loading_info") else model)

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
            with _without_fused_models(self.eval()):
                take_inference_form(self)
            self.to(memory_format=torch.channels_last)
            for model in self.modules():  # the base model too
                if isinstance(model, FerPreTrainedModel):
                    model._is_fused = True
        return self

    def check_pixel_values(self, pixel_values: Tensor) -> Tensor:
        """Refuse pictures of another shape or of whole numbers with a message that says what was expected.

        Args:
            pixel_values: ``(B, num_channels, image_size, image_size)``.

        Returns:
            the same in the type of the weights, as image processors give float32 to models in half precision too.

        Raises:
            InvalidOptionError: if the shape is another, or the type is none of floating point numbers.
        """
        size = self.config.image_size
        expected = (self.config.num_channels, size, size)
        if tuple(pixel_values.shape[1:]) != expected:
            raise InvalidOptionError(
                "the shape of pixel_values",
                tuple(pixel_values.shape),
                f"(batch, {', '.join(map(str, expected))}), as FerImageProcessor makes them",
            )
        if not pixel_values.is_floating_point():
            raise InvalidOptionError(
                "the type of pixel_values",
                pixel_values.dtype,
                "floating point numbers, normalised as FerImageProcessor does it",
            )
        for weight in self.parameters():  # in a loop: torch.compile of torch 2.6 knows no default of next()
            if weight.is_floating_point():
                return pixel_values.to(weight.dtype)
        return pixel_values

    def begin_training(self) -> None:
        """Forget how far an earlier training had come; the weights stay. Call it before a new one, not to go on."""

    @property
    def is_fused(self) -> bool:
        """Whether the model, or a model in it, is in its inference form."""
        return any(isinstance(part, FerPreTrainedModel) and part._is_fused for part in self.modules())

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as every module does.

        Raises:
            FusedModelError: if a fused model should be trained.
        """
        if mode and self.is_fused:
            raise FusedModelError("trained")
        return cast(Self, super().train(mode))

    def save_pretrained(self, save_directory: str | PathLike[str], *args: Any, **options: Any) -> None:
        """Save the model, as every model of transformers does.

        Args:
            save_directory: the folder.
            *args: what else ``PreTrainedModel.save_pretrained`` takes.
            **options: its options.

        Raises:
            FusedModelError: if the model is fused: its weights are not those of a checkpoint any more.
        """
        if self.is_fused:
            raise FusedModelError("saved")
        super().save_pretrained(fspath(save_directory), *args, **options)

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

    def _check_and_adjust_attn_implementation(
        self, attn_implementation: str | None, is_init_check: bool = False, **options: Any
    ) -> Implementation:
        """Check an implementation before transformers does, which fetches kernels where the name is a repository.

        A configuration comes with a checkpoint from anywhere, and may name any repository.

        Args:
            attn_implementation: what was asked for; None stands for ``"eager"``.
            is_init_check: whether the model has no weights yet; makes no difference.
            **options: what transformers needs to fetch a kernel; not used.

        Raises:
            InvalidOptionError: if there is no such implementation.
        """
        return self.get_correct_attn_implementation(attn_implementation, is_init_check)

    def _wants_attentions(self, options: Mapping[str, Any]) -> bool:
        """Return whether a call asks for attention maps; ``output_attentions=None`` is as good as none."""
        asked = options.get("output_attentions")
        return bool(self.config.output_attentions if asked is None else asked)

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


@contextmanager
def _without_fused_models(model: nn.Module) -> Iterator[None]:
    """Take away, for a while, the models in a model that have their inference form: no layer has a second one."""
    fused = {
        name: child
        for name, child in model.named_children()
        if isinstance(child, FerPreTrainedModel) and child.is_fused
    }
    for name in fused:
        setattr(model, name, nn.Identity())
    try:
        yield
    finally:
        for name, child in fused.items():
            setattr(model, name, child)


def _check_index(source: str, options: dict[str, Any]) -> None:
    """Look at the index of weights in several files, if there is one, before transformers reads what it names.

    Args:
        source: folder or repository.
        options: those of ``from_pretrained``.

    Raises:
        CheckpointError: if it is damaged, or names anything but safetensors beside it.
    """
    if Path(source).is_dir():
        check_weight_indices(source, Path(source, options.get("subfolder") or ""))
        return
    variant = options.get("variant")
    name = f"model.safetensors.index.{variant}.json" if variant else "model.safetensors.index.json"
    look_up = {option: options[option] for option in LOOK_UP_OPTIONS if options.get(option) is not None}
    try:
        found = cached_file(source, name, _raise_exceptions_for_missing_entries=False, **look_up)
    except (OSError, ValueError):  # transformers is about to meet it too, and says what is wrong
        return
    if found is not None:
        check_weight_index(source, Path(found))


__all__ = ["FerPreTrainedModel"]
