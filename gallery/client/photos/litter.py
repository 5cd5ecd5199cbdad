"""Litter: files and folders of systems and NAS boxes that lie among photos and are none."""

from __future__ import annotations

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
        "found.000",
        "thumbs.db",
        "thumbs.db:encryptable",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "picasa.ini",
        # macOS, of which most begins with a dot
        "__macosx",
        "icon\r",
        # Linux
        "lost+found",
    }
)

_ENDS: Final = ("@synoeastream", "@synoresource", ":zone.identifier", ":com.dropbox.attributes")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden: that is for programs, not for people."""
    return name.startswith(".")


def is_litter(name: str) -> bool:
    """Whether a system or a NAS made a file or folder of this name for itself."""
    folded = name.casefold()
    return folded in _NAMES or folded.endswith(_ENDS)
