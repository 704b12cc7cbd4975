from __future__ import annotations

from bgen.document import Document
from bgen.release import Release


def documents(release: Release) -> list[Document]:
    return []
