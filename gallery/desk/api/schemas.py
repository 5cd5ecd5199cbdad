"""The JSON documents of the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gallery.client import FaceBox
from gallery.desk.enrolling import EnrollmentReport
from gallery.desk.identifying import FaceDecision, PhotoDecisions
from gallery.desk.photo_faces import PhotoOfFaces

Embedding = list[Annotated[float, Field(strict=True)]]
"""Numbers alone: a text or a truth value in their place is a mistake of the program's."""


class Box(BaseModel):
    """A face's box in pixels of the upright photo."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, box: FaceBox | None) -> Box | None:
        """Return the document of a box, or None where nobody looked for one."""
        if box is None:
            return None
        return cls(left=box.left, top=box.top, width=box.width, height=box.height)


class CandidateDocument(BaseModel):
    """A person who may be meant."""

    label: str
    distance: float
    attributes: dict[str, str]
    expired: bool


class FaceDocument(BaseModel):
    """The decision on a face."""

    decision: str = Field(description="match or non-match")
    label: str | None
    distance: float | None
    threshold: float
    ambiguous: bool = Field(description="whether a second person could be meant as well")
    expired: bool = Field(description="whether the closest person would match, but has expired")
    attributes: dict[str, str] = Field(description="of the person who is the match")
    candidates: list[CandidateDocument] = Field(description="empty for tokens that only identify")
    box: Box | None
    confidence: float | None
    warnings: list[str]

    @classmethod
    def of(cls, decision: FaceDecision) -> FaceDocument:
        """Return the document of a decision."""
        return cls(
            decision=decision.decision,
            label=decision.label,
            distance=decision.distance,
            threshold=decision.threshold,
            ambiguous=decision.ambiguous,
            expired=decision.is_expired,
            attributes=dict(decision.attributes),
            candidates=[
                CandidateDocument(
                    label=item.label,
                    distance=item.distance,
                    attributes=dict(item.attributes),
                    expired=item.is_expired,
                )
                for item in decision.candidates
            ],
            box=Box.of(decision.box),
            confidence=decision.confidence,
            warnings=list(decision.warnings),
        )


class PhotoDocument(BaseModel):
    """A photo and everybody in it."""

    photo: str
    failure: str | None
    faces: list[FaceDocument]

    @classmethod
    def of(cls, decisions: PhotoDecisions) -> PhotoDocument:
        """Return the document of a photo."""
        photo = decisions.photo
        faces = [FaceDocument.of(item) for item in decisions.decisions]
        return cls(photo=photo.name, failure=photo.failure, faces=faces)


class SearchDocument(BaseModel):
    """The results of a search, one for each photo, or one without a name for embeddings."""

    results: list[PhotoDocument]


class SearchEvent(PhotoDocument):
    """A photo that was searched with, or an embedding, as listeners get it."""

    gallery: str
    time: str = Field(description="of the search, ISO 8601 in UTC")
    by: str = Field(description="name of the token, or owner")
    call: str = Field(description="identify or match")


class StateEvent(BaseModel):
    """Whether the desk can search."""

    locked: bool


class RequestDocument(BaseModel):
    """A request; a field that it does not know is refused, and not passed over."""

    model_config = ConfigDict(extra="forbid")


class EmbedRequest(RequestDocument):
    """Photos in base64."""

    photos: list[str] = Field(default=[], description="photos in base64")
    faces: Literal["all", "largest", "one"] = Field(
        default="all", description="which faces of a photo are meant; one: several are a failure"
    )


class PhotoRequest(EmbedRequest):
    """Photos in base64, or ready embeddings."""

    embeddings: list[Embedding] = Field(default=[], description="ready embeddings")
    top: int = Field(default=3, ge=1, le=100, description="length of the list of candidates")
    threshold: float | str | None = Field(
        default=None, description="a number, or the name of one of the gallery's thresholds"
    )

    @field_validator("threshold")
    @classmethod
    def _numbers_of_forms(cls, value: float | str | None) -> float | str | None:
        """Take text for a number where it is one, since forms have text alone."""
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value


class MatchRequest(PhotoRequest):
    """The same, and who it is said to be."""

    label: str


class EnrollRequest(RequestDocument):
    """Photos in base64 or ready embeddings of one person."""

    label: str
    photos: list[str] = Field(default=[], description="photos in base64, each of one face")
    faces: Literal["largest", "one"] = Field(
        default="one", description="which face of a photo of several is meant; one: none"
    )
    embeddings: list[Embedding] = Field(default=[], description="ready embeddings")
    despite_duplicates: bool = Field(
        default=False, description="whether to enroll faces that match somebody else"
    )


class DuplicateDocument(BaseModel):
    """A photo that matches a person of another label."""

    photo: str
    label: str
    distance: float
    threshold: float


class EnrollDocument(BaseModel):
    """The outcome of an enrollment."""

    label: str
    added: list[str]
    present: list[str]
    failures: list[dict[str, str]]
    warnings: list[dict[str, str]]
    duplicates: list[DuplicateDocument]
    outliers: list[str] = Field(description="photos that match no other of the label")
    undo: str | None = Field(description="identifier for undo; null if nothing was added")

    @classmethod
    def of(cls, report: EnrollmentReport) -> EnrollDocument:
        """Return the document of a report."""
        return cls(
            label=report.label,
            added=list(report.added),
            present=list(report.present),
            failures=[{"photo": name, "reason": text} for name, text in report.failures],
            warnings=[
                {"photo": name, "warning": text}
                for name, quality in report.poor
                for text in quality.warnings()
            ],
            duplicates=[
                DuplicateDocument(
                    photo=item.photo,
                    label=item.label,
                    distance=item.distance,
                    threshold=item.threshold,
                )
                for item in report.duplicates
            ],
            outliers=list(report.outliers),
            undo=report.undo,
        )


class EmbeddedFaceDocument(BaseModel):
    """A face and its embedding, as the model puts it out: not normalised."""

    embedding: list[float]
    box: Box | None
    confidence: float | None
    warnings: list[str]


class EmbeddedPhotoDocument(BaseModel):
    """A photo and the faces in it."""

    photo: str
    failure: str | None
    faces: list[EmbeddedFaceDocument]

    @classmethod
    def of(cls, photo: PhotoOfFaces) -> EmbeddedPhotoDocument:
        """Return the document of a photo."""
        faces = [
            EmbeddedFaceDocument(
                embedding=face.embedding.tolist(),
                box=Box.of(face.box),
                confidence=face.quality.confidence,
                warnings=list(face.quality.warnings()),
            )
            for face in photo.faces
        ]
        return cls(photo=photo.name, failure=photo.failure, faces=faces)


class EmbedDocument(BaseModel):
    """The embeddings of the faces in photos, one result for each photo."""

    results: list[EmbeddedPhotoDocument]


class PersonDocument(BaseModel):
    """A person of a gallery."""

    label: str
    references: int
    first_enrolled: str | None
    last_enrolled: str | None
    attributes: dict[str, str]
    expires: str | None
    expired: bool


class DecisionDocument(BaseModel):
    """A search in the owner's log."""

    time: str
    operator: str = Field(description="name of the token, or owner")
    how: str = Field(description="page, live, api, match, or gap for searches that are missing")
    faces: list[dict[str, str | None]] = Field(description="decision, and label of a match")
    missed: int = Field(description="how many searches a gap stands for")
    place: int = Field(description="value of `before` for the searches before this one")


class DecisionsDocument(BaseModel):
    """A part of the owner's log, the newest first."""

    since: str = Field(description="since when the log is whole")
    problem: str | None = Field(description="why nothing is logged just now")
    older: bool = Field(description="whether there are older ones")
    decisions: list[DecisionDocument]


class GalleryDocument(BaseModel):
    """A gallery of the desk."""

    name: str
    references: int
    version: int
    metric: str
    dimension: int
    parameters: str
    model: str
    detector: str
    threshold: float | None
    threshold_origin: str | None
    alarm: str | None
