"""Generates ffcv.npz: image sizes of every epoch and rates of every update of FFCV's twelve configurations.

python -m venv venv
venv/bin/pip install numpy==2.4.6
venv/bin/python make_ffcv.py ffcv.npz

The numbers are those of rn50_configs/*.yaml and rn18_configs/*.yaml of libffcv/ffcv-imagenet, commit
4dd291ab; sizes and rates are computed as train_imagenet.py does, with NumPy's interpolation.
"""

import argparse
import json

import numpy as np

# Epochs: the last one of the first size, and the first one of the last size (start_ramp, end_ramp).
RAMPS = {16: (11, 13), 24: (17, 20), 32: (23, 27), 40: (29, 34), 56: (41, 48), 88: (65, 76)}
SIZES, MULTIPLE = (160, 192), 32
# Peak rates, and updates per epoch of 1,281,167 images in batches of 8 * 512 and of 1024.
NETWORKS = {"FFCVResNet50": (1.7, 312), "FFCVResNet18": (0.5, 1251)}
PEAK_EPOCH = 2
EVERY = 97


def size(epoch: int, ramp: tuple[int, int]) -> int:
    """Returns the side of the images of an epoch."""
    between = np.interp([epoch], ramp, SIZES)[0]
    inside = ramp[0] < epoch < ramp[1]
    return int(np.round(between / MULTIPLE)) * MULTIPLE if inside else int(between)


def rate(epoch: int, epochs: int, peak: float) -> float:
    """Returns the rate at the start of an epoch."""
    return float(np.interp([epoch], [0, PEAK_EPOCH, epochs], [1e-4 * peak, peak, 0])[0])


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    arrays = {"meta": np.array(json.dumps({"every": EVERY, "numpy": np.__version__}))}
    for epochs, ramp in RAMPS.items():
        arrays[f"sizes_{epochs}"] = np.array([size(epoch, ramp) for epoch in range(epochs)])
        for name, (peak, steps) in NETWORKS.items():
            rates = []
            for epoch in range(epochs):
                ends = [rate(one, epochs, peak) for one in (epoch, epoch + 1)]
                rates.append(np.interp(np.arange(steps), [0, steps], ends))
            # Every 97th update, at all positions within an epoch.
            arrays[f"{name}_{epochs}"] = np.concatenate(rates)[::EVERY]
            arrays[f"{name}_steps"] = np.array(steps)
    np.savez_compressed(parser.parse_args().path, **arrays)


if __name__ == "__main__":
    main()
