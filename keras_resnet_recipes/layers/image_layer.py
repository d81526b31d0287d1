"""Base classes of the augmentation layers: their inputs, and the backend that they run on."""

import functools
import importlib
import inspect
import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any

import keras

from keras_resnet_recipes.augment.augmentation import PackedAugmentation
from keras_resnet_recipes.layers.backend import TENSORFLOW, running_backend
from keras_resnet_recipes.part import Part


class ImageLayer(keras.layers.Layer):
    """Base class of layers that augment images at random.

    Inside `tf.data`, and for TensorFlow tensors anywhere, the layer runs TensorFlow operations under
    every Keras backend; inside a model it runs those of the backend. Each image of a batch has its own
    augmentation parameters.

    Subclasses implement `transform`, and `prepare` if they also change images at inference.

    Args:
        augmentation: The corresponding value of `krr.augment`, which checks the arguments and defines the
            augmentation parameters; None if they are drawn once per batch.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`. With
            parallel calls in `tf.data` the draws are reproducible, but not their assignment to images:
            for that, use the values in `krr.augment`, which take a generator.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.
    """

    def __init__(
        self,
        augmentation: PackedAugmentation | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # A mixed dtype policy applies to images only; labels keep their precision.
        super().__init__(autocast=False, **kwargs)
        self.augmentation = augmentation
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Created on first use, because it imports TensorFlow.
        self._tensorflow_generator = functools.cache(
            lambda: keras.random.SeedGenerator(seed, backend=TENSORFLOW)
        )

    @property
    def uniforms(self) -> int:
        """Number of uniform variates per image."""
        return self.augmentation.uniforms

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns the augmentation parameters of n images, computed from uniform variates.

        Args:
            ops: Namespace of a Keras backend.
            uniform: Variates in [0, 1), float32 [n, `uniforms`].

        Returns:
            Tensors [n, ...] by name.
        """
        return self.augmentation.drawn(ops, uniform)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Applies augmentation parameters to a batch of images.

        Args:
            images: [n, height, width, channels].
            drawn: The augmentation parameters returned by `drawn`.
            ops: Namespace of the Keras backend of the tensors.

        Returns:
            Images of the same dtype.
        """
        raise NotImplementedError

    def augment(
        self, images: Any, labels: Any, ops: Any, seed: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Augments a batch of images, and their labels if given.

        Args:
            images: [n, height, width, channels].
            labels: As passed to the layer, or None.
            ops: Namespace of the Keras backend of the tensors.
            seed: Seed generator of this backend.

        Returns:
            Images and labels.
        """
        shape = (ops.shape(images)[0], self.uniforms)
        uniform = ops.random.uniform(shape, dtype="float32", seed=seed)
        return self.transform(images, self.drawn(ops, uniform), ops), labels

    def prepare(self, images: Any, ops: Any) -> Any:
        """Returns a batch of images prepared for inference; unchanged by default."""
        return images

    def output_size(self, height: int | None, width: int | None) -> tuple[int | None, int | None]:
        """Returns the height and width of the output images; those of the input by default."""
        return height, width

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Runs the layer; see `call`."""
        if not _of_tensorflow(inputs):
            return super().__call__(inputs, **kwargs)
        # Keras would convert them to tensors of its own backend, which is impossible inside tf.data.
        native = keras.backend.backend() == "tensorflow"
        call = super().__call__ if native else self.call
        # There is nothing to convert, and AutoGraph takes seconds to find that out.
        autograph = sys.modules["tensorflow"].autograph.experimental
        return autograph.do_not_convert(call)(inputs, **kwargs)

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Augments images in training.

        Args:
            inputs: One image [height, width, channels] or a batch [n, height, width, channels];
                or images with labels, as a tuple (images, labels) or as a dictionary with "images" and
                "labels", whose other entries are returned unchanged. Integers must be 0..255 and
                stay integers; floating point images are cast to the layer's compute dtype.
            training: If False, images are cast and prepared for inference only, and labels are
                returned unchanged.

        Returns:
            The augmented images (and labels), in the structure of the inputs.

        Raises:
            ValueError: If the inputs have another structure or rank.
        """
        images, labels = _parts(inputs)
        ops, seed = self._ops_and_seed(inputs)
        images = ops.convert_to_tensor(images)
        single = _rank(images) == 3
        images = ops.cast(images, self._dtype_of(images))
        images = images[None] if single else images
        if training:
            images, labels = self.augment(images, labels, ops, seed)
        else:
            images = self.prepare(images, ops)
        return _like(inputs, images[0] if single else images, labels)

    def compute_output_spec(self, inputs: Any, training: bool = True) -> Any:
        """Returns the shapes and dtypes of the outputs, for `keras.Input`."""
        images, labels = _parts(inputs)
        _rank(images)
        size = self.output_size(*images.shape[-3:-1])
        shape = (*images.shape[:-3], *size, images.shape[-1])
        outputs = _like(inputs, keras.KerasTensor(shape, self._dtype_of(images)), labels)
        return keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {} if self.augmentation is None else self._arguments_of(self.augmentation)
        return {**super().get_config(), **own, "seed": self.seed}

    def _arguments_of(self, value: Part) -> dict[str, Any]:
        """Returns the fields of a value of `krr.augment` that are arguments of this layer.

        The others are read by recipes only, such as those about epochs and devices.
        """
        arguments = inspect.signature(type(self)).parameters
        return {name: field for name, field in vars(value).items() if name in arguments}

    def _ops_and_seed(self, inputs: Any) -> tuple[Any, keras.random.SeedGenerator]:
        if keras.backend.backend() == "tensorflow":
            return TENSORFLOW, self.seed_generator
        if _of_tensorflow(inputs):
            return TENSORFLOW, self._tensorflow_generator()
        return running_backend(), self.seed_generator

    def _dtype_of(self, images: Any) -> str:
        floating = keras.backend.is_float_dtype(images.dtype)
        return self.compute_dtype if floating else keras.backend.standardize_dtype(images.dtype)


class ByteLayer(ImageLayer):
    """Base class of layers that work on bytes; floating point images are rounded to bytes first.

    Subclasses implement `change`.
    """

    def __init__(
        self, augmentation: PackedAugmentation, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(augmentation, seed, **kwargs)
        # Outside a compiled model JAX compiles each operation separately: a hundred of them take ten
        # seconds, a single program two.
        self._compiled = functools.cache(
            lambda: importlib.import_module("jax").jit(
                lambda images, drawn: self._changed(images, drawn, running_backend())
            )
        )

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Applies augmentation parameters to a batch of images in bytes.

        Args:
            images: int32 [n, height, width, channels], 0..255.
            drawn: The augmentation parameters returned by `drawn`.
            ops: Namespace of the Keras backend of the tensors.

        Returns:
            int32 [n, ...], 0..255.
        """
        raise NotImplementedError

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Applies augmentation parameters to a batch of images; see `ImageLayer.transform`."""
        if keras.backend.backend() == "jax" and ops is not TENSORFLOW:
            return self._compiled()(images, drawn)
        return self._changed(images, drawn, ops)

    def _changed(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        return ops.cast(self.change(as_bytes(images, ops), drawn, ops), images.dtype)


class ColorLayer(ByteLayer):
    """Base class of layers that work on the bytes of RGB images."""

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Augments images in training; see `ImageLayer.call`."""
        self._check(inputs)
        return super().call(inputs, training=training)

    def compute_output_spec(self, inputs: Any, training: bool = True) -> Any:
        """Returns the shapes and dtypes of the outputs, for `keras.Input`."""
        self._check(inputs)
        return super().compute_output_spec(inputs, training=training)

    def _check(self, inputs: Any) -> None:
        shape = tuple(_parts(inputs)[0].shape)
        if shape[-1] != 3:
            raise ValueError(f"`images` must have three channels. Received: shape={shape}")


def as_bytes(images: Any, ops: Any) -> Any:
    """Returns images as int32, 0..255; floating point images are rounded half to even.

    Args:
        images: Tensor of any dtype and shape.
        ops: Namespace of the Keras backend of the tensor.

    Returns:
        int32 tensor of the same shape.
    """
    if keras.backend.is_float_dtype(images.dtype):
        images = ops.numpy.clip(ops.numpy.round(images), 0.0, 255.0)
    return ops.numpy.clip(ops.cast(images, "int32"), 0, 255)


def _of_tensorflow(inputs: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    leaves = keras.tree.flatten(inputs)
    return tensorflow is not None and any(map(tensorflow.is_tensor, leaves))


def _parts(inputs: Any) -> tuple[Any, Any]:
    """Returns the images, and the labels or None."""
    if isinstance(inputs, dict):
        if "images" not in inputs:
            raise ValueError(
                f'`inputs` must have an entry "images". Received: entries={sorted(inputs)!r}'
            )
        return inputs["images"], inputs.get("labels")
    if isinstance(inputs, (tuple, list)):
        if len(inputs) != 2:
            raise ValueError(
                "`inputs` must be images or a pair (images, labels). "
                f"Received: a sequence of length {len(inputs)}"
            )
        return inputs[0], inputs[1]
    return inputs, None


def _like(inputs: Any, images: Any, labels: Any) -> Any:
    if isinstance(inputs, dict):
        return {**inputs, "images": images} | ({} if labels is None else {"labels": labels})
    if isinstance(inputs, (tuple, list)):
        return type(inputs)((images, labels))
    return images


def _rank(images: Any) -> int:
    rank = len(images.shape)
    if rank not in (3, 4):
        raise ValueError(
            "`images` must be [height, width, channels] or [n, height, width, channels]. "
            f"Received: shape={tuple(images.shape)}"
        )
    return rank


def color(value: float | Sequence[float]) -> float | tuple[float, float, float]:
    """Returns a fill value for all channels unchanged, or one per channel as a tuple.

    Raises:
        ValueError: If `value` is neither a number nor three numbers.
    """
    if isinstance(value, Real):
        return value
    if len(value) != 3 or not all(isinstance(one, Real) for one in value):
        raise ValueError(f"`fill` must be a number or three numbers. Received: fill={value!r}")
    return tuple(value)
