"""Generates tfa_lamb.npz: ten steps of tensorflow-addons' LAMB.

python3.11 -m venv venv
venv/bin/pip install "tensorflow==2.15.1" "tensorflow-addons==0.23.0"
venv/bin/python -W ignore make_tfa_lamb.py tfa_lamb.npz
"""

import json
import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

SHAPES = {
    "conv/kernel": (3, 3, 2, 4),
    "zeros/kernel": (4, 4),
    "bn/gamma": (4,),
    "bn/beta": (4,),
    "fc/kernel": (4, 3),
    "fc/bias": (3,),
}
STEPS = 10
# LAMB's settings are float32 variables even if the weights are float64; these numbers are exact in both.
EXACT = {
    "learning_rate": 2**-8,
    "weight_decay": 2**-6,
    "beta_1": 7 / 8,
    "beta_2": 127 / 128,
    "epsilon": 2**-20,
}
NO_KERNELS = ["gamma", "beta", "bias"]
CASES = {
    "kernels": {**EXACT, "exclude_from_weight_decay": NO_KERNELS},
    "no_decay": {**EXACT, "weight_decay": 0.0},
    "adapt_all": {
        **EXACT,
        "exclude_from_weight_decay": NO_KERNELS,
        "exclude_from_layer_adaptation": ["no such variable"],
    },
    "part_of_the_kernels": {**EXACT, "exclude_from_weight_decay": [*NO_KERNELS, "fc"]},
    "clipped": {**EXACT, "exclude_from_weight_decay": NO_KERNELS, "global_clipnorm": 1.0},
    "decay_all": {**EXACT},
    "decay_without_ratio": {
        **EXACT,
        "exclude_from_weight_decay": NO_KERNELS,
        "exclude_from_layer_adaptation": [*NO_KERNELS, "fc"],
    },
    "defaults": {},
}

rng = np.random.default_rng(0)
start = {name: rng.normal(size=shape) * ("zeros" not in name) for name, shape in SHAPES.items()}
gradients = {name: rng.normal(size=(STEPS, *shape)) for name, shape in SHAPES.items()}
gradients["conv/kernel"][:2] = 0.0

arrays = {f"start/{name}": value for name, value in start.items()}
arrays |= {f"gradient/{name}": value for name, value in gradients.items()}
for case, settings in CASES.items():
    optimizer = tfa.optimizers.LAMB(**settings)
    variables = [tf.Variable(value, name=name) for name, value in start.items()]
    values = {name: [] for name in SHAPES}
    for step in range(STEPS):
        own = [tf.constant(gradients[name][step]) for name in SHAPES]
        optimizer.apply_gradients(zip(own, variables, strict=True))
        for name, variable in zip(SHAPES, variables, strict=True):
            values[name].append(variable.numpy())
    arrays |= {f"{case}/{name}": np.stack(value) for name, value in values.items()}
meta = {
    "what": "start/, gradient/ [step, ...] and for each case the variables after every step, float64",
    "cases": CASES,
    "versions": {
        "tensorflow-addons": tfa.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    },
}
np.savez_compressed(sys.argv[1], meta=json.dumps(meta), **arrays)
