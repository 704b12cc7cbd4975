"""Releases for tests: the text of a spec, read, checked and decoded."""

from __future__ import annotations

from bgen import decode
from bgen import schema
from bgen import source
from bgen.release import Release


def release_of(text: str) -> Release:
    """The release that a spec describes; raises Rejected where its shape is wrong. Its meaning is not judged."""
    read = source.parse(text.encode(), "release.yaml")
    schema.check(read)
    return decode.decode(read.data)
