"""Which image stands at which position of an epoch, and which positions a device takes."""

import dataclasses

import numpy as np

# What the random numbers of a run are drawn for; none may share a generator with another.
_SHUFFLE, _AUGMENT, _MIX = range(3)


@dataclasses.dataclass(frozen=True)
class Order:
    """The order of a data set, shuffled anew in every epoch.

    With repeated augmentation the copies of an image follow each other. Devices take positions by
    turns, as timm's RepeatAugSampler deals them to processes: of p devices r takes r, r + p, ..., so that
    the copies of an image land on different devices.

    Args:
        size: Number of images.
        seed: Seed of the run.
        copies: How often an image is repeated.

    Source: Hoffer et al., 'Augment your batch' (arXiv 1901.09335); timm `data/distributed_sampler.py`.
    """

    size: int
    seed: int
    copies: int = 1

    def indices(self, epoch: int) -> np.ndarray:
        """The images of an epoch in their order, int64 [size], each once.

        >>> sorted(Order(size=4, seed=0).indices(epoch=1).tolist())
        [0, 1, 2, 3]
        """
        return generator(self.seed, _SHUFFLE, epoch).permutation(self.size)


def generator(seed: int, *key: int) -> np.random.Generator:
    """A generator of its own for each key.

    >>> bool(generator(0, 1, 2).random() == generator(0, 1, 2).random())
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *key))))


def augmentation_rng(seed: int, epoch: int, step: int, number: int) -> np.random.Generator:
    """Draws for the augmentation of that number, for all images of a batch."""
    return generator(seed, _AUGMENT, epoch, step, number)


def mixing_rng(seed: int, epoch: int, step: int, device: int) -> np.random.Generator:
    """Draws how a batch, or the shard of a device, is mixed."""
    return generator(seed, _MIX, epoch, step, device)


@dataclasses.dataclass(frozen=True)
class Shards:
    """How the positions of a batch are dealt to the devices of all hosts.

    Args:
        batch: Images of a batch.
        devices: Devices of all hosts; divides `batch`.
        host: This host, from 0.
        hosts: Number of hosts; divides `devices`.
    """

    batch: int
    devices: int = 1
    host: int = 0
    hosts: int = 1

    @property
    def size(self) -> int:
        """Images of the batch that this host makes."""
        return self.batch // self.hosts

    @property
    def own_devices(self) -> range:
        """The devices of this host."""
        count = max(self.devices // self.hosts, 1)
        return range(self.host * count, (self.host + 1) * count)

    def positions(self) -> np.ndarray:
        """Positions within a batch of the images that this host makes, device after device.

        >>> Shards(batch=6, devices=2).positions().tolist()
        [0, 2, 4, 1, 3, 5]
        >>> Shards(batch=8, devices=4, host=1, hosts=2).positions().tolist()
        [2, 6, 3, 7]
        """
        devices = max(self.devices, self.hosts)
        dealt = np.arange(self.batch).reshape(-1, devices).T
        return dealt[self.own_devices.start : self.own_devices.stop].reshape(-1)
