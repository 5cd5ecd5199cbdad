"""Files for the operation of a desk: they say what is true, and keep its key where it belongs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gallery.commands.desk import command as desk_command
from gallery.commands.main import EXIT_USAGE
from gallery.desk.application import _STOP_SECONDS
from gallery.desk.config import DeskConfig
from gallery.errors import (
    GalleryNotFoundError,
    KeyFileNotFoundError,
    KeyMismatchError,
    MachineError,
    PassphraseRequiredError,
    SchemaVersionError,
    WrongPassphraseError,
)
from tests.documents.test_deployment import locked
from tests.support.command_line import check_words
from tests.support.deploy_files import DEPLOY, compose, instructions, seconds_of, size_of, unit
from tests.support.documents import DOCS, blocks_of

DOCUMENT = DOCS / "desk.md"
UNIT = "gallery-desk.service"
COMPOSE = "compose.desk.yaml"
PORT = next(item.default for item in desk_command.params if item.name == "port")
LONGEST_END = DeskConfig().shutdown + 2 * _STOP_SECONDS


def command_lines() -> Iterator[str]:
    """Yield what is run of `gallery` in the files, and inside other commands in the document."""
    (command,) = instructions("CMD", "desk")
    yield shlex.join(json.loads(command))
    for service in compose(COMPOSE)["services"].values():
        yield shlex.join(word for word in service["command"] if not word.startswith("$"))
    program, _, rest = unit(UNIT)["ExecStart"].partition(" ")
    assert program == "/opt/gallery-desk/bin/gallery"
    yield rest
    for block in blocks_of(DOCUMENT, "sh"):
        for line in block.splitlines():
            yield from re.findall(r"run --rm desk (.*)", line)
            yield from re.findall(r"(?:server |/bin/)gallery ([a-z][^>']*)", line)


@pytest.mark.parametrize("line", list(command_lines()))
def test_commands_and_options_exist(line: str) -> None:
    words = [word for word in shlex.split(line) if word != "--name" or "--tls-cert" not in line]
    try:
        check_words(words)
    except click.ClickException as error:
        pytest.fail(f"gallery {line}: {error.format_message()}")


def test_the_commands_in_the_document_are_found() -> None:
    assert {line.split()[0] for line in command_lines()} >= {"desk", "desk-token", "key", "token"}


# --- the key --------------------------------------------------------------------------------------


def test_the_key_is_in_the_container_of_the_desk_alone() -> None:
    services = compose(COMPOSE)["services"]
    environment = dict(w.split("=", 1) for w in " ".join(instructions("ENV", "desk")).split())
    (home,) = instructions("WORKDIR", "desk")

    assert Path(environment["GALLERY_KEY"]).parent == Path(home)
    assert f"owner:{home}" in services["desk"]["volumes"]
    assert not any("owner" in volume for volume in services["server"]["volumes"])


def test_the_server_is_reached_by_the_desk_alone() -> None:
    described = compose(COMPOSE)
    services, networks = described["services"], described["networks"]

    assert [name for name in services if "ports" in services[name]] == ["desk"]
    (vault,) = services["server"]["networks"]
    assert networks[vault] == {"internal": True}
    assert set(services["desk"]["networks"]) == {"edge", vault}
    assert services["desk"]["environment"]["GALLERY_SERVER"] == "http://server:8470"


def test_no_address_in_a_log_signs_in() -> None:
    (command,) = instructions("CMD", "desk")

    assert "--tokens-only" in json.loads(command)
    assert "--tokens-only" in compose(COMPOSE)["services"]["desk"]["command"]
    assert "--tokens-only" in unit(UNIT)["ExecStart"].split()


def test_nothing_of_the_key_gets_onto_a_disk() -> None:
    described = compose(COMPOSE)["services"]["desk"]

    assert described["ulimits"]["core"] == 0
    assert described["memswap_limit"] == described["mem_limit"]
    assert (unit(UNIT)["LimitCORE"], unit(UNIT)["MemorySwapMax"]) == ("0", "0")


@pytest.mark.parametrize("document", [DOCUMENT, DOCS / "operations.md"], ids=lambda path: path.name)
def test_what_is_written_for_compose_leaves_the_other_files_secrets(document: Path) -> None:
    lines = [line.strip() for line in document.read_text("utf-8").splitlines()]
    written = [line for line in lines if line.endswith("> .env")]

    assert written and all(">> .env" in line for line in written)
    assert "chmod 600 .env" in lines


# --- the image ------------------------------------------------------------------------------------


def test_the_image_of_the_desk_installs_what_is_locked() -> None:
    installs = re.findall(r"install [^&]*", " ".join(instructions("RUN", "desk-build")))
    downloads = [words for words in installs if "--no-index" not in words]

    assert all(
        {"--no-deps", "--only-binary=:all:", "--require-hashes"} <= set(w.split())
        for w in downloads
    )
    assert len(downloads) == 1
    packages = locked("desk.lock")
    assert {"fastapi", "jinja2", "python-multipart", "deepface", "dlib-bin", "pillow-heif"} <= set(
        packages
    )
    assert not {"tensorflow", "pytest", "psycopg"} & set(packages)


def test_all_files_of_the_desk_mean_the_same_port() -> None:
    assert instructions("EXPOSE", "desk") == [str(PORT)]
    assert f'"/opt/check_health.py", "{PORT}"' in instructions("HEALTHCHECK", "desk")[0]
    # The port is part of the name that browsers call it by, which the desk compares.
    assert compose(COMPOSE)["services"]["desk"]["ports"] == [f"{PORT}:{PORT}"]


# --- confinement, limits and time -----------------------------------------------------------------


def test_every_container_is_confined() -> None:
    for name, service in compose(COMPOSE)["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"], name


def test_memory_and_files_are_enough() -> None:
    config = DeskConfig()
    least = 2 * 2**30 + config.decode_memory + config.max_bodies + 2**30

    assert size_of(compose(COMPOSE)["services"]["desk"]["mem_limit"]) > least
    assert size_of(unit(UNIT)["MemoryMax"]) > least
    assert int(unit(UNIT)["LimitNOFILE"]) > 2 * config.connections
    assert compose(COMPOSE)["services"]["desk"]["ulimits"]["nofile"] > 2 * config.connections


def test_a_stop_waits_longer_than_the_desk_takes_to_end() -> None:
    assert int(unit(UNIT)["TimeoutStopSec"]) > LONGEST_END
    assert seconds_of(compose(COMPOSE)["services"]["desk"]["stop_grace_period"]) > LONGEST_END
    assert unit(UNIT)["KillSignal"] == instructions("STOPSIGNAL", "desk")[0] == "SIGTERM"


def test_the_unit_starts_nothing_again_that_cannot_work() -> None:
    hopeless = {EXIT_USAGE} | {
        kind.exit_code
        for kind in (
            GalleryNotFoundError,
            KeyFileNotFoundError,
            KeyMismatchError,
            MachineError,
            PassphraseRequiredError,
            SchemaVersionError,
            WrongPassphraseError,
        )
    }

    assert set(map(int, unit(UNIT)["RestartPreventExitStatus"].split())) == hopeless
    assert "MemoryDenyWriteExecute" not in unit(UNIT)


def test_the_unit_is_hardened_as_the_servers_is() -> None:
    servers, desks = unit("gallery.service"), unit(UNIT)

    for name, value in servers.items():
        if name.startswith(
            ("Protect", "Private", "Restrict", "System", "Lock", "Capability", "NoNew")
        ):
            assert desks[name] == value, name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["gallery.service", UNIT])
def test_systemd_understands_the_units(name: str, tmp_path: Path) -> None:
    whole = (DEPLOY / name).read_text("utf-8")
    there = tmp_path / name
    there.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", whole, flags=re.M))

    done = subprocess.run(
        ["systemd-analyze", "verify", str(there)], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if name in line] == []
