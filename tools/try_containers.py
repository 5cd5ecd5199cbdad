"""A trial of the containers: both compose files started as their documents say, used, and erased.

Run as ``make containers``, or as ``python -m tools.try_containers --build-arg BASE=…`` on another
base. It needs Docker with Compose 2.24, and openssl. Its projects, images, ports and secrets are
its own: those of a deployment on the same machine stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
DIMENSION = 8
DESK = "desk.example.org"
# Names, ports and images of a deployment are left alone; anything else is as in the files.
OVERRIDES = {
    "compose.yaml": """
services:
  server: {image: gallery-trial}
  proxy: {ports: !override ["127.0.0.1::8443"]}
""",
    "compose.desk.yaml": """
services:
  server: {image: gallery-trial}
  desk: {image: gallery-trial-desk, ports: !override ["127.0.0.1::8480"]}
""",
}


class Trial:
    """A copy of what a deployment takes of the checkout, and Compose in it."""

    def __init__(self, folder: Path, name: str) -> None:
        """Copy the files into an empty folder; ``name`` is that of the compose file."""
        self.folder, self.name = folder, name
        self.environment = dict(os.environ)
        ignored = (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
        built = [line[1:] for line in ignored if line.startswith("!")]
        for path in map(CHECKOUT.joinpath, [*built, "Dockerfile", ".dockerignore", name, "deploy"]):
            there = folder / path.relative_to(CHECKOUT)
            there.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                ignored_there = shutil.ignore_patterns("*.pem", "__pycache__")
                shutil.copytree(path, there, ignore=ignored_there, dirs_exist_ok=True)
            else:
                shutil.copy(path, there)
        (folder / "override.yaml").write_text(OVERRIDES[name], "utf-8")

    def run(self, *words: str | Path) -> str:
        """Run a command in the folder, and return what it prints on standard output."""
        print("$", *words, flush=True)
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    def compose(self, *words: str) -> str:
        """Run a command of Compose."""
        files = ["-f", self.name, "-f", "override.yaml"]
        project = f"gallery-trial-{self.name.removesuffix('.yaml').replace('.', '-')}"
        return self.run("docker", "compose", "-p", project, *files, *words)

    def certificate(self, folder: str, names: str) -> Path:
        """Make a certificate that users of containers can read, and its key."""
        made, key = self.folder / folder / "certificate.pem", self.folder / folder / "key.pem"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        subject = ["-subj", "/CN=trial", "-addext", f"subjectAltName={names}"]
        self.run("openssl", "req", "-x509", *kind, *subject, "-keyout", key, "-out", made)
        key.chmod(0o644)
        return made

    def port(self, service: str, inner: int) -> int:
        """Return where a container's port is reached."""
        return int(self.compose("port", service, str(inner)).rpartition(":")[2])

    def ends_well(self, *services: str) -> None:
        """Stop services, which must end by themselves and not be killed."""
        self.compose("stop", *services)
        listed = self.compose("ps", "--all", "--format", "json", *services).splitlines()
        codes = {line["Service"]: line["ExitCode"] for line in map(json.loads, listed)}
        if codes != dict.fromkeys(services, 0):
            raise SystemExit(f"not all services ended well: {codes}")


def embeddings(count: int) -> np.ndarray:
    """Return embeddings of nobody."""
    made = np.random.default_rng(1).standard_normal((count, DIMENSION))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def try_server(trial: Trial, arguments: Sequence[str]) -> None:
    """Start PostgreSQL, server and proxy; enroll, restart what is behind the proxy, and search."""
    secrets = [f"{name}_PASSWORD={os.urandom(16).hex()}\n" for name in ("POSTGRES", "FACES")]
    (trial.folder / ".env").write_text("".join(secrets), "utf-8")
    trusted = trial.certificate("deploy/tls", "IP:127.0.0.1")
    trial.compose("build", *arguments)
    trial.compose("up", "--detach", "--wait")
    owner = trial.environment
    token = ["gallery", "token", "create", "--name", "owner", "--scope", "admin"]
    owner["GALLERY_TOKEN"] = trial.compose("exec", "-T", "server", *token)
    owner["GALLERY_SERVER"] = f"https://127.0.0.1:{trial.port('proxy', 8443)}"
    owner["GALLERY_SERVER_CA"] = str(trusted)
    owner["GALLERY_KEY"] = str(trial.folder / "owner.key")
    references = embeddings(100)
    labels = np.array([f"person {index}" for index in range(100)])
    np.savez(trial.folder / "references.npz", embeddings=references, labels=labels)
    np.savez(trial.folder / "probe.npz", embeddings=references[7:8])
    gallery = [sys.executable, "-m", "gallery"]
    trial.run(*gallery, "key", "new", "--no-passphrase")
    trial.run(*gallery, "init", "--dimension", str(DIMENSION))
    trial.run(*gallery, "enroll", "references.npz")
    trial.compose("restart", "database")
    trial.compose("restart", "server")
    trial.compose("up", "--detach", "--wait")
    owner["GALLERY_SERVER"] = f"https://127.0.0.1:{trial.port('proxy', 8443)}"
    found = json.loads(trial.run(*gallery, "identify", "probe.npz", "--threshold", "0.1", "--json"))
    if found["label"] != "person 7":
        raise SystemExit(f"somebody else was found: {found}")
    trial.ends_well("server", "proxy")


def try_desk(trial: Trial, arguments: Sequence[str]) -> None:
    """Start a desk with a key in its volume, and its server; enroll and search by its API."""
    secrets = trial.folder / ".env"
    secrets.write_text(f"DESK_NAME={DESK}\n", "utf-8")
    trusted = trial.certificate("deploy/desk-tls", f"IP:127.0.0.1,DNS:{DESK}")
    trial.compose("build", *arguments)
    trial.compose("up", "--detach", "--wait", "server")
    token = ["gallery", "token", "create", "--name", "desk", "--scope", "admin"]
    token_of_server = trial.compose("exec", "-T", "server", *token)
    secrets.write_text(f"DESK_NAME={DESK}\nGALLERY_TOKEN={token_of_server}\n", "utf-8")
    once = ["run", "--rm", "-T", "desk"]
    trial.compose(*once, "key", "new", "--no-passphrase")
    trial.compose(*once, "init", "--dimension", str(DIMENSION), "--plain-http")
    token = ["desk-token", "create", "--name", "manager", "--scope", "manage"]
    token_of_desk = trial.compose(*once, *token)
    trial.compose("up", "--detach", "--wait")
    address = f"https://127.0.0.1:{trial.port('desk', 8480)}/v1/galleries/default"
    trust = ssl.create_default_context(cafile=trusted)

    def ask(call: str, **body: object) -> dict[str, object]:
        asked = urllib.request.Request(  # noqa: S310 (the address is above)
            f"{address}/{call}",
            json.dumps(body).encode("utf-8"),
            {
                "Authorization": f"Bearer {token_of_desk}",
                "Content-Type": "application/json",
                "Host": f"{DESK}:8480",
            },
        )
        with urllib.request.urlopen(asked, context=trust) as answer:  # noqa: S310
            return json.load(answer)

    face = embeddings(1).tolist()
    ask("enroll", label="Ada", embeddings=face)
    found = ask("identify", embeddings=face, threshold=0.1)
    if '"label": "Ada"' not in json.dumps(found):
        raise SystemExit(f"somebody else was found: {found}")
    trial.ends_well("desk", "server")


def main() -> None:
    """Try both compose files, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    arguments = [word for value in parser.parse_args().build_arg for word in ("--build-arg", value)]
    for name, try_it in (("compose.yaml", try_server), ("compose.desk.yaml", try_desk)):
        with tempfile.TemporaryDirectory(prefix="gallery-containers-") as folder:
            trial = Trial(Path(folder), name)
            try:
                try_it(trial, arguments)
            except BaseException:
                print(trial.compose("logs", "--tail", "50"), file=sys.stderr)
                raise
            finally:
                trial.compose("down", "--volumes")
    print("both compose files work")


if __name__ == "__main__":
    main()
