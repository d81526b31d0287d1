"""Class weights of the training loss: against scikit-learn, torch's cross-entropy, and Keras' sample weights."""

import dataclasses

import keras
import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.training.class_weights import WeightedLoss, training_loss
from tests.runs.same_run import StopAt, StoppedError, without_times
from tests.tiny import plain_recipe, tiny_model

pytestmark = pytest.mark.every_backend

# 16 images: nine, four and three of the classes.
X = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
Y = np.random.default_rng(1).permutation([0] * 9 + [1] * 4 + [2] * 3)
RECIPE = plain_recipe(
    classes=3,
    epochs=1,
    batch_size=16,
    learning_rate=0.5,
    optimizer=keras.optimizers.SGD(),
    loss=krr.recipe.CategoricalCrossentropy(label_smoothing=0.2, class_weights="balanced"),
)


def model():
    keras.utils.set_random_seed(0)
    return tiny_model(3, 8)


def fit(recipe=RECIPE, data=(X, Y), **options):
    return recipe.fit(data, **{"model": model(), "verbose": 0, "seed": 3, **options})


def weights_of(recipe, x=X, y=Y):
    """The weights in the loss of a training, by an image of each class with a loss of 1."""
    recipe = recipe.replace(label_smoothing=0.0)
    loss = training_loss(recipe, krr.data.from_arrays(x, y))
    logits = keras.ops.zeros((recipe.classes, recipe.classes))
    targets = np.eye(recipe.classes, dtype="float32")
    plain = keras.ops.convert_to_numpy(recipe.loss.build(None)(targets, logits))
    rows = [float(loss(targets[[c]], logits[:1])) for c in range(recipe.classes)]
    return np.array(rows) / plain


def test_balanced_weights_are_those_of_scikit_learn():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=Y)
    # A few roundings of float32.
    np.testing.assert_allclose(weights_of(RECIPE), expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("mixed", [False, True], ids=["hard", "mixed"])
def test_loss_is_the_cross_entropy_of_torch_times_the_weight_of_the_targets(smoothing, mixed):
    rng = np.random.default_rng(0)
    weights, logits = rng.uniform(0, 5, 4), 3 * rng.standard_normal((8, 4))
    y = np.eye(4)[rng.integers(0, 4, 8)]
    if mixed:
        y = 0.3 * y + 0.7 * y[::-1]
    smoothed = (1 - smoothing) * y + smoothing / 4
    losses = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(smoothed), reduction="none"
    )
    expected = float((losses * torch.tensor(y @ weights)).mean())
    loss = WeightedLoss(keras.losses.CategoricalCrossentropy(from_logits=True), weights, smoothing)
    ours = float(loss(smoothed.astype("float32"), logits.astype("float32")))
    # Float32; undoing a smoothing of 0.9 makes its roundings ten times as large.
    assert ours == pytest.approx(expected, rel=1e-6 / (1 - smoothing))


def test_hard_labels_have_the_class_weights_of_torch():
    rng = np.random.default_rng(0)
    weights, logits, y = rng.uniform(0, 5, 3), rng.standard_normal((16, 3)), Y
    arguments = torch.tensor(logits), torch.tensor(y)
    losses = torch.nn.functional.cross_entropy(
        *arguments, weight=torch.tensor(weights), reduction="none"
    )
    recipe = RECIPE.replace(class_weights=weights.tolist(), label_smoothing=0.0)
    loss = training_loss(recipe, krr.data.from_arrays(X, Y))
    ours = float(loss(np.eye(3, dtype="float32")[y], logits.astype("float32")))
    assert ours == pytest.approx(float(losses.mean()), rel=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"class_weights": (0.5, 0.0, 4.0)},
        {"mix": krr.augment.MixUp(1.0)},
        {"loss": krr.recipe.BinaryCrossentropy(target_threshold=0.2, class_weights="balanced")},
        {"gradient_accumulation_steps": 2},
        {"data_on_device": True},
        {"data_on_device": True, "gradient_accumulation_steps": 2},
    ],
    ids=["balanced", "given", "mixed", "binary", "accumulated", "device", "device, accumulated"],
)
def test_update_is_that_of_keras_with_sample_weights(changes):
    recipe = RECIPE.replace(**changes)
    data, smoothing = krr.data.from_arrays(X, Y), recipe.loss.label_smoothing
    whole = recipe.replace(gradient_accumulation_steps=1, data_on_device=False)
    images, targets = TrainingBatches(
        whole, data, steps=1, seed=3, unreadable=krr.data.UnreadableImages(data, "skip")
    ).batch(0, 0)
    given = recipe.loss.class_weights
    weights = compute_class_weight("balanced", classes=np.arange(3), y=Y)
    weights = weights if given == "balanced" else np.array(given)
    y = (targets.astype("float64") - smoothing / 3) / (1 - smoothing)
    expected = model()
    expected.compile(keras.optimizers.SGD(0.5), recipe.loss.build())
    loss = expected.train_on_batch(images, targets, sample_weight=(y @ weights).astype("float32"))
    history = fit(recipe)
    assert history.history["loss"][0] == pytest.approx(float(loss), rel=1e-5)
    before = model().get_weights()
    for ours, theirs, start in zip(
        history.model.get_weights(), expected.get_weights(), before, strict=True
    ):
        # Float32, images in another order.
        update = abs(theirs - start).max()
        assert update > 0
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * update)


def test_validation_has_no_weights():
    plain = RECIPE.replace(class_weights=None)
    history = fit(validation_data=(X, Y)).history
    result = plain.evaluate(fit().model, (X, Y), verbose=0)
    assert history["val_loss"] == [pytest.approx(result["loss"], rel=1e-6)]
    first = plain.evaluate(model(), (X, Y), verbose=0)["loss"]
    assert history["loss"][0] != pytest.approx(first, rel=1e-3)


def test_a_given_models_regularization_is_part_of_the_loss():
    keras.utils.set_random_seed(0)
    regular = tiny_model(3, 8, kernel_regularizer=keras.regularizers.L2(0.1))
    penalty = 0.1 * float((regular.get_weights()[-2] ** 2).sum())
    loss = fit(model=regular).history["loss"][0]
    assert loss == pytest.approx(fit().history["loss"][0] + penalty, rel=1e-5)


def test_a_run_resumes_with_its_weights(tmp_path):
    recipe = RECIPE.replace(epochs=3, batch_size=4)
    whole = fit(recipe, run_dir=tmp_path / "whole")
    assert krr.load_recipe(tmp_path / "whole") == recipe
    with pytest.raises(StoppedError):
        fit(recipe, run_dir=tmp_path / "parts", callbacks=[StopAt(2, 0)])
    parts = fit(recipe, run_dir=tmp_path / "parts")
    assert without_times(parts.history) == without_times(whole.history)


def test_images_of_unindexed_data_are_counted():
    pairs = [(image, int(label)) for image, label in zip(X, Y, strict=True)]
    for data in (pairs, [(X[:9], Y[:9]), (X[9:], Y[9:])]):
        expected = fit().model.get_weights()
        for ours, theirs in zip(fit(data=data).model.get_weights(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_json_and_set(tmp_path, capsys):
    assert krr.A3(class_weights=[1, 5]).class_weights == (1.0, 5.0)
    assert main(["show", "A3", "--set", "class_weights=balanced"]) == 0
    assert "balanced" in capsys.readouterr().out
    for weights in ("balanced", (1.0, 5.0)):
        recipe = krr.A3(class_weights=weights)
        recipe.to_json(tmp_path / "recipe.json")
        assert krr.load_recipe(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weights": "auto"}, "must be one of 'balanced' or numbers at least 0 or None"),
        ({"class_weights": (1.0, -1.0)}, "numbers at least 0"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be less than 1 with `class_weights`"),
        ({"class_weights": (1.0, 5.0)}, "must be 3 numbers, one per class.*Received: 2 numbers"),
        ({"classes": 4}, "no image of class 3. Received: class_weights='balanced'"),
    ],
)
def test_illegal_weights(changes, message):
    with pytest.raises(ValueError, match=message):
        fit(RECIPE.replace(**changes), model=tiny_model(changes.get("classes", 3), 8))


def test_a_class_without_images_is_named():
    images = krr.data.from_arrays(X, Y)
    named = dataclasses.replace(images, class_names=("ant", "bee", "cow", "dog"))
    with pytest.raises(ValueError, match="no image of class 'dog'"):
        fit(RECIPE.replace(classes=4), data=named, model=tiny_model(4, 8))
