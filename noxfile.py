"""The checks of the project, each in an environment of its own: ``nox -l`` lists them, ``nox -s tests`` runs one."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import tarfile
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
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
GROUPS = PROJECT["dependency-groups"]
EXTRAS = ",".join(PROJECT["project"]["optional-dependencies"])
PYTHONS = nox.project.python_versions(PROJECT)  # from the classifiers
OFFLINE = {"HF_HUB_OFFLINE": "1"}

# What shows in minutes that versions of packages or of Python fit, without the parts that take long and need them less.
FIRST_TESTS = ("tests/test_package.py", "tests/models", "tests/pipelines", "tests/cli")

# What the distributions may hold and must hold, as patterns. Pictures are only those that we may pass on, and tests
# make their own data.
IN_WHEEL = (
    *("fer_zoo/*.py", "fer_zoo/py.typed", "fer_zoo-*.dist-info/*", "fer_zoo/demo/assets/*.css"),
    *("fer_zoo/demo/assets/*.jpg", "fer_zoo/weights/*.json", "fer_zoo/weights/*.safetensors"),
)
NEEDED_IN_WHEEL = (
    *("fer_zoo/py.typed", "fer_zoo/weights/*.safetensors", "fer_zoo/demo/assets/*.css", "fer_zoo/demo/assets/*.jpg"),
    "*.dist-info/licenses/LICENSE",
)
IN_SDIST = (
    *(pattern for pattern in IN_WHEEL if "dist-info" not in pattern),
    *("tests/*.py", "benchmarks/*.py", "docs/*.py", "docs/*.md", "docs/*.svg", "docs/*.png", "docs/*.css"),
    *("examples/*.py", "examples/*.md", "examples/*.txt", "examples/images/*.png", "hub_configs/*"),
    *("*.md", "CITATION.cff", "LICENSE", "PKG-INFO", "noxfile.py", "pyproject.toml", ".gitignore"),
)
NEEDED_IN_SDIST = (
    *("fer_zoo/weights/*.safetensors", "tests/conftest.py", "docs/conf.py", "examples/images/*.png", "hub_configs/*"),
    *("README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "noxfile.py", "pyproject.toml"),
)
MAX_BYTES = 100_000_000  # of a file; the Python Package Index takes none that is larger, unless it is asked

# Rules of transformers' own model linter that fit only its own repository.
DISABLED_MODEL_RULES = (
    "TRF028",  # the licence header in every file; here LICENSE says it once
    "TRF057",  # @auto_docstring; here the docstrings are written out
)

# What everything else rests on: no line and no branch of it may go untested.
WHOLLY_COVERED = ("labels.py", "losses.py", "layers/*.py", "results/*.py", "evaluation/*.py")

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

    run_tests(session, *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the tests, and list the lines and branches that none of them reaches; some minutes longer than ``tests``."""
    session.install("-e", ".", *dependency_group("test"), *dependency_group("coverage"))

    run_tests(session, "--cov", "--cov-report", "term-missing:skip-covered", *session.posargs)
    whole = ",".join(f"fer_zoo/{part}" for part in WHOLLY_COVERED)
    session.run("coverage", "report", f"--include={whole}", "--fail-under=100", "--skip-covered")


@nox.session(python=PYTHONS, default=False)
def lowest(session: nox.Session) -> None:
    """Run tests with the lowest versions that pyproject.toml states, of every extra; ``-- tests`` runs all of them."""
    if session.venv_backend != "uv":
        session.error("Only uv can install the lowest versions: pip install 'nox[uv]'.")
    session.install("--resolution", "lowest-direct", "-e", f".[{EXTRAS}]", *dependency_group("test"))
    session.install("setuptools")  # imported by triton 3.2, the one of torch 2.6, which does not ask for it

    run_tests(session, *(session.posargs or FIRST_TESTS))


@nox.session(python=PYTHONS, default=False)
def newest(session: nox.Session) -> None:
    """Run tests with the newest versions that the index has, where ``tests`` keeps those of its first run."""
    session.install("--upgrade", "-e", f".[{EXTRAS}]", *dependency_group("test"))

    run_tests(session, *(session.posargs or FIRST_TESTS))


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Run pytest: one process a core with one thread each, as the models of the tests are too small to share."""
    workers = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")
    session.run("pytest", *workers, *arguments, env={**OFFLINE, "OMP_NUM_THREADS": "1"})


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
    session.install("-e", ".[train,video]")

    for example in sorted((ROOT / "examples").glob("*.py")):
        if '"--small"' in example.read_text(encoding="utf-8"):
            session.run("python", str(example), "--small", env=OFFLINE)
    session.run("python", "docs/extensions/drawn_pictures.py", session.create_tmp())


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation with every warning as an error, then run the examples in it."""
    session.install("-e", ".[results,train,video]", *dependency_group("docs"))  # the extras that its examples need

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
    check_contents(session)
    session.install(str(find_distribution(session, ".whl")))

    picture = ROOT / "examples" / "images" / "astronaut.png"
    with tempfile.TemporaryDirectory() as outside, session.chdir(outside):
        # Nothing may come from the repository, from the user's own packages or from an earlier download.
        env = {**OFFLINE, "HF_HOME": outside, "PYTHONPATH": None, "PYTHONNOUSERSITE": "1"}
        check_origin(session, env)
        session.run("fer-zoo", "doctor", env=env)
        answer = session.run("fer-zoo", "predict", str(picture), "--json", env=env, silent=True, stderr=None) or ""

    faces = [len(image["faces"]) for image in json.loads(answer)]
    if faces != [1]:
        session.error(f"Expected one image with one face, found this many faces in each image: {faces}.")


@nox.session(python=PYTHONS, default=False, requires=["build"])
def wheel_tests(session: nox.Session) -> None:
    """Run tests of the source distribution against the wheel, outside the repository; ``-- tests`` runs all of them."""
    session.install(str(find_distribution(session, ".whl")), *dependency_group("test"))

    with tempfile.TemporaryDirectory() as outside:
        with tarfile.open(find_distribution(session, ".gz")) as archive:
            archive.extractall(outside, filter="data")
        (unpacked,) = Path(outside).iterdir()
        shutil.rmtree(unpacked / "fer_zoo")  # so that nothing but the wheel can be tested
        with session.chdir(unpacked):
            check_origin(session, {"PYTHONPATH": None})
            run_tests(session, *(session.posargs or FIRST_TESTS))


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


def find_distribution(session: nox.Session, suffix: str) -> Path:
    """Return the one wheel (``.whl``) or source distribution (``.gz``) in ``dist``."""
    found = [file for file in find_distributions() if file.suffix == suffix]
    if len(found) != 1:
        session.error(f"Expected one file *{suffix} in {ROOT / 'dist'}, found {len(found)}.")
    return found[0]


def check_contents(session: nox.Session) -> None:
    """Stop unless the wheel and the source distribution hold what they need, nothing else, and are small enough."""
    wheel_file, sdist = find_distribution(session, ".whl"), find_distribution(session, ".gz")
    check_files(session, wheel_file, zipfile.ZipFile(wheel_file).namelist(), IN_WHEEL, NEEDED_IN_WHEEL)
    with tarfile.open(sdist) as archive:
        files = [name.partition("/")[2] for name in archive.getnames()]
    check_files(session, sdist, files, IN_SDIST, NEEDED_IN_SDIST)


def check_files(
    session: nox.Session, built: Path, files: list[str], allowed: tuple[str, ...], needed: tuple[str, ...]
) -> None:
    """Compare the files of a distribution with patterns of those that it may and must have."""
    unwanted = [file for file in files if not any(fnmatch.fnmatch(file, pattern) for pattern in allowed)]
    missing = [pattern for pattern in needed if not fnmatch.filter(files, pattern)]
    if unwanted or missing:
        session.error(f"{built.name} lacks {missing} and has {unwanted}, which no pattern of this file allows.")
    if built.stat().st_size > MAX_BYTES:
        session.error(f"{built.name} has {built.stat().st_size} bytes, above the limit of {MAX_BYTES}.")


def check_origin(session: nox.Session, env: dict[str, str | None]) -> None:
    """Stop unless ``import fer_zoo`` takes the installed package."""
    package = session.run("python", "-I", "-c", LOCATE_PACKAGE, env=env, silent=True, stderr=None) or ""
    if not Path(package).is_relative_to(session.virtualenv.location):
        session.error(f"Expected fer_zoo from the wheel, found {package.strip()}.")
