"""The fetch of one archive from a package index, a program of its own: pip finds and receives it.

``pip download`` runs the set-up code of an sdist to learn what it depends on, with whatever
versions of setuptools and wheel are the newest. This takes pip's index client alone: the archive
stays a file, and nothing in it runs; pip's mirrors, proxies, certificates and credentials hold.

These are inner parts of pip, the same since pip 22. Where they differ, the fetch fails and says so.
"""

from __future__ import annotations

import hashlib
import sys
from optparse import Values
from pathlib import Path

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import DistributionNotFound, InstallationError

_LARGEST_BYTES = 64 * 1024**2
_CHUNK = 1 << 16


class _ArchiveFetch(DownloadCommand):
    """``pip download`` up to the archive: arguments are project, file name, SHA-256 and target."""

    def run(self, options: Values, args: list[str]) -> int:
        project, archive, sha256, target = args
        session = self.get_default_session(options)
        finder = self._build_package_finder(options=options, session=session)
        links = [item.link for item in finder.find_all_candidates(project)]
        reason = "none of the indexes has it"
        for link in links:
            if link.filename != archive:
                continue
            data = _receive(session, link.url_without_fragment)
            if hashlib.sha256(data).hexdigest() == sha256:
                Path(target).write_bytes(data)
                return 0
            reason = "the index has another file under this name"
        raise DistributionNotFound(f"No matching distribution found for {archive}: {reason}")


def _receive(session, url: str) -> bytes:  # type: ignore[no-untyped-def]
    with session.get(url, headers={"Accept-Encoding": "identity"}, stream=True) as response:
        response.raise_for_status()
        data = bytearray()
        for chunk in response.iter_content(_CHUNK):
            data += chunk
            if len(data) > _LARGEST_BYTES:
                raise InstallationError("the file is implausibly large")
        return bytes(data)


if __name__ == "__main__":
    sys.exit(_ArchiveFetch("download", "a fetch of one archive").main(sys.argv[1:]))
