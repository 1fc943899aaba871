"""The checks of the project, each in an environment of its own: ``nox -l`` lists them, ``nox -s tests`` runs one."""

from __future__ import annotations

import fnmatch
import json
import re
import tempfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.2.9"  # the first that can clear an environment with uv 0.10 and later
# torch with its CUDA libraries is 6 GB, and tests, types, docs and wheel need it. uv hard-links the files of every
# environment to its one cache, so only the first costs that much; with virtualenv each environment is a full copy.
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "imports", "tests", "examples", "docs", "wheel"]

ROOT = Path(__file__).parent
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")["dependency-groups"]
OFFLINE = {"HF_HUB_OFFLINE": "1"}

# Rules of transformers' own model linter that fit only its own repository.
DISABLED_MODEL_RULES = (
    "TRF028",  # the licence header in every file; here LICENSE says it once
    "TRF057",  # @auto_docstring; here the docstrings are written out
)

LOCATE_MODEL_RULES = "from mlinter.mlinter import DEFAULT_RULE_SPECS_PATH as path; print(path)"
LOCATE_PACKAGE = "import fer_zoo; print(fer_zoo.__file__)"


def dependency_group(name: str) -> tuple[str, ...]:
    """Return the requirements of one group of ``[dependency-groups]``, with the groups that it includes."""
    return nox.project.dependency_groups({"dependency-groups": GROUPS}, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, docstrings and the conventions of transformers' model files; needs neither the project nor torch."""
    session.install(*dependency_group("lint"))

    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("interrogate", "-v", "fer_zoo")
    rules = write_model_rules(session)
    session.run("mlinter", "--no-cache", "--no-progress", "--rules-toml", str(rules), "fer_zoo/models")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, its tests and this file with mypy in strict mode."""
    session.install("-e", ".", "nox", *dependency_group("types"))

    session.run("mypy", *session.posargs)


@nox.session
def imports(session: nox.Session) -> None:
    """Check that every module imports only from the layers below its own; reads the sources, so torch is not needed."""
    session.install(*dependency_group("imports"))

    session.run("lint-imports", "--no-logo")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after ``--`` go to pytest."""
    session.install("-e", ".", *dependency_group("test"))

    # One process a core with one thread each: the models of the tests are too small to share among threads.
    workers = ("-n", "logical", "--maxprocesses", "4")
    session.run("pytest", *workers, *session.posargs, env={**OFFLINE, "OMP_NUM_THREADS": "1"})


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Run each property of the fuzz tests on thousands of new cases, above 100,000 in all; takes half an hour."""
    session.install("-e", ".", *dependency_group("test"))

    cases = {"FER_ZOO_FUZZ_CASES": "2300"}  # of each; the slow ones run a share of them
    session.run("pytest", "tests/fuzz", *session.posargs, env={**OFFLINE, **cases, "OMP_NUM_THREADS": "1"})


@nox.session(default=False)
def ray(session: nox.Session) -> None:
    """Kill workers of a local Ray cluster, and compare its output with that of one process; takes some minutes."""
    session.install("-e", ".[ray]", *dependency_group("test"))

    session.run("python", "benchmarks/check_ray.py", env={**OFFLINE, "OMP_NUM_THREADS": "1"})


@nox.session
def examples(session: nox.Session) -> None:
    """Run every example: those with a small mode in it, on data that they make themselves."""
    session.install("-e", ".[train]")

    for example in sorted((ROOT / "examples").glob("*.py")):
        if '"--small"' in example.read_text(encoding="utf-8"):
            session.run("python", str(example), "--small", env=OFFLINE)
    picture = ROOT / "examples" / "images" / "astronaut.png"
    session.run("python", "examples/explain_faces.py", str(picture), session.create_tmp(), env=OFFLINE)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation with every warning as an error, then run the examples in it."""
    session.install("-e", ".[results,train]", *dependency_group("docs"))  # the extras that its examples need

    # -E and -a: a page that did not change since the last build would not give its warnings again
    strict = ("sphinx-build", "-n", "-W", "--keep-going", "-E", "-a")
    session.run(*strict, "-b", "html", "docs", "docs/_build/html", env=OFFLINE)
    session.run(*strict, "-b", "doctest", "docs", "docs/_build/doctest", env=OFFLINE)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the source distribution and, from it, the wheel into ``dist``, and check their metadata."""
    session.install("build", "twine")
    for old in find_distributions():
        old.unlink()

    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", *map(str, find_distributions()))


# A fresh environment each time: one that is reused could still hold a package that the wheel no longer asks for.
@nox.session(reuse_venv=False, requires=["build"])
def wheel(session: nox.Session) -> None:
    """Install the very wheel that ``build`` made, and use it outside the repository and without the network."""
    built = find_wheel(session)
    check_contents(session, built)
    session.install(str(built))

    picture = ROOT / "examples" / "images" / "astronaut.png"
    with tempfile.TemporaryDirectory() as outside, session.chdir(outside):
        # Nothing may come from the repository, from the user's own packages or from an earlier download.
        env = {**OFFLINE, "HF_HOME": outside, "PYTHONPATH": None, "PYTHONNOUSERSITE": "1"}
        package = session.run("python", "-I", "-c", LOCATE_PACKAGE, env=env, silent=True, stderr=None) or ""
        session.run("fer-zoo", "models", env=env)
        answer = session.run("fer-zoo", "predict", str(picture), "--json", env=env, silent=True, stderr=None) or ""

    if not Path(package).is_relative_to(session.virtualenv.location):
        session.error(f"Expected fer_zoo from the wheel, found {package.strip()}.")
    faces = [len(image["faces"]) for image in json.loads(answer)]
    if faces != [1]:
        session.error(f"Expected one image with one face, found this many faces in each image: {faces}.")


def write_model_rules(session: nox.Session) -> Path:
    """Write the rule file of the installed model linter with our exceptions switched off, and return its path.

    The linter has options to switch rules on but none to switch them off; it does accept another rule file.
    """
    tmp = Path(session.create_tmp())
    original = session.run("python", "-c", LOCATE_MODEL_RULES, silent=True, log=False)
    if not original:  # only with --install-only
        return tmp
    text = Path(original.strip()).read_text(encoding="utf-8")
    for rule in DISABLED_MODEL_RULES:
        table = rf"(?m)^(\[rules\.{rule}\]\n(?:(?!\[).*\n)*?default_enabled = )true$"
        text, changes = re.subn(table, r"\1false", text)
        if changes != 1:
            session.error(f"The model linter has no enabled rule {rule} any more: remove it from DISABLED_MODEL_RULES.")
    path = tmp / "model_rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def find_distributions() -> list[Path]:
    """Return what ``build`` left in ``dist``: the source distribution and the wheel."""
    return sorted((ROOT / "dist").glob("fer_zoo-*"))


def find_wheel(session: nox.Session) -> Path:
    """Return the one wheel in ``dist``."""
    wheels = [file for file in find_distributions() if file.suffix == ".whl"]
    if len(wheels) != 1:
        session.error(f"Expected one wheel in {ROOT / 'dist'}, found {len(wheels)}.")
    return wheels[0]


def check_contents(session: nox.Session, built: Path) -> None:
    """Stop unless the wheel has what ``import`` alone does not miss: embedded weights, the page and the type marker."""
    files = zipfile.ZipFile(built).namelist()
    for pattern in ("fer_zoo/py.typed", "fer_zoo/weights/*.safetensors", "fer_zoo/demo/assets/*.css"):
        if not fnmatch.filter(files, pattern):
            session.error(f"{built.name} has no file {pattern}.")
