"""Static files of the pages: read once, so that a desk serves those of its own version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_FOLDER: Final = Path(__file__).parent.with_name("static")

_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Not by the system's table, which some machines have other entries in."""


class StaticFiles:
    """An ASGI application that answers with the files as they were when it was made."""

    def __init__(self) -> None:
        self._files = {
            f"/{file.name}": (file.read_bytes(), _MEDIA_TYPES[file.suffix])
            for file in _FOLDER.iterdir()
            if file.suffix in _MEDIA_TYPES
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        name = scope["path"].removeprefix(scope["root_path"])
        if name not in self._files:
            raise HTTPException(404)
        content, media_type = self._files[name]
        await Response(content, media_type=media_type)(scope, receive, send)
