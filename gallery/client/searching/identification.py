"""The search of a gallery: probes out, encrypted distances back, candidates found among them.

A search of many probes is a chain of requests. While one is scanned by the service, the next is
encrypted, and the answer to the one before is decrypted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.integrity import clock
from gallery.client.integrity.labels import LabelContent
from gallery.client.prefetch import Prefetcher
from gallery.client.progress import Progress
from gallery.client.searching.candidates import CandidateRows, Identification
from gallery.client.searching.exchange import Exchange, ProbeAnswer
from gallery.client.searching.people_rankings import PeopleRankings
from gallery.client.searching.rankings import (
    Places,
    Rankings,
    SubjectRankings,
    Subjects,
    Ties,
    block_and_position,
    split,
)
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession
from gallery.distances import from_squared, to_squared
from gallery.errors import (
    GalleryError,
    IntegrityError,
    WrongResultError,
)
from gallery.messages import (
    ReferenceTable,
)

TIE = math.sqrt(2.0) * 4.0 / 6.0
"""Stated errors that equal distances can come apart: four standard deviations of their difference,
where an error is stated as six. A larger one would take more for equal that is not."""

RESULTS_AT_ONCE = 64
"""Results that are decrypted together; with ``standard`` their distances take 2 MB."""


class Searcher:
    """Searches one gallery."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._exchange = Exchange(session)

    def search(
        self,
        vectors: Floats,
        wanted: Wanted,
        threshold: Threshold,
        progress: Progress | None = None,
    ) -> Identification:
        """Find the closest people or references of each probe.

        The requests depend neither on what was decrypted, nor on what a check of results found:
        all planned requests are sent, and the error comes at the end. Results that are wrong before
        they are decrypted are remembered at once, whatever becomes of the search, and nothing more
        is decrypted. Only after an error that the server caused openly, such as an answer that is
        not whole, no further request is begun; one that is under way then is finished and thrown
        away.

        Parameters
        ----------
        vectors
            Vectors of norm at most 1, shape (n, d).
        wanted
            Which candidates are listed.
        threshold
            Largest distance of a match.
        progress
            Called with the number of probes that were just finished.

        Raises
        ------
        IntegrityError
            If the server's answer is not what the owner enrolled; no result is given.
        """
        parts: list[CandidateRows] = []
        self._session.check_trust()
        wanted = replace(wanted, k=self._longest(wanted.k))
        signed = self._run(
            vectors, lambda answer: parts.append(self._open(answer, wanted, threshold)), progress
        )
        return self._identification(parts, threshold, clock.oldest(signed))

    def _longest(self, k: int) -> int:
        """Return a length of lists that has room for no more than the gallery has places.

        A caller that wants all may ask for any number. Lists no longer than a block are left as
        they are, because asking for the number of blocks takes a request.
        """
        positions = self._session.parameters.poly_modulus_degree
        if k <= positions:
            return k
        return min(k, max(1, len(self._session.manifest().entries)) * positions)

    def compare(
        self,
        vectors: Floats,
        receive: Callable[[Floats], None],
        progress: Progress | None = None,
    ) -> None:
        """Find the distances of each probe to all references, without ranking them.

        The same is sent as for `search`. Distances received before an error count for nothing.

        Parameters
        ----------
        vectors
            Vectors of norm at most 1, shape (n, d).
        receive
            Called with the distances of a few probes, in units of the gallery's metric, again and
            again; shape (m, references), references by block and position.
        progress
            Called with the number of probes that were just finished.

        Raises
        ------
        IntegrityError
            If the server's answer is not what the owner enrolled.
        """
        self._run(vectors, lambda answer: receive(self._distances(answer)), progress)

    def _run(
        self,
        vectors: Floats,
        take: Callable[[ProbeAnswer], None],
        progress: Progress | None,
    ) -> list[int | None]:
        """Search with all probes, take each answer, and return when the manifests were signed."""
        self._session.check_trust()
        exchange = self._exchange
        signed: list[int | None] = []
        wrong: WrongResultError | None = None
        unlike: IntegrityError | None = None
        try:
            with ExitStack() as stack:
                requests = exchange.requests(vectors, stack)
                answers: Iterator[ProbeAnswer] = map(exchange.ask, requests)
                if len(vectors) > 1:  # for one there is nothing that a thread could do meanwhile
                    answers = stack.enter_context(Prefetcher("search", exchange.ask, requests))
                for answer in answers:
                    wrong = wrong or answer.wrong
                    signed.append(answer.manifest.signed)
                    if wrong is None:
                        try:
                            take(answer)
                        except IntegrityError as error:
                            unlike = unlike or error
                    if progress is not None:
                        progress(len(answer.secrets))
                    del answer
        except GalleryError as error:
            # A server that lies, and then fails, must not have its lie taken for a failure.
            if wrong is None:
                raise
            raise wrong from error
        if (found := wrong or unlike) is not None:
            raise found
        return signed

    def _identification(
        self, parts: Sequence[CandidateRows], threshold: Threshold, signed: int | None
    ) -> Identification:
        description = self._session.description
        distances, second_distances = (
            from_squared(np.concatenate(squared), description.metric, description.norm_bound)
            for squared in (
                [part.squared for part in parts],
                [part.second_squared for part in parts],
            )
        )
        details, now = np.concatenate([part.details for part in parts]), clock.seconds()
        expired = np.array(
            [[item.is_expired(now) for item in row] for row in details], dtype=bool
        ).reshape(details.shape)
        decisions = (distances[:, 0] <= threshold.value) & ~expired[:, 0]
        return Identification(
            distances=distances,
            reference_ids=np.concatenate([part.reference_ids for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            decisions=decisions,
            ambiguous=decisions & np.isfinite(second_distances),
            second_labels=np.concatenate([part.second_labels for part in parts]),
            second_distances=second_distances,
            searched=np.concatenate(
                [np.full(len(part.squared), part.searched, dtype=np.int64) for part in parts]
            ),
            limit=threshold,
            metric=description.metric,
            signed=signed,
            age=clock.age(signed),
            details=details,
            expired=expired,
        )

    def _open(self, answer: ProbeAnswer, wanted: Wanted, threshold: Threshold) -> CandidateRows:
        """Decrypt the distances of an answer, check their canaries, rank the rest, open labels."""
        count = len(answer.secrets)
        ties = self._ties(answer.tables, threshold)
        rankings = _rankings(count, wanted, ties, answer.tables)
        subjects, searched = SubjectRankings(count, ties), 0
        for index, positions, squared in self._opened(answer):
            if wanted.pseudonym is not None:
                own = _of_person(answer.tables[index], wanted.pseudonym)
                positions = positions[np.isin(positions, own)]
            searched += len(positions)
            occupied = squared[:, positions]
            rankings.add(occupied, positions, index)
            if wanted.pseudonym is None:
                subjects.add(occupied, positions, index)
        return self._candidates(rankings, subjects, answer.tables, searched)

    def _distances(self, answer: ProbeAnswer) -> Floats:
        """Return the distances of an answer's probes to all references."""
        description = self._session.description
        size = sum(len(table) for table in answer.tables)
        found, filled = np.empty((len(answer.secrets), size)), 0
        for _, positions, squared in self._opened(answer):
            stop = filled + len(positions)
            found[:, filled:stop] = from_squared(
                squared[:, positions], description.metric, description.norm_bound
            )
            filled = stop
        return found

    def _opened(self, answer: ProbeAnswer) -> Iterator[tuple[int, npt.NDArray[np.intp], Floats]]:
        """Decrypt the distances of an answer block by block, and check their canaries.

        Yields the block's index, its occupied positions, and the squared distances of all probes to
        all of its positions.
        """
        vectors = np.stack([secret.vector for secret in answer.secrets])
        step = max(1, RESULTS_AT_ONCE // len(vectors))
        for start in range(0, len(answer.blocks), step):
            some = answer.blocks[start : start + step]
            found = self._session.scheme.open_results(
                answer.secrets, some, answer.tables[start : start + step]
            )
            for block, squared in zip(some, found, strict=True):
                header = block.header
                version = header.encryption_version
                self._session.canaries.check(squared, vectors, header.index, version)
                yield header.index, np.flatnonzero(header.occupied()), squared

    def _ties(self, tables: Sequence[ReferenceTable], threshold: Threshold) -> Ties:
        """Return the rule for distances that differ by less than noise and rounding can."""
        session = self._session
        description = session.description

        def subjects(places: Places) -> Subjects:
            """Return the first bytes of pseudonyms, by which noise orders nothing."""
            found = np.zeros(len(places), dtype=np.uint64)
            indices, positions = block_and_position(places)
            # Not np.unique, which imports NumPy's masked arrays.
            for index in np.flatnonzero(np.bincount(indices[indices >= 0])).tolist():
                here, packed = np.flatnonzero(indices == index), tables[index].packed
                rows = np.searchsorted(packed.positions, positions[here])
                names = np.ascontiguousarray(packed.identifiers("pseudonym", rows)[:, :8])
                found[here] = names.view(">u8")[:, 0]
            return found

        return Ties(
            margin=TIE * session.parameters.max_distance_error(description.dimension),
            limit=to_squared(threshold.value, description.metric, description.norm_bound),
            subjects=subjects,
        )

    def _candidates(
        self,
        rankings: Rankings | PeopleRankings,
        subjects: SubjectRankings,
        tables: Sequence[ReferenceTable],
        searched: int,
    ) -> CandidateRows:
        """Open the labels of the candidates, and only theirs, each once."""
        squared, lists = rankings.lists()
        second_squared, seconds = subjects.seconds(lists[:, 0])
        places, numbers = np.unique(np.column_stack([lists, seconds]), return_inverse=True)
        opened = [self._candidate(place, tables) for place in split(places)]
        identifiers, labels = (
            np.array(texts, dtype=np.str_)[numbers].reshape(len(lists), -1)
            for texts in zip(*((item[0], item[1].label) for item in opened), strict=True)
        )
        known = np.array([content.details for _, content in opened], dtype=np.object_)
        details = known[numbers].reshape(len(lists), -1)
        return CandidateRows(
            squared,
            identifiers[:, :-1],
            labels[:, :-1],
            second_squared,
            labels[:, -1],
            searched,
            details[:, :-1],
        )

    def _candidate(
        self, place: tuple[int, int], tables: Sequence[ReferenceTable]
    ) -> tuple[str, LabelContent]:
        """Return the reference identifier at a block index and a position, and whose it is."""
        index, position = place
        if index < 0:
            return "", _NOBODY
        reference = tables[index].at(position)
        content = self._session.labels.open_content(reference.sealed_label, reference.reference_id)
        return reference.reference_id.hex(), content


_NOBODY: Final = LabelContent("", b"")
"""The entry of a candidate list at a place without a candidate."""


def _rankings(
    count: int, wanted: Wanted, ties: Ties, tables: Sequence[ReferenceTable]
) -> Rankings | PeopleRankings:
    if wanted.per_reference or wanted.k == 1 or wanted.pseudonym is not None:
        # The closest person is the one whose reference is the closest.
        return Rankings(count, wanted.k, ties)
    return PeopleRankings(count, wanted.k, ties, lambda index: tables[index].packed.subjects)


def _of_person(table: ReferenceTable, pseudonym: bytes) -> npt.NDArray[np.uint32]:
    """Return the positions of the references of one person."""
    equal = table.packed.identifiers("pseudonym") == np.frombuffer(pseudonym, np.uint8)
    own: npt.NDArray[np.uint32] = table.packed.positions[equal.all(axis=1)]
    return own
