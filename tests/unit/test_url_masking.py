"""URLs as they are shown: no part of a password is left, however it was typed."""

from __future__ import annotations

import pytest

from gallery.url_masking import masked_text, masked_url

PASSWORDS = [
    "S3cret",
    "S3@cret",
    "S3/cret",
    "S3?cret",
    "S3#cret",
    "S3:cret",
    "S3 cret",
    "S3%40cret",
]
PASSWORDS += ["@S3cret@", "S3?host=cret", "S3&cret", "S3cret'", "S3//cret"]
FORMS = [
    "postgresql+psycopg://owner:{}@db.example.org:5432/faces",
    "postgresql+psycopg://owner:{}@db.example.org/faces?sslmode=require",
    "postgres://:{}@db.example.org/faces",
    "mysql://owner:{}@[::1]/faces",
    "https://owner:{}@faces.example.org",
    "https://{}@faces.example.org:8470/",
    "socks5h://owner:{}@proxy.example.org:1080",
    "tcp://owner:{}@scheduler.example.org:8786",
    "owner:{}@proxy.example.org:3128",
]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("form", FORMS)
def test_no_part_of_a_password_is_shown(form: str, password: str) -> None:
    url = form.format(password)

    for shown in (masked_url(url), masked_text(f"cannot open {url!r}: no such host", [url])):
        assert "S3" not in shown
        assert "cret" not in shown
        assert "example.org" in shown or "[::1]" in shown
        assert "***" in shown


@pytest.mark.parametrize("name", ["password", "PassWord", "%70assword", "sslpassword", "pwd", "x"])
def test_a_value_of_a_query_is_shown_only_if_it_is_known_to_be_public(name: str) -> None:
    url = f"postgresql+psycopg://owner@db.example.org/faces?sslmode=require&{name}=S3cret"

    assert masked_url(url) == url.replace("S3cret", "***")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://owner%3AS3cret@db/faces", "postgresql://owner:***@db/faces"),
        ("postgresql://owner%253aS3cret@db/faces", "postgresql://owner:***@db/faces"),
        ("postgresql://db/faces?user=o;password=S3cret", "postgresql://db/faces?user=***"),
        ("postgresql://db/faces?user=o%3Bpassword%3DS3cret", "postgresql://db/faces?user=***"),
        ("postgresql://owner@db/faces#S3cret", "postgresql://owner@db/faces#***"),
        ("postgresql:/owner:S3://cret@db/faces", "***@db/faces"),
        ("psql 'postgresql://owner:S3cret@db/faces'", "***@db/faces'"),
        ("jdbc:postgresql://db/faces?password=S3cret", "jdbc:postgresql://db/faces?password=***"),
        ("https://faces/;id=S3cret/base;x", "https://faces/;id=***"),
        ("https://faces/;id=S3/cret;S3", "https://faces/;id=***"),
        ("https://faces/a?sig=S3@cret", "https://***"),
        ("rtsp://camera:554/a?sig=S3@cret", "rtsp://***"),
        ("rtsp://owner%3aS3?cret@camera/a", "rtsp://owner:***@camera/a"),
        ("sqlite:///gallery.db?key=S3cret", "sqlite:///gallery.db?key=***"),
        ("sqlite:///gallery.db?key=S3&cret", "sqlite:///gallery.db?key=***&***"),
        ("sqlite+pysqlcipher://:S3cret@/gallery.db", "sqlite+pysqlcipher://:***@/gallery.db"),
    ],
)
def test_a_password_in_an_unusual_place_is_not_shown(url: str, shown: str) -> None:
    assert masked_url(url) == shown


def test_a_password_whose_host_was_left_out_is_not_shown() -> None:
    assert masked_url("postgresql://owner:S3cret/faces") == "postgresql://owner:***/faces"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gallery.db",
        "sqlite:///gallery.db",
        "sqlite:////srv/a@b:c/gallery.db",
        "sqlite:///team?eu.db",
        "sqlite:///file:/srv/gallery.db?immutable=1&uri=true",
        "postgresql+psycopg://owner@db.example.org:5432/faces",
        "postgresql+psycopg:///faces?host=/run/postgresql",
        "https://faces.example.org:8470/base",
        "http://[::1]:8470",
        "tcp://127.0.0.1:8786",
    ],
)
def test_what_holds_no_secret_is_shown_as_it_is(url: str) -> None:
    assert masked_url(url) == url
    assert masked_text(f"nothing at '{url}', and nothing else.") == (
        f"nothing at '{url}', and nothing else."
    )
