"""Features and scores of dlib's face detector, and resized pictures, in newly made arrays."""

from __future__ import annotations

import numpy as np

from gallery.arrays import Floats, Integers
from gallery.client.photos.hog_kernels import (
    CELL,
    PLANES,
    WINDOW,
    write_features,
    write_histograms,
    write_scores,
)
from gallery.client.photos.resizing_kernels import (
    Bytes,
    Floats32,
    Places,
    write_columns,
    write_resized,
    write_rows,
)


def columns_of(size: int, wanted: int) -> tuple[Integers, Floats32]:
    """Return the sources of a resized row's pixels: the left one of two, and the way right."""
    left, way = np.empty(wanted, np.int64), np.empty(wanted, np.float32)
    write_columns(size, left, way)
    return left, way


def rows_of(size: int, wanted: int) -> tuple[Integers, Floats]:
    """Return the sources of a resized column's pixels: the upper one of two, and the way down."""
    top, way = np.empty(wanted, np.int64), np.empty(wanted, np.float64)
    write_rows(size, top, way)
    return top, way


def resize(source: Bytes, top: Integers, down: Floats, left: Places, across: Floats32) -> Bytes:
    """Return a picture resized between neighbours, planes first; see `write_resized`."""
    high, wide = top.size, left.size
    result = np.empty((3, high, wide), np.uint8)
    write_resized(
        source,
        top,
        down,
        left,
        across,
        np.zeros(source.shape[2] + 4, np.float32),
        np.zeros(wide, np.float32),
        np.zeros((2, 2, wide), np.float32),
        result,
    )
    return result


def histograms_of(picture: Bytes) -> Floats32:
    """Return the histogram of gradients of each cell, shape (cells + 2, cells + 2, 18)."""
    rows, columns = picture.shape[1], picture.shape[2]
    result = np.zeros((rows // CELL + 2, (columns // CELL + 2) * 18), np.float32)
    direction, length = np.zeros(columns, np.uint32), np.zeros(columns, np.float32)
    sums = np.zeros((2, result.shape[1]), np.float32)
    write_histograms(picture, direction, length, sums, result)
    return result.reshape(rows // CELL + 2, columns // CELL + 2, 18)


def features_of(histograms: Floats32) -> Floats32:
    """Return the features of each cell, in planes; see `write_features`."""
    rows, columns = histograms.shape[0] - 2, histograms.shape[1] - 2
    result = np.zeros((PLANES, rows - 2 + WINDOW - 1, columns - 2 + WINDOW - 1), np.float32)
    energy, turned = np.zeros((rows, columns), np.float32), np.zeros((27, columns - 2), np.float32)
    limits, factors, textures = np.zeros((3, 4, columns - 2), np.float32)
    write_features(histograms, energy, turned, limits, factors, textures, result)
    return result


def scores_of(
    features: Floats32,
    planes: Integers,
    filters: Integers,
    across: Floats32,
    down: Floats32,
    biases: Floats32,
) -> Floats32:
    """Return the score of the window around each cell under each filter; a face is above 0.

    Parameters
    ----------
    features
        From `features_of`.
    planes, filters, across, down
        As for `write_scores`.
    biases
        What each filter's sum must reach, shape (filters,).

    Returns
    -------
    ndarray of float32, shape (filters, rows, columns)
        By the window's first row and column of `features`.
    """
    rows, columns = features.shape[1] - WINDOW + 1, features.shape[2] - WINDOW + 1
    result = np.empty((biases.size, rows, columns), np.float32)
    result[:] = -biases[:, np.newaxis, np.newaxis]
    summed = np.empty((rows + WINDOW - 1, columns), np.float32)
    write_scores(features, planes, filters, across, down, summed, result)
    return result
