"""``gallery identify`` of videos and cameras: options, and the run."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from gallery.commands.counts import counted
from gallery.commands.environment import CAMERA_VARIABLE, WithheldOption
from gallery.commands.hints import told
from gallery.commands.main import EXIT_NON_MATCH, EXIT_PARTIAL
from gallery.commands.paths import NamedPath
from gallery.commands.photo_arguments import refuse_options_of_photos
from gallery.commands.records import TableFormat
from gallery.commands.saved_frames import SavedFrames
from gallery.commands.settings import Settings
from gallery.commands.sightings import SightingPrinter, print_titles
from gallery.commands.threshold_notes import notes_on_search
from gallery.errors import VideoError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, LiveSource, VideoFile
    from gallery.client.progress import Progress

DEFAULT_EVERY: Final = 0.5
_EVERY: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(ms|s|m)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class VideoChoice:
    """The chosen options of videos.

    Attributes
    ----------
    every
        Seconds from frame to frame, or None if that was not said.
    camera
        The number or URL of a camera.
    frames
        The folder for best frames.
    """

    every: float | None
    camera: int | str | None
    frames: Path | None

    def is_meant(self, probes: Sequence[object]) -> bool:
        """Whether a video or a camera is to be searched with, and not photos.

        Raises
        ------
        UsageError
            If videos and others, or options of others, are given together.
        """
        from gallery.client import is_video

        videos = [path for path in probes if isinstance(path, Path) and is_video(path)]
        if self.camera is not None and probes:
            raise click.UsageError("give --camera, or files, not both")
        if videos and len(videos) < len(probes):
            raise click.UsageError(
                "give videos, or photos, not both; these are videos: " + ", ".join(map(str, videos))
            )
        if videos or self.camera is not None:
            refuse_options_of_photos("videos, of which all faces are looked at")
            return True
        if self.every is not None or self.frames is not None:
            raise click.UsageError("--every and --frames are for videos and cameras")
        return False


@dataclass(frozen=True)
class SearchChoice:
    """The chosen options of the searches for a video."""

    top: int
    threshold: Any
    exit_code: bool
    form: TableFormat | None
    full_precision: bool
    force: bool
    max_age: timedelta | None
    cache_size: int


def video_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of videos and cameras; the command gets them as one `VideoChoice`."""

    @wraps(function)
    def collect(
        *args: Any, every: float | None, camera: int | str | None, frames: Path | None, **rest: Any
    ) -> Any:
        given = click.get_current_context().get_parameter_source("camera")
        if given is ParameterSource.ENVIRONMENT and rest.get("probes"):
            camera = None
        return function(*args, video=VideoChoice(every, camera, frames), **rest)

    decorated: Callable[..., Any] = collect
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def identify_videos(
    settings: Settings, paths: Sequence[Path], video: VideoChoice, choice: SearchChoice
) -> int:
    """Search with the faces of videos or a camera, print who was seen; return the exit code."""
    from gallery.client import LiveSource, VideoFile

    if choice.force and video.frames is None:
        raise click.UsageError("of videos, --force belongs to --frames")
    every = video.every or DEFAULT_EVERY
    frames = None
    if video.frames is not None:
        frames = SavedFrames(video.frames, paths, overwrite=choice.force)
    failed, unmatched = False, False
    with settings.open_client(cache_size=choice.cache_size, max_age=choice.max_age) as client:
        print_titles(choice.form)
        for path in paths or (None,):
            try:
                source: VideoFile | LiveSource
                if path is not None:
                    source = VideoFile(path, every)
                else:
                    assert video.camera is not None
                    source = LiveSource(video.camera, every, settings.notice)
                matched = _identify(
                    settings, client, source, choice, path, frames, several=len(paths) > 1
                )
            except VideoError as error:
                if len(paths) < 2:
                    raise
                settings.notice(f"not searched: {told(error)}")
                failed = True
                continue
            unmatched = unmatched or not matched
            if source.doubt:
                settings.notice(f"warning: {source.name}: {source.doubt}")
                failed = True
    if failed:
        return EXIT_PARTIAL
    return EXIT_NON_MATCH if choice.exit_code and unmatched else 0


def _identify(
    settings: Settings,
    client: GalleryClient,
    source: VideoFile | LiveSource,
    choice: SearchChoice,
    path: Path | None,
    frames: SavedFrames | None,
    *,
    several: bool,
) -> bool:
    """Search with one video; return whether somebody was seen, and each face matched."""
    printer = SightingPrinter(
        source,
        client.description,
        client.threshold(choice.threshold),
        form=choice.form,
        full_precision=choice.full_precision,
        several=several,
        video=path,
        frames=frames,
    )
    try:
        with _progress(settings, source) as advance, _stopped_by_interrupt(source):
            sightings = client.identify_video(
                source,
                choice.top,
                choice.threshold,
                keep_frames=frames is not None,
                told=settings.notice,
                progress=advance,
            )
            printer.show(sightings)
    except KeyboardInterrupt:  # with sightings so far, which are results
        _end(settings, printer, source)
        raise
    _end(settings, printer, source)
    return printer.seen > 0 and printer.matches == printer.seen


@contextmanager
def _stopped_by_interrupt(source: VideoFile | LiveSource) -> Iterator[None]:
    """Have Ctrl-C end a live source in order; a second one interrupts, as ever."""
    from gallery.client import LiveSource

    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not isinstance(source, LiveSource) or before == signal.SIG_IGN or not is_main:
        yield
        return
    live = source

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        live.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _progress(
    settings: Settings, source: VideoFile | LiveSource
) -> AbstractContextManager[Progress | None]:
    if source.live:
        return nullcontext()
    return settings.progress("looking at frames", source.steps())


def _end(settings: Settings, printer: SightingPrinter, source: VideoFile | LiveSource) -> None:
    """Report the number of tracks and matches, and the threshold."""
    settings.notice(
        f"{source.name}: {printer.seen} seen, {printer.matches} of them matched somebody"
    )
    if (found := printer.last_found) is None:
        return
    settings.notice(
        f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
        f"{counted(int(found.searched.max()), 'reference')} searched"
    )
    for note in notes_on_search(found.limit, int(found.searched.max())):
        settings.notice(note)


class _Camera(click.types.StringParamType):
    """The number of a camera, or a URL."""

    name = "camera"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
            return int(value)
        if isinstance(value, str) and "://" in value:
            return value
        self.fail(
            "give the number of a camera of this machine, such as 0 for /dev/video0, or a URL",
            param,
            ctx,
        )


def _seconds(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    found = _EVERY.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
    if not seconds > 0.0:
        raise click.BadParameter("a span of frames is written as 0.5s, 200ms or 1m, and above 0")
    return seconds


_OPTIONS: Final = (
    click.option(
        "--every",
        metavar="SPAN",
        callback=_seconds,
        help="Time from one frame of a video that is looked at to the next, such as 0.5s, 200ms or "
        "1m. "
        "[default: 0.5s]",
    ),
    click.option(
        "--camera",
        cls=WithheldOption,
        metavar="NUMBER|URL",
        type=_Camera(),
        envvar=CAMERA_VARIABLE,
        help="Search with the faces of a camera of this machine, or of a stream such as "
        "rtsp://host/path, until Ctrl-C. [env: GALLERY_CAMERA, which other users of the machine "
        "cannot see if the URL holds a password]",
    ),
    click.option(
        "--frames",
        metavar="FOLDER",
        type=NamedPath(file_okay=False, path_type=Path),
        help="Save the best frame of each face of a video in this folder.",
    ),
)
