"""Which image stands at which position of an epoch, which positions a device takes, and what draws for them."""

import dataclasses

import numpy as np

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


@dataclasses.dataclass(frozen=True)
class Shards:
    """How the positions of a batch are dealt to the devices of all hosts.

    Devices take positions by turns: of p devices, device r takes r, r + p, r + 2 p, ..., so that the copies of
    repeated augmentation land on different devices.

    Args:
        batch: Images of a batch.
        devices: Devices of all hosts; divides `batch`.
        host: This host, from 0.
        hosts: Number of hosts; divides `devices`.

    Source: timm `data/distributed_sampler.py`, RepeatAugSampler.
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
        count = max(self.devices, self.hosts) // self.hosts
        return range(self.host * count, (self.host + 1) * count)

    def positions(self) -> np.ndarray:
        """Positions within a batch of the images that this host makes, device after device.

        >>> Shards(batch=6, devices=2).positions().tolist()
        [0, 2, 4, 1, 3, 5]
        >>> Shards(batch=8, devices=4, host=1, hosts=2).positions().tolist()
        [2, 6, 3, 7]
        """
        dealt = np.arange(self.batch).reshape(-1, max(self.devices, self.hosts)).T
        return dealt[self.own_devices.start : self.own_devices.stop].reshape(-1)
