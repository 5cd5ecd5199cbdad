"""Sessions of browsers: what they show of themselves."""

from __future__ import annotations

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.access.sessions import Sessions


def test_no_holder_shows_what_signs_in() -> None:
    sessions, token = Sessions(60), "efd_0123456789abcdef_secret"
    identifiers = [sessions.enter(sessions.launch_secret)]
    identifiers.append(sessions.enter_as(Holder("kiosk", DeskScope.IDENTIFY), token))

    shown = repr([sessions, *map(sessions.holder, identifiers)])

    assert "kiosk" in shown
    assert not any(word in shown for word in (token, sessions.launch_secret, *identifiers))
