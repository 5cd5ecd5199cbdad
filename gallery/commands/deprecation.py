"""Former spellings of options: hidden, accepted until the next minor version, each with a notice.

An option that was renamed is declared with `renamed_option`. Its former spellings give their values
to it, so that a command knows the present name alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from click.core import ParameterSource

from gallery.commands.terminal import say
from gallery.deprecation import REMOVED_IN

_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


@dataclass(frozen=True)
class Former:
    """A former spelling of an option.

    Attributes
    ----------
    option
        The option's former name, such as ``--engine``.
    variable
        Its former environment variable.
    values
        The present value of each value that it took; empty if they are the same.
    """

    option: str
    variable: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def renamed_option(
    option: str, *, formerly: Sequence[Former], **attributes: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds an option and its hidden former spellings.

    Parameters
    ----------
    option
        The option's name, such as ``--backend``.
    formerly
        What it was called.
    **attributes
        As for `click.option`.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for former in formerly:
            command = click.option(former.option, cls=FormerOption, former=former)(command)
        return click.option(option, cls=RenamedOption, formerly=formerly, **attributes)(command)

    return add


class FormerOption(click.Option):
    """A former spelling: takes its values and gives them to the option in its place."""

    def __init__(self, names: Sequence[str], former: Former) -> None:
        super().__init__(
            names,
            envvar=former.variable,
            type=click.Choice(list(former.values)) if former.values else None,
            hidden=True,
            expose_value=False,
        )
        self.former = former


class RenamedOption(click.Option):
    """An option that takes its value from a former spelling where only that is given."""

    def __init__(self, names: Sequence[str], formerly: Sequence[Former], **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self._formerly = formerly

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, ParameterSource]:
        """Return the value that is given under any spelling: what is said outranks what is set.

        Raises
        ------
        click.UsageError
            If two spellings have different values.
        """
        value, source = super().consume_value(ctx, opts)
        given = [_Given(value, source, _name(self, source))] if source in _GIVEN else []
        given += self._given_formerly(ctx, opts)
        for rank in _GIVEN:
            chosen = [item for item in given if item.source is rank]
            if not chosen:
                continue
            for item in chosen:
                if item.value != chosen[0].value:
                    raise click.UsageError(
                        f"{chosen[0].spelling} and {item.spelling} are one option and have "
                        f"different values; give {_name(self, rank)} alone",
                        ctx,
                    )
                if not opts.get("quiet") and not ctx.resilient_parsing:
                    item.warn(_name(self, rank))
            return chosen[0].value, rank
        return value, source

    def _given_formerly(self, ctx: click.Context, opts: Mapping[str, Any]) -> Iterator[_Given]:
        for option in ctx.command.params:
            if isinstance(option, FormerOption) and option.former in self._formerly:
                value, source = option.consume_value(ctx, opts)
                if source in _GIVEN:
                    yield _Given(
                        option.former.values.get(value, value), source, _name(option, source), value
                    )


def _name(option: click.Option, source: ParameterSource) -> str:
    """Return the name under which an option was given: its own or its environment variable's."""
    return option.opts[0] if source is ParameterSource.COMMANDLINE else f"{option.envvar}"


@dataclass(frozen=True)
class _Given:
    """A value, where it is from and under which name; ``formerly``: what stood for it there."""

    value: Any
    source: ParameterSource
    spelling: str
    formerly: str | None = None

    def warn(self, present: str) -> None:
        """Print the present spelling of a former one."""
        if self.formerly is None:
            return
        same = self.formerly == self.value
        was, now = ("", "") if same else (f" {self.formerly}", f" {self.value}")
        say(
            f"deprecated: {self.spelling}{was} is spelled {present}{now} now; version {REMOVED_IN} "
            "will refuse the former spelling"
        )
