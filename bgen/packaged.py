"""The data files that belong to bgen: templates and schemas, in a wheel beside the modules, in a checkout beside the package."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def directory(name: str) -> Path:
    """The directory `templates`, `schemas` or `compiled` of this installation; it need not exist."""
    inside = _HERE / name
    # An editable install and a plain checkout have the data at the top level of the repository.
    return inside if inside.is_dir() else _HERE.parent / name
