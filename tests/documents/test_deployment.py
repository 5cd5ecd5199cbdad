"""Files for operators: their commands, limits, names and files are the code's."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn
import yaml
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

import tests.support.postgresql
from gallery.commands.main import EXIT_USAGE
from gallery.commands.serve import REQUEST_MEMORY
from gallery.commands.serve import command as serve_command
from gallery.errors import MachineError, SchemaVersionError
from gallery.server.audit_log import Action
from gallery.server.http import ServerConfig
from gallery.server.http.app import make_app
from gallery.server.http.config import GIB, MIB
from gallery.server.http.fair_share import LITTLE, RESERVE
from gallery.server.http.request_sizes import SMALL_REQUEST
from gallery.server.http.state import READERS, WRITERS, ServerState
from gallery.server.http.uvicorn_server import DATABASE_CONNECTIONS
from gallery.store import open_database
from gallery.web.connection_gate import CONNECTION_BYTES, CONNECTIONS
from gallery.web.connections import HEADER_BYTES, HEADER_FIELDS, HEADER_SECONDS, PIPELINED
from tests.support import deploy_files
from tests.support.certificates import make_certificate
from tests.support.command_line import check_words
from tests.support.deploy_files import DEPLOY, instructions, seconds_of, size_of, stages
from tests.support.documents import CHECKOUT, blocks_of, rows_of, section_of
from tests.support.serving import Serving, serving

postgresql_server = tests.support.postgresql.postgresql_server

DOCUMENT = CHECKOUT / "docs" / "operations.md"
PORT = next(item.default for item in serve_command.params if item.name == "port")
LIMITS = ServerConfig()


def dockerfile(instruction: str) -> list[str]:
    """Return the arguments of all instructions of one kind that make the server's image."""
    return instructions(instruction, "build", "server")


def compose() -> Any:
    return deploy_files.compose("compose.yaml")


def unit() -> configparser.SectionProxy:
    return deploy_files.unit("gallery.service")


def nginx() -> str:
    return re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text("utf-8"))


# --- commands -------------------------------------------------------------------------------------


def command_lines() -> Iterator[str]:
    """Yield what is run of `gallery` in the files, and inside other commands in the document."""
    (command,) = dockerfile("CMD")
    yield shlex.join(json.loads(command))
    yield shlex.join(compose()["services"]["server"]["command"])
    program, _, rest = unit()["ExecStart"].partition(" ")
    assert program == "/opt/gallery/bin/gallery"
    yield rest
    for block in blocks_of(DOCUMENT, "sh"):
        for line in block.splitlines():
            yield from re.findall(r"docker compose run --rm server (.*)", line)
            yield from re.findall(r"(?:server |/bin/)gallery ([a-z][^>']*)", line)


@pytest.mark.parametrize("line", list(command_lines()))
def test_commands_and_options_exist(line: str) -> None:
    try:
        check_words(shlex.split(line))
    except click.ClickException as error:
        pytest.fail(f"gallery {line}: {error.format_message()}")


def test_the_commands_in_the_document_are_found() -> None:
    words = {line.split()[0] for line in command_lines()}

    assert words >= {"serve", "token", "migrate"}


def test_the_server_is_what_is_built_where_nothing_is_said() -> None:
    assert stages()[-1] == "server"
    assert compose()["services"]["server"]["build"]["target"] == "server"


def test_the_image_does_not_speak_plain_http_unless_told() -> None:
    assert json.loads(dockerfile("ENTRYPOINT")[0]) == ["gallery"]
    assert "--plain-http" not in dockerfile("CMD")[0]


def test_all_files_mean_the_same_port() -> None:
    assert dockerfile("EXPOSE") == [str(PORT)]
    assert f'"/opt/check_health.py", "{PORT}"' in dockerfile("HEALTHCHECK")[0]
    assert f"server server:{PORT};" in nginx()
    (scrape,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"server:{PORT}"]}]


# --- the image ------------------------------------------------------------------------------------


def test_what_the_image_copies_is_there_and_let_through() -> None:
    first, *others = [
        line
        for line in (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    allowed = {line.removeprefix("!") for line in others if line.startswith("!")}
    copied = [
        name
        for words in dockerfile("COPY")
        if not words.startswith("--from")
        for name in words.split()[:-1]
        if not name.startswith("--")
    ]

    assert first == "*"
    assert {name if name in allowed else Path(name).parts[0] for name in copied} == allowed
    for name in copied:
        assert (CHECKOUT / name).exists(), name


def locked(name: str) -> dict[str, str]:
    """Return the packages of a lock, each with its lines."""
    whole = (CHECKOUT / "requirements" / name).read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9])", whole, flags=re.M)[1:]
    return {entry.partition("==")[0]: entry for entry in entries}


def test_the_image_installs_what_is_locked_and_nothing_else() -> None:
    installs = [words for run in dockerfile("RUN") for words in re.findall(r"install [^&]*", run)]
    downloads = [words for words in installs if "python" not in words and "--no-index" not in words]
    downloads = [words for words in downloads if not words.startswith("install --directory")]

    assert len(downloads) == 2
    for words in downloads:
        assert {"--no-deps", "--only-binary=:all:", "--require-hashes"} <= set(words.split())
    assert not re.search(r"https?://|index-url", (CHECKOUT / "Dockerfile").read_text("utf-8"))


def test_the_lock_of_the_image_has_a_server_and_no_face_model() -> None:
    packages = locked("server.lock")

    assert {"uvicorn", "fastapi", "psycopg", "numba"} <= set(packages)
    for name, entry in packages.items():
        assert re.match(rf"{name}==[\w.]+", entry), name
        assert "--hash=sha256:" in entry, name
        assert not re.search("tensorflow|keras|deepface|dlib|opencv|onnx|pytest", name)


def test_the_image_takes_all_that_builds_the_project_from_the_lock() -> None:
    (names,) = re.findall(r'BUILDERS="(.*)"', " ".join(dockerfile("ARG")))
    needed = {
        name
        for name, entry in locked("dev.lock").items()
        if re.search(r"^    #(?: via|  ) hatchling$", entry, re.M)
    }

    assert set(names.split("|")) == needed | {"hatchling"}


def test_the_image_can_write_compiled_code_and_uploads() -> None:
    environment = dict(word.split("=", 1) for word in " ".join(dockerfile("ENV")).split())
    home = dockerfile("WORKDIR")[-1]

    assert Path(environment["NUMBA_CACHE_DIR"]).is_relative_to(home)
    assert environment["TMPDIR"] == home
    assert dockerfile("USER") == ["10001:10001"]
    assert compose()["services"]["server"]["volumes"] == [f"state:{home}"]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_the_health_of_a_server_is_seen_by_its_check(encrypted: bool, tmp_path: Path) -> None:
    check = [sys.executable, str(DEPLOY / "check_health.py")]
    tls = make_certificate(tmp_path) if encrypted else None

    with serving(f"sqlite:///{tmp_path}/gallery.db", tls=tls) as running:
        port = running.url.rpartition(":")[2]
        lives = subprocess.run([*check, port], check=False)
    ended = subprocess.run([*check, port], check=False)

    assert (lives.returncode, ended.returncode) == (0, 1)


# --- confinement, limits and time -----------------------------------------------------------------


def test_every_container_is_confined() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"], name


def test_only_the_proxy_is_reached_from_outside() -> None:
    described = compose()
    services, networks = described["services"], described["networks"]

    assert [name for name in services if "ports" in services[name]] == ["proxy"]
    inside = {name for name, options in networks.items() if options and options["internal"]}
    assert set(services["server"]["networks"]) == inside
    assert set(services["database"]["networks"]) < inside


def test_no_password_has_a_default() -> None:
    whole = (CHECKOUT / "compose.yaml").read_text("utf-8")
    variables = re.findall(r"\$\{(\w+)(.*?)\}", whole)

    assert {name for name, _ in variables} == {"POSTGRES_PASSWORD", "FACES_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in variables)


def test_memory_is_enough_for_all_budgets() -> None:
    least = LIMITS.cache_size + LIMITS.request_bytes + LIMITS.answer_bytes + 300 * MIB
    least += CONNECTIONS * CONNECTION_BYTES

    assert size_of(compose()["services"]["server"]["mem_limit"]) > least
    assert size_of(unit()["MemoryMax"]) > least


@pytest.mark.parametrize("name", ["compose.yaml", "compose.desk.yaml"])
def test_what_containers_print_cannot_fill_the_disk(name: str) -> None:
    for service, described in deploy_files.compose(name)["services"].items():
        kept = described["logging"]["options"]
        assert size_of(kept["max-size"]) * int(kept["max-file"]) == 250 * MIB, service

    assert "250 MiB" in section_of(DOCUMENT, "Logs")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.desk.yaml"])
def test_no_container_swaps_or_dumps_what_is_erased(name: str) -> None:
    for service, described in deploy_files.compose(name)["services"].items():
        assert described["memswap_limit"] == described["mem_limit"], service
        assert described["ulimits"]["core"] == 0, service

    assert (unit()["MemorySwapMax"], unit()["LimitCORE"]) == ("0", "0")


def test_a_start_that_is_waited_for_has_begun_everywhere() -> None:
    # `up --wait` takes a container without a check for healthy while it fails again and again.
    services = compose()["services"]
    checked = {name for name in services if "healthcheck" in services[name]}

    assert dockerfile("HEALTHCHECK")
    assert checked | {"server"} == set(services)
    assert services["proxy"]["healthcheck"]["test"][-1].endswith(":8443/readyz")
    assert "listen 8443 ssl;" in nginx()


def test_a_stop_waits_longer_than_requests_may_take() -> None:
    assert seconds_of(compose()["services"]["server"]["stop_grace_period"]) > LIMITS.shutdown
    assert int(unit()["TimeoutStopSec"]) > LIMITS.shutdown
    assert unit()["KillSignal"] == dockerfile("STOPSIGNAL")[0] == "SIGTERM"


def test_the_unit_fits_the_program() -> None:
    service, whole = unit(), (DEPLOY / "gallery.service").read_text("utf-8")

    hopeless = {EXIT_USAGE, MachineError.exit_code, SchemaVersionError.exit_code}
    assert set(map(int, service["RestartPreventExitStatus"].split())) == hopeless
    assert int(service["LimitNOFILE"]) > 2 * CONNECTIONS
    assert compose()["services"]["server"]["ulimits"]["nofile"] > 2 * CONNECTIONS
    # The kernel's compiled code: somewhere to keep it, and memory that may be executed.
    assert f"NUMBA_CACHE_DIR=/var/cache/{service['CacheDirectory']}" in whole
    assert f"TMPDIR=/var/lib/{service['StateDirectory']}" in whole
    assert "MemoryDenyWriteExecute" not in service


def test_the_proxy_takes_what_the_server_takes() -> None:
    sizes = [size_of(words) for words in re.findall(r"client_max_body_size (\w+);", nginx())]

    assert sizes == [LIMITS.max_request, LIMITS.max_restore]


def test_the_proxy_is_more_patient_than_the_server() -> None:
    """Or a client learns that something timed out, and not what the server has to say."""
    waits = dict(re.findall(r"proxy_(\w+)_timeout (\w+);", nginx()))

    assert seconds_of(waits["send"]) > LIMITS.patience + 10
    # Clients give up after five minutes.
    assert seconds_of(waits["read"]) > 300


def test_the_proxy_logs_no_address_of_a_request() -> None:
    """An address may hold a gallery's name; errors are logged with it below the level ``alert``."""
    (fields,) = re.findall(r"log_format gallery (.*?);", nginx(), re.S)
    variables = set(re.findall(r"\$(\w+)", fields))

    assert "server_status" in fields
    assert not variables & {"request", "request_uri", "uri", "args", "query_string", "document_uri"}
    assert "access_log /var/log/nginx/access.log gallery;" in nginx()
    assert re.findall(r"error_log \S+ (\w+);", nginx()) == ["alert"]


def test_the_proxy_lets_go_of_idle_connections_first() -> None:
    (kept,) = re.findall(r"^ +keepalive_timeout (\w+);", nginx(), re.M)

    ours = uvicorn.Config(app=lambda: None, log_config=None).timeout_keep_alive
    assert seconds_of(kept) < ours


def test_the_proxy_passes_on_the_service_and_hides_the_figures() -> None:
    locations = re.findall(r"location (= )?(\S+) \{(.*?)\}", nginx(), re.S)
    passed = [(exact, path) for exact, path, body in locations if "proxy_pass" in body]
    (rest,) = [body for exact, path, body in locations if (exact, path) == ("", "/")]

    def unstarted() -> ServerState:
        raise AssertionError("a description needs no database")

    routes = set(make_app(unstarted).openapi()["paths"])

    def reached(route: str) -> bool:
        return any(route == path if exact else route.startswith(path) for exact, path in passed)

    assert rest.strip() == "return 404;"
    assert {route for route in routes if not reached(route)} == {"/metrics"}
    assert all(any(route.startswith(path) for route in routes) for _, path in passed)


# --- what the document says -----------------------------------------------------------------------


def test_the_limits_are_those_of_the_code() -> None:
    listed = {cells[0]: cells[1] for cells in rows_of(section_of(DOCUMENT, "Limits"))}

    assert listed.pop("limit") == "by default"
    described = "what the gallery's blocks and dimension call for"
    assert listed == {
        "body of a request": f"{LIMITS.max_request // MIB} MiB",
        "body of a search or an update": described,
        "body that describes a gallery": f"{SMALL_REQUEST // MIB} MiB",
        "body of a restore": f"{LIMITS.max_restore // GIB} GiB",
        "probes of a search": str(LIMITS.max_probes),
        "requests that read at a time": f"{READERS}, of one token {READERS // 4}",
        "requests that write or purge at a time": f"{WRITERS}, of one token {WRITERS // 2}",
        "searches at a time": str(LIMITS.searches),
        "searches of one token at a time": str(LIMITS.token_searches),
        "bodies of one token at a time": str(LIMITS.token_bodies),
        "requests of one token at a time": str(LIMITS.token_requests),
        "last quarter of memory, searches and requests": f"tokens that have a {LITTLE}nd of all",
        "requests of one token and one server": LIMITS.rate,
        "connections": f"{CONNECTIONS:,}",
        "head of a request": f"{HEADER_BYTES // 1024} KiB in {HEADER_SECONDS:.0f} s",
        "fields of a head": str(HEADER_FIELDS),
        "what a body in chunks holds beside itself, in a row": f"{HEADER_BYTES // 1024} KiB",
        "requests sent before the last is answered": str(PIPELINED),
        "TLS handshake": f"{HEADER_SECONDS:.0f} s",
        "body, either way": f"{LIMITS.least_rate // 1024} KiB/s after {LIMITS.grace:.0f} s",
        "large body, either way": f"{LIMITS.longest:.0f} s",
        "end of requests when the server stops": f"{LIMITS.shutdown:.0f} s",
    }
    assert RESERVE == 4
    assert f"up to {DATABASE_CONNECTIONS} connections" in section_of(DOCUMENT, "PostgreSQL")


def test_the_budgets_are_those_of_the_command() -> None:
    listed = {cells[2]: cells[1] for cells in rows_of(section_of(DOCUMENT, "Memory"))}

    assert listed["`--cache-size`"] == f"{LIMITS.cache_size // GIB} GiB"
    assert listed[f"{REQUEST_MEMORY} times `--max-request`"] == f"{LIMITS.request_bytes // GIB} GiB"
    assert listed["`--answer-memory`"] == f"{LIMITS.answer_bytes // GIB} GiB"
    assert LIMITS.request_bytes == REQUEST_MEMORY * LIMITS.max_request


def test_the_options_of_serve_are_explained() -> None:
    whole = DOCUMENT.read_text("utf-8")
    shown = [item for item in serve_command.params if not getattr(item, "hidden", False)]
    options = {option for item in shown for option in item.opts}

    for option in options - {"--quiet", "--verbose", "--port"}:
        assert option in whole, option


def test_the_actions_are_those_of_the_audit_log() -> None:
    (sentence,) = re.findall(r"The actions are (.*?)\.", section_of(DOCUMENT, "Audit log"), re.S)

    assert set(re.findall(r"`([a-z]+)`", sentence)) == {action.value for action in Action}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('server')}/gallery.db") as running:
        yield running


def exported(server: Serving) -> dict[str, str]:
    """Return the metrics of a server by the names that they are queried under, with their types."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        lines = answer.read().decode("utf-8")
    # A counter's series of when it was made is none of the server's figures.
    found = dict(re.findall(r"^# TYPE (\w+) (\w+)$", lines, re.M))
    return {name: kind for name, kind in found.items() if not name.endswith("_created")}


def test_the_metrics_are_those_of_the_server(server: Serving) -> None:
    listed = {cells[0].strip("`"): cells[1] for cells in rows_of(section_of(DOCUMENT, "Metrics"))}
    listed.pop("metric")

    assert listed == exported(server)


def test_the_alerts_ask_for_metrics_that_there_are(server: Serving) -> None:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"]
    known = exported(server)

    asked = {name for rule in group["rules"] for name in re.findall(r"gallery_\w+", rule["expr"])}
    assert asked
    for name in asked:
        histogram = known.get(name.removesuffix("_bucket")) == "histogram"
        assert histogram if name.endswith("_bucket") else name in known, name


def test_the_fields_of_the_log_are_explained(tmp_path: Path) -> None:
    # A line is written after its answer was sent, and all are when the server has ended.
    with capture_logs() as entries, serving(f"sqlite:///{tmp_path}/gallery.db") as running:
        exported(running)
    requests = [entry for entry in entries if entry["event"] == "request"]
    fields = set(re.findall(r"`(\w+)`", section_of(DOCUMENT, "Logs")))

    assert requests
    for entry in requests:
        assert set(entry) - {"log_level"} <= fields


# --- the database ---------------------------------------------------------------------------------


def test_the_role_of_the_server_can_do_its_work_and_no_more(postgresql_server: str) -> None:
    if os.environ.get("GALLERY_TEST_POSTGRESQL"):
        pytest.skip("the role is made on a server of the tests' own only")
    admin = make_url(postgresql_server)
    environment = {
        "PATH": f"{tests.support.postgresql.program_folder()}:{os.environ['PATH']}",
        "PGHOST": str(admin.host),
        "PGPORT": str(admin.port),
        "POSTGRES_USER": str(admin.username),
        "FACES_PASSWORD": "it's a $word with `quotes`",
        "PGOPTIONS": "-c log_statement=all -c log_min_duration_statement=0",
    }
    script = [DEPLOY / "create-database.sh"]
    subprocess.run(script, env=environment, check=True)
    assert subprocess.run(script, env=environment, check=False).returncode
    url = admin.set(username="faces", password=environment["FACES_PASSWORD"], database="faces")
    try:
        with open_database(url.render_as_string(hide_password=False), create=True) as database:
            database.purge()
            with database.reading() as connection:
                with pytest.raises(ProgrammingError, match="permission denied"):
                    connection.execute(text("SELECT pg_read_file('PG_VERSION')"))
    finally:
        engine = create_engine(admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            folder = "current_setting('unix_socket_directories')"
            log = connection.execute(text(f"SELECT pg_read_file({folder} || '/log')")).scalar_one()
            connection.execute(text("DROP DATABASE faces WITH (FORCE)"))
            connection.execute(text("DROP ROLE faces"))
        engine.dispose()
    # The second time it failed, with what the server logs of a statement that fails.
    assert 'role "faces" already exists' in log
    assert "$word" not in log
