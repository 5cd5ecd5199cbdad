"""Litter: files and folders that systems and NAS boxes leave among photos."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = frozenset(
    {
        # Synology, QNAP, NetApp and other network storage
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "@transcode",
        "@sharesnap",
        "@syno",
        "@synoresource",
        "@synoeastream",
        "@appstore",
        "@database",
        "@img_bkp_cache",
        "@__thumb",
        "#recycle",
        "#snapshot",
        "~snapshot",
        "network trash folder",
        "temporary items",
        "thevolumesettingsfolder",
        "aquota.user",
        "aquota.group",
        # Windows
        "$recycle.bin",
        "recycler",
        "recycled",
        "system volume information",
        "onedrivetemp",
        "thumbs.db",
        "thumbs.db:encryptable",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "picasa.ini",
        # macOS, of which most begins with a dot
        "__macosx",
        "icon\r",
        # Linux and Android
        "lost+found",
        "lost.dir",
        # Programs that keep folders in step
        "_gsdata_",
    }
)

_STARTS: Final = ("synophoto_thumb_", "synofile_thumb_")

_ENDS: Final = (
    "@synoeastream",
    "@synoresource",
    ":zone.identifier",
    ":com.dropbox.attributes",
    # Libraries of programs for photos, with previews and copies of all, by no person
    ".lrdata",
    ".photoslibrary",
    ".photolibrary",
    ".migratedphotolibrary",
    ".aplibrary",
)

_FOUND: Final = re.compile(r"found\.\d{3}")
"""Folders of files that Windows recovers when it checks a disk."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden: that is for programs, not for people."""
    return name.startswith(".")


def is_litter(name: str) -> bool:
    """Whether a system or a NAS made a file or folder of this name for itself."""
    folded = name.casefold()
    return (
        folded in _NAMES
        or folded.startswith(_STARTS)
        or folded.endswith(_ENDS)
        or _FOUND.fullmatch(folded) is not None
    )
