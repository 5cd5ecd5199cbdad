"""Photos as arguments: paths, addresses of the web, and standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from gallery.commands.terminal import is_interactive
from gallery.errors import PhotoError

if TYPE_CHECKING:
    from gallery.client import FoundPhotos, HeldPhoto, PassedOver, PhotoFailure, SourceKind

STANDARD_INPUT: Final = "-"
_WEB: Final = ("http://", "https://")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20})://")
_STREAMS: Final = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "udp", "tcp", "srt"})

Given = Path | str
"""A photo or another source as it was given: a path, `STANDARD_INPUT`, or an address of the web."""

GivenPhoto = tuple["Path | HeldPhoto", str]
"""A photo that is to be enrolled, and its label."""

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class PhotoArgument(click.Path):
    """A path of something that exists, an address of the web, or ``-`` for standard input."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path as one, and the others as text."""
        if value == STANDARD_INPUT or (isinstance(value, str) and value.lower().startswith(_WEB)):
            return value
        if isinstance(value, str) and (given := _SCHEME.match(value)) and not os.path.exists(value):
            scheme = given[1].lower()
            stream = "; gallery identify --camera searches with the faces of a stream"
            self.fail(
                f"photos are not fetched by {scheme}://, but by http:// and https://"
                + (stream if scheme in _STREAMS else ""),
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def faces_option(text: str, choices: Sequence[str] = ("one", "largest", "all")) -> _Decorator:
    """Return ``--faces``, with what it means for a command, and what it may be."""
    return click.option(
        "--faces",
        type=click.Choice(choices),
        default="one",
        show_default=True,
        help=text,
    )


private_urls_option = click.option(
    "--private-urls",
    is_flag=True,
    help="Fetch photos from this machine and from inside of its network too, such as from a "
    "camera. Without it, no URL leads there.",
)


@dataclass(frozen=True)
class GivenPhotos:
    """The photos that were given, those of folders too.

    Attributes
    ----------
    photos
        Paths, and what was read from standard input or fetched.
    failures
        What could not be looked at or fetched.
    passed_over
        What is no photo in a folder.
    """

    photos: tuple[Path | HeldPhoto, ...] = ()
    failures: tuple[PhotoFailure, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    @classmethod
    def of(cls, sources: Sequence[Given], private_urls: bool) -> GivenPhotos:
        """Find, read and fetch photos."""
        from gallery.client import SourceKind, find_probe_photos

        found: list[FoundPhotos[Any]] = []
        for source in sources:
            if isinstance(source, Path) and kind_of_given(source) is SourceKind.FOLDER:
                found.append(find_probe_photos(source))
            else:
                found.append(read_given(source, private_urls))
        return cls(
            tuple(photo for some in found for photo in some),
            tuple(failure for some in found for failure in some.failures),
            tuple(passed for some in found for passed in some.passed_over),
        )


def kind_of_given(source: Given) -> SourceKind:
    """Return the kind of a source; standard input and the web give photos."""
    from gallery.client import SourceKind, kind_of

    return kind_of(source) if isinstance(source, Path) else SourceKind.PHOTO


def refuse_options_of_photos(of_what: str) -> None:
    """Refuse ``--faces`` and ``--private-urls`` where there is no photo that they could be for."""
    context = click.get_current_context()
    for name in ("faces", "private_urls"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} is for photos, not for {of_what}")


def check_standard_input(sources: Iterable[Given]) -> None:
    """Check that standard input is given once at most, and that something was sent to it."""
    count = list(sources).count(STANDARD_INPUT)
    if count > 1:
        raise click.UsageError("- stands for one photo on standard input: give it once")
    if count and is_interactive():
        raise click.UsageError(
            "standard input is a terminal: send a photo to it, as in: gallery identify - < a.jpg"
        )


def read_given(source: Given, private_urls: bool) -> FoundPhotos[Path | HeldPhoto]:
    """Return one photo, read or fetched if it is no file, or why it cannot be."""
    from gallery.client import FoundPhotos, PhotoFailure, PhotoUrl, hold

    if isinstance(source, Path):
        return FoundPhotos((source,))
    try:
        if source == STANDARD_INPUT:
            return FoundPhotos((hold(sys.stdin.buffer, "(standard input)"),))
        return FoundPhotos((hold(PhotoUrl(source, private_urls)),))
    except PhotoError as error:
        name = "(standard input)" if source == STANDARD_INPUT else str(PhotoUrl(source))
        return FoundPhotos((), (PhotoFailure.of(name, error),))
