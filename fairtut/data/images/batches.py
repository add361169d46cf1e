"""Minibatches by index, and a flip: both stay on the device of the images."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from fairtut.errors import InputError


def batches(
    n: int,
    size: int,
    generator: torch.Generator | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Iterator[torch.Tensor]:
    """Yield the rows of each minibatch of one epoch.

    Parameters
    ----------
    n, size : int
        Rows in all, and in a batch; the last batch may be smaller.
    generator : Generator, optional
        Draws the order; the indices live on its device (CPU without one).
    shuffle : bool
        Whether the order is random.
    drop_last : bool
        Whether a smaller last batch is left out.

    Yields
    ------
    Tensor of int64, shape (b,)
        Rows; together each of 0..n-1 once.

    Raises
    ------
    fairtut.errors.InputError
        If ``n`` or ``size`` is smaller than 1.

    Examples
    --------
    >>> import torch
    >>> from fairtut.data.images import batches
    >>> [rows.tolist() for rows in batches(5, 2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    >>> rows = list(batches(5, 2, torch.Generator().manual_seed(0)))
    >>> [len(some) for some in rows], sorted(torch.cat(rows).tolist())
    ([2, 2, 1], [0, 1, 2, 3, 4])
    """
    if n < 1 or size < 1:
        raise InputError(f"batches of {size} from {n} rows: both must be at least 1")
    device = generator.device if generator is not None else torch.device("cpu")
    if shuffle:
        order = torch.randperm(n, generator=generator, device=device)
    else:
        order = torch.arange(n, device=device)
    for rows in order.split(size):
        if len(rows) == size or not drop_last:
            yield rows


def augment(x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Mirror each image left to right with probability one half.

    Parameters
    ----------
    x : Tensor of any dtype, shape (n, c, h, w)
        A batch; uint8 is four times cheaper than float32.
    generator : Generator, optional
        Draws who is mirrored; on the device of ``x`` or on the CPU.

    Returns
    -------
    Tensor, shape (n, c, h, w)
        A new batch.

    Examples
    --------
    Of 64 equal images of two pixels, some are mirrored and some are not:

    >>> import torch
    >>> from fairtut.data.images import augment
    >>> x = torch.tensor([1, 2], dtype=torch.uint8).expand(64, 1, 1, 2)
    >>> mirrored = augment(x, torch.Generator().manual_seed(0))
    >>> mirrored.flatten(1).unique(dim=0).tolist()
    [[1, 2], [2, 1]]
    """
    device = generator.device if generator is not None else x.device
    mirrored = torch.rand(len(x), generator=generator, device=device) < 0.5  # (n,)
    # choosing whole images from both versions is several times faster than choosing each value
    both = torch.cat([x, x.flip(-1)])  # (2n, c, h, w)
    rows = torch.arange(len(x), device=x.device) + len(x) * mirrored.to(x.device)
    return both.index_select(0, rows)
