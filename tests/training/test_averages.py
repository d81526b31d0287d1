"""MovingAverage against timm and torch, during training with Keras, and in resumed runs."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.averages import MovingAverage
from keras_resnet_recipes.distribution import repair_optimizer
from keras_resnet_recipes.runs.checkpoints import BEST, LAST
from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.training.model import TrainingModel

pytestmark = pytest.mark.every_backend

# float32 rounding over 23 updates of numbers up to 10.
TOLERANCE = 1e-5


class Walk(keras.layers.Layer):
    """A weight whose gradient is the input, and a statistic that the input sets."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(6,), name="weight")
        self.statistic = self.add_weight(shape=(6,), name="statistic", trainable=False)

    def call(self, inputs, training=False):
        if training:
            self.statistic.assign(ops.reshape(inputs[:, 6:], (6,)))
        return ops.sum(self.weight * inputs[:, :6], axis=-1, keepdims=True)


def golden_arguments(g, case):
    steps, settings = g.meta["steps_per_epoch"], g.meta[case]
    if case == "torchvision":
        copies = settings["warmup_epochs"] * steps + 1
        return MovingAverage(settings["decay"], settings["every"], copies, steps)
    if case == "page":
        return MovingAverage(settings["momentum"] ** settings["every"], every=settings["every"])
    return MovingAverage(settings["decay"])


@pytest.mark.parametrize("case", ["timm", "torchvision", "page"])
def test_moving_average_equals_the_original(golden, case):
    g = golden("averages")
    weights, statistics = g["walk/weight"], g["walk/buffer"]
    network = keras.Sequential([keras.Input((12,)), Walk()])
    network.set_weights([weights[0], statistics[0]])
    average = golden_arguments(g, case)
    model = TrainingModel(network, average=average)
    # SGD with learning rate 1 on the sum moves the weight to the next point of the walk.
    model.compile(keras.optimizers.SGD(1.0), lambda y, prediction: prediction)

    class Compare(keras.callbacks.Callback):
        largest = 0.0

        def on_train_batch_begin(self, batch, logs=None):
            if batch:
                self.compare(batch)

        def on_epoch_end(self, epoch, logs=None):
            self.compare(len(weights) - 1)

        def compare(self, update):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            with average.in_place():
                for name, ours in zip(("weight", "buffer"), self.model.get_weights(), strict=True):
                    deviation = np.abs(ours - g[f"{case}/{name}"][update - 1]).max()
                    self.largest = max(self.largest, float(deviation))

    compare = Compare()
    inputs = np.concatenate([weights[:-1] - weights[1:], statistics[1:]], axis=1)
    inputs = inputs.astype("float32")
    model.fit(
        inputs,
        np.zeros((len(inputs), 1), "float32"),
        batch_size=1,
        shuffle=False,
        verbose=0,
        callbacks=[compare],
    )
    with average.trained_in_place():
        np.testing.assert_allclose(model.get_weights()[0], weights[-1], atol=TOLERANCE)
    assert compare.largest <= TOLERANCE


def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, use_bias=False),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.1, seed=1),
            layers.Dense(1),
        ]
    )


def small_model(average=None, optimizer=None, **compiled):
    model = TrainingModel(network(), average=average)
    optimizer = optimizer or keras.optimizers.SGD(0.05, 0.9)
    model.compile(optimizer, "mse", auto_scale_loss=False, **compiled)
    return model


def data(count=40):
    x = np.random.default_rng(0).normal(size=(count, 4)).astype("float32")
    return x, x[:, :1]


def fit(model, callbacks=(), epochs=1, **options):
    x, y = data()
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, **options}
    return model.fit(x, y, epochs=epochs, callbacks=[*callbacks], **options)


class RecordWeights(keras.callbacks.Callback):
    """Records the weights after every batch."""

    def __init__(self):
        super().__init__()
        self.each = []

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.each.append(self.model.get_weights())


def closed_form(start, each, decay):
    """Returns decay^n start + the sum of (1 - decay) decay^(n - t) times the weights after update t."""
    n = len(each)
    factors = [(1 - decay) * decay ** (n - t) for t in range(1, n + 1)]
    return [
        decay**n * first
        + sum(factor * np.asarray(w[i]) for factor, w in zip(factors, each, strict=True))
        for i, first in enumerate(start)
    ]


def largest_difference(one, other):
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def test_all_weights_are_averaged_and_training_is_unchanged():
    average = MovingAverage(0.8)
    plain, model = small_model(), small_model(average)
    fit(plain, epochs=2)
    start, recorded = model.get_weights(), RecordWeights()
    fit(model, [recorded], epochs=2)
    with average.trained_in_place():
        for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
            # The sums are compiled in a different order.
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    average.finish()
    assert largest_difference(model.get_weights(), closed_form(start, recorded.each, 0.8)) < 1e-6
    moved = [
        np.abs(a - b).max() for a, b in zip(model.get_weights(), plain.get_weights(), strict=True)
    ]
    assert min(moved) > 1e-4  # BatchNormalization statistics too
    # The average adds no variables to the optimizer.
    assert len(model.optimizer.variables) == len(plain.optimizer.variables)


def test_validation_uses_the_average():
    x, y = data()
    average = MovingAverage(0.9)
    model = small_model(average)
    history = fit(model, epochs=2, validation_data=(x, y)).history
    plain = model.network()
    plain.compile(loss="mse")
    with average.trained_in_place():
        raw, before = plain.evaluate(x, y, verbose=0), model.get_weights()
    averaged = model.evaluate(x, y, verbose=0)
    average.finish()
    assert plain.evaluate(x, y, verbose=0) == pytest.approx(history["val_loss"][-1], rel=1e-5)
    assert averaged == pytest.approx(history["val_loss"][-1], rel=1e-5)
    assert abs(raw - averaged) > 1e-3
    assert largest_difference(before, model.get_weights()) > 1e-3


def test_several_steps_per_execution():
    # Keras on torch supports only 1.
    many = 1 if keras.backend.backend() == "torch" else 5
    results = []
    for steps in (1, many):
        average = MovingAverage(0.8, every=2)
        model = small_model(average, steps_per_execution=steps)
        fit(model, epochs=2)
        average.finish()
        results.append(model.get_weights())
    assert largest_difference(*results) < 1e-6


@pytest.mark.parametrize("loss_scaling", [False, True])
def test_micro_batches_update_the_average_once_per_update(loss_scaling):
    results = []
    for accumulation, batch_size in ((1, 8), (2, 4)):
        optimizer = repair_optimizer(
            keras.optimizers.SGD(0.05), accumulation_steps=accumulation, loss_scaling=loss_scaling
        )
        keras.utils.set_random_seed(0)
        average = MovingAverage(0.5, every=2)
        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model = TrainingModel(network, average=average)
        model.compile(optimizer, "mse", auto_scale_loss=False)
        fit(model, batch_size=batch_size, epochs=2)
        average.finish()
        results.append(model.get_weights())
    assert largest_difference(*results) < 1e-6


def test_a_skipped_update_does_not_count():
    """Updates that overflow float16 are skipped: the average equals that of a training without them."""
    x, y = data()
    x[8:16] = 1e30
    results = []
    for images, targets in ((x, y), (np.delete(x, range(8, 16), 0), np.delete(y, range(8, 16), 0))):
        average = MovingAverage(0.5, every=2)
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), initial_scale=8.0)
        keras.utils.set_random_seed(0)
        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model = TrainingModel(network, average=average)
        model.compile(scaled, "mse", auto_scale_loss=False)
        model.fit(images, targets, batch_size=8, shuffle=False, verbose=0)
        assert int(ops.convert_to_numpy(scaled.inner_optimizer.iterations)) == 4
        average.finish()
        results.append(model.get_weights())
    # The loss scales differ by powers of two.
    assert largest_difference(*results) < 1e-6


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_averages_of_half_precision_weights_are_float32(dtype):
    keras.utils.set_random_seed(0)
    average = MovingAverage(0.999)
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, dtype=dtype)])
    network.set_weights([np.array([[2.0]]), np.array([0.0])])
    model = TrainingModel(network, average=average)
    model.compile(keras.optimizers.SGD(0.0), "mse", auto_scale_loss=False)
    average.start()
    model.set_weights([np.array([[1.0]]), np.array([0.0])])
    x = np.ones((40, 1), "float32")
    model.fit(x, x, batch_size=1, verbose=0)
    kernel = ops.convert_to_numpy(average._averages[0]).item()
    # With the 8 bits of bfloat16, 2 - 0.001 is 2.
    assert kernel == pytest.approx(1 + 0.999**40, rel=1e-5)
    inside = np.asarray(model.get_weights()[0], "float32").item()
    with average.trained_in_place():
        x16 = np.asarray(model.get_weights()[0], "float32").item()
    assert x16 == 1.0
    assert inside == pytest.approx(kernel, rel=4e-3)


def run(folder, epochs, average):
    model = small_model(average)
    run_folder = RunFolder(folder, monitor="val_loss", average=average)
    position = run_folder.restore(model)
    fit(
        model,
        [run_folder],
        epochs=epochs,
        initial_epoch=position.epochs,
        validation_data=data(),
    )
    return model


def test_a_resumed_run_has_the_same_bits(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "resumed").mkdir()
    averages = [MovingAverage(0.9, every=3) for _ in range(3)]
    whole = run(tmp_path / "whole", 3, averages[0])
    run(tmp_path / "resumed", 1, averages[1])
    resumed = run(tmp_path / "resumed", 3, averages[2])
    for model, average in ((whole, averages[0]), (resumed, averages[2])):
        with average.trained_in_place():
            weights = model.get_weights()
        average.finish()
        assert largest_difference(weights, model.get_weights()) > 0
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_best_weights_are_averages(tmp_path):
    average = MovingAverage(0.9)
    model = run(tmp_path, 1, average)
    best, last = network(), network()
    best.load_weights(tmp_path / BEST)
    last.load_weights(tmp_path / LAST)
    with average.trained_in_place():
        assert largest_difference(last.get_weights(), model.get_weights()) == 0
    average.finish()
    assert largest_difference(best.get_weights(), model.get_weights()) == 0


def test_callbacks_see_what_is_evaluated(tmp_path):
    """One truth: what is monitored is what `ModelCheckpoint` saves and `EarlyStopping` restores."""
    x, y = data()
    average = MovingAverage(0.9)
    model = small_model(average)
    evaluated = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: evaluated.append(model.evaluate(x, y, verbose=0))
    )
    file = str(tmp_path / "{epoch}.keras")
    # The worst epoch, for the loss falls.
    stop = keras.callbacks.EarlyStopping(
        "val_loss", mode="max", patience=2, restore_best_weights=True
    )
    history = fit(
        model,
        [seen, keras.callbacks.ModelCheckpoint(file, monitor="val_loss"), stop],
        epochs=5,
        validation_data=(x, y),
    ).history
    assert evaluated == pytest.approx(history["val_loss"], rel=1e-5)
    for epoch, loss in enumerate(history["val_loss"], start=1):
        saved = keras.models.load_model(tmp_path / f"{epoch}.keras")
        saved.compile(loss="mse")
        assert saved.evaluate(x, y, verbose=0) == pytest.approx(loss, rel=1e-5)
    assert len(history["val_loss"]) == 3
    average.finish()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(history["val_loss"][0], rel=1e-5)


def test_weights_loaded_after_compile_are_averaged():
    average = MovingAverage(0.9)
    model = small_model(average)
    model.network().set_weights([weight + 1 for weight in model.get_weights()])
    loaded = model.get_weights()
    model.optimizer.learning_rate = 0.0
    fit(model)
    average.finish()
    # The kernel of the first layer; the rate is 0, but BatchNorm statistics move.
    np.testing.assert_allclose(model.get_weights()[0], loaded[0], atol=1e-6)


def test_a_finished_average_leaves_a_plain_model():
    x, y = data()
    model = small_model(MovingAverage(0.9))
    fit(model)
    model.finish()
    model.finish()
    loss = model.evaluate(x, y, verbose=0)
    fit(model, epochs=2, validation_data=(x, y))
    assert model.evaluate(x, y, verbose=0) != loss


def test_a_dictionary_of_outputs_is_an_error():
    inputs = keras.Input((4,))
    network = keras.Model(inputs, {"score": keras.layers.Dense(1)(inputs)})
    with pytest.raises(ValueError, match=r"`network` must have tensors or lists.*dictionary"):
        TrainingModel(network)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "x"}, "`network` must be a functional or Sequential model.*'x'"),
        (
            {"average": 0.99},
            r"`average` must be a krr MovingAverage or None\. Received: average=0\.99",
        ),
        ({"teacher": network}, "`teacher` must be a krr Teacher or None"),
    ],
    ids=["network", "average", "teacher"],
)
def test_invalid_arguments_of_the_model_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        TrainingModel(**{"network": network(), **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 1.0}, "`decay` must be at least 0 and below 1.*=1.0"),
        ({"decay": -0.1}, "`decay` must be at least 0 and below 1.*=-0.1"),
        ({"decay": 0.9, "every": 0}, "`every` must be an integer at least 1.*=0"),
        ({"decay": 0.9, "copy_updates": -1}, "`copy_updates` must be an integer at least 0.*=-1"),
        (
            {"decay": 0.9, "steps_per_epoch": 0},
            "`steps_per_epoch` must be an integer at least 1.*=0",
        ),
    ],
    ids=["decay=1", "decay<0", "every", "copy_updates", "steps_per_epoch"],
)
def test_invalid_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        MovingAverage(**arguments)


def test_a_network_must_be_built():
    with pytest.raises(ValueError, match=r"`network` must be built.*Received: 'mine'"):
        MovingAverage(0.9).build(keras.Sequential([keras.layers.Dense(1)], name="mine"), None)


def test_keras_still_has_the_private_hooks():
    model = small_model()
    model.make_train_function(force=True)
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    count = len(optimizer.variables)
    variable = optimizer.add_variable((2,), name="more")
    assert optimizer.variables[-1] is variable
    optimizer._untrack_variable(variable)
    assert len(optimizer.variables) == count
    optimizer._track_variable(variable)
    assert optimizer.variables[-1] is variable
    optimizer._untrack_variable(variable)
    assert optimizer._iterations is optimizer.iterations
