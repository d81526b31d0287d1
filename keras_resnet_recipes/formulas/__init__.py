"""The arithmetic of augmentations that stand twice, in `augment` and as layers in `layers`.

Each function is written once, against the namespace of a Keras backend: `TENSORFLOW` in `augment`
and inside `tf.data`, that of the running backend inside a model. What they are given is drawn
elsewhere; nothing here is random.
"""

from keras.src.utils.backend_utils import DynamicBackend

TENSORFLOW = DynamicBackend("tensorflow")
"""Keras' operations on TensorFlow tensors, whichever backend Keras runs on."""
