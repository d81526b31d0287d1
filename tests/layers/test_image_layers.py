"""Properties common to all augmentation layers, on every backend."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet_recipes import layers
from keras_resnet_recipes.layers.image_layer import ImageLayer
from tests.backends import some

pytestmark = pytest.mark.every_backend

BACKEND = keras.backend.backend()
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(1, 256, (8, 16, 12, 3), "uint8")
LABELS = np.eye(8, dtype="float32")
# Each strong enough that some of eight images change.
ALL = {
    "RandomFlip": {"probability": 0.5},
    "PadAndCrop": {"padding": 2, "fill": (0.0, 1.0, 2.0)},
    "Cutout": {"size": 4, "fill": 0.0},
    "RandomErasing": {"probability": 0.7, "area": (0.1, 0.3), "noise": (60.0, 50.0, 40.0)},
    "MixUp": {"alpha": 5.0},
    "CutMix": {"alpha": 5.0},
    "MixUpOrCutMix": {"mixup_alpha": 5.0, "cutmix_alpha": 5.0, "switch_probability": 0.3},
    "RandAugment": {"magnitude": 9.0, "operations": 1, "probability": 1.0},
    "TrivialAugmentWide": {"interpolation": "nearest"},
    "ColorJitter": {"brightness": 0.4, "saturation": 0.4, "hue": 0.1},
    "Lighting": {"std": 0.5},
    "RandomResizedCrop": {"size": 10, "scale": (0.1, 0.5)},
    "ScaleJitterCrop": {"size": 10, "shorter_edge": (11, 14), "interpolation": "random"},
}
MIXING = ("MixUp", "CutMix", "MixUpOrCutMix")
CROPS = ("RandomResizedCrop", "ScaleJitterCrop")
THREE_CHANNELS = ("RandAugment", "TrivialAugmentWide", "ColorJitter", "Lighting")


def make(name, /, **more):
    return getattr(layers, name)(**{**ALL[name], "seed": 3, **more})


def size_of(name):
    return (10, 10) if name in CROPS else (16, 12)


def run(layer, inputs, **more):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, layer(inputs, **more))


def dtype_of(x):
    return keras.backend.standardize_dtype(x.dtype)


def test_every_layer_is_tested():
    augmenting = {n for n in layers.__all__ if issubclass(getattr(layers, n), ImageLayer)}
    assert augmenting == set(ALL)
    others = {
        *("BatchNormalization", "GhostBatchNormalization"),
        *("Bias", "BlurPool", "CELU", "StochasticDepth"),
    }
    assert set(layers.__all__) - augmenting == others


@pytest.mark.parametrize("name", sorted(ALL))
def test_outputs_have_the_structure_of_the_inputs(name):
    shape = (8, *size_of(name), 3)
    as_tuple = run(make(name), (IMAGES, LABELS))
    as_dict = run(make(name), {"images": IMAGES, "labels": LABELS, "other": LABELS[0]})
    assert isinstance(as_tuple, tuple)
    assert as_tuple[0].shape == shape
    assert as_tuple[1].shape == LABELS.shape
    assert set(as_dict) == {"images", "labels", "other"}
    np.testing.assert_array_equal(as_dict["other"], LABELS[0])
    # With the same seed the draws are equal.
    np.testing.assert_array_equal(as_dict["images"], as_tuple[0])
    np.testing.assert_array_equal(as_dict["labels"], as_tuple[1])
    if name in MIXING:
        assert not np.array_equal(as_tuple[1], LABELS)
        np.testing.assert_allclose(as_tuple[1].sum(1), 1, rtol=3e-7)  # one rounding of each weight
        with pytest.raises(ValueError, match=r"`labels` must be probabilities \[n, classes\]"):
            make(name)(IMAGES)
        with pytest.raises(ValueError, match=r"`labels` must be probabilities .* shape=\(8,\)"):
            make(name)((IMAGES, np.arange(8)))
        with pytest.raises(
            ValueError, match=r"`images` must be an even number .* Received: 7 images"
        ):
            make(name)((IMAGES[:7], LABELS[:7]))
        return
    np.testing.assert_array_equal(as_tuple[1], LABELS)
    np.testing.assert_array_equal(run(make(name), IMAGES), as_tuple[0])
    single = run(make(name), (IMAGES[0], np.int32(3)))
    assert single[0].shape == shape[1:]
    assert single[1] == 3
    assert dtype_of(single[1]) == "int32"


@pytest.mark.parametrize("name", sorted(ALL))
def test_images_of_a_batch_differ_and_calls_repeat_with_the_seed(name):
    same = np.repeat(IMAGES[:1], 8, axis=0)
    if name in MIXING:  # drawn per batch, so batches differ instead
        layer = make(name)
        outputs = np.stack([run(layer, (IMAGES, LABELS))[1] for _ in range(4)])
    else:
        outputs = run(make(name), same)
        assert not np.array_equal(outputs, run(make(name, seed=4), same))
    assert len({output.tobytes() for output in outputs}) > 1

    def two():
        layer = make(name)
        return [run(layer, (IMAGES, LABELS))[0] for _ in range(2)]

    first, second = two()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(two(), [first, second])


@pytest.mark.parametrize(
    "policy",
    some(
        ["float32", "mixed_float16", "mixed_bfloat16", "float64"],
        everywhere=["mixed_float16", "float64"],
    ),
)
@pytest.mark.parametrize("name", sorted(ALL))
def test_every_policy(name, policy):
    if policy == "float64" and BACKEND == "jax":
        policy = "bfloat16"  # JAX has no double precision unless it is enabled
    compute = keras.DTypePolicy(policy).compute_dtype
    for training in (True, False):
        layer = make(name, dtype=policy)
        whole, labels = layer((IMAGES, LABELS), training=training)
        assert dtype_of(whole) == "uint8"
        assert dtype_of(labels) == "float32"
        floating, labels = make(name, dtype=policy)(
            (IMAGES.astype("float32"), LABELS), training=training
        )
        assert dtype_of(floating) == compute
        assert dtype_of(labels) == "float32"
        whole = keras.ops.convert_to_numpy(whole).astype("float64")
        floating = keras.ops.convert_to_numpy(keras.ops.cast(floating, "float32"))
        # Bytes are rounded, by up to half a level, and noise beyond 0..255 is clipped. With the 8 bits of
        # bfloat16 each weight, product and sum is off by up to half or a quarter of a level.
        digits = {"bfloat16": 2.0, "float16": 0.25}.get(compute, 0.0)
        np.testing.assert_allclose(np.clip(floating, 0, 255), whole, rtol=0, atol=0.51 + digits)


@pytest.mark.parametrize("name", sorted(ALL))
def test_nothing_happens_when_not_training(name):
    images, labels = run(make(name), (IMAGES, LABELS), training=False)
    np.testing.assert_array_equal(labels, LABELS)
    if name not in CROPS:
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(run(make(name), IMAGES[0], training=False), IMAGES[0])
        return
    # The shorter edge, 12, is resized to the smallest length, and the center is cropped.
    edge = {"RandomResizedCrop": 10, "ScaleJitterCrop": 11}[name]
    for ours, image in zip(images, IMAGES, strict=True):
        whole = resized_widths_first(image, (edge, 16 * edge // 12), Image.BICUBIC)
        top, left = round((len(whole) - 10) / 2), round((edge - 10) / 2)
        differences = abs(ours.astype(int) - whole[top : top + 10, left : left + 10])
        assert differences.max() <= 1
        assert differences.mean() < 0.003


def resized_widths_first(image, size, kernel):
    """Resizes as Pillow up to 12 does in one step."""
    narrow = Image.fromarray(image).resize((size[0], len(image)), kernel)
    return np.asarray(narrow.resize(size, kernel)).astype(int)


@pytest.mark.parametrize("name", sorted(ALL))
def test_config_round_trip(name):
    layer = make(name, dtype="mixed_float16", name="one")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    assert {**ALL[name], "seed": 3, "name": "one"}.items() <= again.get_config().items()
    assert keras.saving.get_registered_name(type(layer)) == f"keras_resnet_recipes>{name}"


@pytest.mark.parametrize("labeled", some(["tuple", "dict", "alone"], everywhere=["tuple"]))
@pytest.mark.parametrize("name", some(sorted(ALL), everywhere=["RandAugment", "MixUp"]))
def test_inside_tf_data(name, labeled):
    import tensorflow as tf

    if labeled == "alone" and name in MIXING:
        labeled = "dict"
    inputs = {
        "tuple": (IMAGES, LABELS),
        "dict": {"images": IMAGES, "labels": LABELS},
        "alone": IMAGES,
    }[labeled]
    layer = make(name, dtype="mixed_float16")
    dataset = tf.data.Dataset.from_tensors(inputs).repeat(3)
    # tf.data unpacks a tuple into separate arguments.
    call = (lambda *pair: layer(pair)) if labeled == "tuple" else layer
    dataset = dataset.map(call)
    spec = tf.nest.flatten(dataset.element_spec)[0]
    assert (spec.shape, spec.dtype) == ((8, *size_of(name), 3), tf.uint8)
    images = [tf.nest.flatten(batch)[0] for batch in dataset.as_numpy_iterator()]
    assert len({image.tobytes() for image in images}) > 1


@pytest.mark.parametrize("name", some(sorted(set(ALL) - set(MIXING)), everywhere=["RandAugment"]))
def test_inside_tf_data_image_by_image_of_unknown_size(name):
    import tensorflow as tf

    layer = make(name)

    def images():
        yield from (image[: 16 - i] for i, image in enumerate(IMAGES))

    spec = tf.TensorSpec([None, None, 3], tf.uint8)
    dataset = tf.data.Dataset.from_generator(images, output_signature=spec).map(layer)
    for i, image in enumerate(dataset.as_numpy_iterator()):
        assert image.shape == ((10, 10, 3) if name in CROPS else (16 - i, 12, 3))


@pytest.mark.parametrize("name", MIXING)
def test_batches_of_unknown_size_inside_tf_data(name):
    import tensorflow as tf

    layer = make(name)
    dataset = tf.data.Dataset.from_tensor_slices({"images": IMAGES, "labels": LABELS})
    batches = list(dataset.batch(6).map(layer).as_numpy_iterator())
    assert [len(batch["images"]) for batch in batches] == [6, 2]


class LossOfMixed(keras.layers.Layer):
    """Loss inside the model, because labels are mixed there."""

    def call(self, inputs):
        predictions, labels = inputs
        loss = keras.ops.categorical_crossentropy(labels, predictions, from_logits=True)
        self.add_loss(keras.ops.mean(loss))
        return predictions


def model_with(name):
    inputs = {
        "images": keras.Input((16, 12, 3), dtype="uint8", name="images"),
        "labels": keras.Input((8,), name="labels"),
    }
    outputs = make(name)(inputs)
    features = keras.layers.Rescaling(1 / 255)(outputs["images"])
    logits = keras.layers.Dense(8)(keras.layers.Flatten()(features))
    return keras.Model(inputs, LossOfMixed()((logits, outputs["labels"])))


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("name", sorted(ALL))
def test_inside_a_compiled_model(name, tmp_path):
    model = model_with(name)
    # torch would need an installed C++ compiler.
    model.compile("sgd", jit_compile=BACKEND != "torch")
    batch = {"images": IMAGES, "labels": LABELS}
    losses = [model.train_on_batch(batch) for _ in range(2)]
    assert np.isfinite(losses).all()
    state = next(v for v in model.variables if "seed" in v.path)
    assert keras.ops.convert_to_numpy(state)[1] > 0  # the generator was used, so draws will differ
    before = model.predict(batch, verbose=0)
    np.testing.assert_array_equal(model.predict(batch, verbose=0), before)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(
        tmp_path / "model.keras", custom_objects={"LossOfMixed": LossOfMixed}
    )
    # The weights and the program are equal, but XLA and eager code may sum in different orders.
    np.testing.assert_allclose(again.predict(batch, verbose=0), before, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX always compiles, torch never does")
@pytest.mark.parametrize("name", ["RandAugment", "RandomResizedCrop"])
def test_inside_a_graph_without_xla(name):
    model = model_with(name)
    model.compile("sgd", jit_compile=False)
    assert np.isfinite(model.train_on_batch({"images": IMAGES, "labels": LABELS}))


@pytest.mark.parametrize("name", THREE_CHANNELS)
def test_colors_need_three_channels(name):
    layer = make(name)
    for images in (IMAGES[..., :1], keras.Input((16, 12, 1), dtype="uint8")):
        with pytest.raises(
            ValueError, match=r"`images` must have three channels\. Received: shape="
        ):
            layer(images)


@pytest.mark.parametrize("name", CROPS)
def test_crops_take_any_channels(name):
    assert run(make(name), IMAGES[..., :1]).shape == (8, 10, 10, 1)


def test_inputs_of_another_structure_are_errors():
    layer = make("RandomFlip")
    with pytest.raises(
        ValueError, match=r"`images` must be \[height, width, channels\] or .*=\(16,"
    ):
        layer(IMAGES[0, :, :, 0])
    with pytest.raises(ValueError, match=r"a pair \(images, labels\).* length 3"):
        layer((IMAGES, LABELS, LABELS))
    with pytest.raises(
        ValueError, match=r"must have an entry \"images\". Received: entries=\['x'\]"
    ):
        layer({"x": IMAGES})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "RandomFlip",
            {"probability": 2},
            "`probability` must be a number at least 0 and at most 1.*=2$",
        ),
        ("PadAndCrop", {"padding": 0}, "`padding` must be an integer at least 1.*=0$"),
        ("Cutout", {"fill": "black"}, "`fill` must be a number or three numbers"),
        ("RandomErasing", {"area": (0, 1)}, "`area` must be 2 numbers above 0 and at most 1"),
        ("MixUp", {"alpha": -1}, "`alpha` must be a number at least 0 or None.*=-1$"),
        ("MixUpOrCutMix", {"probability": -1}, "`probability` must be a number at least 0"),
        (
            "RandAugment",
            {"magnitude": 11},
            "`magnitude` must be a number at least 0 and at most 10.*=11$",
        ),
        ("TrivialAugmentWide", {"interpolation": "bicubic"}, "`interpolation` must be one of"),
        (
            "ColorJitter",
            {"hue": 0.6},
            r"`hue` must be a number at least 0 and at most 0\.5.*=0\.6$",
        ),
        ("Lighting", {"std": -1}, "`std` must be a number at least 0.*=-1$"),
        ("ScaleJitterCrop", {"size": 12}, "`shorter_edge` must be at least `size`"),
        ("RandomResizedCrop", {"size": 0}, "`size` must be an integer at least 1.*=0$"),
    ],
)
def test_illegal_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


def test_the_hooks_of_keras_used_here():
    """These are not public in Keras 3.15; the test names one that is removed."""
    from keras.src.utils.backend_utils import DynamicBackend

    backend = DynamicBackend()
    assert backend.name == BACKEND
    for ops in (backend, DynamicBackend("tensorflow")):
        total = ops.numpy.sum(ops.random.uniform((2,), seed=1, dtype="float32"))
        assert "float32" in str(ops.cast(total, "float32").dtype)
    generator = keras.random.SeedGenerator(1, backend=DynamicBackend("tensorflow"))
    assert type(generator.next()).__module__.startswith("tensorflow")
