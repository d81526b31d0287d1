"""What a recipe is: frozen, comparable, printable data that refuses mistakes by name."""

import dataclasses
import json

import numpy as np
import pytest

import keras_resnet_recipes as krr


def test_repr_shows_changes_only_and_evaluates_to_the_recipe():
    recipe = krr.A3(epochs=30, crop_scale=(0.5, 1.0), target_threshold=None)
    assert repr(recipe) == "A3(epochs=30, target_threshold=None, crop_scale=(0.5, 1.0))"
    assert eval(repr(recipe), {"A3": krr.A3}) == recipe
    assert repr(krr.A1()) == "A1()"


def test_equal_recipes_have_equal_hashes_and_others_differ():
    assert krr.A1() == krr.A1(epochs=600)
    assert len({krr.A1(), krr.A1(epochs=600), krr.A1(epochs=601), krr.A2()}) == 3


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        krr.A1().epochs = 3


def test_values_take_the_fields_own_type():
    recipe = krr.A1(crop_scale=[0.25, 1], epochs=np.int64(7), mixup_alpha=1)
    assert recipe.crop_scale == (0.25, 1.0)
    assert type(recipe.epochs) is int
    assert type(recipe.mixup_alpha) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "no field `epoch`. Did you mean `epochs`?"),
        ({"zzz": 1}, "no field `zzz`. Legal: network,"),
        ({"epochs": 0}, "`epochs` must be a whole number at least 1; received 0"),
        ({"network": "Resnet50"}, "received 'Resnet50'. Did you mean `ResNet50`?"),
        ({"precision": "float16"}, "received 'float16'. Did you mean `mixed_float16`?"),
        ({"epochs": True}, "`epochs` must be a whole number at least 1; received True"),
        ({"epochs": "ten"}, "`epochs` must be a whole number at least 1; received 'ten'"),
        ({"horizontal_flip": 1}, "`horizontal_flip` must be True or False; received 1"),
        ({"network": "ResNet51"}, "`network` must be one of 'ECAResNet26T'"),
        (
            {"loss": "bce"},
            "`loss` must be one of 'binary_crossentropy', 'categorical_crossentropy'",
        ),
        (
            {"crop_scale": (0.0, 1.0)},
            "`crop_scale` must be 2 numbers above 0 and at most 1 or None",
        ),
        ({"crop_scale": (0.9, 0.1)}, "`crop_scale` must be (smallest, largest)"),
        ({"rand_augment": (11, 0.5)}, "`rand_augment` must be 2 numbers at least 0 and at most 10"),
        ({"weight_decay_on": "all"}, "`weight_decay_on` must be 'kernels' with optimizer='lamb'"),
        (
            {"adaptive_gradient_clip": 0.1},
            "`adaptive_gradient_clip` must be None with gradient_clip=1.0",
        ),
        ({"momentum": 0.9}, "`momentum` must be 0.0 with optimizer='lamb', which does not read it"),
        (
            {"bias_learning_rate_factor": 64},
            "`bias_learning_rate_factor` must be 1.0 with optimizer='lamb'",
        ),
        ({"head_learning_rate_factor": 0}, "`head_learning_rate_factor` must be a number above 0"),
        ({"whitening": True}, "`whitening` must be False with network='ResNet50'"),
        ({"logit_scale": 0.0625}, "`logit_scale` must be 0.125 with network='ResNet50'"),
        (
            {"network": "ResNet9", "ghost_batch_norm": 3},
            "`ghost_batch_norm` must divide `batch_size` / `gradient_accumulation_steps`",
        ),
        (
            {"network": "ResNet9", "ghost_batch_norm": 32, "batch_norm": "synchronized"},
            "`ghost_batch_norm` must be None with batch_norm='synchronized'",
        ),
        (
            {"schedule": "step", "step_epochs": (3,)},
            "`minimum_learning_rate` must be 0.0 with schedule='step'",
        ),
        ({"ema_decay": 1}, "`ema_decay` must be below 1"),
        (
            {"crop_scale": None, "shorter_side": (200, 300)},
            "`shorter_side` must be at least `train_size` (224)",
        ),
        ({"schedule": "step"}, "`step_epochs` must be given with schedule='step'"),
        ({"knot_epochs": (0, 1)}, "`knot_factors` must be one for each of `knot_epochs`"),
        ({"step_epochs": (3, 2)}, "`step_epochs` must rise; received (3.0, 2.0)"),
        ({"pad": 4}, "only one of `crop_scale` and `pad` can crop"),
        ({"color_jitter": (0.4,)}, "`color_jitter` must be of brightness, contrast, saturation"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a number above 0; received nan"),
        ({"batch_size": 63}, "must be even with MixUp or CutMix"),
        ({"batch_size": 64, "gradient_accumulation_steps": 3}, "must divide `batch_size` (64)"),
        ({"batch_size": 64, "gradient_accumulation_steps": 64}, "must be even with MixUp"),
        ({"epochs": 3}, "`warmup_epochs` must be at most `epochs` (3)"),
        ({"loss": "categorical_crossentropy"}, "`target_threshold` must be None with loss"),
    ],
)
def test_a_mistake_is_named(values, message):
    with pytest.raises(ValueError, match="`") as error:
        krr.A1(**values)
    assert message in str(error.value)


# Each field beside a choice of another field with which training never looks at it.
@pytest.mark.parametrize(
    ("name", "value", "choice"),
    [
        ("momentum", 0.9, {"optimizer": "adamw"}),
        ("nesterov", True, {"optimizer": "rmsprop_tf"}),
        ("learning_rate_in_velocity", True, {"optimizer": "lamb"}),
        ("adaptive_gradient_clip", 0.1, {"optimizer": "adamw"}),
        ("warmup_epochs", 1, {"schedule": "piecewise_linear", "knot_epochs": (0, 9)}),
        ("warmup_prefix", True, {"schedule": "exponential"}),
        ("minimum_learning_rate", 1e-6, {"schedule": "exponential"}),
        ("schedule_reaches_ends", True, {"schedule": "exponential"}),
        ("step_epochs", (3,), {"schedule": "cosine"}),
        ("step_factor", 0.5, {"schedule": "cosine"}),
        ("exponential_epochs", 2.0, {"schedule": "cosine"}),
        ("knot_epochs", (0, 9), {"schedule": "cosine"}),
        ("target_threshold", 0.2, {"loss": "categorical_crossentropy"}),
    ],
)
def test_a_field_that_nothing_reads_is_refused(name, value, choice):
    (other,) = choice.keys() - {"knot_epochs"}
    knots = (1, 0) if "knot_epochs" in (name, *choice) else ()
    with pytest.raises(ValueError, match=f"^`{name}` must be .* with {other}={choice[other]!r}"):
        krr.Recipe(**{"knot_factors": knots, **choice, name: value})


def test_a_value_without_a_name_is_refused():
    with pytest.raises(ValueError, match="takes its fields by name; received 'ResNet18'"):
        krr.A1("ResNet18")


def test_an_odd_batch_is_fine_without_mixing():
    assert krr.A1(batch_size=63, mixup_alpha=0, cutmix_alpha=0).batch_size == 63


def test_a_recipe_of_ones_own():
    class Mine(krr.Recipe):
        epochs = 7
        crop_scale = (0.5, 1)

    assert repr(Mine(epochs=7)) == "Mine()"
    assert Mine().crop_scale == (0.5, 1.0)
    assert Mine().batch_size == krr.Recipe().batch_size


def test_class_bodies_refuse_mistakes_too():
    with pytest.raises(
        ValueError, match=r"`Wrong` sets `epoch`, which is no field. Did you mean `epochs`"
    ):
        type("Wrong", (krr.Recipe,), {"epoch": 3})
    with pytest.raises(ValueError, match="must inherit from `Recipe` alone"):
        type("Child", (krr.A1,), {"epochs": 3})


def test_print_marks_what_was_changed():
    lines = str(krr.A3(epochs=30)).splitlines()
    assert "published top-1 78.1 %" in lines[0]
    changed = [line for line in lines if "in A3)" in line]
    assert len(changed) == 1
    assert changed[0].split()[:2] == ["epochs", "30"]
    assert "(100 in A3)" in changed[0]


def test_every_field_has_a_line_of_help():
    assert all(field.metadata["help"] for field in dataclasses.fields(krr.Recipe))


def test_json_round_trip(tmp_path):
    recipe = krr.A2(epochs=30, crop_scale=None, classes=10)
    text = recipe.to_json(tmp_path / "recipe.json")
    assert json.loads(text)["epochs"] == 30
    assert krr.load_recipe(tmp_path) == recipe
    assert krr.load_recipe(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is none"),
        ("[1, 2]", "is none"),
        ('{"recipe": "A9"}', "names the recipe 'A9'; known are .*A1, A2, "),
        ('{"recipe": "A1", "epoch": 3}', "Did you mean `epochs`"),
        ('{"recipe": "A1", "epochs": "__import__(1)"}', "must be a whole number"),
    ],
)
def test_a_broken_recipe_file_is_named(tmp_path, text, message):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        krr.load_recipe(tmp_path)


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        krr.load_recipe(tmp_path / "none.json")


def test_rescaled_follows_the_square_root_for_lamb():
    recipe = krr.A2().rescaled(1024)
    assert recipe.learning_rate == pytest.approx(5e-3 * 0.5**0.5, rel=1e-15)
    assert recipe.warmup_learning_rate == krr.A2().warmup_learning_rate
    assert krr.A2().rescaled(2048) == krr.A2()


def test_compare_shows_differing_rows_or_all():
    short, full = krr.compare(krr.A1(), krr.A2()), krr.compare(krr.A1(), krr.A2(), every_row=True)
    assert set(short.rows) == {"epochs", "weight_decay", "label_smoothing", "mixup_alpha"}
    assert set(full.rows) == {field.name for field in dataclasses.fields(krr.Recipe)}
    assert str(krr.A1().diff(krr.A1())) == "no differences"
    with pytest.raises(ValueError, match="must be recipes"):
        krr.compare(krr.A1(), "A2")


def test_citation_is_bibtex():
    text = krr.A1().citation()
    assert text.startswith("@article{")
    assert "2110.00476" in text
    with pytest.raises(ValueError, match="no `source`"):
        krr.Recipe().citation()
