"""Options that several commands take, each defined once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gallery.backends import Backend
from gallery.commands.deprecation import Former, renamed_option
from gallery.commands.environment import DATABASE_VARIABLE, WithheldOption
from gallery.commands.paths import NamedPath
from gallery.commands.server_options import SERVER_OPTIONS, chosen_server
from gallery.commands.settings import DatabaseSettings, KeyFileSettings, ServiceSettings, Settings
from gallery.dates import parse_span
from gallery.parameters import DEFAULT_PARAMETERS, PARAMETER_SETS

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def default_key_file() -> Path:
    """Return the default path of the key file: in the user's data folder.

    Raises
    ------
    MachineError
        If there is no such folder.
    """
    import platformdirs

    from gallery.home_folder import require_home_folder

    if not os.environ.get("XDG_DATA_HOME"):
        require_home_folder("the key file", "GALLERY_KEY")
    return (
        Path(platformdirs.user_data_path("encrypted-face-gallery", appauthor=False)) / "gallery.key"
    )


# --- what all commands take -----------------------------------------------------------------------

_DATABASE = click.option(
    "--database",
    cls=WithheldOption,
    metavar="URL",
    envvar=DATABASE_VARIABLE,
    default="sqlite:///gallery.db",
    show_default=True,
    help="Database, as SQLAlchemy names it. [env: GALLERY_DATABASE]",
)
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but results and errors.")
_VERBOSE = click.option("--verbose", is_flag=True, help="Say more about what is done.")

# Plain words: click takes members of an enumeration by their Python names.
_BACKENDS = [item.value for item in Backend]
_NATIVE, _SEAL = _BACKENDS
_EVALUATOR = Former("--evaluator", "GALLERY_EVALUATOR", {"kernel": _NATIVE, "reference": _SEAL})
_ENGINE = Former("--engine", "GALLERY_ENGINE", {"native": _NATIVE, "tenseal": _SEAL})


def backend_option(task: str, *formerly: Former) -> _Decorator:
    """Return ``--backend``; ``task`` is its work, as help says it: ``compares``."""
    return renamed_option(
        "--backend",
        formerly=formerly or (_EVALUATOR,),
        type=click.Choice(_BACKENDS),
        envvar="GALLERY_BACKEND",
        default=_NATIVE,
        show_default=True,
        help=f"Backend that {task}: this project's kernels, or SEAL, slower and with the same "
        "results. [env: GALLERY_BACKEND]",
    )


_KEY = click.option(
    "--key",
    type=NamedPath(dir_okay=False, path_type=Path),
    envvar="GALLERY_KEY",
    default=default_key_file,
    show_default="in the user's data folder",
    help="Key file. [env: GALLERY_KEY]",
)

_COMMON = (
    _KEY,
    _DATABASE,
    *SERVER_OPTIONS,
    click.option(
        "--passphrase-file",
        type=NamedPath(dir_okay=False, path_type=Path),
        help="File with the passphrase. [env: GALLERY_PASSPHRASE holds the passphrase itself]",
    ),
    click.option(
        "--gallery", metavar="NAME", default="default", show_default=True, help="Gallery."
    ),
    renamed_option(
        "--state-file",
        formerly=(Former("--memory", "GALLERY_MEMORY"),),
        type=NamedPath(dir_okay=False, path_type=Path),
        envvar="GALLERY_STATE_FILE",
        show_default="beside the key file",
        help="File with the newest state seen of each gallery, so that an older one put back is "
        "noticed. [env: GALLERY_STATE_FILE]",
    ),
    backend_option("encrypts and decrypts, and compares where no server does", _ENGINE, _EVALUATOR),
    quiet_option,
    _VERBOSE,
)


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command takes; the command gets them as one `Settings`."""

    @wraps(function)
    def collect(
        key: Path,
        database: str,
        server: str | None,
        token_file: Path | None,
        server_ca: Path | None,
        plain_http: bool,
        passphrase_file: Path | None,
        gallery: str,
        state_file: Path | None,
        backend: str,
        quiet: bool,
        verbose: bool,
        **rest: Any,
    ) -> Any:
        settings = Settings(
            database,
            quiet,
            verbose,
            chosen_server(server, token_file, server_ca, plain_http),
            backend,
            key,
            passphrase_file,
            gallery,
            state_file,
        )
        return function(settings, **rest)

    return _with_options(_COMMON, collect)


def service_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that ask a service and need no key; see `ServiceSettings`."""

    @wraps(function)
    def collect(
        database: str,
        server: str | None,
        token_file: Path | None,
        server_ca: Path | None,
        plain_http: bool,
        quiet: bool,
        verbose: bool,
        **rest: Any,
    ) -> Any:
        address = chosen_server(server, token_file, server_ca, plain_http)
        settings = ServiceSettings(database, quiet, verbose, address, Backend.NATIVE)
        return function(settings, **rest)

    return _with_options((_DATABASE, *SERVER_OPTIONS, quiet_option, _VERBOSE), collect)


def key_file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that need the key file's place alone; see `KeyFileSettings`."""

    @wraps(function)
    def collect(key: Path, quiet: bool, **rest: Any) -> Any:
        return function(KeyFileSettings(key, quiet), **rest)

    return _with_options((_KEY, quiet_option), collect)


def database_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands without a key; the command gets them as `DatabaseSettings`."""

    @wraps(function)
    def collect(database: str, quiet: bool, verbose: bool, **rest: Any) -> Any:
        return function(DatabaseSettings(database, quiet, verbose), **rest)

    return _with_options((_DATABASE, quiet_option, _VERBOSE), collect)


def _with_options(
    options: Sequence[Callable[..., Any]], command: Callable[..., Any]
) -> Callable[..., Any]:
    @wraps(command)
    def checked(**values: Any) -> Any:
        _check_texts(values)
        return command(**values)

    for option in reversed(options):
        checked = option(checked)
    return checked


def _check_texts(values: Mapping[str, Any]) -> None:
    """Refuse bytes that are no UTF-8, which only paths may hold."""
    context = click.get_current_context()
    for parameter in context.command.params:
        value = values.get(parameter.name or "")
        for text in value if isinstance(value, tuple) else (value,):
            try:
                if isinstance(text, str):
                    text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise click.BadParameter("it is no text in UTF-8", context, parameter) from error


# --- what some commands take ----------------------------------------------------------------------

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")

new_passphrase_option = click.option(
    "--new-passphrase-file",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="File with the new passphrase. [env: GALLERY_NEW_PASSPHRASE holds the passphrase itself]",
)

no_passphrase_option = click.option(
    "--no-passphrase",
    is_flag=True,
    help="Leave the key file unprotected: whoever can read it has the key.",
)

weak_passphrase_option = click.option(
    "--weak-passphrase",
    is_flag=True,
    help="Take a passphrase of one character all the same.",
)

detector_option = click.option(
    "--detector", metavar="NAME", help="DeepFace's face detector, for --model."
)

metric_option = click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean", "euclidean_l2"]),
    default="cosine",
    show_default=True,
    help="Distance between embeddings, as DeepFace defines it.",
)


def json_option(text: str) -> _Decorator:
    """Return ``--json``, by which a command prints JSON, as the help text says it."""
    return click.option("--json", "as_json", is_flag=True, help=text)


def force_option(text: str) -> _Decorator:
    """Return ``--force``, which overwrites files, as the help text says it."""
    return click.option("--force", is_flag=True, help=text)


def threshold_option(text: str) -> _Decorator:
    """Return ``--threshold``, in units of the gallery's metric."""
    return click.option("--threshold", type=float, help=text)


def search_threshold_option() -> _Decorator:
    """Return ``--threshold`` of a search: a number, or the name of one of the gallery's own."""
    return click.option(
        "--threshold",
        metavar="FLOAT|NAME",
        callback=_number_or_name,
        help="Largest distance of a match, or the name of a threshold that was set for the "
        "gallery, such as door. [default: the gallery's, else DeepFace's for its model]",
    )


def max_age_option(text: str) -> _Decorator:
    """Return ``--max-age``, how old the gallery's state may be; the command gets a `timedelta`."""
    return click.option("--max-age", metavar="SPAN", callback=_check_span, help=text)


def model_option(text: str) -> _Decorator:
    """Return ``--model``, the face model by DeepFace's name."""
    return click.option("--model", metavar="NAME", help=text)


def parameters_option(text: str, default: str | None = DEFAULT_PARAMETERS.name) -> _Decorator:
    """Return ``--parameters``, the name of a parameter set."""
    return click.option(
        "--parameters",
        type=click.Choice(list(PARAMETER_SETS)),
        default=default,
        show_default=default is not None,
        help=text,
    )


def fpir_option(text: str, *names: str, **attributes: Any) -> _Decorator:
    """Return ``--fpir``, a wanted false positive identification rate above 0 and below 1."""
    return click.option(
        "--fpir",
        *names,
        type=float,
        callback=_check_rates,
        show_default=True,
        metavar="RATE",
        help=text,
        **attributes,
    )


def split_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a labelled set is split."""
    folds = click.option(
        "--folds",
        type=click.IntRange(min=2),
        default=5,
        show_default=True,
        help="Splits of the people: in each fold another group of them are strangers.",
    )
    seed = click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Seed of the folds and intervals: the same one gives the same results.",
    )
    return folds(seed(function))


def _check_span(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    span = parse_span(value)
    if not span:
        raise click.BadParameter("a span is written as 90m, 12h, 7d or 2w", context, parameter)
    return span


def _number_or_name(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | str | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return value
    if not (math.isfinite(number) and number >= 0.0):
        raise click.BadParameter("must be a number of at least 0", context, parameter)
    return number


def _check_rates(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    for number in value if isinstance(value, tuple) else (value,):
        if not 0.0 < number < 1.0:
            raise click.BadParameter("a rate is above 0 and below 1", context, parameter)
    return value
