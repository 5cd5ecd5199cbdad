"""``gallery cache``: show and clear the cache of this machine."""

from __future__ import annotations

import click

from gallery.commands.cache_options import FOLDER_VARIABLE, cache_path
from gallery.commands.counts import counted
from gallery.commands.options import json_option, quiet_option
from gallery.commands.output import print_table
from gallery.commands.terminal import print_json, say

_EPILOG = """
\b
Examples:
  gallery cache show
  gallery cache clear
"""


@click.group("cache", epilog=_EPILOG)
def command() -> None:
    """Show and clear the cache of this machine.

    Commands that open a gallery keep its references and check sums, as the server has them: sealed
    labels and keyed hashes, which say nothing without the key. So the next
    command need not ask for them again. Commands that embed photos keep the embeddings, sealed with
    the key. All of it is checked anew whenever it is used.
    """


@command.command("show", epilog=_EPILOG)
@json_option("Print one JSON object.")
@quiet_option
def show(as_json: bool, quiet: bool) -> None:
    """Show the size of the cache, gallery by gallery.

    Galleries have no names here; gallery info says which identifier one has.
    """
    from gallery.client.cache import CacheFolder, kept_embeddings
    from gallery.client.integrity.clock import in_utc

    path = cache_path()
    found = () if path is None else CacheFolder(path).galleries()
    records = [
        {
            "gallery_id": item.gallery_id,
            "blocks": item.blocks,
            "bytes": item.size,
            "used": in_utc(item.used),
        }
        for item in found
    ]
    photos, photo_bytes = (0, 0) if path is None else kept_embeddings(CacheFolder(path))
    if as_json:
        print_json(
            {
                "folder": None if path is None else str(path),
                "galleries": records,
                "embeddings": {"photos": photos, "bytes": photo_bytes},
            }
        )
        return
    if records:
        print_table(
            ("gallery", "blocks", "bytes", "last used"),
            (tuple(map(str, item.values())) for item in records),
        )
    if not quiet:
        if photos:
            say(f"embeddings of {counted(photos, 'photo')}: {photo_bytes:,} bytes")
        total = sum(item.size for item in found) + photo_bytes
        say(
            f"this user has no folder for a cache: set {FOLDER_VARIABLE}, or HOME"
            if path is None
            else f"{total:,} bytes in {path}"
        )


@command.command("clear", epilog=_EPILOG)
@quiet_option
def clear(quiet: bool) -> None:
    """Empty the cache; the next commands fill it again."""
    from gallery.client.cache import CacheFolder, clear_embeddings, kept_embeddings

    path = cache_path()
    if path is None:
        return
    cache = CacheFolder(path)
    total = sum(item.size for item in cache.galleries()) + kept_embeddings(cache)[1]
    cache.clear()
    clear_embeddings(cache)
    if not quiet:
        say(f"{total:,} bytes removed from {path}")
