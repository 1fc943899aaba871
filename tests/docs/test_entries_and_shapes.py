"""The documentation against the code: what is public has an entry, and shapes in pictures are those of the networks."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import fer_zoo
from docs.extensions.diagrams import read_diagram
from docs.extensions.public_names import public_modules, public_names
from fer_zoo import errors
from fer_zoo.models import HanPffConfig, HanPffForImageClassification, MhanConfig, MhanForImageClassification

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
MODULES = {module.__name__: module for module in public_modules()}
ERROR_CLASSES = sorted(name for name in public_names(errors) if inspect.isclass(getattr(errors, name)))

#: One directive of Sphinx that documents something: its kind, its argument and its options.
DIRECTIVE = re.compile(r"^\.\. (?:py:)?(auto\w+|data|currentmodule):: (\S+)\n((?:   :.*\n)*)", re.MULTILINE)


def documented_names(module: ModuleType) -> set[str]:
    """Return the public names of a module that some page has a directive for."""
    found = set()
    for text in PAGES.values():
        current = ""
        for kind, name, options in DIRECTIVE.findall(text):
            if kind in {"automodule", "currentmodule"}:
                current = name
            if kind == "automodule" and name == module.__name__ and ":members:" in options:
                excluded = re.search(r":exclude-members: (.*)", options)
                skipped = set(re.split(r",\s*", excluded[1])) if excluded else set()
                chosen = re.search(r":members: (.+)", options)
                members = re.split(r",\s*", chosen[1]) if chosen else public_names(module)
                found |= {member for member in members if describes_itself(module, member)} - skipped
            elif kind == "data":
                found |= {name} if current == module.__name__ else set()
            else:
                found |= {name.removeprefix(f"{module.__name__}.")}
    return found


def describes_itself(module: ModuleType, name: str) -> bool:
    """Return whether ``automodule`` takes a name over: a class or a function, or data with a comment in this module."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return bool(value.__doc__)
    return re.search(rf"^#:.*\n{name}\b", inspect.getsource(module), re.MULTILINE) is not None


@pytest.mark.parametrize("name", [name for name in MODULES if name != "fer_zoo"])
def test_every_public_name_has_an_entry(name: str) -> None:
    """The pages document each name of ``__all__``; the build of the documentation checks the same on its result."""
    module = MODULES[name]

    assert set(public_names(module)) - documented_names(module) == set()


def test_names_of_the_package_are_listed() -> None:
    """The first section of the reference has each name of ``fer_zoo.__all__``, and each has its entry below."""
    first_section = PAGES["api.md"].partition("`fer_zoo` itself")[2].partition("```")[0]
    listed = set(re.findall(r"`(\w+)`", first_section))
    documented = {
        id(getattr(module, name))
        for module in MODULES.values()
        for name in documented_names(module) & set(vars(module))
    }

    assert listed == set(fer_zoo.__all__)
    assert {name for name in fer_zoo.__all__ if id(getattr(fer_zoo, name)) not in documented} == set()


@pytest.mark.parametrize("page", PAGES)
def test_examples_with_answers_are_run(page: str) -> None:
    """The build runs the directive ``doctest``; in a block of plain code it would not look at the answers."""
    assert re.findall(r"^```python\n>>> .*", PAGES[page], re.MULTILINE) == []


@pytest.mark.parametrize("name", ERROR_CLASSES)
def test_every_error_has_an_entry(name: str) -> None:
    """It says when the error happens and what the way out is."""
    entry = re.escape(f".. autoexception:: fer_zoo.errors.{name}\n   :show-inheritance:\n\n")

    assert re.search(entry + r"   \*\*When:\*\* \S.*\n\n   \*\*Way out:\*\* \S.*\n", PAGES["errors.md"])


def test_no_error_is_listed_that_is_gone() -> None:
    """The catalogue has one entry for each class, and no other."""
    listed = re.findall(r"autoexception:: fer_zoo\.errors\.(\w+)", PAGES["errors.md"])

    assert sorted(listed) == ERROR_CLASSES


def test_adding_a_model_takes_six_steps() -> None:
    """The page has a section for each step of its table, and no more than six."""
    table = re.findall(r"^\* - (\d)\. (.+)$", PAGES["add_a_model.md"], re.MULTILINE)
    sections = re.findall(r"^## (\d)\. (.+)$", PAGES["add_a_model.md"], re.MULTILINE)

    assert table == sections
    assert [number for number, _ in sections] == list("123456")


class ShapeRecorder(TorchFunctionMode):
    """Keeps the shapes of everything that functions of torch return, without the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and keep the shape of what it returns."""
        answer = func(*args, **(kwargs or {}))
        if isinstance(answer, torch.Tensor):
            self.shapes.add(" x ".join(map(str, answer.shape[1:])))
        return answer


@pytest.mark.parametrize(
    ("page", "make", "image_size"),
    [
        ("mhan.md", lambda: MhanForImageClassification(MhanConfig()), 112),
        ("han_pff.md", lambda: HanPffForImageClassification(HanPffConfig()), 224),
    ],
)
def test_shapes_in_diagrams_are_those_of_the_network(page: str, make: Any, image_size: int) -> None:
    """Each shape that a picture of the page gives in numbers is computed on the way through the network."""
    diagrams = re.findall(r"```\{diagram\} .*\n((?:(?!```).*\n)+)```", PAGES[page])
    notes = {box.note for text in diagrams for box in read_diagram(text.splitlines()).boxes.values()}
    written = {note for note in notes if re.fullmatch(r"\d+( x \d+)*", note)}
    model = make().eval()

    with torch.no_grad(), ShapeRecorder() as recorder:
        model(torch.zeros(2, 3, image_size, image_size))

    assert len(diagrams) >= 3
    assert len(written) >= 10
    assert written - recorder.shapes - {f"3 x {image_size} x {image_size}"} == set()
