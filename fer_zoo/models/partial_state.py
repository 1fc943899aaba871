"""Taking over weights from a checkpoint of another network, and refusing one that is not what it should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from fer_zoo.errors import CheckpointError


def load_partial_state(
    model: nn.Module, state: Mapping[str, Tensor], wanted: Collection[str], *, ignored_prefix: str, expected: str
) -> None:
    """Copy some of the weights of a state dict into a model, or change nothing.

    Args:
        model: the model.
        state: tensors by the names that they have in the model.
        wanted: the names to copy; all of them must be there.
        ignored_prefix: how names begin that the model may lack.
        expected: what the state dict should be, for the message.

    Raises:
        CheckpointError: if keys are missing, have another shape, or are not known.
    """
    own = model.state_dict()
    names = set(wanted)
    problems = {
        "missing": sorted(names - state.keys()),
        "of another shape": sorted(name for name in names & state.keys() if state[name].shape != own[name].shape),
        "unknown": sorted(name for name in state.keys() - own.keys() if not name.startswith(ignored_prefix)),
    }
    if any(problems.values()):
        found = "; ".join(f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names)
        raise CheckpointError(f"This is not the state dict of {expected}: {found}.")
    model.load_state_dict({name: state[name] for name in names}, strict=False)


__all__ = ["load_partial_state"]
