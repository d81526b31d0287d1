"""The order of images in an epoch, the positions of each device, and the generators of their random numbers."""

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.data.dataset import Reader

Candidates = Callable[[int, int, int], list[Iterator[Reader]]]
"""Function of an epoch, a first position and a number of positions; returns for each its image and replacements."""

# Purposes of random numbers; no two may share a generator.
_SHUFFLING, _AUGMENTATION, _MIXING, _IMAGES = range(4)


def order(size: int, seed: int, epoch: int) -> np.ndarray:
    """Returns a permutation of the indices of a data set for an epoch, int64 [size].

    Example:
        >>> sorted(order(size=4, seed=0, epoch=1).tolist())
        [0, 1, 2, 3]
    """
    return _generator(seed, _SHUFFLING, epoch).permutation(size)


def balanced_order(labels: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the index of the image at each position of an epoch with balanced classes, int64 [count].

    The class of a position is drawn uniformly from those that have images. Its images follow in random order, each once
    before any is used again.

    Args:
        labels: Label of each image [n], less than 0 for images that are not used.
        count: Positions per epoch.
        seed: Seed of the run.
        epoch: Epoch, from 0.

    Example:
        >>> labels = np.array([0, 1, 1, 1, 1])
        >>> drawn = labels[balanced_order(labels, 1000, seed=0, epoch=0)]
        >>> bool(450 < drawn.sum() < 550)
        True
    """
    rng = _generator(seed, _SHUFFLING, epoch)
    used = np.flatnonzero(labels >= 0)
    classes = _grouped(labels[used])
    drawn = rng.integers(len(classes), size=count)
    indices = np.empty(count, np.int64)
    for positions in _grouped(drawn):
        images = used[classes[drawn[positions[0]]]]
        rounds = -(-len(positions) // len(images))
        shuffled = np.concatenate([rng.permutation(images) for _ in range(rounds)])
        indices[positions] = shuffled[: len(positions)]
    return indices


def _grouped(values: np.ndarray) -> list[np.ndarray]:
    """Returns the positions of each value that occurs, in ascending order of the values."""
    ordered = np.argsort(values, kind="stable")
    return np.split(ordered, np.flatnonzero(np.diff(values[ordered])) + 1)


def augmentation_rng(seed: int, epoch: int, block: int, number: int) -> np.random.Generator:
    """Returns the generator of the augmentation with a given number, for a block of positions."""
    return _generator(seed, _AUGMENTATION, epoch, block, number)


def image_rng(seed: int, block: int, number: int) -> np.random.Generator:
    """Returns the generator of the augmentation with a given number, for a block of images, in all epochs."""
    return _generator(seed, _IMAGES, block, number)


def mixing_rng(seed: int, epoch: int, step: int, device: int) -> np.random.Generator:
    """Returns the generator for mixing a batch, or the shard of a device."""
    return _generator(seed, _MIXING, epoch, step, device)


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def dealt(batch: int, devices: int = 1, host: int = 0, hosts: int = 1) -> np.ndarray:
    """Returns the positions in a batch of each device of a host, int64 [devices, images per device].

    Positions are interleaved: of p devices, device r takes r, r + p, r + 2 p, ..., so that the copies of
    repeated augmentation are on different devices.

    Args:
        batch: Number of images per batch.
        devices: Number of devices of all hosts; divides `batch`.
        host: Index of the host, from 0.
        hosts: Number of hosts; divides `devices`.

    Example:
        >>> dealt(batch=6, devices=2).tolist()
        [[0, 2, 4], [1, 3, 5]]
        >>> dealt(batch=8, devices=4, host=1, hosts=2).tolist()
        [[2, 6], [3, 7]]

    References:
        timm `data/distributed_sampler.py`, RepeatAugSampler.
    """
    own = max(devices // hosts, 1)
    return np.arange(batch).reshape(-1, own * hosts).T[host * own : (host + 1) * own]


def indexed(data: ImageDataset, seed: int, per_epoch: int) -> Candidates:
    """Returns the candidates from an indexed data set; after the last image the order starts again.

    An unreadable image is replaced by one that the epoch does not use, if there is any, or else by the next
    image in the order.

    Args:
        data: The data set.
        seed: Seed of the run.
        per_epoch: Positions per epoch.
    """
    shuffled = functools.lru_cache(1)(functools.partial(order, data.size, seed))
    spare = max(data.size - per_epoch, 0)

    def readers(indices: np.ndarray, position: int) -> Iterator[Reader]:
        unused = (per_epoch + (position + k) % spare for k in range(spare))
        following = ((position + k) % data.size for k in range(1, data.size))
        for candidate in itertools.chain([position % data.size], unused, following):
            index = int(indices[candidate])
            yield index, functools.partial(data.read, index)

    def candidates(epoch: int, first: int, count: int) -> list[Iterator[Reader]]:
        indices = shuffled(epoch)
        return [readers(indices, position) for position in range(first, first + count)]

    return candidates


def balanced(data: ImageDataset, seed: int, per_epoch: int) -> Candidates:
    """Returns the candidates from an indexed data set with balanced classes, see `balanced_order`.

    An unreadable image is replaced by the next readable one of its class, or else by the next image in the order.

    Args:
        data: The data set; its labels are read if they are unknown.
        seed: Seed of the run.
        per_epoch: Positions per epoch.
    """
    labels = data.all_labels
    drawn = functools.lru_cache(1)(functools.partial(balanced_order, labels, per_epoch, seed))

    def candidates_at(indices: np.ndarray, position: int) -> Iterator[int]:
        index = indices[position]
        yield index
        same = np.flatnonzero(labels == labels[index])
        yield from np.roll(same, -1 - np.searchsorted(same, index))[:-1]
        yield from np.roll(indices, -1 - position)[:-1]

    def candidates(epoch: int, first: int, count: int) -> list[Iterator[Reader]]:
        indices = drawn(epoch)
        return [
            ((int(index), functools.partial(data.read, int(index))) for index in chosen)
            for chosen in (candidates_at(indices, first + k) for k in range(count))
        ]

    return candidates


def streamed(data: ImageStream, seed: int, per_epoch: int, first: int) -> Candidates:
    """Returns the candidates from a stream; an epoch continues where the previous one stopped.

    Batches must be requested in order. An unreadable image is replaced by the next one of the same batch: every
    host knows it, and none reads ahead of the others.

    Args:
        data: The stream.
        seed: Seed of the run.
        per_epoch: Positions per epoch.
        first: First position, counted from the start of the run.
    """
    images = itertools.islice(data.shuffled(seed), first, None)
    following, last = first, None

    def candidates(epoch: int, first: int, count: int) -> list[Iterator[Reader]]:
        nonlocal following, last
        begin = epoch * per_epoch + first
        # The copies of one image may be spread over two batches.
        kept = [last] if begin == following - 1 else []
        new = itertools.islice(images, count - len(kept))
        examples = [*kept, *((position, lambda pair=pair: pair) for position, *pair in new)]
        following, last = begin + count, examples[-1]
        return [iter(examples[k:] + examples[:k]) for k in range(count)]

    return candidates
