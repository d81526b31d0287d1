"""What all augmenting layers have in common: what they take, and where they run."""

import functools
import importlib
import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any

import keras

from keras_resnet_recipes.augment.augmentation import PackedAugmentation
from keras_resnet_recipes.layers.backend import TENSORFLOW, running_backend


class ImageLayer(keras.layers.Layer):
    """A random change of images, as a layer.

    Inside `tf.data`, and for TensorFlow tensors anywhere, it is TensorFlow code under every backend
    of Keras; inside a model it is code of the backend. The images of a batch differ.

    Subclasses define `transform`, and `prepare` if they do something at inference too.

    Args:
        augmentation: The same as a value, which checks the arguments and knows what is drawn; None where
            that is drawn for a whole batch.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`. Under
            parallel calls of `tf.data` the draws are reproducible, but not which image gets them:
            for that, use the values in `krr.augment`, whose generator is an argument.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.
    """

    def __init__(
        self,
        augmentation: PackedAugmentation | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # A mixed policy is for images; labels keep their precision.
        super().__init__(autocast=False, **kwargs)
        self.augmentation = augmentation
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Made when first needed: it imports TensorFlow.
        self._tensorflow_generator = functools.cache(
            lambda: keras.random.SeedGenerator(seed, backend=TENSORFLOW)
        )

    @property
    def uniforms(self) -> int:
        """Uniform variates that the parameters of one image take."""
        return self.augmentation.uniforms

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Makes the parameters of n images from uniform variates.

        Args:
            ops: Namespace of a Keras backend.
            uniform: Variates in [0, 1), float32 [n, `uniforms`].

        Returns:
            Tensors [n, ...] by name.
        """
        return self.augmentation.drawn(ops, uniform)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Changes a batch of images by given parameters.

        Args:
            images: [n, height, width, channels].
            drawn: What `drawn` returns.
            ops: Namespace of the Keras backend whose tensors they are.

        Returns:
            Images of the same type.
        """
        raise NotImplementedError

    def augment(
        self, images: Any, labels: Any, ops: Any, seed: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Changes a batch of images, and their labels if there are any.

        Args:
            images: [n, height, width, channels].
            labels: As given to the layer, or None.
            ops: Namespace of the Keras backend whose tensors they are.
            seed: Where draws of this backend take their seeds from.

        Returns:
            Images and labels.
        """
        shape = (ops.shape(images)[0], self.uniforms)
        uniform = ops.random.uniform(shape, dtype="float32", seed=seed)
        return self.transform(images, self.drawn(ops, uniform), ops), labels

    def prepare(self, images: Any, ops: Any) -> Any:
        """What happens to a batch of images when not training: nothing, for most layers."""
        return images

    def output_size(self, height: int | None, width: int | None) -> tuple[int | None, int | None]:
        """Height and width of the images that come out: those that went in, for most layers."""
        return height, width

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Run the layer; see `call`."""
        if not _of_tensorflow(inputs):
            return super().__call__(inputs, **kwargs)
        # Keras would make tensors of its own backend of them, which cannot be inside tf.data.
        native = keras.backend.backend() == "tensorflow"
        call = super().__call__ if native else self.call
        # Nothing to convert, and that takes seconds.
        autograph = sys.modules["tensorflow"].autograph.experimental
        return autograph.do_not_convert(call)(inputs, **kwargs)

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Change images at random while training.

        Args:
            inputs: One image [height, width, channels] or a batch [n, height, width, channels];
                or with labels, as a tuple (images, labels) or as a dictionary of "images" and
                "labels", of which other entries pass unchanged. Integers are taken as bytes and
                stay integers; floating point images are cast to the layer's compute dtype.
            training: False leaves images and labels alone, save for the cast.

        Returns:
            What went in, the images (and labels) changed.

        Raises:
            ValueError: If the inputs are none of these.
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
        """Shapes and types of what comes out, for `keras.Input`."""
        images, labels = _parts(inputs)
        _rank(images)
        size = self.output_size(*images.shape[-3:-1])
        shape = (*images.shape[:-3], *size, images.shape[-1])
        outputs = _like(inputs, keras.KerasTensor(shape, self._dtype_of(images)), labels)
        return keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {} if self.augmentation is None else vars(self.augmentation)
        return {**super().get_config(), **own, "seed": self.seed}

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
    """A random change of the bytes of images; floating point images are rounded to bytes first.

    Subclasses define `change`.
    """

    def __init__(
        self, augmentation: PackedAugmentation, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(augmentation, seed, **kwargs)
        # Called outside of a compiled model, JAX compiles every operation by itself: a hundred take
        # ten seconds, one program of all of them two.
        self._compiled = functools.cache(
            lambda: importlib.import_module("jax").jit(
                lambda images, drawn: self._changed(images, drawn, running_backend())
            )
        )

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Changes a batch of bytes by given parameters.

        Args:
            images: int32 [n, height, width, channels], 0..255.
            drawn: What `drawn` returns.
            ops: Namespace of the Keras backend whose tensors they are.

        Returns:
            int32 [n, ...], 0..255.
        """
        raise NotImplementedError

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, each changed as its parameters say."""
        if keras.backend.backend() == "jax" and ops is not TENSORFLOW:
            return self._compiled()(images, drawn)
        return self._changed(images, drawn, ops)

    def _changed(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        return ops.cast(self.change(as_bytes(images, ops), drawn, ops), images.dtype)


class ColorLayer(ByteLayer):
    """A random change of the bytes of images of red, green and blue."""

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Changes images at random while training; see `ImageLayer.call`."""
        self._check(inputs)
        return super().call(inputs, training=training)

    def compute_output_spec(self, inputs: Any, training: bool = True) -> Any:
        """Shapes and types of what comes out, for `keras.Input`."""
        self._check(inputs)
        return super().compute_output_spec(inputs, training=training)

    def _check(self, inputs: Any) -> None:
        shape = tuple(_parts(inputs)[0].shape)
        if shape[-1] != 3:
            raise ValueError(f"`images` must have three channels. Received: shape={shape}")


def as_bytes(images: Any, ops: Any) -> Any:
    """Images as int32, 0..255; floating point ones are rounded half to even.

    Args:
        images: Of any type and shape.
        ops: Namespace of the Keras backend whose tensors they are.

    Returns:
        int32, the same shape.
    """
    if keras.backend.is_float_dtype(images.dtype):
        images = ops.numpy.clip(ops.numpy.round(images), 0.0, 255.0)
    return ops.numpy.clip(ops.cast(images, "int32"), 0, 255)


def _of_tensorflow(inputs: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    leaves = keras.tree.flatten(inputs)
    return tensorflow is not None and any(map(tensorflow.is_tensor, leaves))


def _parts(inputs: Any) -> tuple[Any, Any]:
    """Images, and labels or None."""
    if isinstance(inputs, dict):
        if "images" not in inputs:
            raise ValueError(f'inputs must have an entry "images", got {sorted(inputs)}')
        return inputs["images"], inputs.get("labels")
    if isinstance(inputs, (tuple, list)):
        if len(inputs) != 2:
            raise ValueError(f"inputs must be (images, labels), got {len(inputs)} of them")
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
            "images must be [height, width, channels] or [n, height, width, channels], "
            f"got the shape {tuple(images.shape)}"
        )
    return rank


def color(value: float | Sequence[float]) -> float | tuple[float, float, float]:
    """The value of all channels, or those of three as a tuple.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(value, Real):
        return value
    if len(value) != 3 or not all(isinstance(one, Real) for one in value):
        raise ValueError(f"`fill` must be a number or three numbers. Received: fill={value!r}")
    return tuple(value)
