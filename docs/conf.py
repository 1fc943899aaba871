"""How Sphinx builds the documentation: ``nox -s docs``."""

from __future__ import annotations

import sys
from pathlib import Path

import fer_zoo

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "fer-zoo"
author = "The fer-zoo authors"
copyright = author
release = fer_zoo.__version__
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.doctest",
    "diagram_directive",
    "drawn_pictures",
    "model_table",
    "public_names_check",
]
exclude_patterns = ["_build", "_made", "extensions", "speed_table.md"]  # the tables are parts of other pages
html_theme = "furo"
smartquotes = False  # "--" in a command is not a dash
html_title = f"fer-zoo {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"  # a data class describes its fields under "Attributes:"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # "Attributes:" becomes a list in the class, and no second entry beside autodoc's own

# Names of other projects cannot be looked up: that needs their inventories, and the build does without the network.
# Names of this project are always checked.
nitpick_ignore_regex = [
    (r"py:.*", r"(abc|collections|dataclasses|enum|io|os|pathlib|threading|types|typing)\..*"),
    (
        r"py:.*",
        r"(gradio|huggingface_hub|np|numpy|onnxruntime|pandas|PIL|pyarrow|supervision|torch|torchvision|transformers)\..*",
    ),
    (
        r"py:class",
        r"NDArray|Path|PathLike|PreTrainedModel",
    ),  # imported for type checkers only, so their modules are not known here
    (
        r"py:class",
        r"ImageSource|ImageStream|NetworkSource|Opener|TeacherSource",
    ),  # aliases, no classes; what takes them lists what they stand for
    (r"py:class", r"Rows"),  # a protocol, described where it is taken
    (r"py:class", r"Event|Figure|Place|VideoSource"),  # of the standard library and of an optional package; aliases
    (
        r"py:class",
        r"BranchFusion|FaceChoice|GateType|GradientOperator|Implementation|LastFusion|LevelFusion|Targets",
    ),  # literals; the classes list them
    (r"py:exc", r"StrictDataclassError"),  # of huggingface_hub
    (r"py:class", r"fer_zoo\..*\._\w+"),  # a private base class is named in the list of bases, but not documented
]

doctest_global_setup = "import fer_zoo"
