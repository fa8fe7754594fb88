"""Assembly: answers of many queries, put together as one sparse matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix


@dataclass(frozen=True)
class Piece:
    """Columns of some entries.

    Parameters
    ----------
    ids : int64 array, shape (c,)
        Identifier of each column, rising.
    counts : int64 array, shape (c,)
        Entries of each that are stored.
    rows : int32 array, shape (counts.sum(),)
        Column after column.
    values : float array or None
        For each of `rows`; None where all are one.
    """

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.float64] | None

    @classmethod
    def of(cls, answer: dict[str, NDArray]) -> Piece:
        """From an answer sorted by covariate."""
        ids = np.asarray(answer["covariate_id"], np.int64)
        begins = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if ids.size else np.zeros(0, np.int64)
        values = np.asarray(answer["value"], float) if "value" in answer else None
        rows = np.asarray(answer["entry"], np.int32)
        return cls(ids[begins], np.diff(np.r_[begins, ids.size]), rows, values)


def assemble(pieces: list[Piece], entries: int) -> tuple[csc_matrix, NDArray[np.int64]]:
    """The matrix of all pieces, and its columns' identifiers, by analysis and then by number.

    `pieces` is emptied on the way, so that they and the matrix are never in memory twice.

    Parameters
    ----------
    pieces : list of Piece
    entries : int
        Rows of the matrix.
    """
    from scipy.sparse import csc_matrix

    ids, totals = _columns(pieces)
    begins = np.r_[0, np.cumsum(totals)]
    width = np.int32 if begins[-1] < 2**31 else np.int64
    indices, data = np.empty(begins[-1], width), np.ones(begins[-1])
    place, order = begins[:-1].copy(), np.argsort(ids)
    while pieces:
        piece = pieces.pop(0)
        where = order[np.searchsorted(ids, piece.ids, sorter=order)]
        ends = np.cumsum(piece.counts)
        for column, end, count in zip(where, ends, piece.counts, strict=True):
            target = slice(place[column], place[column] + count)
            indices[target] = piece.rows[end - count : end]
            if piece.values is not None:
                data[target] = piece.values[end - count : end]
        place[where] += piece.counts
    matrix = csc_matrix((data, indices, begins.astype(width)), shape=(entries, ids.size))
    matrix.sort_indices()
    return matrix, ids


def _columns(pieces: Sequence[Piece]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Identifiers of all columns, by analysis and then by number, and how many entries each has."""
    if not pieces:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    ids, back = np.unique(np.concatenate([each.ids for each in pieces]), return_inverse=True)
    totals = np.bincount(back, np.concatenate([each.counts for each in pieces]), ids.size).astype(np.int64)
    order = np.lexsort((ids, ids % 1000))
    return ids[order], totals[order]
