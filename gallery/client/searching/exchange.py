"""The requests of a search and their answers, which are checked: probes out, distances back.

Nothing is decrypted here: what the service is asked depends on no distance.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from gallery.arrays import Floats, residue_bytes
from gallery.client.prefetch import Prefetcher
from gallery.client.scheme import ProbeEncryption, ResultCheck
from gallery.client.searching.reception import Reception
from gallery.client.session import GallerySession
from gallery.errors import RequestTooLargeError, WrongResultError
from gallery.messages import (
    ID_SIZE,
    BlockResult,
    EncryptedProbe,
    Manifest,
    ReferenceTable,
    SearchRequest,
    SearchResult,
)

REQUEST_BYTES = 128 * 1024 * 1024
"""Most bytes of the probes of a request, and of its answer, unless it has a single probe. Two
requests and two answers are in memory at a time, beside what the transport takes."""

REQUEST_PROBES = 16
"""Most probes in one request: as many as a service scans for at once. Beyond two, a comparison took
the same time with 3, 4, 7, 10 and 16 probes."""


@dataclass(frozen=True, eq=False)
class ProbeRequest:
    """Probes as they are sent, and what opens their results."""

    secrets: tuple[ProbeEncryption, ...]
    probes: tuple[EncryptedProbe, ...]


@dataclass(frozen=True, eq=False)
class ProbeAnswer:
    """The whole answer to a request; all that can be checked without decrypting was checked.

    ``wrong`` says what the check of the results found.
    """

    secrets: tuple[ProbeEncryption, ...]
    manifest: Manifest
    blocks: tuple[BlockResult, ...]
    tables: tuple[ReferenceTable, ...]
    wrong: WrongResultError | None


class Exchange:
    """The exchange of probes and answers with the service, about one gallery."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session

    def requests(self, vectors: Floats, stack: ExitStack) -> Iterator[ProbeRequest]:
        """Give the requests for some probes, one of them ahead if there are several."""
        if len(vectors) == 1:  # it cannot be split, whatever the size of the gallery
            return map(self._encrypt, [vectors])
        chunks = self._chunks(vectors)
        return stack.enter_context(Prefetcher("encrypt", self._encrypt, chunks))

    def _chunks(self, vectors: Floats) -> Iterator[Floats]:
        """Split probes so that neither a request nor its answer takes much memory."""
        parameters = self._session.parameters
        blocks = max(1, len(self._session.manifest().entries))
        columns = self._session.description.columns
        sizes = (
            residue_bytes(parameters.probe_shape(columns)),
            blocks * residue_bytes(parameters.result_shape),
        )
        step = max(1, min(REQUEST_PROBES, REQUEST_BYTES // max(sizes)))
        return (vectors[start : start + step] for start in range(0, len(vectors), step))

    # --- in the thread that encrypts --------------------------------------------------------------

    def _encrypt(self, vectors: Floats) -> ProbeRequest:
        """Encrypt probes of one request; vectors of norm at most 1, shape (m, d)."""
        secrets = tuple(self._session.scheme.encrypt_probe(vector) for vector in vectors)
        return ProbeRequest(secrets, tuple(self._message(secret) for secret in secrets))

    def _message(self, encryption: ProbeEncryption) -> EncryptedProbe:
        session = self._session
        return EncryptedProbe(
            probe_id=os.urandom(ID_SIZE),
            key_id=session.key.key_id,
            parameters=session.parameters.name,
            dimension=session.description.dimension,
            constants=encryption.constants,
            seed=encryption.seed,
        )

    # --- in the thread that searches --------------------------------------------------------------

    def ask(self, request: ProbeRequest) -> ProbeAnswer:
        """Send one request, receive the whole answer, and check what needs no decryption.

        The whole answer is read before anything of it is decrypted: a server that saw the client
        stop at a block would learn whether what it had made up decrypts to what was expected.
        """
        session, received = self._session, Reception(self._session, request.probes)
        known = session.known_versions(received.floor)
        try:
            result = self._results(request.probes, known, received)
        except RequestTooLargeError:
            # Of a large gallery, results and all references at once are more than a server has room
            # for. Block by block references are not, and then results are left alone.
            session.state()
            if session.known_versions() == known:
                raise
            received = Reception(session, request.probes)
            result = self._results(request.probes, session.known_versions(), received)
        manifest, blocks, tables = received.all_of(result)
        check = session.check_sums.opened(manifest, result.check_sums)
        wrong = None if check is None else _wrong_results(check, request.secrets, blocks)
        if wrong is not None:
            # Here and now: the search may be interrupted before its end.
            session.distrust()
        return ProbeAnswer(request.secrets, manifest, blocks, tables, wrong)

    def _results(
        self, probes: Sequence[EncryptedProbe], known: Mapping[int, int], received: Reception
    ) -> SearchResult:
        session = self._session
        sums = session.check_sums.known
        request = SearchRequest(session.gallery_id, tuple(probes), known, sums)
        return session.service.search(request, received)


def _wrong_results(
    check: ResultCheck, secrets: Sequence[ProbeEncryption], blocks: Sequence[BlockResult]
) -> WrongResultError | None:
    """Return the error in the results of a request, or None; nothing is decrypted."""
    try:
        check.check(secrets, blocks)
    except WrongResultError as error:
        return error
    return None
