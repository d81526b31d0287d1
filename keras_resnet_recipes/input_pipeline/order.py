"""Which image stands at which position of an epoch, which positions a device takes, and what draws for them."""

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.data.dataset import Reader

Candidates = Callable[[int, int, int], list[Iterator[Reader]]]
"""From an epoch, its first position and a number of positions to the image of each, and those that may replace it."""

# What random numbers are drawn for: no two may share a generator.
_SHUFFLING, _AUGMENTATION, _MIXING = range(3)


def order(size: int, seed: int, epoch: int) -> np.ndarray:
    """The indices of a data set in the order of an epoch, each once, int64 [size].

    >>> sorted(order(size=4, seed=0, epoch=1).tolist())
    [0, 1, 2, 3]
    """
    return _generator(seed, _SHUFFLING, epoch).permutation(size)


def augmentation_rng(seed: int, epoch: int, block: int, number: int) -> np.random.Generator:
    """Draws for the augmentation of that number, for a block of positions."""
    return _generator(seed, _AUGMENTATION, epoch, block, number)


def mixing_rng(seed: int, epoch: int, step: int, device: int) -> np.random.Generator:
    """Draws how a batch, or the shard of a device, is mixed."""
    return _generator(seed, _MIXING, epoch, step, device)


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def dealt(batch: int, devices: int = 1, host: int = 0, hosts: int = 1) -> np.ndarray:
    """The positions within a batch that the devices of a host take, int64 [devices, images of a device].

    Devices take positions by turns: of p devices, device r takes r, r + p, r + 2 p, ..., so that the copies of
    repeated augmentation land on different devices.

    Args:
        batch: Images of a batch.
        devices: Devices of all hosts; divides `batch`.
        host: The host, from 0.
        hosts: Number of hosts; divides `devices`.

    Source: timm `data/distributed_sampler.py`, RepeatAugSampler.

    >>> dealt(batch=6, devices=2).tolist()
    [[0, 2, 4], [1, 3, 5]]
    >>> dealt(batch=8, devices=4, host=1, hosts=2).tolist()
    [[2, 6], [3, 7]]
    """
    own = max(devices // hosts, 1)
    return np.arange(batch).reshape(-1, own * hosts).T[host * own : (host + 1) * own]


def indexed(data: ImageDataset, seed: int, per_epoch: int) -> Candidates:
    """Images of a data set that is read in any order; behind the last one the order begins again.

    What takes the place of an image that cannot be read is one of those that the epoch leaves out, if it leaves
    out any, or else the image after it in the order.

    Args:
        data: The data set.
        seed: Seed of the run.
        per_epoch: Positions of an epoch.
    """
    shuffled = functools.lru_cache(1)(functools.partial(order, data.size, seed))
    spare = max(data.size - per_epoch, 0)

    def readers(indices: np.ndarray, position: int) -> Iterator[Reader]:
        left_out = (per_epoch + (position + k) % spare for k in range(spare))
        following = ((position + k) % data.size for k in range(1, data.size))
        for place in itertools.chain([position % data.size], left_out, following):
            index = int(indices[place])
            yield index, functools.partial(data.read, index)

    def candidates(epoch: int, first: int, count: int) -> list[Iterator[Reader]]:
        indices = shuffled(epoch)
        return [readers(indices, position) for position in range(first, first + count)]

    return candidates


def streamed(data: ImageStream, seed: int, per_epoch: int, first: int) -> Candidates:
    """Images of a stream, which goes on where the epoch before has stopped; batches are asked for in their order.

    What takes the place of an image that cannot be read is the next one of the same batch: every host knows it, and
    none reads ahead of the others.

    Args:
        data: The stream.
        seed: Seed of the run.
        per_epoch: Positions of an epoch.
        first: Position of the run to begin with.
    """
    images = itertools.islice(data.shuffled(seed), first, None)
    following, last = first, None

    def candidates(epoch: int, first: int, count: int) -> list[Iterator[Reader]]:
        nonlocal following, last
        begin = epoch * per_epoch + first
        # Copies of one image may be in two batches.
        kept = [last] if begin == following - 1 else []
        new = itertools.islice(images, count - len(kept))
        examples = [*kept, *((position, lambda pair=pair: pair) for position, *pair in new)]
        following, last = begin + count, examples[-1]
        return [iter(examples[k:] + examples[:k]) for k in range(count)]

    return candidates
