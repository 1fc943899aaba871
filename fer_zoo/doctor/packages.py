"""Which of the packages that fer-zoo can use are installed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from packaging.requirements import Requirement

DISTRIBUTION: Final = "fer-zoo"


@dataclass(frozen=True, slots=True)
class PackageStatus:
    """A package, and what is wrong with it.

    Attributes:
        name: as pip knows it.
        wanted: the versions that fer-zoo takes, such as ``>=2.6``; empty for all.
        version: the one that is installed, or ``None``.
        extras: the parts of fer-zoo that need it; empty if all of it does.
        advice: what to do if it is missing or of another version; empty otherwise.
    """

    name: str
    wanted: str
    version: str | None
    extras: tuple[str, ...]
    advice: str

    @property
    def is_required(self) -> bool:
        """Whether fer-zoo cannot work without it."""
        return not self.extras

    @property
    def is_sound(self) -> bool:
        """Whether it does no harm, because it fits or is optional and not installed."""
        return not self.advice or (self.version is None and not self.is_required)


def own_requirements() -> tuple[str, ...]:
    """Return what the installed fer-zoo asks for, extras included; nothing if it runs without being installed."""
    try:
        return tuple(requires(DISTRIBUTION) or ())
    except PackageNotFoundError:
        return ()


def own_version() -> str:
    """Return the version of the installed fer-zoo."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def find_python() -> str:
    """Return the kind and version of Python, such as ``CPython 3.12.4``."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def find_packages(requirements: Iterable[str] | None = None) -> tuple[PackageStatus, ...]:
    """Look for packages, without importing them.

    Args:
        requirements: in the form of PEP 508, with the extra in the marker; by default those of the installed fer-zoo.

    Returns:
        the required ones first, then those of the extras, both sorted by name.
    """
    wanted: dict[str, str] = {}
    extras: dict[str, tuple[str, ...]] = {}
    for text in own_requirements() if requirements is None else requirements:
        requirement = Requirement(text)
        extra = _extra_of(requirement)
        if extra is None:
            continue
        wanted.setdefault(requirement.name, str(requirement.specifier))
        already = extras.get(requirement.name)
        is_required = already == () or not extra
        extras[requirement.name] = () if is_required else (*(already or ()), extra)
    found = [_status(name, wanted[name], extras) for name in wanted]
    return tuple(sorted(found, key=lambda status: (not status.is_required, status.name.lower())))


def _extra_of(requirement: Requirement) -> str | None:
    """Return the extra that asks for a package, ``""`` for none, or ``None`` if it is not for this machine."""
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        return ""
    parts = str(requirement.marker).split("extra == ")
    extra = parts[-1].split('"')[1] if len(parts) > 1 else ""
    return extra if extra and requirement.marker.evaluate({"extra": extra}) else None


def _status(name: str, wanted: str, extras: Mapping[str, tuple[str, ...]]) -> PackageStatus:
    """Return what is known of one package."""
    of_package = extras[name]
    command = f"pip install '{name}{wanted}'"
    if of_package:
        command = f"pip install '{DISTRIBUTION}[{name if name in of_package else of_package[0]}]'"
    try:
        found = version(name)
    except PackageNotFoundError:
        return PackageStatus(name, wanted, None, of_package, f"not installed: {command}")
    is_fitting = Requirement(f"{name}{wanted}").specifier.contains(found, prereleases=True)
    return PackageStatus(name, wanted, found, of_package, "" if is_fitting else f"expected {wanted}: {command}")


__all__ = ["PackageStatus", "find_packages", "find_python", "own_requirements", "own_version"]
