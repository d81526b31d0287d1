"""Recipe.fit(teacher=...): the training step against its formula, several devices, resuming and checkpoints."""

import json

import h5py
import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import data as sources
from keras_resnet_recipes import training
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.training.build import dtype_policy
from keras_resnet_recipes.training.model import TrainingModel
from keras_resnet_recipes.training.teacher import Teacher
from tests.runs.same_run import without_times
from tests.training.test_devices import run_script

every_backend = pytest.mark.every_backend

CLASSES = 5
RECIPE = krr.A3(
    network="ResNet20",
    classes=CLASSES,
    epochs=2,
    warmup_epochs=0,
    learning_rate=0.004,
    batch_size=8,
    train_size=8,
    test_size=8,
    rand_augment=None,
    distillation=krr.recipe.Distillation(),
    precision="float32",
)
X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), "uint8")
DATA = X, np.arange(24) % CLASSES


def network(seed, channels=4, classes=CLASSES, **classifier):
    """A network with moving statistics and a layer that is active only in training."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Rescaling(1 / 64),
            layers.Conv2D(channels, 3),
            layers.BatchNormalization(),
            krr.layers.StochasticDepth(0.3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, **classifier),
        ]
    )


def fit(recipe=RECIPE, teacher=None, model=None, **options):
    teacher = teacher or network(1, channels=6)
    with dtype_policy(recipe.precision):
        model = model or network(0)
    return recipe.fit(DATA, model=model, teacher=teacher, verbose=0, **options)


@every_backend
@pytest.mark.parametrize("case", ["gluon", "paper"])
def test_loss_and_gradient_of_a_step_equal_torch(golden, case):
    """The weights of the networks are the golden logits; SGD has learning rate 1."""
    g, temperature = golden("distillation"), 4.0
    hard, soft = g.meta["cases"][case]

    def logits(values):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(10, use_bias=False)])
        model.set_weights([values.astype("float32")])
        return model

    student = logits(g["student"])
    teacher = Teacher(logits(g["teacher"]), label_weight=hard, weight=soft, temperature=temperature)
    model = TrainingModel(student, teacher=teacher)
    label_loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), label_loss)
    value = model.train_on_batch(np.eye(6), g["mixed"])
    key = f"{case}/{temperature:g}/mixed"
    # As in tests/losses: sums of float32 numbers up to 100, and differences from logits up to 10.
    assert float(value) == pytest.approx(g[f"{key}/losses"].mean(), rel=2e-6)
    moved = g["student"].astype("float32") - student.get_weights()[0]
    np.testing.assert_allclose(moved, g[f"{key}/gradient"], rtol=0, atol=2e-6 * temperature)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@every_backend
def test_the_teacher_sees_the_mixed_images():
    """One step of two linear networks on mixed images, against NumPy."""
    recipe = RECIPE.replace(
        epochs=1, batch_size=24, optimizer=krr.recipe.SGD(), learning_rate=0.5,
        loss=krr.recipe.CategoricalCrossentropy(),
        distillation=krr.recipe.Distillation(label_weight=0.75, weight=0.4, temperature=3.0),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    kernels = rng.normal(size=(2, 3, CLASSES)).astype("float32")

    def linear(kernel):
        layers = [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()]
        dense = keras.layers.Dense(CLASSES, use_bias=False)
        model = keras.Sequential([*layers, keras.layers.Rescaling(1 / 64), dense])
        model.set_weights([kernel])
        return model

    unreadable = sources.UnreadableImages(sources.from_source(DATA), "raise")
    batches = TrainingBatches(
        recipe, sources.from_source(DATA), steps=1, seed=0, unreadable=unreadable
    )
    images, targets = batches.batch(0, 0)
    assert ((targets > 0) & (targets < 1)).any()
    features = images.astype("float64").mean((1, 2)) / 64
    student, teacher = (features @ kernel for kernel in kernels)
    gradient = 0.75 * (softmax(student) - targets)
    gradient += 0.4 * 3 * (softmax(student / 3) - softmax(teacher / 3))
    expected = kernels[0] - 0.5 * features.T @ gradient / 24

    model = linear(kernels[0])
    fit(recipe, linear(kernels[1]), model)
    # float32 means of 64 pixels up to 255
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=0, atol=2e-6)


@every_backend
def test_the_teacher_is_unchanged_and_the_student_is_a_plain_model(tmp_path):
    teacher = network(1, channels=6)
    before = teacher.get_weights()
    model = network(0)
    history = fit(teacher=teacher, model=model, run_dir=tmp_path / "run", validation_data=DATA)
    for ours, old in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, old)
    assert history.model is model
    assert type(model) is keras.Sequential
    assert int(model.optimizer.iterations) == 6
    # Evaluations use the student alone, with the loss of the recipe.
    result = RECIPE.evaluate(model, DATA, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(result["loss"], rel=1e-5)
    assert history.history["val_top1"][-1] == pytest.approx(result["top1"], abs=1e-6)
    loaded = network(3)
    loaded.load_weights(tmp_path / "run" / "last.weights.h5")
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)

    shapes = []
    with h5py.File(tmp_path / "run" / "last.weights.h5") as file:
        file.visititems(lambda name, item: shapes.append(getattr(item, "shape", ())))
    assert all(6 not in shape for shape in shapes), (
        "the checkpoint contains channels of the teacher"
    )
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["teacher_parameters"] == teacher.count_params()


@every_backend
def test_load_run_with_ema(tiny_resnet20, tmp_path):
    recipe = RECIPE.replace(ema=krr.recipe.EMA(decay=0.5))
    teacher = krr.applications.ResNet20(classes=CLASSES, classifier_activation=None, name="other")
    history = recipe.fit(DATA, teacher=teacher, run_dir=tmp_path, verbose=0)
    loaded = training.load_run(tmp_path)
    # The 17 weights and statistics of one block: no weight of the teacher is averaged.
    assert len(loaded.weights) == len(history.model.weights) == 17
    for ours, theirs in zip(loaded.get_weights(), history.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Stop(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if batch == 2:
            raise InterruptedError


@pytest.mark.full
@pytest.mark.parametrize(
    "changes",
    [{}, {"ema": krr.recipe.EMA(decay=0.9), "precision": "mixed_float16"}],
    ids=["plain", "ema, mixed_float16"],
)
def test_a_run_resumes_with_the_same_bits(tmp_path, changes):
    recipe = RECIPE.replace(**changes)
    whole = fit(recipe, run_dir=tmp_path / "whole")
    options = {"run_dir": tmp_path / "cut", "save_every_steps": 1}
    with pytest.raises(InterruptedError):
        fit(recipe, callbacks=[Stop()], **options)
    resumed = fit(recipe, **options)
    assert without_times(resumed.history) == without_times(whole.history)
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="`teacher` must be given: A3 learned from"):
        recipe.fit(DATA, model=network(0), verbose=0, **options)
    with pytest.raises(ValueError, match="teacher_sha256="):
        fit(recipe, network(2, channels=6), **options)


def test_micro_batches_train_as_one_batch():
    """Without BatchNormalization and mixing, which depend on the micro-batch; the logged loss is the same mean."""
    recipe = RECIPE.replace(mixup_alpha=0.0, cutmix_alpha=0.0)
    results = []
    for micro_batches in (1, 4):
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 64)])
        model.add(keras.layers.GlobalAveragePooling2D())
        model.add(keras.layers.Dense(CLASSES, kernel_initializer="zeros"))
        history = fit(recipe.replace(gradient_accumulation_steps=micro_batches), model=model)
        results.append((model.get_weights(), history.history["loss"]))
    # float32 sums in a different order
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-5)
    for one, other in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


DEVICES = """
import json, sys
import keras, numpy as np
import keras_resnet_recipes as krr

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
name = {"tensorflow": "mirrored", "jax": "data_parallel"}[keras.backend.backend()]
layers = keras.layers

def network(seed, channels, norm=layers.Identity):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([
        keras.Input((None, None, 3)), layers.Rescaling(1 / 64), layers.Conv2D(channels, 3), norm(),
        layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(5)])

x = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), "uint8")
recipe = krr.A3(classes=5, distillation=krr.recipe.Distillation(),
                epochs=2, warmup_epochs=0, learning_rate=0.004, batch_size=16, train_size=8,
                test_size=8, rand_augment=None, precision="float32", mix_per_replica=False,
                gradient_accumulation_steps=2, ema=krr.recipe.EMA(decay=0.5))
histories = []
for distribution in ("none", name):
    teacher = network(1, 6, layers.BatchNormalization)
    teacher.layers[2].moving_mean.assign(np.linspace(-1, 1, 6))
    given = network(0, 4)
    history = recipe.fit((x, np.arange(32) % 5), model=given, teacher=teacher,
                         distribution=distribution, validation_data=(x[:3], np.arange(3)), verbose=0)
    histories.append(history)
start = network(0, 4).get_weights()
distance = lambda one, other: max(float(np.abs(a - b).max()) for a, b in zip(one, other))
one, two = (history.model.get_weights() for history in histories)
print(json.dumps({"difference": distance(one, two), "movement": distance(one, start),
                  "given": distance(given.get_weights(), two),
                  "loss": [h.history["loss"] for h in histories],
                  "val_loss": [h.history["val_loss"] for h in histories]}))
"""


@pytest.mark.full
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend):
    result, _, _ = run_script(DEVICES, backend)
    # float32 sums in a different order: the bound of tests/training/test_devices.py.
    assert result["difference"] < 1e-4 * result["movement"]
    assert result["val_loss"][0] == pytest.approx(result["val_loss"][1], rel=1e-5)
    # The model that was given is trained, though its copy on the devices was.
    assert result["given"] == 0
    # On several devices the log contains only the loss on the labels.
    assert result["loss"][0][0] > 100 > result["loss"][1][0]


INVALID_TEACHERS = {
    "classes": (network(1, classes=4), "must return 5 logits"),
    "probabilities": (
        network(1, activation="softmax"),
        "must return logits.*classifier_activation",
    ),
    "name": ("resnet50", "must be a functional or sequential Keras model"),
    "size": (
        keras.Sequential([keras.Input((9, 8, 3)), keras.layers.Flatten()]),
        "must take .* 8 x 8 pixels",
    ),
    "channels": (
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]),
        "must take .* with 3 channels",
    ),
}


@pytest.mark.parametrize("case", INVALID_TEACHERS)
def test_unusable_teachers_are_errors(case):
    teacher, message = INVALID_TEACHERS[case]
    with pytest.raises(ValueError, match=f"`teacher` {message}"):
        fit(teacher=teacher)


def test_a_teacher_is_required_exactly_with_distillation():
    with pytest.raises(ValueError, match=r"`teacher` must be given: Distill .* ResNet152D"):
        krr.Distill().fit(DATA)
    with pytest.raises(
        ValueError, match=r"`teacher` must be None with A\d, which has no distillation"
    ):
        RECIPE.replace(distillation=None).fit(DATA, teacher=network(1))
    with pytest.raises(ValueError, match="`model` must be a functional or Sequential"):
        fit(model=Subclassed())


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.pool, self.last = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(CLASSES)
        self(np.zeros((1, 8, 8, 3), "float32"))

    @property
    def output_shape(self):
        return (None, CLASSES)

    def call(self, images):
        return self.last(self.pool(images))


def test_the_command_accepts_a_teacher(tmp_path, capsys):
    network(1, classes=4).save(tmp_path / "teacher.keras")
    train = ["train", "Distill", "--data", "nowhere", "--set", "classes=5", "--teacher"]
    for name, message in {"nothing": "nothing.keras", "teacher": "must return 5 logits"}.items():
        assert main([*train, str(tmp_path / f"{name}.keras")]) == 2
        assert message in capsys.readouterr().err
