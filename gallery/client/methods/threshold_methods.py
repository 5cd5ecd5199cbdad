"""Methods of an open gallery about the thresholds of its searches."""

from __future__ import annotations

from gallery.client.integrity import clock
from gallery.client.methods.opened_gallery import OpenedGallery
from gallery.client.searching.stored_thresholds import (
    Calibration,
    ChosenThreshold,
    find_named,
    find_stored,
    named_threshold,
    store,
    store_named,
)
from gallery.client.searching.thresholds import Threshold, checked, find_threshold


class ThresholdMethods(OpenedGallery):
    """The methods about thresholds: the one that a search would use, and those that are stored."""

    def threshold(self, given: float | str | None = None) -> Threshold:
        """Return the threshold that a search would use.

        It is the given one, or the one that has the given name, else the one that was stored last
        (`store_calibration`, `set_threshold`), else the one set at the gallery's creation, else
        DeepFace's for its model.

        Parameters
        ----------
        given
            A threshold in units of the gallery's metric, or the name of a stored one; None for the
            gallery's.

        Returns
        -------
        Threshold
            The value and its origin.

        Raises
        ------
        ThresholdRequiredError
            If there is none, or none of that name (`ThresholdNotFoundError`).
        InvalidThresholdError
            If it is not a number of at least 0, or above every distance of the metric.
        AuthenticationError, RolledBackError
            If the stored ones are not the newest that the owner stored.
        """
        if isinstance(given, str):
            return checked(find_named(self._session, given), self.description)
        stored = find_stored(self._session).default if given is None else None
        threshold = stored.as_threshold() if stored is not None else None
        if threshold is None:
            return find_threshold(self.description, given)
        return checked(threshold, self.description)

    def thresholds(self) -> dict[str, Threshold]:
        """Return the thresholds that have names, by name; raises what `threshold` raises."""
        self._session.refresh_description()
        named = find_stored(self._session).named
        return {
            name: checked(named_threshold(name, chosen), self.description)
            for name, chosen in sorted(named.items())
        }

    def calibration(self) -> Calibration | None:
        """Return the calibrated threshold, if there is one; raises what `threshold` raises."""
        stored = find_stored(self._session).default
        return stored if isinstance(stored, Calibration) else None

    def store_calibration(self, calibration: Calibration) -> Calibration:
        """Store a threshold with the gallery, sealed, for every search from here on.

        Find it on distances in clear: a value that was computed from a decryption does not belong
        in a database, sealed or not.

        Parameters
        ----------
        calibration
            The threshold, and the searches that it was found on; its ``serial`` is set here.

        Returns
        -------
        Calibration
            The same with its number.

        Raises
        ------
        InvalidThresholdError
            If the threshold is not a number of at least 0, or above every distance.
        WriteConflictError
            If another process stored one at the same time.
        """
        find_threshold(self.description, calibration.threshold)
        return store(self._session, calibration)

    def set_threshold(self, threshold: float, name: str | None = None) -> Threshold:
        """Set the threshold of every search from here on, sealed, in place of a calibrated one.

        As for `store_calibration`, it must not be computed from a decryption.

        Parameters
        ----------
        threshold
            Largest distance of a match, in units of the gallery's metric.
        name
            Set it for searches that ask for it by this name instead, such as ``"door"``; 1 to 32
            characters, and no number. The others stay as they are.

        Returns
        -------
        Threshold
            The threshold of searches from now on, or of those that ask for the name.

        Raises
        ------
        InvalidThresholdError, WriteConflictError
            As for `store_calibration`; or if the name is not valid, or no room is left for it.
        """
        value = find_threshold(self.description, threshold).value
        if name is None:
            store(self._session, ChosenThreshold(value, clock.seconds()))
        else:
            store_named(self._session, name, value)
        return self.threshold(name)

    def reset_threshold(self, name: str | None = None) -> None:
        """Take back what `set_threshold` or `store_calibration` stored (`WriteConflictError`).

        Searches use the threshold of the gallery's creation again, or its model's. With a name, the
        threshold of that name is gone (`ThresholdNotFoundError` if there is none).

        Parameters
        ----------
        name
            Name of the threshold to remove; by default that of all searches is reset.
        """
        if name is None:
            store(self._session, ChosenThreshold(None, clock.seconds()))
        else:
            store_named(self._session, name, None)
